# SPDX-License-Identifier: MIT
"""The linker's hash of a program (ld --build-id): its image and its debug file both have it, and so belong together."""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path

from pvtest.errors import RunnerError
from pvtest.images import elf, pe

SECTION = ".buildid"
_HEADER = 16  # of an ELF note: three lengths and the name GNU
SHORT = 16  # digits that a stream tells


def _digits(note: bytes | None) -> str:
    return note[_HEADER:].hex() if note else ""


def of_image(path: Path) -> str:
    """Of a PE image; empty when it has none, or is none."""
    try:
        return _digits(pe.read_section(path, SECTION))
    except RunnerError:
        return ""


def of_debug(path: Path) -> str:
    """Of a debug file; empty when it has none, or is none."""
    try:
        return _digits(elf.read_section(path, SECTION))
    except RunnerError:
        return ""


@lru_cache(maxsize=8)
def belongs(debug: Path, build: str = "") -> bool:
    """May names be taken from this debug file? It must be of `build`, or of the image beside it.

    If not, the terminal says so once. An image without a hash is accepted: it is older than the hashes.
    """
    wanted = (build or of_image(debug.with_suffix(".efi")))[:SHORT]
    found = of_debug(debug)[:SHORT]
    if not wanted or found == wanted:
        return True
    other = found or "unknown"
    print(f"run.sh: {debug} is of build {other}, not of {wanted}: nothing is taken from it", file=sys.stderr)
    return False
