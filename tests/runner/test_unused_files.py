# SPDX-License-Identifier: MIT
"""The check for files without use, on a made-up tree and map."""

from __future__ import annotations

from pathlib import Path

import pytest
from pvtest.dev import unused_files

MAP = """
Discarded input sections

 .text          0x0000000000000000       0x10 build/guest/lib/idle.c.o

Linker script and memory map

LOAD build/guest/lib/busy.c.o
LOAD build/guest/lib/idle.c.o
LOAD build/guest/lib/data.c.o
LOAD /usr/lib/libgnuefi.a
 .text          0x0000000000001000       0x20 build/guest/lib/busy.c.o
 .text          0x0000000000001020        0x0 build/guest/lib/idle.c.o
 .debug_info    0x0000000000000010       0x40 build/guest/lib/idle.c.o
 .data.rel.ro.a_name_that_is_long
                0x0000000000002000        0x8 build/guest/lib/data.c.o
"""
FILES = {
    "lib/busy.c": '#include "lib/busy.h"\n',
    "lib/busy.h": '#include "deep.h"\n#  include "list.def"\n',
    "lib/deep.h": "",
    "lib/list.def": "",
    "lib/idle.c": '#include "lib/idle.h"\n',
    "lib/idle.h": "",
    "lib/data.c": "",
    "lib/stray.h": '#include "lib/busy.h"\n',
    "lib/test.c": '#include "lib/tested.h"\n',
    "lib/tested.h": "",
    "README.md": "",
}


def test_objects_without_code_or_data_are_named(tmp_path: Path) -> None:
    path = tmp_path / "pvtest.map"
    path.write_text(MAP)
    read, used = unused_files.objects_of(path)
    assert {unused_files.source_of(name) for name in read} == {"lib/busy.c", "lib/idle.c", "lib/data.c"}
    assert {unused_files.source_of(name) for name in used} == {"lib/busy.c", "lib/data.c"}


def test_the_whole_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "pvtest.map").write_text(MAP)
    monkeypatch.chdir(tmp_path)
    arguments = ["--map", "pvtest.map", "--programs", "lib/test.c", "--tree", *FILES]
    assert unused_files.main(arguments) == 1
    assert capsys.readouterr().out.splitlines() == [
        "lib/idle.c: pvtest links it and needs nothing of it",
        "lib/idle.c: no program uses it",
        "lib/idle.h: no program uses it",
        "lib/stray.h: no program uses it",
    ]
    assert unused_files.main(["--map", "pvtest.map", "--programs", "lib/test.c", "lib/idle.c", "--tree", "lib/busy.h"])
