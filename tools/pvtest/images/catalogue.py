# SPDX-License-Identifier: MIT
"""The catalogue: tests, defects and variants, read from the images and the debug file without booting anything.

docs/output-format.md describes the sections.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pvtest import paths
from pvtest.images import declarations, interfaces, sentences
from pvtest.images.pe import ImageError, read_section, text_fields

SECTION = ".pvtcat"  # of the images
KINDS = ("dma", "fault", "flush", "bad-input", "abi", "device")
CLASSES = declarations.CLASSES
# A DMA takes a tenth of a second on these, and microseconds on the class that stands for it behind the same IOMMU.
SLOW_CLASSES = {"edu": "rocker"}
LEVELS = ("test", "observe", "stress")
TIERS = ("quick", "default", "stress")  # each has all of those before it
DEFAULT_TIER = "default"
DECLARED_TIER = "stress"  # the one that a declaration names; the others follow from level and device class
TEST_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\.[a-z0-9][a-z0-9_]*")
UNIT_LETTERS = {"": "-", "pviommu": "p", "virtio-iommu": "v", "vtd": "d"}  # enum test_unit of tests/harness/test.h
SWITCH_ID = re.compile(r"[a-z0-9]+([-_.][a-z0-9]+)*")


@dataclass(frozen=True)
class Test:
    """One declaration; on each of its device classes it is an instance of its own."""

    __test__ = False  # not a test case of pytest

    id: str
    group: str
    title: str
    requirements: tuple[str, ...]
    classes: tuple[str, ...]
    kinds: tuple[str, ...]
    level: str
    where: str
    problems: tuple[str, ...] = ()  # of its declaration
    unit: str = ""  # the unit of which it checks statements, and on which alone it runs; empty: any
    tier: str = ""  # of its declaration

    @property
    def in_image(self) -> tuple[str, str, str]:
        """Its record in the image: id, classes, level and unit."""
        unit = UNIT_LETTERS["pviommu" if "abi" in self.kinds else self.unit]
        return self.id, class_digit(self.classes), (self.level[:1].upper() if self.tier else self.level[:1]) + unit

    @property
    def instances(self) -> list[Instance]:
        """The instances that run: one per device class, or one for a test that needs no device."""
        return [Instance(self, name) for name in self.classes] if self.classes else [Instance(self, None)]


@dataclass(frozen=True)
class Instance:
    """A test on one device class."""

    test: Test
    device: str | None

    @property
    def id(self) -> str:
        """The name in the TAP stream."""
        return f"{self.test.id}@{self.device}" if self.device else self.test.id

    @property
    def needs(self) -> str:
        """The class that it runs on; "any": none, but it needs a device; "none": it needs none."""
        return self.device or ("any" if "device" in self.test.kinds else "none")

    @property
    def slow(self) -> bool:
        """Does it wait for a slow device?"""
        return self.device in SLOW_CLASSES

    @property
    def tier(self) -> str:
        """The first tier that has it."""
        if self.test.tier:
            return self.test.tier
        return DEFAULT_TIER if self.slow or self.test.level == "stress" else "quick"

    def within(self, tier: str) -> bool:
        """Has this tier it?"""
        return TIERS.index(self.tier) <= TIERS.index(tier)

    @property
    def slow_copy(self) -> bool:
        """Is it slow, and the same test on a quick class behind the same IOMMU is not?"""
        return SLOW_CLASSES.get(self.device or "") in self.test.classes


def without_slow_copies(instances: Iterable[Instance]) -> list[Instance]:
    """For a machine whose clock does not run ahead: what a quick class shows as well is left out."""
    return [instance for instance in instances if not instance.slow_copy]


@dataclass(frozen=True)
class Switch:
    """Something that the reference host can be told to do otherwise."""

    name: str
    requirements: tuple[str, ...]
    title: str


AnySwitch = TypeVar("AnySwitch", bound=Switch)


@dataclass(frozen=True)
class Defect(Switch):
    """A violation of the ABI. The requirements are those that it breaks; devices of the IOMMU `unit` show it."""

    unit: str = "any"


@dataclass(frozen=True)
class Variant(Switch):
    """A behavior that the ABI permits. The requirements are those that permit it; `unit` vpci: it shows there alone."""

    unit: str = "any"
    alone: bool = False  # it takes from tests what they look with: beside it another one would be seen by fewer
    members: tuple[Variant, ...] = ()  # of several on one host


@dataclass(frozen=True)
class HostCatalogue:
    """All switches of the reference host, by name."""

    defects: tuple[Defect, ...]
    variants: tuple[Variant, ...]


@dataclass(frozen=True)
class Catalogue:
    """All tests of an image, in the order in which the guest runs them."""

    tests: tuple[Test, ...]
    version: str
    elsewhere: tuple[Test, ...] = ()  # tests of other units than that of the run

    def of(self, unit: str) -> Catalogue:
        """The tests that the guest plans where it drives this unit itself; empty: the unit is the host's pvIOMMU."""
        own = tuple(test for test in self.tests if test.unit in ("", unit))
        return Catalogue(own, self.version, tuple(test for test in self.tests if test.unit not in ("", unit)))

    @property
    def instances(self) -> list[Instance]:
        """All instances, in the order of the run."""
        return [instance for test in self.tests for instance in test.instances]

    def within(self, tier: str) -> list[Instance]:
        """Those of a tier."""
        return [instance for instance in self.instances if instance.within(tier)]


