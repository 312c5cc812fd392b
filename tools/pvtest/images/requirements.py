# SPDX-License-Identifier: MIT
"""Reads abi/requirements.toml, the one place where the requirements are written down."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pvtest import paths
from pvtest.errors import RunnerError

BASES = ("documented", "code", "review", "inferred", "implementation-defined")
LEVELS = ("must", "should", "may")


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

    def __len__(self) -> int:
        return len(self.items)

    def __contains__(self, name: str) -> bool:
        return name in self._by_id

    def __getitem__(self, name: str) -> Requirement:
        return self._by_id[name]

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
    )
    for key, value, known in (
        ("group", item.group, groups),
        ("basis", item.basis, BASES),
        ("level", item.level, LEVELS),
        *(("basis", basis, BASES) for basis in item.also),
    ):
        if value not in known:
            raise RunnerError(f"requirement {item.id}: unknown {key} {value!r}; known: {', '.join(known)}")
    return item


def parse(data: dict[str, Any]) -> Requirements:
    """Checks the parsed TOML document."""
    groups = data.get("groups", {})
    entries = data.get("requirement", [])
    if not isinstance(groups, dict) or not isinstance(entries, list) or not entries:
        raise RunnerError("needs a table [groups] and at least one [[requirement]]")
    return Requirements([_requirement(entry, groups) for entry in entries], groups)


def load(path: Path | None = None) -> Requirements:
    """Reads the file."""
    path = path or paths.REQUIREMENTS
    try:
        with path.open("rb") as file:
            return parse(tomllib.load(file))
    except (OSError, tomllib.TOMLDecodeError, RunnerError) as error:
        raise RunnerError(f"{path}: {error}") from None
