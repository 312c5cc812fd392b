# SPDX-License-Identifier: MIT
"""Options that choose a machine: each combination of them, and the table in docs/runner.md."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from conftest import Runner, latest

from pvtest import paths
from pvtest.cli import usage
from pvtest.cli.main import parse
from pvtest.errors import EXIT_USAGE, UsageError
from pvtest.plan import combinations

BUSES: tuple[tuple[str, ...], ...] = ((), ("--bus", "pci"), ("--bus", "vpci"))
GEN2 = ("--machine", "gen2")
ROWS = (*BUSES, *((*bus, *GEN2) for bus in BUSES))
COLUMNS = (
    (),
    ("--functions-alone",),
    ("--no-host",),
    ("--no-host", "--functions-alone"),
    ("--iommu", "virtio-iommu"),
    ("--iommu", "vtd"),
)
REFUSED = tuple((*unit, other) for unit in COLUMNS[4:] for other in COLUMNS[3])


def documented() -> dict[tuple[str, str], str]:
    """Cells of the table by row and column."""
    text = (paths.ROOT / "docs" / "runner.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\|.*\|$", text.split("<!-- combinations -->")[1], re.MULTILINE)
    table = [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines]
    return {(row[0], column): cell for row in table[2:] for column, cell in zip(table[0][1:], row[1:], strict=True)}


def words(options: tuple[str, ...]) -> str:
    return " ".join(options) or "none of these"


@pytest.mark.parametrize(("row", "column"), itertools.product(ROWS, COLUMNS))
def test_a_combination_is_what_the_table_says(row: tuple[str, ...], column: tuple[str, ...]) -> None:
    cell = documented()[words(row), words(column)]
    _, options = parse(["run", *row, *column])
    if cell == "exit 3":
        with pytest.raises(UsageError, match="^--.* and --") as found:
            usage.check(options)
        assert found.value.code == EXIT_USAGE and row[0] in str(found.value)
        return
    usage.check(options)
    assert cell == combinations.bus(options)


@pytest.mark.parametrize(("row", "column"), itertools.product(ROWS, COLUMNS[:2]))
def test_linux_has_the_same_machines(row: tuple[str, ...], column: tuple[str, ...]) -> None:
    cell = documented()[words(row), words(column)]
    _, options = parse(["linux", *row, *column])
    if cell == "exit 3":
        with pytest.raises(UsageError, match="^--.* and --"):
            usage.check(options)
        return
    usage.check(options)
    assert cell == combinations.bus(options)


@pytest.mark.parametrize(("row", "column"), itertools.product(BUSES, COLUMNS))
def test_a_q35_is_what_it_is_without_the_word(row: tuple[str, ...], column: tuple[str, ...]) -> None:
    plain, named = parse(["run", *row, *column])[1], parse(["run", *row, "--machine", "q35", *column])[1]
    assert vars(plain) == vars(named)


@pytest.mark.parametrize("command", ["bench", "image", "linux"])
def test_other_commands_refuse_the_same(command: str) -> None:
    usage.check(parse([command, *GEN2])[1])
    with pytest.raises(UsageError, match="no PCI bus"):
        usage.check(parse([command, *GEN2, "--bus", "pci"])[1])


def test_the_table_has_no_other_cells() -> None:
    assert set(documented()) == set(itertools.product(map(words, ROWS), map(words, COLUMNS)))


@pytest.mark.parametrize(("column", "row"), itertools.product(REFUSED, ROWS))
def test_a_unit_of_the_machine_goes_with_no_other_choice_of_it(column: tuple[str, ...], row: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="no reference host on that machine|no PCI bus"):
        usage.check(parse(["run", *row, *column])[1])


@pytest.mark.parametrize(
    ("machine", "devices", "wrong"),
    [("q35", "mcfg pic com1", ""), ("gen2", "com1", ""), ("gen2", "", ""), ("gen2", "pit rtc com1", "pit")],
)
def test_a_generation_2_machine_has_no_devices_of_a_pc(
    runner: Runner, tmp_path: Path, machine: str, devices: str, wrong: str
) -> None:
    done = runner("--machine", machine, FAKE_QEMU_PC=devices)
    found = latest(tmp_path)
    assert found["machine"]["machine"] == machine and found["machine"]["bus"] == "vpci"
    assert found["flags"] == ([] if machine == "q35" else ["--machine", "gen2"])
    assert done.returncode == (2 if wrong else 0), done.stdout
    assert bool(wrong) == any(f"the machine has a {wrong}," in problem for problem in found["problems"])
