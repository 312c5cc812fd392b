# SPDX-License-Identifier: MIT
"""Versions of the optional interfaces between guest and reference host, as both images tell them in section .pvtcat."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pvtest.images.pe import ImageError, read_section, text_fields

SECTION = ".pvtcat"
RECORD = "interface"
# The behavior of a guest that finds another version than its own, or none.
WITHOUT = {
    "oracle": "tests that need it are skipped, and no fault is looked for after a test",
    "dmaprobe": "no test runs on the host's virtual functions",
}


@dataclass(frozen=True)
class Difference:
    """Of one interface, in words."""

    name: str
    guest: str
    host: str

    def __str__(self) -> str:
        return f"{self.name}: the guest has {self.guest}, the host {self.host}; {WITHOUT[self.name]}"


def parse(data: bytes) -> dict[str, str]:
    """Name to version; empty for an image that is older than these records."""
    found: dict[str, str] = {}
    for fields in text_fields(data):
        if fields[0] != RECORD:
            continue
        if len(fields) != 3 or not fields[2].rstrip("u").isdigit():
            raise ImageError(f"record {RECORD!r} is not a name and a version: {' | '.join(fields)[:100]!r}")
        found[fields[1]] = fields[2].rstrip("u")
    return found


def told(path: Path) -> dict[str, str]:
    """Those of an image."""
    return parse(read_section(path, SECTION))


def _version(found: dict[str, str], name: str) -> str:
    return f"version {found[name]}" if name in found else "one that it does not tell"


def differences(guest: dict[str, str], host: dict[str, str]) -> list[Difference]:
    """The interfaces that guest and host do not share, as far as they tell."""
    return [
        Difference(name, _version(guest, name), _version(host, name))
        for name in WITHOUT
        if guest.get(name) != host.get(name)
    ]


def sentence(word: str, path: Path, found: dict[str, str]) -> str:
    """For the terminal."""
    versions = ", ".join(f"{name} {version}" for name, version in sorted(found.items()))
    return f"{word} image {path}: {versions or 'it tells no versions of its interfaces'}"
