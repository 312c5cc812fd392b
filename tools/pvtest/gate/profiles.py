# SPDX-License-Identifier: MIT
"""--profile NAME|FILE: which requirements, capabilities and devices a host must have, for whom (docs/runner.md)."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pvtest import paths
from pvtest.errors import UsageError, suggest
from pvtest.images.boot_volume import PVIOMMU
from pvtest.images.catalogue import Catalogue
from pvtest.images.requirements import LEVELS, Requirement, Requirements
from pvtest.images.requirements import load as every_requirement
from pvtest.plan.devices import UNITS
from pvtest.toml_file import TomlFile

FORMAT = "pvtest-profile"
FORMAT_VERSION = 1
FOLDER = paths.ROOT / "tools" / "profiles"
# mandatory: must be verified, so that a skip fails. optional: may be skipped, must hold where it is tested.
# advisory: is told when it does not hold, but fails nothing.
DEMANDS = ("mandatory", "optional", "advisory")
# Kinds of DMA engines that [devices] may need, as a message calls them. No class is named, because a machine of another
# make has devices of its own.
KINDS = {
    "any": "DMA engine",
    "two": "second DMA engine",
    "write": "DMA engine that writes to memory",
    "read": "DMA engine that shows what it reads",
    "deferred": "DMA engine that can hold a DMA back",
}
DISK_FILE, DISK_HEAD = "pvtest.profiles", "pvtest-profiles 1"
_MOST_PROFILES, _MOST_REQUIREMENTS = 8, 256  # tests/harness/profiles.h
_LETTERS = {"mandatory": "m", "optional": "o", "advisory": "a"}  # on a disk
BOUNDS = ("bits", "only", "none", "min", "max")


def _keeps(name: str, value: int, bound: int) -> bool:
    """One of BOUNDS: bits must all be set, only these may be set, none of these may be set."""
    return {
        "bits": value & bound == bound,
        "only": value & ~bound == 0,
        "none": value & bound == 0,
        "min": value >= bound,
        "max": value <= bound,
    }[name]


@dataclass(frozen=True)
class Capability:
    """The bounds of a field of the capabilities."""

    field: str
    bounds: dict[str, int]
    why: str

    def broken(self, value: int) -> list[str]:
        """The bounds that a value does not keep."""
        return [f"{name} = {bound:#x}" for name, bound in self.bounds.items() if not _keeps(name, value, bound)]


@dataclass(frozen=True)
class Profile:
    """One file."""

    name: str
    version: str
    title: str
    levels: dict[str, str]  # level -> demand
    requirements: tuple[tuple[str, str], ...]  # glob, demand; the last that matches wins over the level
    devices: tuple[tuple[str, str], ...]  # glob of classes, demand
    needs: tuple[str, ...]  # of KINDS
    capabilities: tuple[Capability, ...]
    unit: str = ""  # of the runs that it is for; empty: any

    def demand(self, requirement: Requirement) -> str:
        """One of DEMANDS."""
        found = self.levels[requirement.level]
        for glob, demand in self.requirements:
            if any(fnmatchcase(name, glob) for name in (requirement.id, *requirement.aliases)):
                found = demand
        return found


def names() -> list[str]:
    """The profiles that come with the suite."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def _path(wanted: str) -> Path:
    if "/" not in wanted and not wanted.endswith(".toml"):
        if wanted not in names():
            hint = suggest(wanted, names()) or f" Known: {', '.join(names())}."
            raise UsageError(f"unknown profile '{wanted}'.{hint} A file is given as its path, ending in .toml.")
        return FOLDER / f"{wanted}.toml"
    return Path(wanted)


def _globs(
    file: TomlFile, table: str, known: tuple[str, ...], others: tuple[str, ...] = ()
) -> tuple[tuple[str, str], ...]:
    found = file.table(table)
    file.keys(found, (*known, *others), table)
    return tuple((glob, demand) for demand in known for glob in file.strings(found, demand, table))


def _needs(file: TomlFile) -> tuple[str, ...]:
    found = tuple(file.strings(file.table("devices"), "needs", "devices"))
    for word in found:
        if word not in KINDS:
            line = file.line_of("needs", "devices")
            file.refuse(f"no kind of device is called {word!r}; known are {', '.join(KINDS)}", line)
    return found


