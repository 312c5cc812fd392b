# SPDX-License-Identifier: MIT
"""The report's text on a failure, on requirements that nothing verified, and on how much was tested."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from pathlib import Path

import images
import pytest
from conftest import Runner, true_to
from pvtest.gate import baseline, levels
from pvtest.images import catalogue, requirements
from pvtest.images.stories import Story
from pvtest.machine.terminal import Terminal
from pvtest.report import failures, html, markdown, summary, tap_junit
from pvtest.report.json_reader import load
from pvtest.report.json_writer import document
from pvtest.report.telling import rows, tell
from pvtest.stream.counts import kind_counts, ran, ran_sentence, sentence, slow, slowest
from pvtest.stream.coverage import coverage, states, uncovered
from pvtest.stream.model import Crash, Frame, Run, TestResult, Verdict
from rich.console import Console

CATALOGUE = catalogue.parse_tests(images.catalogue_section())
KNOWN = requirements.load()
STORY = Story("flush.unmap", "Maps a page and unmaps it.", "Nothing arrives.", "The flush left a translation behind.")
CODE = [(41, "    before();"), (42, "    the_line();"), (43, "    after();")]


def a_run(**changes: object) -> Run:
    """flush.unmap@rocker fails, flush.none@rocker is skipped, the others pass."""
    results = []
    for instance in CATALOGUE.instances:
        result = TestResult(instance, Verdict.PASS, duration_us=1000)
        if instance.id == "flush.unmap@rocker":
            result = TestResult(instance, Verdict.FAIL, "a byte changed", 300_000, "0xa7", "0x96 at GPA 0x1000")
            result.where, result.story, result.seed = "tests/flush/flush.c:7", STORY, 9
            result.details = {
                "step3": "attach device 0x10 to domain 0x1: SUCCESS",
                "step4": "FLUSH_DEVICE_DOMAIN domain 0x1: SUCCESS",
                "fault1": "write of IOVA 0x4000, NOT_PRESENT (raw 0x4), device 0x10",
                "note": "some other word",
            }
        if instance.id == "flush.none@rocker":
            result = TestResult(instance, Verdict.SKIP, "the host has no such thing")
        results.append(result)
    run = Run(CATALOGUE, KNOWN, CATALOGUE.instances, results, [])
    run.versions = {"qemu": "1", "firmware": "f", "host": "1", "guest": "1"}
    run.devices = [
        {"class": "rocker", "bdf": "00:01.0", "id": "0x8"},
        {"class": "rocker", "bdf": "00:02.0", "id": "0x10"},
        {"class": "edu", "bdf": "00:03.0", "id": "0x18"},
    ]
    run.flags = ["--defect", "no-flush"]
    run.started = "2026-01-01T00:00:00+00:00"
    return dataclasses.replace(run, **changes)  # type: ignore[arg-type]


def of(run: Run, name: str) -> TestResult:
    return next(result for result in run.results if result.instance.id == name)


def all_formats(run: Run, folder: Path) -> dict[str, str]:
    """Every format as text, white space made even."""
    tap_junit.junit(run, folder / "junit.xml")
    out = io.StringIO()
    console = Console(file=out, width=400)
    for block in failures.blocks(run):
        console.print(summary.failure(run, block))
    for found in run.crashes:
        console.print(summary.crashed(found))
    found = document(run)
    texts = {
        "json": json.dumps(found),
        "junit": (folder / "junit.xml").read_text(),
        "tap": tap_junit.tap(run),
        "markdown": markdown.render(run),
        "html": html.render(found, KNOWN.groups),
        "terminal": out.getvalue(),
    }
    return {name: " ".join(text.split()) for name, text in texts.items()}


def test_a_failure_tells_all_in_every_format(tmp_path: Path) -> None:
    run = a_run()
    item = KNOWN["FL-1"]
    for name, text in all_formats(run, tmp_path).items():
        for word in (
            "a byte changed",
            "0x96 at GPA 0x1000",
            "FLUSH_DEVICE_DOMAIN domain 0x1: SUCCESS",
            "write of IOVA 0x4000, NOT_PRESENT (raw 0x4), device 0x10",
            "rocker at 00:02.0, device id 0x10",
            STORY.failure,
            "./run.sh flush.unmap@rocker --seed 9 --defect no-flush",
        ):
            assert word in text, (name, word)
        assert "rocker at 00:01.0" not in text, f"{name}: only devices that a step names"
        if name != "tap":
            assert item.text.split(",")[0] in text, name
    assert "Maps a page" not in all_formats(run, tmp_path)["terminal"], "the terminal tells what happened"


def test_devices_of_the_class_where_no_step_names_one() -> None:
    run = a_run()
    result = of(run, "flush.unmap@rocker")
    result.details = {}
    assert tell(run, result).devices == ["rocker at 00:01.0, device id 0x8", "rocker at 00:02.0, device id 0x10"]


def test_a_story_of_failing_explains_no_error() -> None:
    run = a_run()
    result = of(run, "flush.unmap@rocker")
    result.verdict = Verdict.ERROR
    assert STORY.failure not in dict(rows(run, result)).values()
    assert ("test", STORY.steps) in rows(run, result)


def test_states_of_requirements() -> None:
    run = a_run()
    entries = {entry.requirement.id: entry for entry in coverage(run)}
    assert (entries["FL-1"].state, entries["FL-1"].reason) == ("covered", "")
    assert (entries["GEN-1"].state, entries["GEN-1"].reason) == ("not-applicable", "the host has no such thing")
    none = next(item for item in KNOWN.items if item.reason)
    assert (entries[none.id].state, entries[none.id].reason) == ("not-covered", none.reason)
    part = a_run(results=run.results[:1], selected=[run.results[0].instance])
    assert {entry.requirement.id: entry for entry in coverage(part)}["FL-1"].state == "not-run"
    for some in (run, part):
        found = coverage(some)
        assert sum(states(found).values()) == len(KNOWN)
        assert all(bool(entry.reason) == (entry.state != "covered") for entry in found)
        assert {entry.state for entry in uncovered(found)} <= {"not-applicable", "not-covered"}
    assert "GEN-1" in [entry.requirement.id for entry in uncovered(coverage(run))]


def test_every_format_has_the_state_of_each_requirement(tmp_path: Path) -> None:
    run = a_run()
    found = document(run)
    true_to("results", found)
    assert found["covered"] == states(coverage(run))
    texts = all_formats(run, tmp_path)
    for entry in found["requirements"]:
        assert f"| {entry['id']} | {entry['state']} |" in texts["markdown"]
    assert "not applicable on this host: the host has no such thing" in texts["html"]


def test_run_prints_what_nothing_verified(runner: Runner) -> None:
    whole = runner("--fixture", "skip").stdout
    none = next(item for item in KNOWN.items if item.reason)
    assert "  not applicable on this host: TR-1: no reason but this" in whole
    assert f"  not covered: {none.id}: " in whole and " covered (" in whole
    part = runner("cap.*").stdout
    assert " not run" in part and none.id in part and "no test names it" not in part


def test_counts_come_from_the_declarations() -> None:
    run = a_run()
    counts = {"tests": 4, "instances": 5, "dma": 3, "fault": 0, "flush": 1, "bad-input": 0, "abi": 0, "device": 0}
    assert kind_counts(run) == counts
    text = "4 tests (5 instances): 3 move data, 0 assert a fault, 1 assert a flush, 0 send bad input"
    text += ", 0 check the hypercall ABI itself"
    assert sentence(kind_counts(run)) == text and text in markdown.render(run)
    assert document(run)["counts"] == kind_counts(run)


@pytest.mark.parametrize(("level", "ms", "marked"), [("test", 251, True), ("test", 250, False), ("stress", 900, False)])
def test_slow_tests_are_marked(level: str, ms: int, marked: bool) -> None:
    run = a_run()
    result = run.results[0]
    test = dataclasses.replace(result.instance.test, level=level)
    result = dataclasses.replace(
        result, instance=dataclasses.replace(result.instance, test=test), duration_us=ms * 1000
    )
    assert slow(result) is marked
    assert slowest(run)[0].instance.id == "flush.unmap@rocker"


def test_the_time_of_each_class_is_printed(runner: Runner) -> None:
    classes = [line for line in runner().stdout.splitlines() if line.startswith("classes ")]
    assert len(classes) == 1 and " rocker " in classes[0] and classes[0].endswith(" s")


def test_at_most_ten_slowest_are_printed(runner: Runner) -> None:
    lines = runner().stdout.splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("slowest "))
    named = [line.split()[-1] for line in lines[begin : begin + 5]]
    assert sorted(named) == sorted(instance.id for instance in CATALOGUE.instances)


def test_results_with_a_crash_come_back_whole(tmp_path: Path) -> None:
    run = a_run(problems=["the run broke off"])
    frame = Frame(0x10, "fn", "host/a.c:42", CODE)
    run.crashes = [Crash("host", 1, "flush.unmap@rocker", "exception 14", ["regs: rax=0x1"], [frame, Frame(0x20)])]
    of(run, "flush.unmap@rocker").crash = ["trap: vector=14", "frame: rip=0x10 offset=0x10"]
    of(run, "flush.unmap@rocker").frames = [frame]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(document(run)))
    assert document(load(path)) == document(run)
    for name, text in all_formats(run, tmp_path).items():
        if name != "json":
            assert all(line.strip() in text for _, line in CODE), name


def test_results_of_an_older_runner_are_read(tmp_path: Path) -> None:
    found = document(a_run())
    for key in ("crashes", "covered", "counts", "slow_ms"):
        del found[key]
    for entry in found["tests"]:
        for key in ("devices", "story", "slow"):
            del entry[key]
        for frame in entry["frames"]:
            del frame["code"]
    for entry in found["requirements"]:
        del entry["state"], entry["reason"]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(found))
    assert document(load(path))["covered"]["not-covered"] > 0


def test_levels_of_verbosity_are_compared() -> None:
    same = {"a": {"x": "pass", "problems": ""}, "b": {"x": "pass", "problems": ""}}
    assert levels.differences(same) == []
    other = {"a": {"x": "pass"}, "b": {"x": "fail"}, "c": {}}
    assert levels.differences(other) == ["x: pass with a, fail with b, missing with c"]


def test_levels_between_the_ends_run_a_part() -> None:
    end = {"g.x": "pass", "g.y": "pass", "R-1": "pass"}
    found = {"quiet": end, "plain": {"g.y": "pass", "R-1": "untested"}, "verbose": {"g.x": "pass"}, "most": end}
    assert levels.compared(found) == []
    found["plain"]["g.y"] = "fail"
    found["most"] = {**end, "R-1": "fail"}
    assert levels.compared(found) == ["R-1: pass with quiet, fail with most", "g.y: pass with quiet, fail with plain"]
    assert set(levels.PARTS) < set(levels.LEVELS) and levels.LEAST not in levels.PARTS


def test_the_least_end_has_tests_that_the_other_has_not() -> None:
    """Those of tier stress. A verdict that they alone decide is not compared; all others are there on both sides."""
    tests = [
        {"id": "g.x@rocker", "tier": "quick", "verdict": "pass"},
        {"id": "g.y@rocker", "tier": "stress", "verdict": "fail"},
        {"id": "g.z", "tier": "default", "verdict": "pass"},
    ]
    asked = [
        {"id": "R-1", "tests": ["g.x"], "verdict": "pass"},
        {"id": "R-2", "tests": ["g.x", "g.y"], "verdict": "fail"},
    ]
    run = {"exit_code": 0, "problems": []}
    least = levels.verdicts({"tests": tests, "requirements": asked, **run})
    assert least == {"g.x@rocker": "pass", "g.z": "pass", "R-1": "pass", "exit code": "0", "problems": ""}
    asked[1]["verdict"] = "pass"
    most = levels.verdicts({"tests": [tests[0], tests[2]], "requirements": asked, **run})
    assert levels.compared({"quiet": least, "most": most}) == []
    del most["g.z"]
    assert levels.compared({"quiet": least, "most": most}) == ["g.z: pass with quiet, missing with most"]
    most["g.z"], most["g.w"] = "pass", "pass"
    assert levels.compared({"quiet": least, "most": most}) == ["g.w: missing with quiet, pass with most"]


def test_levels_need_the_results_of_the_least(tmp_path: Path) -> None:
    assert levels.run(tmp_path / "levels", tmp_path) == (0, [f"level quiet left no results in {tmp_path}"])


def test_verbosity_changes_no_verdict(runner: Runner, tmp_path: Path) -> None:
    found = {}
    for level, options in levels.LEVELS.items():
        runner("--defect", "no-flush", *options)
        path = tmp_path / "results" / "latest" / "results.json"
        found[level] = levels.verdicts(json.loads(path.read_text()))
    assert levels.differences(found) == [] and "fail" in found["quiet"].values()


def broken_off() -> Run:
    """It ended in the first test; nothing is known of the others."""
    run = a_run(problems=["the run broke off: the guest hung"])
    for place, result in enumerate(run.results):
        reason = "did not run: the guest hung" if place else "was running when the guest hung"
        run.results[place] = TestResult(result.instance, Verdict.ERROR, reason)
    return run


def test_rows_do_not_contradict_the_verdict_of_a_run_that_broke_off(tmp_path: Path) -> None:
    run = broken_off()
    entries = {entry.requirement.id: entry for entry in coverage(run)}
    first = run.results[0].instance.test.requirements[0]
    assert (entries[first].state, entries["FL-1"].state, entries["FL-1"].verdict) == ("covered", "not-run", "error")
    assert entries["FL-1"].reason == "did not run: the guest hung"
    assert document(run)["ran"] == {"instances": 1, "dma": 0, "text": ran_sentence(run)}
    out = io.StringIO()
    terminal = Terminal(plain=True)
    terminal.console = Console(file=out, width=400)
    summary.show(run, terminal, tmp_path, False)
    lines = out.getvalue().splitlines()
    assert "ran           1 of 5 instances ran, 0 of 3 tests that move data" in lines
    assert f"requirements  1 of {len(KNOWN)} covered (1 error)" in out.getvalue()
    texts = all_formats(run, tmp_path)
    assert "1 of 5 instances ran, 0 of 3 tests that move data" in texts["markdown"]
    assert "1 of 5 instances ran, 0 of 3 tests that move data" in texts["html"]
    assert "<li>4 instances did not run</li>" in texts["html"]
    assert "| FL-1 | not-run | error | did not run: the guest hung |" in texts["markdown"]
    assert "FL-1" in texts["html"] and "outside of the selection: did not" not in texts["html"]


def test_what_was_skipped_did_not_run() -> None:
    assert ran(a_run()) == {"instances": 4, "dma": 2}


def test_a_baseline_knows_no_failure_of_what_did_not_run() -> None:
    run = broken_off()
    assert [run.results[0].instance.id] == re.findall(r'^test = "(.*)"$', baseline.write(run), re.MULTILINE)
