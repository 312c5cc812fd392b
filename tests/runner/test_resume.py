# SPDX-License-Identifier: MIT
"""A test that takes the guest down costs its own result and no other."""

from __future__ import annotations

import json
from pathlib import Path

import images
import pytest
from conftest import Runner, latest
from hypothesis import given
from hypothesis import strategies as st
from pvtest.images.catalogue import Instance, parse_tests
from pvtest.plan.resume import Part, after
from pvtest.stream.judge import combine, read
from pvtest.stream.model import Verdict
from pvtest.stream.tap import TapParser

INSTANCES = tuple(parse_tests(images.catalogue_section()).instances)
IDS = [instance.id for instance in INSTANCES]


def results(tmp_path: Path) -> dict:
    document = latest(tmp_path)
    assert [test["id"] for test in document["tests"]] == IDS, "every planned test once"
    return document


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("hang", "the limit of 2 s for one boot was over"),
        ("kill", "QEMU ended by itself, with exit code -9"),
        ("crash", "the guest gave up"),
        ("stop", "QEMU ended by itself, with exit code 0"),
        ("restart", "the firmware started a second time within one boot"),
        ("flood", "more than 2 MiB without ending or beginning a test"),
    ],
)
def test_the_run_goes_on_after_the_guilty_test(runner: Runner, tmp_path: Path, how: str, words: str) -> None:
    done = runner("--timeout", "2", FAKE_QEMU_DEADLY=f"flush.none@rocker={how}")
    assert done.returncode == 2, done.stdout + done.stderr
    found = results(tmp_path)
    assert found["summary"] == {"planned": 5, "pass": 4, "fail": 0, "error": 1, "skip": 0}
    (guilty,) = [test for test in found["tests"] if test["verdict"] == "error"]
    assert guilty["id"] == "flush.none@rocker"
    assert guilty["reason"].startswith("was running when") and words in guilty["reason"]
    assert [(boot["reported"], boot["guilty"]) for boot in found["boots"]] == [(1, "flush.none@rocker"), (3, "")]
    assert "boot 2 went on after flush.none@rocker" in done.stdout
    assert (tmp_path / "results" / "latest" / "boot-2" / "serial.log").exists()
    assert sum(p.stat().st_size for p in (tmp_path / "results" / "latest").rglob("*.log")) < 3 << 20


def test_first_and_last_test_may_be_guilty(runner: Runner, tmp_path: Path) -> None:
    assert runner(FAKE_QEMU_DEADLY=f"{IDS[0]}=crash {IDS[-1]}=kill").returncode == 2
    found = results(tmp_path)
    assert [test["verdict"] for test in found["tests"]] == ["error", "pass", "pass", "pass", "error"]
    assert found["tests"][0]["crash"] == ["panic: page fault at 0x10"]
    assert len(found["boots"]) == 2, "nothing is left after the last test, so nothing is booted for it"


@pytest.mark.parametrize(("limit", "passed"), [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1)])
def test_restarts_are_limited(runner: Runner, tmp_path: Path, limit: int, passed: int) -> None:
    deadly = " ".join(f"{name}=stop" for name in IDS if name != "flush.unmap@dmaprobe")
    assert runner("--restarts", str(limit), FAKE_QEMU_DEADLY=deadly).returncode == 2
    found = results(tmp_path)
    assert len(found["boots"]) == min(limit, 3) + 1
    assert found["summary"]["pass"] == passed
    reasons = [test["reason"] for test in found["tests"]]
    assert sum(reason.startswith("was running") for reason in reasons) == min(limit, 3) + 1
    if 0 < limit < 3:
        assert f"no restart was left (--restarts {limit})" in reasons[-1]
        assert reasons[-1].startswith("did not run")


def test_a_guest_that_never_begins_is_not_booted_again(runner: Runner, tmp_path: Path) -> None:
    assert runner("--fixture", "silent", "--timeout", "1").returncode == 2
    found = results(tmp_path)
    assert len(found["boots"]) == 1 and found["boots"][0]["guilty"] == ""
    assert all(test["reason"].startswith("did not run") for test in found["tests"])