def _capability(file: TomlFile, name: str, entry: Any) -> Capability:
    line = file.line_of(name, "capabilities")
    if not isinstance(entry, dict) or set(entry) - {*BOUNDS, "why"} or not set(entry) & set(BOUNDS):
        file.refuse(f"{name} must be a table with some of {', '.join(BOUNDS)}, and why", line)
    bounds = {key: entry[key] for key in BOUNDS if key in entry}
    for key, value in bounds.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            file.refuse(f"{name}: {key} must be a whole number that is not negative", line)
    why = entry.get("why", "")
    if not isinstance(why, str):
        file.refuse(f"{name}: why must be a text", line)
    return Capability(name, bounds, why)


def _levels(file: TomlFile) -> dict[str, str]:
    levels = file.table("levels")
    file.keys(levels, LEVELS, "levels")
    for level in LEVELS:
        if levels.get(level) not in DEMANDS:
            line = file.line_of(level, "levels")
            file.refuse(f"[levels] must say for '{level}' one of {', '.join(DEMANDS)}", line)
    return {level: str(levels[level]) for level in LEVELS}


def _unit(file: TomlFile) -> str:
    table = file.table("iommu")
    file.keys(table, ("unit",), "iommu")
    unit = table.get("unit", "") if table else ""
    if table and unit not in (PVIOMMU, *UNITS):
        file.refuse(f"[iommu] unit must be one of {', '.join((PVIOMMU, *UNITS))}", file.line_of("unit", "iommu"))
    return str(unit)


def load(wanted: str, known: Requirements, unit: str | None = None) -> Profile:
    """A profile by its name, or from a file. `unit`: of the run; a profile for another one is refused."""
    file = TomlFile(_path(wanted), FORMAT, FORMAT_VERSION)
    parts = ("iommu", "levels", "requirements", "devices", "capabilities")
    file.keys(file.data, ("format", "format_version", "name", "version", "title", *parts))
    profile = Profile(
        name=file.string(file.data, "name"),
        version=file.string(file.data, "version"),
        title=file.string(file.data, "title"),
        levels=_levels(file),
        requirements=_globs(file, "requirements", ("advisory", "optional", "mandatory")),
        devices=_globs(file, "devices", ("optional", "mandatory"), ("needs",)),
        needs=_needs(file),
        capabilities=tuple(_capability(file, key, value) for key, value in file.table("capabilities").items()),
        unit=_unit(file),
    )
    if unit is not None and profile.unit not in ("", unit):
        raise UsageError(f"profile {profile.name} is for runs on {profile.unit}, and this one is on {unit}")
    for glob, demand in profile.requirements:
        if not any(fnmatchcase(name, glob) for name in known.ids):
            line = file.line_of(demand, "requirements")
            file.refuse(f"no requirement matches {glob!r}.{suggest(glob, known.ids)}", line)
    return profile


def _disk_lines(profile: Profile, known: Requirements, covered: set[str]) -> list[str]:
    if any(demand == "mandatory" for _, demand in profile.devices):
        raise UsageError(f"profile {profile.name} needs classes of devices, which no disk can judge")
    # The host does not answer for a requirement that no test of the catalogue covers.
    asked = ((item.id in covered, profile.demand(item)) for item in known.items)
    demands = "".join(_LETTERS[demand if tested else "optional"] for tested, demand in asked)
    bounds = [(each.field, *bound) for each in profile.capabilities for bound in each.bounds.items()]
    return [
        f"profile {profile.name} {profile.version} {demands}",
        *(f"bound {field} {name} {bound:#x}" for field, name, bound in bounds),
        *(f"needs {' '.join(profile.needs)}" for _ in profile.needs[:1]),
    ]


def on_disk(tests: Catalogue, known: Requirements) -> str:
    """The file of a disk whose image judges the profiles itself (docs/unattended.md): requirements, the profiles for a
    pvIOMMU, and the requirements of each test by number."""
    place = {item.id: number for number, item in enumerate(known.items)}
    every = every_requirement()
    loaded = [load(name, every) for name in names()]
    chosen = [profile for profile in loaded if profile.unit in ("", PVIOMMU)]
    covered = {known[name].id for test in tests.tests for name in test.requirements}
    assert len(chosen) <= _MOST_PROFILES and len(place) <= _MOST_REQUIREMENTS, "tests/harness/profiles.h has less room"
    lines = [DISK_HEAD, f"requirements {' '.join(place)}"]
    for profile in chosen:
        lines += _disk_lines(profile, known, covered)
    for test in tests.tests:
        numbers = dict.fromkeys(place[known[name].id] for name in test.requirements)
        lines.append(" ".join(("test", test.id, *map(str, numbers))))
    return "\n".join(lines) + "\n"
