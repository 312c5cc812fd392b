# SPDX-License-Identifier: MIT
"""The instances that the host is shown to with a defect, or with a variant.

A defect runs where it can be seen. A variant has to pass everywhere, and there are too many instances to run each under
each variant; those that run are spread so that every pair occurs (docs/architecture.md, "Speed").
"""

from __future__ import annotations

import math
import random
import re
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pvtest.images.catalogue import Instance, Switch, Variant
from pvtest.images.requirements import Requirements

# Device classes that can show a defect of one unit alone: of tests without a class, those that look for devices by
# themselves see a unit, the others do not. Class edu takes 100 ms for each DMA, so it takes part only if it can show
# something that the quick classes cannot.
CLASSES_BEHIND: dict[str, frozenset[str | None]] = {
    "vtd": frozenset({"rocker", "edu"}),
    "soft": frozenset({"dmaprobe", "dmaprobe+ats"}),
    "ioat": frozenset({"ioat"}),
    "vpci": frozenset({"rocker", "dmaprobe"}),
}
QUICK_CLASSES = ("rocker", "dmaprobe", "dmaprobe+ats")  # the quickest first

# For variants: of each group one class runs each test.
_VTD_CLASSES = ("rocker", "nvme")
_SOFT_CLASSES = ("dmaprobe", "dmaprobe+ats", "ioat")
_ALL_CLASSES = (*_VTD_CLASSES, *_SOFT_CLASSES)
_SPREAD: dict[str, tuple[tuple[str, ...], ...]] = {
    "any": (_ALL_CLASSES,),  # the variant changes code in front of both units
    "both": (_VTD_CLASSES, _SOFT_CLASSES),
    "soft": (_SOFT_CLASSES,),
    "vpci": (_ALL_CLASSES,),
}
AT_START = "at-start."  # these tests need devices that no test has used
AT_END = "write-once."  # these change what a reset of the machine alone changes back, and skip themselves elsewhere
_WORDS = (r"\b[A-Z]{3,}\b", r"\w{4,}")  # names of calls; words that say something
_SLOW = "edu"  # behind VT-d, for tests that have no other class of a group there


def where_it_shows(unit: str, selected: list[Instance]) -> list[Instance]:
    """The instances that a defect of this unit is shown to: what shows on every class is shown on the quickest one."""
    classes = CLASSES_BEHIND.get(unit)
    if classes is None:
        present = {instance.device for instance in selected}
        classes = frozenset({None, next((name for name in QUICK_CLASSES if name in present), None)})
    return [one for one in selected if one.device in classes or (one.device is None and "device" in one.test.kinds)]


def own_instances(known: Requirements, switch: Switch, selected: list[Instance]) -> list[Instance]:
    """Those that test a requirement of the defect or variant."""
    own = {known[name].id for name in switch.requirements}
    return [one for one in selected if any(known[name].id in own for name in one.test.requirements)]


@dataclass(frozen=True)
class _Nearness:
    """How much a test and a defect have in common."""

    requirements: int  # of the defect, that the test covers
    calls: int  # that both name
    words: int  # of the title of the defect, in the promise of the test

    @property
    def weight(self) -> int:
        """By which a test comes sooner than its duration says. Of the powers from 1 to 3 of both factors these let the
        defects of a campaign wait least (docs/architecture.md, "Speed")."""
        return int(max(self.requirements, 1) ** 3 * (1 + self.words))


def _nearness(known: Requirements, switch: Switch, one: Instance) -> _Nearness:
    own = {known[name].id for name in switch.requirements}
    shared = own & {known[name].id for name in one.test.requirements}
    calls, words = (set(re.findall(form, switch.title)) & set(re.findall(form, one.test.title)) for form in _WORDS)
    return _Nearness(len(shared), len(calls), len(words))


def soonest_first(
    known: Requirements, switch: Switch, instances: Iterable[Instance], took: Mapping[str, float]
) -> list[Instance]:
    """The order in which a failure is to be expected soonest: tests that are quick and near to the defect come before
    others, by the durations of a run without it. Those of which that run tells no duration come last, the nearest of
    them first; and before all come tests that have to be first."""

    def place(one: Instance) -> tuple[float, ...]:
        near = _nearness(known, switch, one)
        time = took.get(one.id, math.inf) / near.weight
        return not one.id.startswith(AT_START), time, -near.requirements, -near.calls, -near.words

    return sorted(instances, key=place)


def _one_of(
    instances: list[Instance], group: tuple[str, ...], passed: Collection[str], words: str
) -> Iterable[Instance]:
    """By the hash of the words: one that passes on the host without the variant, if any does."""
    found = [one for one in instances if one.device in group]
    if not found and group[0] in _VTD_CLASSES:
        found = [one for one in instances if one.device == _SLOW]
    found = [one for one in found if one.id in passed] or found
    return [found[zlib.crc32(words.encode()) % len(found)]] if found else []


def spread(variant: Variant, selected: list[Instance], passed: Collection[str], seed: int) -> list[Instance]:
    """The instances that run under a variant: every test, on one device class for each group of its unit. Which one
    follows from the names of test and variant and from the seed, so that under many variants a test meets all of its
    classes, and each variant all classes. `passed`: the ids of those that pass without it."""
    classless = [one for one in selected if one.device is None]
    if all(one.unit == "vpci" for one in variant.members or (variant,)):
        classless = [one for one in classless if "device" in one.test.kinds]
    chosen = {one.id for one in classless}
    by_test: dict[str, list[Instance]] = {}
    for one in selected:
        by_test.setdefault(one.test.id, []).append(one)
    for name, instances in by_test.items():
        for group in _SPREAD.get(variant.unit, (_ALL_CLASSES,)):
            found = _one_of(instances, group, passed, f"{seed} {variant.name} {name} {group[0]}")
            chosen.update(one.id for one in found)
    return [one for one in selected if one.id in chosen]


def _fits(variant: Variant, group: list[Variant], most: int, known: Requirements) -> bool:
    if len(group) == most or variant.alone or group[0].alone:
        return False
    # One that shows on virtual buses takes along what shows on any bus; it leads, so that the host is there.
    units = {"vpci": ("vpci",), "any": ("both", "vpci", "any")}.get(variant.unit, ("both", variant.unit))
    taken = {known[name].id for member in group for name in member.requirements}
    return group[0].unit in units and not any(known[name].id in taken for name in variant.requirements)


def together(
    variants: Sequence[Variant], most: int, known: Requirements, seed: int, on_buses: bool
) -> list[Variant]:
    """The hosts of a campaign: up to `most` variants on each. Two of one host are permitted by different
    requirements; the seed decides which meet. `on_buses`: it is known what passes on virtual PCI buses without them;
    if not, one that shows there alone has a host to itself."""
    groups: list[list[Variant]] = []
    order = random.Random(seed).sample(list(variants), len(variants))
    first = ("both", "vpci", "soft", "any")  # the first two take variants of other units, too
    for variant in sorted(order, key=lambda one: first.index(one.unit)):
        usable = [group for group in groups if on_buses or "vpci" not in (variant.unit, group[0].unit)]
        for group in usable:
            if _fits(variant, group, most, known):
                group.append(variant)
                break
        else:
            groups.append([variant])
    return [_as_one(group) for group in groups]


def _as_one(group: list[Variant]) -> Variant:
    if len(group) == 1:
        return group[0]
    return Variant(
        name="+".join(variant.name for variant in group),
        requirements=tuple(name for variant in group for name in variant.requirements),
        title="; ".join(variant.title for variant in group),
        unit=group[0].unit,
        members=tuple(group),
    )
