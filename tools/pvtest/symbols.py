# SPDX-License-Identifier: MIT
"""From the offsets of a backtrace to functions and source lines, with the debug file of the image."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from pvtest import paths
from pvtest.model import Frame

_FRAME = re.compile(r"frame:.*\boffset=0x([0-9a-fA-F]{1,16})")
_FUNCTION = "STT_FUNC"


class SymbolTable:
    """Functions and lines of one ELF file with DWARF."""

    def __init__(self, path: Path):
        from elftools.elf.elffile import ELFFile  # pylint: disable=import-outside-toplevel  # slow, rarely needed

        self._functions: list[tuple[int, int, str]] = []
        self._lines: list[tuple[int, int, str]] = []
        with path.open("rb") as file:
            elf = ELFFile(file)
            table = elf.get_section_by_name(".symtab")
            for symbol in table.iter_symbols() if table else []:
                if symbol["st_info"]["type"] == _FUNCTION:
                    begin, size = symbol["st_value"], symbol["st_size"]
                    self._functions.append((begin, begin + max(size, 1), symbol.name))
            if elf.has_dwarf_info():
                self._read_lines(elf.get_dwarf_info())

    def _read_lines(self, dwarf: Any) -> None:
        for unit in dwarf.iter_CUs():
            program = dwarf.line_program_for_CU(unit)
            if program is None:
                continue
            # File numbers begin at 1 up to DWARF 4, at 0 from DWARF 5 on.
            base = 0 if program["version"] >= 5 else 1
            files = program["file_entry"]
            folders = program["include_directory"]
            previous = None
            for entry in program.get_entries():
                state = entry.state
                if state is None:
                    continue
                if previous is not None and state.address > previous.address:
                    name = _file_name(files, folders, previous.file - base, program["version"])
                    self._lines.append((previous.address, state.address, f"{name}:{previous.line}"))
                previous = None if state.end_sequence else state

    def find(self, offset: int) -> Frame:
        """The innermost function and line that hold this offset; empty where nothing does."""
        frame = Frame(offset)
        for begin, end, name in self._functions:
            if begin <= offset < end:
                frame.function = name
        for begin, end, source in self._lines:
            if begin <= offset < end:
                frame.source = source
                break
        return frame


def _file_name(files: Any, folders: Any, index: int, version: int) -> str:
    if not 0 <= index < len(files):
        return "?"
    entry = files[index]
    name: str = entry.name.decode("utf-8", "replace")
    folder_index = entry.dir_index if version >= 5 else entry.dir_index - 1
    if name.startswith("/") or not 0 <= folder_index < len(folders):
        return name
    folder = folders[folder_index].decode("utf-8", "replace")
    return name if folder in ("", ".") or name.startswith(folder + "/") else f"{folder}/{name}".removeprefix("./")


@lru_cache(maxsize=2)
def _table(path: Path) -> SymbolTable | None:
    try:
        return SymbolTable(path)
    except Exception:  # pylint: disable=broad-exception-caught  # a missing or odd debug file only costs the names
        return None


def resolve(crash: list[str], path: Path | None = None) -> list[Frame]:
    """The frames among the crash lines, with names where the debug file has them."""
    offsets = [int(match[1], 16) for line in crash if (match := _FRAME.match(line))]
    if not offsets:
        return []
    table = _table(path or paths.GUEST_DEBUG)
    # All frames but the first are return addresses, which point behind the call.
    return [
        _named(table, offset, 0 if index == 0 else 1) if table else Frame(offset)
        for index, offset in enumerate(offsets)
    ]


def _named(table: SymbolTable, offset: int, back: int) -> Frame:
    frame = table.find(max(offset - back, 0))
    frame.offset = offset
    return frame
