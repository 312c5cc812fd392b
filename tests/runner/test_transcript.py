# SPDX-License-Identifier: MIT
"""Transcripts: from the lines of the guest to a file that can be replayed, and its reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Runner, pvtest_call
from pvtest import paths
from pvtest.errors import UsageError
from pvtest.report import transcript
from pvtest.report.folder import ResultsFolder
from pvtest.stream.model import Run
from pvtest.stream.tap import MAX_TRANSCRIPT_LINES, TapParser
from saved_machine import SavedMachine
from test_boots import boot
from test_telling import a_run, of

ID = "flush.unmap@rocker"
LINES = (
    "table gpa=0x1000 level=4 domain=0x1 more=0 entries=0:0x2027,7:0x3027",
    "table gpa=0x1000 level=4 domain=0x1 more=1 entries=511:0x4027",
    "table gpa=0x2000 level=3 domain=0x1 more=0 entries=",
    "call n=1 processor=first control=0xb1 rdx=0x9000 r8=0x0",
    "in n=1 at=0 bytes=ff00",
    "in n=1 at=192 bytes=01",
    "result n=1 rax=0x0",
    "dma device=0x8 what=write iova=0x4000 length=12",
    "call n=2 processor=first control=0x100c4 rdx=0xffff r8=0x8",
    "xmm n=2 at=0 bytes=00",
    "call n=3 processor=other control=0x125 rdx=0x9000 r8=0xa000",
    "result n=2 exception=6",
    "result n=3 rax=0x5",
    "out n=3 at=0 bytes=2a",
    "call n=4 processor=first control=0x1 rdx=0x0 r8=0x0",
    "end calls=4 left_out=0",
)


def test_events_are_what_the_guest_told() -> None:
    found, counts = transcript.events(LINES)
    assert counts == {"calls": 4, "left_out": 0}
    assert [entry["event"] for entry in found] == ["table", "table", "call", "dma", "call", "call", "call"]
    assert found[0]["entries"] == {"0": "0x2027", "7": "0x3027", "511": "0x4027"} and found[1]["entries"] == {}
    first, dma, second, third, fourth = found[2:]
    assert (first["call"], first["form"], first["input"]) == ("CREATE_DEVICE_DOMAIN", "memory", "ff0001")
    assert first["status"] == "SUCCESS" and "output" not in first
    assert dma == {"event": "dma", "device": "0x8", "what": "write", "iova": "0x4000", "length": 12}
    assert (second["form"], second["exception"], second["xmm"], "rax" in second) == ("registers", 6, "00", False)
    assert (third["processor"], third["status"], third["output"]) == ("other", "INVALID_PARAMETER", "2a")
    assert fourth["call"] == "unknown" and "rax" not in fourth, "it did not return"


@pytest.mark.parametrize(
    "line",
    ["call n=1", "result n=9 rax=0x0", "in n=9 at=0 bytes=00", "table gpa=0x1", "end calls=x left_out=0", "odd", ""],
)
def test_lines_of_no_guest_are_a_problem_of_the_run(tmp_path: Path, line: str) -> None:
    with pytest.raises((KeyError, ValueError, IndexError)):
        transcript.events([line])
    run = with_transcript(line)
    with ResultsFolder(tmp_path) as folder:
        folder.write_run(run)
    assert any(f"the transcript of {ID} is not what it should be" in text for text in run.problems)


def with_transcript(*lines: str) -> Run:
    run = a_run()
    of(run, ID).transcript = list(lines)
    return run


def test_a_failure_gets_a_file_and_says_so(tmp_path: Path) -> None:
    run = with_transcript(*LINES)
    with ResultsFolder(tmp_path) as folder:
        folder.write_run(run)
        where = folder.publish()
    path = where / "transcripts" / f"{ID}.jsonl"
    head, *rest = [json.loads(line) for line in path.read_text().splitlines()]
    assert (head["test"], head["verdict"], head["calls"], head["left_out"]) == (ID, "fail", 4, 0)
    assert rest == transcript.events(LINES)[0]
    found = json.loads((where / "results.json").read_text())
    (test,) = [test for test in found["tests"] if test["id"] == ID]
    assert test["details"]["transcript"] == f"./run.sh transcript {path.resolve()}"
    assert str(path.resolve()) in (where / "report.html").read_text()
    done = pvtest_call("transcript", str(path))
    assert done.returncode == 0
    for words in (
        f"{ID}: fail: a byte changed",
        "   1  CREATE_DEVICE_DOMAIN in memory: SUCCESS",
        "input   +0x000  ff 00 01",
        "from another processor: INVALID_PARAMETER",
        "DETACH_DEVICE_DOMAIN in registers: exception 6",
        "unknown in memory: did not return",
        "DMA of device 0x8: write 12 bytes at 0x4000",
        "511  0x4027",
    ):
        assert words in done.stdout, words
    assert "cut short" not in done.stdout


def test_a_transcript_that_was_cut_says_so(tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl"
    path.write_text(transcript.write(with_transcript("end calls=9 left_out=7"), of(with_transcript(*LINES[:1]), ID)))
    head = json.loads(path.read_text().splitlines()[0])
    path.write_text(json.dumps(head | {"left_out": 7}) + "\n")
    assert list(transcript.show(path))[1] == "cut short: 7 events after the last of these are not in it"


@pytest.mark.parametrize(
    ("number", "entry", "words"),
    [
        (1, {"format": "pvtest-results"}, "line 1: the format is not pvtest-transcript, version 1"),
        (2, {"event": "odd"}, "line 2: unknown event 'odd'"),
        (2, {"event": "call"}, "line 2: has no 'processor'"),
        (2, {"event": "table", "gpa": "0x1", "level": 1, "domain": "0x1", "entries": 7}, "line 2: "),
        (3, {}, "line 3: has no 'event'"),
        (3, None, "line 3: is no object of JSON"),
        (2, {**transcript.events(LINES)[0][2], "input": "xy"}, "line 2: input is not bytes in hexadecimal"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(tmp_path: Path, number: int, entry: Any, words: str) -> None:
    lines = transcript.write(with_transcript(), of(with_transcript(*LINES), ID)).splitlines()
    lines[number - 1] = "[" if entry is None else json.dumps(entry)
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(lines))
    with pytest.raises(UsageError) as error:
        list(transcript.show(path))
    assert words in str(error.value)


def test_files_that_are_none(tmp_path: Path, runner: Runner) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "odd").write_bytes(b"\xff")
    told = (("empty", "is empty"), ("odd", "not UTF-8"), ("none", "No such file"), ("/dev/zero", "larger than 64 MiB"))
    for name, words in told:
        done = pvtest_call("transcript", str(tmp_path / name))
        assert done.returncode == 3 and words in done.stderr
    assert runner("--transcript").returncode == 0


def test_a_line_ends_where_the_file_says_so(tmp_path: Path) -> None:
    """U+2028 and others end a line for Python alone."""
    line = json.dumps({"message": "a\u2028b\x85"}, ensure_ascii=False)
    (tmp_path / "a.jsonl").write_text(f"{line}\n", encoding="utf-8")
    assert len(list(transcript._read(tmp_path / "a.jsonl"))) == 1


def test_lines_belong_to_the_test_that_follows() -> None:
    tap = TapParser()
    for line in ("TAP version 14", "1..2", "# transcript: call n=1", "not ok 1 - a", "ok 2 - b"):
        tap.feed(line)
    assert [point.transcript for point in tap.points] == [["call n=1"], []] and "transcript" not in tap.facts
    for _ in range(MAX_TRANSCRIPT_LINES + 5):
        tap.feed("# transcript: dma")
    assert len(tap.transcript) == MAX_TRANSCRIPT_LINES - 1, "memory is bounded"


@pytest.mark.boots
@pytest.mark.skipif(not paths.GUEST_IMAGE.exists(), reason="the images are not built")
def test_the_image_tells_calls_tables_and_dmas(saved: SavedMachine, tmp_path: Path) -> None:
    tests = ("flush.unmapped_domain_flush@dmaprobe", "capabilities.same_each_time")
    for name, options in (("on", ["--transcript"]), ("off", [])):
        words = ["run", *tests, "--defect", "flush-domain-ignored", *options]
        code, found, output = boot(tmp_path / name, *words, saved=saved)
        assert code == 1, output
        folder = tmp_path / name / "latest"
        log = (folder / "serial.log").read_text()
        assert ("# transcript: " in log) is (name == "on"), "nothing is told of it where it is off"
        verdicts = {test["id"]: test["verdict"] for test in found["tests"]}
        assert verdicts == {tests[0]: "fail", tests[1]: "pass"}
    (path,) = (tmp_path / "on" / "latest" / "transcripts").iterdir()
    assert path.name == f"{tests[0]}.jsonl" and not (tmp_path / "off" / "latest" / "transcripts").exists()
    head, *events = [json.loads(line) for line in path.read_text().splitlines()]
    calls = [entry for entry in events if entry["event"] == "call"]
    assert head["left_out"] == 0 and head["calls"] == len(calls) and all("status" in call for call in calls)
    names = [call["call"] for call in calls]
    order = [names.index(f"{word}_DEVICE_DOMAIN") for word in ("CREATE", "CONFIGURE", "ATTACH", "FLUSH")]
    assert order == sorted(order)
    configure = next(call for call in calls if call["call"] == "CONFIGURE_DEVICE_DOMAIN")
    root = int.from_bytes(bytes.fromhex(configure["input"])[32:40], "little")
    tables = [entry for entry in events if entry["event"] == "table"]
    assert int(tables[0]["gpa"], 16) == root and {entry["level"] for entry in tables} == {1, 2, 3, 4}
    leaves = [entry["entries"] for entry in tables if entry["level"] == 1]
    assert set(leaves[-1]) < set(leaves[0]), "pages are mapped, and then some are not"
    flush = events.index(next(call for call in calls if call["call"] == "FLUSH_DEVICE_DOMAIN"))
    after = [entry["event"] for entry in events[flush:]]
    assert "dma" in after and any(entry["event"] == "dma" for entry in events[:flush])
