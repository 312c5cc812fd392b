# SPDX-License-Identifier: MIT
"""The commands that do not boot: show, list, help and the version."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT, Runner, latest, pvtest_call
from pvtest.cli import show
from pvtest.counted import counted


@pytest.mark.parametrize(
    "name, words",
    [
        ("flush.unmap@rocker", ["test: flush.unmap", "Promise of flush.unmap.", "FL-1: ", "no-flush", "rocker"]),
        ("No-Flush", ["defect: no-flush", "A flush does nothing.", "flush.unmap", "./run.sh --defect no-flush"]),
        ("polite", ["variant: polite", "flushes too much", "./run.sh --variant polite"]),
        ("fl-1", ["requirement: FL-1", "tests: flush.unmap", "defects: no-flush", "./run.sh FL-1"]),
    ],
)
def test_show(build: Path, name: str, words: list[str]) -> None:
    done = pvtest_call("show", name, build=build)
    assert done.returncode == 0, done.stderr
    for word in words:
        assert word in done.stdout


def test_show_on_a_terminal_breaks_between_words() -> None:
    text = "one two-three  ./run.sh flush.unmapped_domain_flush\nfour"
    assert show.lines("steps", text, 0) == ["steps: one two-three ./run.sh flush.unmapped_domain_flush four"]
    broken = show.lines("steps", text, 20)
    assert broken == ["steps: one two-three", "    ./run.sh", "    flush.unmapped_domain_flush", "    four"]


def test_numbers_of_things() -> None:
    assert [counted(number, "test") for number in (0, 1, 2)] == ["0 tests", "1 test", "2 tests"]


def test_show_of_nothing(build: Path) -> None:
    done = pvtest_call("show", "flush.unmop", build=build)
    assert done.returncode == 3 and "Did you mean flush.unmap" in done.stderr
    assert pvtest_call("show", build=build).returncode == 3


def test_a_list_in_a_pipe_has_a_line_for_each(build: Path) -> None:
    lines = pvtest_call("list", "flush", build=build).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["test", "flush.none", "flush.unmap", "2"]
    assert lines[3].endswith("; 'flush' selects 3 instances by group")
    assert lines[2].split() == ["flush.unmap", "rocker", "dmaprobe", "FL-1", "FL-2", *"Promise of flush.unmap.".split()]
    lines = pvtest_call("list", "defects", build=build).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["defect", "lazy", "no-flush", "2"]
    lines = pvtest_call("list", "variants", "pol*", build=build).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["variant", "polite", "1"]


def test_help_and_version(build: Path) -> None:
    assert pvtest_call("--version", build=build).stdout == f"pvtest {(ROOT / 'VERSION').read_text().strip()}\n"
    assert pvtest_call("help", build=build).stdout == pvtest_call("--help", build=build).stdout
    assert pvtest_call("help", "merge", build=build).stdout == pvtest_call("merge", "--help", build=build).stdout
    wrong = pvtest_call("help", "merg", build=build)
    assert (wrong.returncode, wrong.stdout) == (3, "")
    assert wrong.stderr.startswith("run.sh: no command is called 'merg'. Did you mean merge?")


def test_a_machine_of_another_kind(runner: Runner, tmp_path: Path) -> None:
    """The varied properties are in the results, and in the command that shows a failure again."""
    firmware = tmp_path / "OVMF.fd"
    firmware.touch()
    words = ["--cpus", "4", "--memory", "4096", "--cpu", "EPYC", "--firmware", str(firmware)]
    assert runner(*words, "--defect", "no-flush").returncode == 1
    found = latest(tmp_path)
    machine = found["machine"]
    assert (machine["cpus"], machine["memory_mib"], machine["cpu"]) == (4, 4096, "EPYC,+svm,+npt,+x2apic,+pdpe1gb")
    assert found["versions"]["firmware"] == str(firmware)
    again = next(test["again"] for test in found["tests"] if test["verdict"] == "fail")
    assert "--cpus 4 --memory 4096 --cpu EPYC --firmware" in again
    assert runner("--firmware", str(tmp_path / "none.fd")).returncode == 3
    assert runner("--cpus", "9").returncode == 3
