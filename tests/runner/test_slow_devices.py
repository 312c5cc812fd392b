# SPDX-License-Identifier: MIT
"""Tests that wait for slow devices have a machine of their own beside the other one, and belong to the same run."""

from __future__ import annotations

from pathlib import Path

import images
import pytest
from conftest import Runner, latest
from pvtest.images.catalogue import CLASSES, SLOW_CLASSES, parse_tests
from pvtest.images.requirements import load as load_requirements
from pvtest.machine import qemu
from pvtest.machine.request import Request
from pvtest.plan.devices import Devices
from pvtest.stream.counts import class_times, slow, slowest
from pvtest.stream.model import Run, TestResult, Verdict

TESTS = (
    ("cap.page_sizes", "CAP-1", "-", "-", "test"),
    ("flush.unmap", "FL-1 FL-2", "rocker,edu", "dma,flush", "test"),
    ("tr.leaf_4k", "TR-1", "rocker,edu,dmaprobe", "dma", "test"),
    ("tr.reads", "TR-1", "edu,dmaprobe", "dma", "test"),
)
CATALOGUE = parse_tests(images.catalogue_section(TESTS))
KNOWN = load_requirements()
SLOW = ["flush.unmap@edu", "tr.leaf_4k@edu", "tr.reads@edu"]
IDS = [instance.id for instance in CATALOGUE.instances]


@pytest.fixture(name="both")
def _both(runner: Runner, tmp_path: Path) -> Runner:
    """The runner on images with tests of slow and of quick devices."""
    sections = (images.image_section(TESTS), images.host_section(), images.catalogue_section(TESTS))
    folder = images.build(tmp_path / "both", *sections)
    return lambda *arguments, **environment: runner(*arguments, PVTEST_BUILD=str(folder), **environment)


def boots(found: dict) -> list[tuple[bool, int, str]]:
    return [(boot["virtual_clock"], boot["reported"], boot["guilty"]) for boot in found["boots"]]


def request(*globs: str, **more: object) -> Request:
    chosen = [instance for instance in CATALOGUE.instances if not globs or instance.id in globs]
    machine = qemu.Qemu("qemu", "10.0.2", "intel-iommu,x-scalable-mode=on", "code", "vars", Devices())
    return Request(CATALOGUE, KNOWN, chosen, machine, **more)  # type: ignore[arg-type]


def test_one_run_of_two_machines(both: Runner, tmp_path: Path) -> None:
    done = both()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 machines side by side, for 8 tests" in done.stdout
    found = latest(tmp_path)
    assert [test["id"] for test in found["tests"]] == IDS, "in the order of the catalogue"
    assert [test["id"] for test in found["tests"] if test["virtual_clock"]] == SLOW
    assert boots(found) == [(False, 5, ""), (True, 3, "")] and found["problems"] == []
    folder = tmp_path / "results" / "latest"
    for log, name in ((folder, "tr.leaf_4k@rocker"), (folder / "slow-devices", "tr.leaf_4k@edu")):
        assert f"- {name}" in (log / "serial.log").read_text()
        assert (log / "host.log").exists() and (log / "qemu.log").exists()
    ids = [device["id"] for device in found["devices"]]
    assert len(set(ids)) == len(ids) == 17, "each device once"


@pytest.mark.parametrize(
    ("globs", "clocks"),
    [
        (["*@edu"], [True]),
        (["tr.leaf_4k@edu"], [True]),
        (["!*@edu"], [False]),
        (["cap"], [False]),
        (["flush.unmap"], [False, True]),
        (["--shuffle"], [False, True]),
    ],
)
def test_a_machine_without_tests_is_not_booted(
    both: Runner, tmp_path: Path, globs: list[str], clocks: list[bool]
) -> None:
    done = both(*globs)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [clock for clock, _, _ in boots(latest(tmp_path))] == clocks
    assert (tmp_path / "results" / "latest" / "slow-devices").exists() == (len(clocks) == 2)


def test_without_the_clock_there_is_one_machine(both: Runner, tmp_path: Path) -> None:
    done = both("--no-host", "--accel", "kvm")
    assert "machines side by side" not in done.stdout
    assert [clock for clock, _, _ in boots(latest(tmp_path))] == [False]


