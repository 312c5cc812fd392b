# SPDX-License-Identifier: MIT
"""From the offsets of a backtrace to functions and source lines, with the debug file of the image and its sources."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from pvtest import paths
from pvtest.images import build_id
from pvtest.stream.lines import printable
from pvtest.stream.model import Frame

_FRAME = re.compile(r"frame:.*\boffset=0x([0-9a-fA-F]{1,16})")
_FUNCTION = "STT_FUNC"
_LABEL = "STT_NOTYPE"
_AROUND = 1  # source lines on each side
_MAX_LINE = 160
_MAX_SOURCE = 4 << 20


class SymbolTable:
    """Functions and lines of one ELF file with DWARF. Reads only the units that are asked for: all take seconds."""

    def __init__(self, path: Path):
        from elftools.elf.elffile import ELFFile  # pylint: disable=import-outside-toplevel  # slow, rarely needed

        self._functions: list[tuple[int, int, str]] = []
        self._labels: list[tuple[int, str]] = []  # assembly has no functions
        self._lines: dict[int, list[tuple[int, int, str, int]]] = {}  # of a unit: begin, end, file, line
        self._dwarf: Any = None
        self._ranges: Any = None
        # Open as long as the table lives: pyelftools reads sections when they are asked for.
        self._file = path.open("rb")  # pylint: disable=consider-using-with
        elf = ELFFile(self._file)
        table = elf.get_section_by_name(".symtab")
        for symbol in table.iter_symbols() if table else []:
            begin, kind = symbol["st_value"], symbol["st_info"]["type"]
            if kind == _FUNCTION:
                self._functions.append((begin, begin + max(symbol["st_size"], 1), symbol.name))
            elif kind == _LABEL and isinstance(symbol["st_shndx"], int) and symbol.name:
                self._labels.append((begin, symbol.name))
        if elf.has_dwarf_info():
            self._dwarf = elf.get_dwarf_info()
            self._ranges = self._dwarf.get_aranges()

    def _lines_of(self, unit_offset: int) -> list[tuple[int, int, str, int]]:
        if unit_offset not in self._lines:
            self._lines[unit_offset] = _read_lines(self._dwarf, unit_offset)
        return self._lines[unit_offset]

    def find(self, offset: int) -> Frame:
        """The function and line that hold this offset; empty where nothing does."""
        frame = Frame(offset)
        for begin, end, name in self._functions:
            if begin <= offset < end:
                frame.function = name
        if not frame.function:
            before = [label for label in self._labels if label[0] <= offset]
            frame.function = max(before)[1] if before else ""
        unit = self._ranges.cu_offset_at_addr(offset) if self._ranges else None
        for begin, end, name, line in self._lines_of(unit) if unit is not None else []:
            if begin <= offset < end:
                frame.source = f"{name}:{line}"
                frame.code = source_lines(paths.ROOT, name, line)
                break
        return frame


def _read_lines(dwarf: Any, unit_offset: int) -> list[tuple[int, int, str, int]]:
    program = dwarf.line_program_for_CU(dwarf.get_CU_at(unit_offset))
    if program is None:
        return []
    lines: list[tuple[int, int, str, int]] = []
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
            lines.append((previous.address, state.address, name, previous.line))
        previous = None if state.end_sequence else state
    return lines


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


@lru_cache(maxsize=64)
def _source(path: Path) -> list[str]:
    try:
        if path.stat().st_size > _MAX_SOURCE:
            return []
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def source_lines(root: Path, name: str, line: int) -> list[tuple[int, str]]:
    """The line before, the line, the line after, as far as they exist; nothing without the file, or outside `root`."""
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        return []
    text = _source(path)
    if not 1 <= line <= len(text):
        return []
    numbers = range(max(1, line - _AROUND), min(len(text), line + _AROUND) + 1)
    return [(number, printable(text[number - 1].expandtabs(4)).rstrip()[:_MAX_LINE]) for number in numbers]


@lru_cache(maxsize=2)
def _table(path: Path) -> SymbolTable | None:
    try:
        return SymbolTable(path)
    except Exception:  # pylint: disable=broad-exception-caught  # a missing or odd debug file only costs the names
        return None


def offsets(crash: list[str]) -> list[int]:
    """Of the frames among the lines of a crash."""
    return [int(match[1], 16) for line in crash if (match := _FRAME.match(line))]


def resolve(crash: list[str], path: Path | None = None, build: str = "") -> list[Frame]:
    """The frames among the crash lines, with names and source lines where debug file and sources have them."""
    found = offsets(crash)
    if not found:
        return []
    debug = path or paths.GUEST_DEBUG
    table = _table(debug) if build_id.belongs(debug, build) else None
    # Return addresses point after the call. Only after an exception is the first frame the place itself.
    exact = any(line.startswith(("trap:", "regs:")) for line in crash)
    return [
        _named(table, offset, 0 if exact and index == 0 else 1) if table else Frame(offset)
        for index, offset in enumerate(found)
    ]


def _named(table: SymbolTable, offset: int, back: int) -> Frame:
    try:
        frame = table.find(max(offset - back, 0))
    except Exception:  # pylint: disable=broad-exception-caught  # the rest of a damaged debug file costs names alone
        return Frame(offset)
    frame.offset = offset
    return frame
