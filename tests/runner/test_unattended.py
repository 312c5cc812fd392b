# SPDX-License-Identifier: MIT
"""The real image on an unattended machine: after any event the files report each planned test once."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from unattended_machine import Machine, Variables
from pvtest import paths
from pvtest.cli import importing
from pvtest.gate import profiles, rules
from pvtest.images import catalogue, requirements
from pvtest.images.catalogue import Instance
from pvtest.stream import judge
from pvtest.stream.model import TestResult, Verdict
from pvtest.stream.tap import TapParser

pytestmark = [
    pytest.mark.boots,
    pytest.mark.skipif(
        not paths.GUEST_IMAGE.exists() or not paths.HOST_IMAGE.exists(), reason="the images are not built"
    ),
    pytest.mark.skipif(shutil.which("mformat") is None, reason="mtools are not installed"),
]


def some_tests(count: int = 9) -> list[Instance]:
    """Quick ones that need no device and no second processor."""
    known = catalogue.load_tests().instances
    usable = [one for one in known if one.device is None and "device" not in one.test.kinds]
    return [one for one in usable if one.test.group != "concurrency"][:count]


def lines(instances: list[Instance]) -> list[str]:
    return [f"test={instance.id}" for instance in instances]


def parsed(text: str) -> TapParser:
    tap = TapParser()
    for line in text.splitlines():
        tap.feed(line)
    return tap


def results(machine: Machine, planned: list[Instance], run: int = 1) -> tuple[dict[str, TestResult], TapParser]:
    """Of a stream that must be whole: the judge finds nothing wrong with it."""
    tap = parsed(machine.read("results.tap", run))
    found = judge.judge(tap, planned, "")
    assert not [problem for problem in found.problems if "every selected test was skipped" not in problem]
    assert [result.instance.id for result in found.results] == [instance.id for instance in planned]
    return {result.instance.id: result for result in found.results}, tap


def guilty_one(found: dict[str, TestResult]) -> str:
    bad = [name for name, result in found.items() if result.verdict is not Verdict.PASS]
    assert len(bad) == 1, found
    assert found[bad[0]].verdict is Verdict.ERROR
    return bad[0]


def broken_in_the_middle(folder: Path, fixture: str) -> tuple[Machine, list[Instance], str]:
    """A machine that has run, and the test in which the guest broke."""
    planned, machine = some_tests(), Machine(folder, kept=Variables.PROCESS)
    middle = planned[4].id
    machine.options(*lines(planned), f"fixture={fixture}", f"fixture_test={middle}")
    assert machine.run()
    return machine, planned, middle


def test_a_crash_restarts_the_machine_and_names_the_test(tmp_path: Path) -> None:
    """On a generation 2 machine without COM1, which leaves files alone. Resets and power-off go through run-time
    services and ACPI there; a crash in the middle needs both."""
    planned, machine = some_tests(), Machine(tmp_path, kept=Variables.PROCESS)
    middle = planned[4].id
    moving = next(one for one in catalogue.load_tests().instances if one.id == "translate.leaf_4k@dmaprobe")
    planned.append(moving)
    machine.text_in("log=1\nbus=vpci\nmachine=gen2\n", "refhost.opt")
    machine.options(*lines(planned), "fixture=crash", f"fixture_test={middle}")
    assert machine.run()
    found, tap = results(machine, planned)
    assert guilty_one(found) == middle and found[moving.id].verdict is Verdict.PASS
    assert found[middle].reason == "panic: broken on purpose"
    assert [boot["guilty"] for boot in tap.facts["boot"]] == [middle, "none"]
    assert any(line.startswith("frame:") for line in found[middle].crash)
    assert tap.fact("host")["name"] == "refhost"
    (tmp_path / "results.tap").write_text(machine.read("results.tap"))
    run = importing.run_of(tmp_path, catalogue.load_tests(), requirements.load())
    assert run.exit_code == 2 and not run.problems and len(run.results) == len(planned)
    assert any(frame.function == "suite_break" for result in run.results for frame in result.frames)
    summary = machine.read("summary.txt")
    verdict = machine.read("verdict.txt")
    assert verdict.startswith(f"exit=2 planned={len(planned)} ") and verdict.count("\n") == 1
    assert "# run:" not in machine.console()
    assert "pvtest: verdict: exit=2 " in machine.console()
    assert "verdict   ERROR" in summary and f"panic: broken on purpose; in {middle}" in summary


def test_a_triple_fault_is_looked_for_and_found(tmp_path: Path) -> None:
    machine, planned, middle = broken_in_the_middle(tmp_path, "triple-fault")
    found, tap = results(machine, planned)
    assert guilty_one(found) == middle
    assert "went down while this test ran" in found[middle].reason
    assert [boot["guilty"] for boot in tap.facts["boot"]] == ["none", middle, "none"]


def test_power_may_fail_at_any_time(tmp_path: Path) -> None:
    """Once: no test is blamed. Then the options change: the next boot starts with the first test, and says so."""
    planned, machine = some_tests(), Machine(tmp_path)
    machine.options(*lines(planned), "checkpoint=2", "fixture=hang")
    known = requirements.load().of("")
    machine.text_in(profiles.on_disk(catalogue.load_tests().of(""), known), profiles.DISK_FILE)
    assert not machine.run(pull_plug_at=f"# run: {planned[3].id}")
    machine.options(*lines(planned), "checkpoint=2")
    assert machine.run()
    found, tap = results(machine, planned)
    assert {result.verdict for result in found.values()} == {Verdict.PASS}
    assert [boot["guilty"] for boot in tap.facts["boot"]] == ["none", "none"]
    assert int(tap.facts["boot"][0]["results"]) >= 2, "a checkpoint every two tests keeps what was before the last"
    same_verdicts_on_profiles(machine, tmp_path)


def same_verdicts_on_profiles(machine: Machine, folder: Path) -> None:
    """The image's and the runner's, of the same run."""
    (folder / "results.tap").write_text(machine.read("results.tap"))
    told = re.findall(r"profile=(\S+) version=\S+ exit=(\d) shortcomings=(\d+)", machine.read("verdict.txt"))
    assert [name for name, _, _ in told] == ["linux-merged", "linux-v2", "strict"]
    for name, code, shortcomings in told:
        run = importing.run_of(folder, catalogue.load_tests(), requirements.load().of(""))
        rules.apply(run, profiles.load(name, requirements.load()))
        assert (run.exit_code, len(run.gate.findings)) == (int(code), int(shortcomings)), name
        for finding in (finding for finding in run.gate.findings if finding.kind == "not-verified"):
            assert f"          {finding.subject} is mandatory, and " in machine.read("summary.txt")


def test_another_selection_begins_a_new_run(tmp_path: Path) -> None:
    """Of the folders of runs, the five newest stay."""
    planned, machine = some_tests(), Machine(tmp_path, host=False)
    for old in range(1, 6):
        machine.old_run(old)
    machine.options(*lines(planned), "fixture=hang")
    assert not machine.run(pull_plug_at=f"# run: {planned[3].id}")
    machine.options(*lines(planned[:3]))
    assert machine.run()
    assert "is of another selection, seed or version of the suite: a new run begins" in machine.console()
    assert machine.runs() == [f"run-{number:04}" for number in range(3, 8)]
    found, _ = results(machine, planned[:3], run=7)
    # Without the reference host there is nothing to test, and that must not look like a pass.
    assert {result.verdict for result in found.values()} <= {Verdict.PASS, Verdict.SKIP}


def test_restarts_are_bounded(tmp_path: Path) -> None:
    planned, machine = some_tests(4), Machine(tmp_path, host=False, kept=Variables.PROCESS)
    machine.options(*lines(planned), "restarts=0", "fixture=crash", f"fixture_test={planned[1].id}")
    assert machine.run()
    found, _ = results(machine, planned)
    assert found[planned[1].id].reason == "panic: broken on purpose"
    assert {found[test.id].reason for test in planned[2:]} == {"did not run: no restart was left"}
    assert all(found[test.id].verdict is Verdict.ERROR for test in planned[2:])


def test_a_full_store_costs_boots_and_no_result(tmp_path: Path) -> None:
    planned, machine = some_tests(23), Machine(tmp_path, kept=Variables.PROCESS)
    machine.fill_variables(leave=16000)
    machine.options(*lines(planned), "checkpoint=1")
    assert machine.run()
    found, tap = results(machine, planned)
    assert {result.verdict for result in found.values()} == {Verdict.PASS}
    ends = [boot["end"] for boot in tap.facts["boot"]]
    assert ends[-1] == "all tests had run" and set(ends[:-1]) == {"the variable store was full"}
    assert tap.fact("alone")["restarts"] == "0"


def test_without_room_in_the_store_the_run_goes_on_without(tmp_path: Path) -> None:
    planned, machine = some_tests(3), Machine(tmp_path, host=False, kept=Variables.PROCESS)
    machine.fill_variables(leave=8000)
    machine.options(*lines(planned))
    assert machine.run()
    console = machine.console()
    assert "# alone: off: the variable store has " in console and "which is too little for records" in console
    found = judge.judge(parsed(console), planned, "")
    assert len(found.results) == len(planned)
    assert machine.runs() == []
