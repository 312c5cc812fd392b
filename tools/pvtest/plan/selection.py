# SPDX-License-Identifier: MIT
"""From the GLOBs and names of the command line to the instances, defects and variants they mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache
from typing import TypeVar

from pvtest.counted import counted
from pvtest.errors import UsageError, suggest
from pvtest.images.catalogue import (
    CLASSES,
    DEFAULT_TIER,
    KINDS,
    LEVELS,
    Catalogue,
    Instance,
    Switch,
    Test,
    highest_tier,
)
from pvtest.images.requirements import Requirements
from pvtest.plan.devices import UNIT, Devices

MOST_NAMES = 12  # in a message
WILD = "*?["  # a glob with none of these is a name
AnySwitch = TypeVar("AnySwitch", bound=Switch)


def fits(glob: str, *names: str) -> bool:
    """The one rule for tests, defects and variants: a glob means any of the names of a thing, in whatever case."""
    pattern = _pattern(glob)
    return any(pattern(name.lower()) for name in names)


@lru_cache(maxsize=None)  # that of fnmatch holds 256, and a command line may have thousands
def _pattern(glob: str) -> Callable[[str], object]:
    text = glob.lower()
    if any(sign in text for sign in WILD):
        return re.compile(translate(text)).match
    return lambda name: name == text


def _meant(glob: str, names: Collection[str]) -> Iterable[str]:
    """Those of the names, which are in lower case, that the glob means."""
    if any(sign in glob for sign in WILD):
        return filter(_pattern(glob), names)
    return [glob.lower()] if glob.lower() in names else []


def _matches(instance: Instance, glob: str, requirements: Requirements) -> bool:
    test = instance.test
    return fits(glob, instance.id, test.id, test.group, *_needs(test, requirements))


@dataclass
class Filters:
    """Filters of a selection. Words of one kind widen each other, kinds narrow each other."""

    groups: list[str] = field(default_factory=list)
    requirements: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)  # "none" = tests that need no device; "any": one, of no class
    levels: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)  # globs like those of the command line
    tier: str = ""  # empty: the default one, and what a glob names by its whole id


Named = dict[str, dict[int, Instance]]


def _named(catalogue: Catalogue, requirements: Requirements) -> Named:
    """The instances and their numbers by each name that a glob may mean, in lower case: made once for all globs."""
    named: Named = {}
    for number, i in enumerate(catalogue.instances):
        for name in (i.id, i.test.id, i.test.group, *_needs(i.test, requirements)):
            named.setdefault(name.lower(), {})[number] = i
    return named


def _found(catalogue: Catalogue, requirements: Requirements, glob: str, named: Named) -> list[Instance]:
    meant = {number: i for name in _meant(glob, named) for number, i in named[name].items()}
    found = [meant[number] for number in sorted(meant)]
    if not found:
        units = {test.unit for test in catalogue.elsewhere if fits(glob, test.id, test.group, *test.requirements)}
        units |= {i.test.unit for test in catalogue.elsewhere for i in test.instances if fits(glob, i.id)}
        if units:
            options = " or ".join(f"{UNIT} {unit}" for unit in sorted(units))
            raise UsageError(f"'{glob}' selects tests of another unit; option {options} runs them")
        names = {test.id for test in catalogue.tests} | {test.group for test in catalogue.tests}
        names |= {instance.id for instance in catalogue.instances} | set(requirements.ids)
        raise UsageError(
            f"no test matches '{glob}' by id, group or requirement.{suggest(glob, names)} "
            "`./run.sh list` shows them all."
        )
    return found


def _ids(catalogue: Catalogue, requirements: Requirements, globs: list[str], named: Named) -> set[str]:
    return {instance.id for glob in globs for instance in _found(catalogue, requirements, glob, named)}


def _check_words(what: str, words: list[str], known: Iterable[str]) -> None:
    known = list(known)
    for word in words:
        if not fits(word, *known):
            raise UsageError(f"unknown {what} '{word}'.{_hint(word, known)}")


def _any(words: list[str], names: Iterable[str]) -> bool:
    return any(fits(word, *names) for word in words)


def check_filters(
    needed: list[str], classes: list[str], levels: list[str], kinds: list[str], known: Requirements
) -> None:
    """Raises for a word of these options that names nothing; it needs no image."""
    _check_words("requirement", needed, known.ids)
    _check_words("device class", classes, (*CLASSES, "any", "none"))
    _check_words("level", levels, LEVELS)
    _check_words("kind", kinds, KINDS)


def _narrow(catalogue: Catalogue, requirements: Requirements, filters: Filters) -> Callable[[Instance], bool]:
    _check_words("group", filters.groups, dict.fromkeys(test.group for test in catalogue.tests))
    check_filters(filters.requirements, filters.classes, filters.levels, filters.kinds, requirements)

    def narrowed(instance: Instance) -> bool:
        test = instance.test
        asked = _needs(test, requirements)
        pairs = (
            (filters.groups, [test.group]),
            (filters.requirements, asked),
            (filters.classes, [instance.needs]),
            (filters.levels, [test.level]),
            (filters.kinds, test.kinds),
        )
        return all(_any(words, names) for words, names in pairs if words)

    return narrowed


def _within(instance: Instance, tier: str, wanted: list[str]) -> bool:
    """Of this tier? A test that is named by its id is meant."""
    if instance.within(tier or DEFAULT_TIER):
        return True
    return not tier and any(glob.lower() in (instance.id.lower(), instance.test.id.lower()) for glob in wanted)


def in_order(selected: list[Instance], requirements: Requirements, globs: list[str]) -> list[Instance]:
    """In the order of the globs; those of one glob keep theirs."""
    wanted = [glob for glob in globs if not glob.startswith("!")]

    def place(instance: Instance) -> int:
        found = (n for n, glob in enumerate(wanted) if _matches(instance, glob, requirements))
        return next(found, len(wanted))

    return sorted(selected, key=place)


def select(
    catalogue: Catalogue,
    requirements: Requirements,
    globs: Iterable[str],
    filters: Filters | None = None,
    devices: Devices = Devices(),
) -> list[Instance]:
    """Instances whose id, base id, group or requirement matches one of the globs and none of those with a '!' before
    them; all of them without globs. `filters` narrow that further, and so does what the machine has."""
    globs, filters = list(globs), filters or Filters()
    wanted = [glob for glob in globs if not glob.startswith("!")]
    unwanted = [glob.removeprefix("!") for glob in globs if glob.startswith("!")] + filters.without
    named = _named(catalogue, requirements)
    chosen = _ids(catalogue, requirements, wanted or ["*"], named)
    chosen -= _ids(catalogue, requirements, unwanted, named)
    narrowed = _narrow(catalogue, requirements, filters)
    found = [instance for instance in catalogue.instances if instance.id in chosen and narrowed(instance)]
    selected = [instance for instance in found if _within(instance, filters.tier, wanted)]
    if found and not selected:
        raise UsageError(f"the selection has tests of a longer tier alone; add --tier {highest_tier(found)}")
    if not selected:
        raise UsageError("the selection is empty: each part of it selects something, but nothing fits all of them")
    for glob in wanted:
        devices.check(glob, _found(catalogue, requirements, glob, named))
    devices.check("the selection", selected)
    return devices.on(selected)


class _Index:
    """Names, groups and requirements of things, each with the things that have it: made once for all globs."""

    def __init__(self, things: Iterable[tuple[tuple[str, ...], str, tuple[str, ...]]]) -> None:
        self.having: dict[str, dict[str, set[int]]] = {"name": {}, "group": {}, "requirement": {}}
        for number, (names, group, needs) in enumerate(things):
            for having, words in zip(self.having.values(), (names, (group,), needs)):
                for word in words:
                    having.setdefault(word.lower(), set()).add(number)

    def told(self, glob: str, what: str) -> str:
        """How many match by which of these; each counts by the first one."""
        counts, before = {}, set[int]()
        for word, having in self.having.items():
            found = set[int]().union(*(having[name] for name in _meant(glob, having))) - before
            counts[word] = len(found)
            before |= found
        told = ", ".join(f"{counted(count, what)} by {word}" for word, count in counts.items() if count)
        return f"'{glob}' selects {told}"


def told_tests(catalogue: Catalogue, requirements: Requirements, globs: Iterable[str]) -> list[str]:
    """The things that each glob matched, and by which name."""
    needs = {test: _needs(test, requirements) for test in catalogue.tests}
    index = _Index(((i.id, i.test.id), i.test.group, needs[i.test]) for i in catalogue.instances)
    return [index.told(glob, "instance") for glob in globs if not glob.startswith("!")]


def told_switches(
    word: str, known: Iterable[Switch], globs: Iterable[str], requirements: Requirements
) -> list[str]:
    """The same for defects or variants."""
    index = _Index(((switch.name,), group_of(switch), _needs(switch, requirements)) for switch in known)
    return [index.told(glob, word) for glob in globs if not glob.startswith("!")]


def _hint(word: str, names: list[str], shown_by: str = "") -> str:
    """Close matches; where nothing is close all names, or the command that shows so many."""
    if shown_by and len(names) > MOST_NAMES:
        return f"{suggest(word, names)} `./run.sh {shown_by}` shows them all."
    return suggest(word, names) or f" Known: {', '.join(names) or 'none'}."


def group_of(switch: Switch) -> str:
    """The first word of its name, as that of a test's id is before the dot."""
    return switch.name.partition("-")[0]


