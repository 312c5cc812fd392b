# SPDX-License-Identifier: MIT
"""Reads one section of a debug file. Trusts no field of the file."""

from __future__ import annotations

from pathlib import Path

from pvtest.errors import MissingError
from pvtest.images.pe import ImageError

MAX_DEBUG = 64 << 20  # bytes; the file has a few MiB


def _section(path: Path, name: str) -> bytes | None:
    try:
        # pylint: disable-next=import-outside-toplevel  # slow, and not every command needs it
        from elftools.common.exceptions import ELFError
        from elftools.elf.elffile import ELFFile
    except ModuleNotFoundError:
        raise MissingError("Python has no package elftools (Debian: python3-pyelftools)") from None
    try:
        if path.stat().st_size > MAX_DEBUG:
            raise ImageError(f"larger than {MAX_DEBUG} bytes")
        with path.open("rb") as file:
            section = ELFFile(file).get_section_by_name(name)
            return None if section is None else bytes(section.data())
    except FileNotFoundError:
        raise ImageError("does not exist; build it with: make image") from None
    except OSError as error:
        raise ImageError(error.strerror or str(error)) from None
    except (ELFError, ValueError, TypeError, AttributeError, KeyError, OverflowError, MemoryError) as error:
        raise ImageError(f"not an ELF file that can be read: {error}") from None


def read_section(path: Path, name: str) -> bytes | None:
    """The bytes of the section, None where the file has none of that name; errors name the file."""
    try:
        return _section(path, name)
    except ImageError as error:
        raise ImageError(f"{path}, section {name}: {error}") from None
