# SPDX-License-Identifier: MIT
"""Reads abi/requirements.toml, the one place where the requirements are written down."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pvtest import paths
from pvtest.errors import RunnerError
from pvtest.images import declarations

BASES = ("documented", "code", "review", "inferred", "implementation-defined")
LEVELS = ("must", "should", "may")
UNITS = ("", *declarations.UNITS.values())


@dataclass(frozen=True)
class Requirement:
    """One statement that a test can check."""

    id: str
    number: int
    group: str
    text: str
    basis: str
    level: str
    aliases: tuple[str, ...]
    also: tuple[str, ...] = ()  # weaker grounds
    note: str = ""
    reason: str = ""  # why no test covers it; empty where one does
    unit: str = ""  # of which it speaks; empty: of the pvIOMMU, and of others as far as they promise the same
    section: str = ""  # of the unit's specification


class Requirements:
    """All requirements, by id; aliases lead to the requirement they stand for."""

    def __init__(self, items: list[Requirement], groups: dict[str, str]):
        self.items = items
        self.groups = groups
        self._by_id: dict[str, Requirement] = {}
        for item in items:
            for name in (item.id, *item.aliases):
                if name in self._by_id:
                    raise RunnerError(f"requirement id {name} is given twice")
                self._by_id[name] = item
        numbers = [item.number for item in items if item.number]
        for number in sorted({one for one in numbers if numbers.count(one) > 1}):
            names = ", ".join(item.id for item in items if item.number == number)
            raise RunnerError(f"number {number} is that of several requirements: {names}")

    def __len__(self) -> int:
        return len(self.items)

    def __contains__(self, name: str) -> bool:
        return name in self._by_id

    def __getitem__(self, name: str) -> Requirement:
        return self._by_id[name]

    def of(self, unit: str) -> Requirements:
        """Those that count on a unit that the image drives itself; empty: on a host's pvIOMMU."""
        items = [item for item in self.items if item.unit in ("", unit)]
        groups = {item.group for item in items}
        return Requirements(items, {name: about for name, about in self.groups.items() if name in groups})

    @property
    def ids(self) -> list[str]:
        """All ids and aliases."""
        return list(self._by_id)


def _text(entry: dict[str, Any], key: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value.strip():
        raise RunnerError(f"requirement {entry.get('id', '?')}: {key} is missing or not text")
    return " ".join(value.split())


def _optional(entry: dict[str, Any], key: str) -> str:
    return _text(entry, key) if key in entry else ""


def _requirement(entry: dict[str, Any], groups: dict[str, str]) -> Requirement:
    item = Requirement(
        id=_text(entry, "id"),
        number=entry.get("number", 0),
        group=_text(entry, "group"),
        text=_text(entry, "text"),
        basis=_text(entry, "basis"),
        level=_text(entry, "level"),
        aliases=tuple(entry.get("aliases", ())),
        also=tuple(entry.get("also", ())),
        note=_optional(entry, "note"),
        reason=_optional(entry, "reason"),
        unit=_optional(entry, "unit"),
        section=_optional(entry, "section"),
    )
    for key, value, known in (
        ("group", item.group, groups),
        ("basis", item.basis, BASES),
        ("level", item.level, LEVELS),
        ("unit", item.unit, UNITS),
        *(("basis", basis, BASES) for basis in item.also),
    ):
        if value not in known:
            raise RunnerError(f"requirement {item.id}: unknown {key} {value!r}; known: {', '.join(known)}")
    if bool(item.unit) != bool(item.section):
        raise RunnerError(f"requirement {item.id}: unit and section come together")
    return item


def parse(data: dict[str, Any]) -> Requirements:
    """Checks the parsed TOML document."""
    groups = data.get("groups", {})
    entries = data.get("requirement", [])
    if not isinstance(groups, dict) or not isinstance(entries, list) or not entries:
        raise RunnerError("needs a table [groups] and at least one [[requirement]]")
    return Requirements([_requirement(entry, groups) for entry in entries], groups)


def load(path: Path | None = None) -> Requirements:
    """Reads the file; that of this tree once, as a command asks for it at several places."""
    return _load(path) if path else _own()


@lru_cache(maxsize=None)
def _own() -> Requirements:
    return _load(paths.REQUIREMENTS)


def _load(path: Path) -> Requirements:
    try:
        with path.open("rb") as file:
            return parse(tomllib.load(file))
    except (OSError, tomllib.TOMLDecodeError, RunnerError) as error:
        raise RunnerError(f"{path}: {error}") from None
