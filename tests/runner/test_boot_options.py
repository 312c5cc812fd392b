# SPDX-License-Identifier: MIT
"""Options on the boot volume that people write by hand: a mistake ends the run with a message, not with less of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import quick_firmware
from pvtest import paths
from pvtest.images import boot_volume, catalogue
from pvtest.machine import qemu
from pvtest.machine.guest_process import Limits, Observer, Session
from saved_machine import SavedMachine

pytestmark = [
    pytest.mark.boots,
    pytest.mark.skipif(
        not paths.GUEST_IMAGE.exists() or not paths.HOST_IMAGE.exists(), reason="the images are not built"
    ),
]


def bailed(folder: Path, guest: str, saved: SavedMachine | None = None) -> str:
    """The guest's output for these options: of the file on the boot volume, or on a saved machine of the same text."""
    volume = boot_volume.make(folder / "volume", boot_volume.BootOptions())
    (volume / "pvtest.opt").write_text(guest, encoding="ascii")
    machine = saved or SavedMachine(qemu.probe(None, functions_alone=True))
    line = machine.command(volume, folder / "host.log")
    with quick_firmware(line) as (words, inherited):
        session = Session(words, Limits(60, 60), Observer(), inherited)
        outcome = session.run(folder / "serial.log", folder / "qemu.log")
    assert outcome.tap.planned == 0 and not outcome.tap.points
    return outcome.tap.bailed


def test_a_name_that_matches_nothing(tmp_path: Path) -> None:
    first = catalogue.load_tests().tests[0].id
    said = bailed(tmp_path, f"test={first}\ntest=*@edu\n# a comment\ntest={first}s\n")
    assert said.startswith(f'bad options (options: pvtest.opt line 4: test: "{first}s" matches no test;')


def test_an_option_that_there_is_not(saved: SavedMachine, tmp_path: Path) -> None:
    said = bailed(tmp_path, "seed=1\n\nrepaet=3\n", saved)
    assert "line 3: repaet: unknown option; known: seed repeat " in said and said.endswith(" test without)"), said


@pytest.mark.parametrize(
    ("line", "words"),
    [("nonsense", "'nonsense' is not key=value"), ("repeat=many", "repeat: 'many' is not a number from 1 to ")],
)
def test_a_line_that_is_no_option(saved: SavedMachine, tmp_path: Path, line: str, words: str) -> None:
    assert f" line 2: {words}" in bailed(tmp_path, f"seed=1\n{line}\n", saved)


@pytest.mark.parametrize("name", ["unattended", "alone"])
def test_a_renamed_option_has_both_names(saved: SavedMachine, tmp_path: Path, name: str) -> None:
    said = bailed(tmp_path, f"{name}=1\nbench=1\n", saved)
    assert "unattended=1 runs tests and bench=1 does not" in said, said


def test_a_fixture_that_there_is_not(saved: SavedMachine, tmp_path: Path) -> None:
    said = bailed(tmp_path, "seed=3 fixture=crashs\n", saved)
    assert 'fixture: unknown fixture "crashs"; known: hang crash ' in said and said.endswith(" early-crash)"), said


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("unit-fault=attach-lots:0", 'unit-fault: "attach-lots": unknown fault'),
        ("unit-fault=attach-lost:", '"attach-lost:": places are numbers and ranges, such as 0-4,7'),
        ("unit-fault=attach-lost:4-1", "places are numbers and ranges"),
        ("unit-fault=attach-lost:1-", "places are numbers and ranges"),
        ("unit-fault=attach-lost:1;2", "places are numbers and ranges"),
        ("unit-fault=attach-lost:0\n" * 129, "line 129: unit-fault: "),
        ("unit-fault=attach-lost:99999", "unit-fault= names a place that no test of this run has"),
        ("unit-fault=attach-lost:0 repeat=2", "unit-fault= with places does not go together with"),
    ],
)
def test_turns_of_faults_are_checked(saved: SavedMachine, tmp_path: Path, lines: str, words: str) -> None:
    assert words in bailed(tmp_path, f"{lines}\n", saved)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("without=*@edo\n", 'without: "*@edo" matches no test;'),
        ("without=*@edu\n" * 9, "line 9: without: more than 8 without= lines"),
        ("test=*@edu\nwithout=*@e*\n", "no test is left: by without=, or because all are about another unit"),
    ],
)
def test_what_is_left_out_is_checked(saved: SavedMachine, tmp_path: Path, lines: str, words: str) -> None:
    assert words in bailed(tmp_path, lines, saved)