def test_rounds_go_on_without_the_guilty_test(runner: Runner, tmp_path: Path) -> None:
    done = runner("--repeat", "3", "--seed", "7", FAKE_QEMU_DEADLY="flush.unmap@rocker=stop")
    assert done.returncode == 2
    found = results(tmp_path)
    assert [test["rounds"] for test in found["tests"]] == [3, 3, 1, 3, 3]
    assert [test["verdict"] for test in found["tests"]] == ["pass", "pass", "error", "pass", "pass"]
    assert found["tests"][2]["seed"] == 7


def test_campaigns_go_on_too(runner: Runner, tmp_path: Path) -> None:
    # Only with the defect, because a campaign begins with a run that must be whole.
    deadly = {"FAKE_QEMU_DEADLY": "flush.none@rocker=stop", "FAKE_QEMU_DEADLY_WITH": "no-flush"}
    runner("defects", "no-flush", "--matrix", **deadly)
    found = json.loads((tmp_path / "results" / "latest" / "defects.json").read_text())
    (entry,) = found["defects"]
    assert entry["verdict"] == "caught" and entry["errors"] == ["flush.none@rocker"]
    assert entry["failing"] == ["flush.unmap@rocker"], "found by the second boot"


def _stream(order: list[str], stop_at: int | None) -> TapParser:
    """The stream of a guest that runs `order` and dies in the test at this place."""
    tap = TapParser()
    for line in ["TAP version 14", f"1..{len(order)}"]:
        tap.feed(line)
    for number, name in enumerate(order if stop_at is None else order[:stop_at], 1):
        for line in (f"# run: {name}", f"ok {number} - {name}", "  ---", "  duration_us: 1", "  ..."):
            tap.feed(line)
    if stop_at is None:
        tap.feed(f"# end: planned={len(order)} pass={len(order)} fail=0 error=0 skip=0 duration_us=1")
    else:
        tap.feed(f"# run: {order[stop_at]}")
    return tap


@given(st.integers(1, 4), st.lists(st.integers(0, 40), max_size=8))
def test_every_planned_test_counts_once_wherever_boots_die(rounds: int, deaths: list[int]) -> None:
    waiting, readings, guilty = [Part(0, rounds, INSTANCES)], [], []
    ran: list[tuple[int, str]] = []
    while waiting:
        part = waiting.pop(0)
        order = part.order
        death = deaths.pop(0) % len(order) if deaths else None
        tap = _stream(order, death)
        reading = read(tap, list(part.instances), "" if death is None else "it died", 1 + part.first_round, part.rounds)
        readings.append(reading)
        ran += [(part.first_round + i // len(part.instances), name) for i, name in enumerate(order[:death])]
        if death is None:
            assert reading.whole and not reading.problems
            continue
        assert reading.guilty is not None and reading.guilty.instance.id == order[death]
        guilty.append(reading.guilty.instance.id)
        waiting = after(part, len(tap.points), reading.guilty.instance) + waiting
    out = combine(readings, list(INSTANCES), "")
    assert [result.instance.id for result in out.results] == IDS
    assert {r.instance.id for r in out.results if r.verdict is Verdict.ERROR} == set(guilty)
    assert len(ran) == len(set(ran)), "no test runs twice in one round"
    for name in set(IDS) - set(guilty):
        assert sum(found == name for _, found in ran) == rounds


def test_a_stop_between_two_tests_names_the_next() -> None:
    tap = _stream(IDS, None)
    tap.end = None
    del tap.points[2:]
    reading = read(tap, list(INSTANCES), "it died")
    assert reading.guilty is not None and reading.guilty.reason == "was next when it died"
    assert reading.guilty.instance.id == IDS[2]


def test_part_of_one_instance_leaves_nothing() -> None:
    instance: Instance = INSTANCES[0]
    assert after(Part(0, 5, (instance,)), 0, instance) == []
