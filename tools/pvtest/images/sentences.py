# SPDX-License-Identifier: MIT
"""The sentences of defects and variants, which refhost.debug has in section .pvttext and the image has not.

They are for readers alone. A host that comes without its debug file runs, with its names and requirements.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path

from pvtest.errors import RunnerError
from pvtest.images import build_id, elf
from pvtest.images.pe import ImageError, text_fields

SECTION = ".pvttext"
FORMAT = "1"
UNKNOWN = "(its sentence is in {name}, which is not there or of another build)"


def parse(data: bytes) -> dict[tuple[str, str], str]:
    """By "defect" or "variant" and the name."""
    found: dict[tuple[str, str], str] = {}
    format_seen = False
    for fields in text_fields(data):
        if fields[0] == "sentences":
            if fields[1:] != [FORMAT]:
                given = " ".join(fields[1:])
                raise ImageError(f"format {given!r} of the sentences; this runner reads format '{FORMAT}'")
            format_seen = True
        elif fields[0] in ("defect", "variant") and len(fields) == 3:
            found[fields[0], fields[1]] = fields[2]
        else:
            raise ImageError(f"unexpected record with {len(fields)} fields: {' | '.join(fields)[:100]!r}")
    if not format_seen:
        raise ImageError("no record 'sentences', which states the format")
    return found


def _read(debug: Path) -> dict[tuple[str, str], str]:
    data = elf.read_section(debug, SECTION)
    if data is None:
        raise ImageError(f"{debug}, section {SECTION}: there is none")
    try:
        return parse(data)
    except ImageError as error:
        raise ImageError(f"{debug}, section {SECTION}: {error}") from None


@lru_cache(maxsize=8)
def load(debug: Path) -> dict[tuple[str, str], str]:
    """Those in the debug file beside an image. None if it cannot tell them, which the terminal says once."""
    if debug.is_file() and not build_id.belongs(debug):
        return {}  # it has said so
    try:
        return _read(debug)
    except RunnerError as error:
        what = "what its defects and variants do is not known, their names and requirements are"
        print(f"run.sh: {debug.with_suffix('.efi')}: {what} ({error})", file=sys.stderr)
        return {}