def _words(text: str, separator: str | None) -> tuple[str, ...]:
    return () if text.strip() in ("-", "") else tuple(text.split(separator))


def class_digit(classes: tuple[str, ...]) -> str:
    """The classes as the image writes them: a set with a bit for each, counted from the character 0."""
    return chr(ord("0") + sum(1 << CLASSES.index(name) for name in set(classes)))


def classes_of(digit: str) -> tuple[str, ...]:
    """The classes that such a character stands for."""
    found = ord(digit) - ord("0") if len(digit) == 1 else -1
    if not 0 <= found < 1 << len(CLASSES):
        raise ImageError(f"device classes {digit!r} instead of a character that counts from 0")
    return tuple(name for bit, name in enumerate(CLASSES) if found >> bit & 1)


def highest_tier(instances: Iterable[Instance]) -> str:
    """The first tier that has them all."""
    return TIERS[max((TIERS.index(instance.tier) for instance in instances), default=0)]


def parse_tests(data: bytes) -> Catalogue:
    """Parses the section of pvtest.debug, which has the whole of each declaration."""
    return _catalogue(declarations.parse(data))


def _catalogue(found: declarations.Declarations) -> Catalogue:
    tests = tuple(
        Test(
            id=item.id,
            group=item.id.partition(".")[0],
            title=item.text("PROMISE"),
            requirements=item.list("COVERS"),
            classes=item.classes,
            kinds=tuple(kind for kind in item.list("KINDS") if kind != "none"),
            level=item.labels.get("LEVEL", LEVELS[0]),
            where=item.where,
            problems=tuple(item.problems),
            unit=declarations.UNITS.get(item.labels.get("UNIT", ""), ""),
            tier=item.labels.get("TIER", ""),
        )
        for item in found.tests
    )
    return Catalogue(tests, found.version)


def parse_image(data: bytes) -> list[tuple[str, ...]]:
    """Parses the section of pvtest.efi: id, device classes, a letter each for level and unit, and a variant's row."""
    found: list[tuple[str, ...]] = []
    format_seen = False
    for fields in text_fields(data):
        if fields[0] == "catalogue":
            if fields[1:] != ["7"]:
                raise ImageError(f"format {' '.join(fields[1:])!r} of the catalogue; this runner reads format '7'")
            format_seen = True
        elif len(fields) in (3, 4) and "." in fields[0]:
            classes_of(fields[1])
            found.append((fields[0], fields[1], fields[2]))
        elif fields[0] not in ("version", interfaces.RECORD):
            raise ImageError(f"unexpected record with {len(fields)} fields: {' | '.join(fields)[:100]!r}")
    if not format_seen:
        raise ImageError("no record 'catalogue', which states the format")
    return sorted(found)


