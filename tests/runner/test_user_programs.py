# SPDX-License-Identifier: MIT
"""Programs for CPL 3 run from a copy: nothing in their section may refer to the rest of the image."""

from __future__ import annotations

import re
import subprocess

import pytest
from elftools.elf.elffile import ELFFile
from pvtest import paths

DEBUG = paths.GUEST_IMAGE.with_suffix(".debug")
# A target that objdump has worked out: of a jump or call, or of an operand relative to RIP.
TARGET = re.compile(r"(?:\b(?:call|j[a-z]+)\s+|# )([0-9a-f]+)\b")

pytestmark = pytest.mark.skipif(not DEBUG.exists(), reason="the image is not built")


def user_text() -> tuple[int, int]:
    with DEBUG.open("rb") as file:
        symbols = ELFFile(file).get_section_by_name(".symtab")
        start, end = (symbols.get_symbol_by_name(name)[0]["st_value"] for name in ("user_text_start", "user_text_end"))
    return start, end


def disassembly(start: int, end: int) -> list[str]:
    command = ["objdump", "-d", "--no-show-raw-insn", f"--start-address={start}", f"--stop-address={end}", str(DEBUG)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in lines if re.match(r"\s+[0-9a-f]+:", line)]


def test_there_are_programs() -> None:
    start, end = user_text()
    assert 100 < end - start < 4096, "programs are to fit one page"
    assert any("int    $0x80" in line for line in disassembly(start, end))


def test_programs_refer_to_nothing_outside() -> None:
    start, end = user_text()
    for line in disassembly(start, end):
        for target in TARGET.findall(line):
            assert start <= int(target, 16) < end, line


def test_programs_use_no_vector_registers() -> None:
    assert not [line for line in disassembly(*user_text()) if re.search(r"%[xyz]mm|%st", line)]
