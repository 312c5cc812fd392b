# SPDX-License-Identifier: MIT
"""Reads one section of a debug file (ELF-64 object file format, version 1.5). Trusts no field of the file."""

from __future__ import annotations

import struct
from pathlib import Path

from pvtest.images.pe import ImageError

MAX_DEBUG = 64 << 20  # bytes; the file has a few MiB
IDENT = b"\x7fELF\x02\x01\x01"  # 64 bits, little-endian, version 1
SHOFF, SHENTSIZE = 40, 58  # offsets in the header: of the section table, and of the three words that describe it
SECTION = struct.Struct("<IIQQQQIIQQ")
NO_BITS = 8  # type of a section that takes no room in the file
NAME_MAX = 64


def _unpack(layout: str, data: bytes, offset: int, what: str) -> tuple[int, ...]:
    if offset + struct.calcsize(layout) > len(data):
        raise ImageError(f"not an ELF file that can be read: {what} lies outside the file")
    return struct.unpack_from(layout, data, offset)


def section(data: bytes, name: str) -> bytes | None:
    """The bytes of the named section; None: there is none."""
    if data[: len(IDENT)] != IDENT:
        raise ImageError("not an ELF file that can be read: it does not begin as one of 64 bits")
    (table,) = _unpack("<Q", data, SHOFF, "the header")
    size, count, names = _unpack("<HHH", data, SHENTSIZE, "the header")
    if size != SECTION.size:
        raise ImageError(f"not an ELF file that can be read: entries of {size} bytes in the section table")
    entries = [_unpack(SECTION.format, data, table + n * size, f"entry {n} of the section table") for n in range(count)]
    if names >= count:
        raise ImageError(f"not an ELF file that can be read: names are in section {names} of {count}")
    start = entries[names][4]
    for at, kind, _flags, _address, offset, length, *_ in entries:
        text = data[start + at : start + at + NAME_MAX].partition(b"\0")[0]
        if text != name.encode() or kind == NO_BITS:
            continue
        if offset + length > len(data):
            raise ImageError(f"section {name} ends after the end of the file")
        return data[offset : offset + length]
    return None


def _section(path: Path, name: str) -> bytes | None:
    try:
        if path.stat().st_size > MAX_DEBUG:
            raise ImageError(f"larger than {MAX_DEBUG} bytes")
        return section(path.read_bytes(), name)
    except FileNotFoundError:
        raise ImageError("does not exist; build it with: make image") from None
    except OSError as error:
        raise ImageError(error.strerror or str(error)) from None


def read_section(path: Path, name: str) -> bytes | None:
    """The bytes of the section, None where the file has none of that name; errors name the file."""
    try:
        return _section(path, name)
    except ImageError as error:
        raise ImageError(f"{path}, section {name}: {error}") from None