HOST_FORMATS = {"defects": ("1",), "variants": ("1", "2", "3")}


def _variant(name: str, requirements: str, title: str, unit: str = "any") -> Variant:
    return Variant(name, _words(requirements, None), title, unit)


def _with_alone(variants: list[Variant], alone: set[str]) -> list[Variant]:
    if unknown := alone - {variant.name for variant in variants}:
        raise ImageError(f"record 'alone' of unknown variants: {', '.join(sorted(unknown))}")
    return [replace(variant, alone=variant.name in alone) for variant in variants]


def parse_host(data: bytes) -> HostCatalogue:
    """Parses the section of refhost.efi. A title is empty where the debug file has it."""
    defects: list[Defect] = []
    variants: list[Variant] = []
    alone: set[str] = set()
    formats = set()
    for fields in text_fields(data):
        if fields[0] in ("defects", "variants") and len(fields) == 2:
            if fields[1] not in HOST_FORMATS[fields[0]]:
                raise ImageError(f"format {fields[1]!r} of the list of {fields[0]}, which this runner does not read")
            formats.add(fields[0])
        elif fields[0] == "defect" and len(fields) == 5:
            defects.append(Defect(fields[1], _words(fields[2], None), fields[3], fields[4]))
        elif fields[0] == "variant" and len(fields) in (4, 5):  # without the unit in format 1
            variants.append(_variant(*fields[1:]))
        elif fields[0] == "alone" and len(fields) == 2:  # from format 3 on
            alone.add(fields[1])
        elif fields[0] not in ("version", interfaces.RECORD):
            raise ImageError(f"unexpected record with {len(fields)} fields: {' | '.join(fields)[:100]!r}")
    for name in ("defects", "variants"):
        if name not in formats:
            raise ImageError(f"no record '{name}', which states the format")
    return HostCatalogue(
        tuple(sorted(defects, key=lambda defect: defect.name)),
        tuple(sorted(_with_alone(variants, alone), key=lambda variant: variant.name)),
    )


def load_tests(path: Path | None = None) -> Catalogue:
    """The tests in pvtest.efi, as pvtest.debug beside it describes them. ImageError: these are not of one build."""
    path = path or paths.GUEST_IMAGE
    debug = path.with_suffix(paths.GUEST_DEBUG.suffix)
    try:
        in_image = parse_image(read_section(path, SECTION))
    except ImageError as error:
        raise ImageError(str(error) if str(path) in str(error) else f"{path}, section {SECTION}: {error}") from None
    found = declarations.load(debug)
    if found is None:
        raise ImageError(f"{debug}, section {declarations.SECTION}: there is none")
    tests = _catalogue(found)
    if sorted(test.in_image for test in tests.tests) != in_image:
        raise ImageError(f"{debug} does not belong to {path}: they declare other tests; build both with: make image")
    return tests


def _told(switch: AnySwitch, word: str, debug: Path) -> AnySwitch:
    """With the sentence that the debug file has for it; one in the image stays."""
    if switch.title:
        return switch
    title = sentences.load(debug).get((word, switch.name), "")
    return replace(switch, title=title or sentences.UNKNOWN.format(name=debug.name))


def load_host(path: Path | None = None) -> HostCatalogue:
    """The defects and variants in refhost.efi, with the sentences in refhost.debug beside it, or a word on where they
    are."""
    path = path or paths.HOST_IMAGE
    debug = path.with_suffix(paths.HOST_DEBUG.suffix)
    try:
        found = parse_host(read_section(path, SECTION))
    except ImageError as error:
        raise ImageError(str(error) if str(path) in str(error) else f"{path}, section {SECTION}: {error}") from None
    return HostCatalogue(
        tuple(_told(defect, "defect", debug) for defect in found.defects),
        tuple(_told(variant, "variant", debug) for variant in found.variants),
    )