@pytest.mark.parametrize(
    ("guilty", "expected", "log"),
    [
        (
            "tr.leaf_4k@edu",
            [(False, 5, ""), (True, 1, "tr.leaf_4k@edu"), (True, 1, "")],
            "slow-devices/boot-2",
        ),
        (
            "tr.leaf_4k@rocker",
            [(False, 2, "tr.leaf_4k@rocker"), (False, 2, ""), (True, 3, "")],
            "boot-2",
        ),
    ],
)
def test_each_machine_goes_on_for_itself(both: Runner, tmp_path: Path, guilty: str, expected: list, log: str) -> None:
    done = both(FAKE_QEMU_DEADLY=f"{guilty}=stop")
    assert done.returncode == 2
    found = latest(tmp_path)
    assert boots(found) == expected
    assert [test["id"] for test in found["tests"] if test["verdict"] != "pass"] == [guilty]
    assert (tmp_path / "results" / "latest" / log / "serial.log").exists()
    assert done.stdout.count("went on after") == 1, "the other machine's boot is no restart"
    assert f"went on after {guilty}" in done.stdout


def test_what_is_wrong_on_both_machines_is_told_of_both(both: Runner, tmp_path: Path) -> None:
    assert both(FAKE_QEMU_FIXTURE="lost-line").returncode == 2
    problems = latest(tmp_path)["problems"]
    assert any(problem.startswith("boot 2: ") for problem in problems)
    assert any(not problem.startswith("boot 2: ") for problem in problems)


def test_rounds_run_on_both(both: Runner, tmp_path: Path) -> None:
    assert both("--repeat", "3").returncode == 0
    found = latest(tmp_path)
    assert boots(found) == [(False, 15, ""), (True, 9, "")]
    assert {test["rounds"] for test in found["tests"]} == {3}


def test_a_fixture_breaks_one_machine_alone() -> None:
    lanes = request(slow_apart=True, fixture="hang").lanes
    assert [[i.id for i in lane.selected] for lane in lanes] == [[n for n in IDS if n not in SLOW], SLOW]
    assert [lane.virtual_clock for lane in lanes] == [False, True]
    assert [lane.fixture for lane in lanes] == ["hang", None]
    assert [lane.fixture for lane in request("tr.reads@edu", slow_apart=True, fixture="hang").lanes] == ["hang"]
    assert len(request(slow_apart=False).lanes) == 1
    assert [lane.virtual_clock for lane in request("tr.reads@edu", slow_apart=True).lanes] == [True]
    assert len(request("none of them", slow_apart=True).lanes) == 1, "benchmarks have no test"


def test_campaigns_leave_copies_out(both: Runner, tmp_path: Path) -> None:
    assert both("variants", "--jobs", "1").returncode == 1, "one of the made-up variants fails"
    document = latest(tmp_path)
    ids = [test["id"] for test in document["tests"]]
    assert ids == [name for name in IDS if name not in SLOW or name == "tr.reads@edu"]
    assert [clock for clock, _, _ in boots(document)] == [False]


def test_the_machine_with_the_clock(tmp_path: Path) -> None:
    machine = request().qemu
    plain = qemu.command(machine, "tcg", tmp_path, tmp_path / "host.log")
    ahead = qemu.command(machine, "tcg", tmp_path, tmp_path / "host.log", virtual_clock=True)
    edus = [sum(word.startswith("edu,") for word in line) for line in (plain, ahead)]
    assert edus == [1, qemu.SLOW_DEVICES] and "-icount" not in plain
    assert ahead[ahead.index("-icount") + 1] == qemu.VIRTUAL_CLOCK
    assert qemu.ONE_THREAD in ahead, "an instruction count needs one thread"


def test_every_slow_class_has_one_that_stands_for_it() -> None:
    assert set(SLOW_CLASSES) | set(SLOW_CLASSES.values()) <= set(CLASSES)
    copies = [instance.id for instance in CATALOGUE.instances if instance.slow_copy]
    assert copies == ["flush.unmap@edu", "tr.leaf_4k@edu"]
    assert [instance.id for instance in CATALOGUE.instances if instance.slow] == SLOW


def test_time_of_another_clock_is_nobodys_time() -> None:
    results = [TestResult(i, Verdict.PASS, duration_us=1000 * n) for n, i in enumerate(CATALOGUE.instances, 1)]
    results[3].duration_us, results[3].virtual_clock = 9_000_000, True
    run = Run(CATALOGUE, KNOWN, list(CATALOGUE.instances), results, [])
    assert not slow(results[3]) and results[3].real_us == 0
    assert slowest(run)[0] is results[-1]
    times = class_times(run)
    assert sum(times.values()) == sum(result.real_us for result in results)
    assert times["rocker"] == sum(r.real_us for r in results if r.instance.device == "rocker")
    assert len(times) > 1 and all(times.values())