def _needs(thing: Test | Switch, requirements: Requirements) -> tuple[str, ...]:
    """The requirements of a test, defect or variant: as it names them, and those that these stand for."""
    return tuple(name for given in thing.requirements for name in (given, requirements[given].id))


def select_switches(
    word: str, known: tuple[AnySwitch, ...], globs: Iterable[str], requirements: Requirements
) -> list[AnySwitch]:
    """Defects or variants (`word`) whose name, group or requirement matches one of the globs and none of those with a
    '!' before them; all of them without globs."""
    globs = list(globs)

    def found(glob: str) -> set[str]:
        names = {s.name for s in known if fits(glob, s.name, group_of(s), *_needs(s, requirements))}
        if not names:
            hint = _hint(glob, [switch.name for switch in known], f"list {word}s")
            raise UsageError(f"no {word} matches '{glob}' by name, group or requirement.{hint}")
        return names

    wanted = [glob for glob in globs if not glob.startswith("!")] or ["*"]
    chosen = {name for glob in wanted for name in found(glob)}
    chosen -= {name for glob in globs if glob.startswith("!") for name in found(glob.removeprefix("!"))}
    if not chosen:
        raise UsageError(f"the selection is empty: each part of it selects {word}s, but nothing fits all of them")
    return [switch for switch in known if switch.name in chosen]


def find_switches(word: str, known: tuple[AnySwitch, ...], names: Iterable[str]) -> list[AnySwitch]:
    """The defects or variants (`word`) with these names, in whatever case: options --defect and --variant."""
    by_name = {switch.name.lower(): switch for switch in known}
    for name in names:
        if name.lower() not in by_name:
            raise UsageError(f"unknown {word} '{name}'.{_hint(name, [s.name for s in known], f'list {word}s')}")
    return [by_name[name] for name in dict.fromkeys(name.lower() for name in names)]
