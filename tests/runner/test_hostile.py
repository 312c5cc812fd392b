# SPDX-License-Identifier: MIT
"""Bytes that readers of our files refuse, and that a terminal must never see, for any guest and any file."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import images
import pytest
import yaml
from conftest import Runner
from pvtest.clean import cleaned, printable
from pvtest.images import catalogue, requirements
from pvtest.images.catalogue import Defect
from pvtest.report import markdown, tap_junit
from pvtest.stream.model import Boot, Crash, Finding, Frame, Gate, Run, TestResult, Verdict
from pvtest.stream.trials import Trials
from tap.line import Result as TapResult
from tap.parser import Parser as TapReader

CATALOGUE = catalogue.parse_tests(images.catalogue_section())
KNOWN = requirements.load()
ODD = (
    "a\x01b\x0bc\x1bd\x7f \x80\x85\x9f \xa0 \u2028\u2029\ufeff\ufffe \r\n\ttab"
    " \"quoted\" \\ back #hash: - [x] {y} \U0001f600 'q'"
)
# A part of a stream that a host sent which means no good.
STREAM = r"""TAP version 14
1..2
# pvtest: version=9.9 seed=1 tsc_hz=1000 clock=tsc
# host: name=ESC]0;pwnBELrefhost version=8.8 defect=none variant=none
not ok 1 - cap.page_sizes
  ---
  verdict: "fail"
  message: "\x1b]0;pwn\x07\x1b[31mRED\x9b1m [bold red]rich[/] <script>\x0d"
  step1: "\x1b[2J\x08gone"
  duration_us: 812
  ...
ok 2 - tr.leaf_4k@rocker # SKIP ESC[31mno reason
  ---
  observation: "\x1bPdevice\x1b\\ status"
  duration_us: 812
  ...
# end: planned=2 pass=0 fail=1 error=0 skip=1 duration_us=99
"""
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e]")


def test_nothing_of_a_guest_reaches_an_output_uncleaned(runner: Runner, tmp_path: Path) -> None:
    path = tmp_path / "com1.log"
    path.write_bytes(STREAM.encode().replace(b"ESC", b"\x1b").replace(b"BEL", b"\x07"))
    done = runner("import", str(path), "--verbose")
    assert done.returncode == 1 and "RED1m [bold red]rich" in done.stdout
    assert not CONTROL.search(done.stdout + done.stderr)
    folder = tmp_path / "results" / "latest"
    for name in ("results.json", "results.tap", "results.md", "report.html", "junit.xml", "profile.json"):
        text = (folder / name).read_text()
        texts = json.dumps(json.loads(text), ensure_ascii=False) if name.endswith("json") else text
        assert not CONTROL.search(texts) and "\\u001b" not in texts and "pwn" not in texts, name


def test_nothing_of_a_file_reaches_an_output_uncleaned(runner: Runner, tmp_path: Path) -> None:
    assert runner("--shard", "1/1", "--fixture", "fail").returncode == 1
    found = (tmp_path / "results" / "latest" / "results.json").read_text()
    path = tmp_path / "shard.json"
    path.write_text(found.replace("made to fail", "\\u001b]0;pwn\\u0007made\\u009b31m \\u202eto fail"))
    done = runner("merge", str(path))
    assert done.returncode == 1 and not CONTROL.search(done.stdout) and "pwn" not in done.stdout
    known = tmp_path / "known.toml"
    head = 'format = "pvtest-baseline"\nformat_version = 1\n'
    known.write_text(f'{head}[[known]]\ntest = "tr.*"\nreason = "\\u001b[31mred\\u0007"\n')
    done = runner("--fixture", "fail", "--baseline", str(known))
    assert "red" in done.stdout and not CONTROL.search(done.stdout)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;http://a\x1b\\link", "link"),
        ("\x9b31mred", "31mred"),
        ("a\u202eb\u2028c", "abc"),
        ("tab\tline\n", "tab\tline\n"),
        ("ünï \U0001f600", "ünï \U0001f600"),
        ("ze\u200bro\u2060 \U000e0041seen\u00ad", "zero seen"),
    ],
)
def test_printable(text: str, clean: str) -> None:
    assert printable(text) == clean
    assert cleaned({"\x07key": [text, 1, None]}) == {"key": [clean, 1, None]}


def odd_run(text: str, count: int = 1) -> Run:
    results = []
    for instance in CATALOGUE.instances * count:
        result = TestResult(instance, Verdict.FAIL, text, expected=text, actual=text, observation=text)
        result.details = {"step1": text, "fault1": text}
        results.append(result)
    results[0].verdict = Verdict.SKIP
    gate = Gate(findings=[Finding("vanished", text, text)])
    nothing: dict[str, list[str]] = {"failing": [], "errors": [], "problems": []}
    return Run(
        CATALOGUE,
        KNOWN,
        [result.instance for result in results],
        results,
        [text],
        versions={"qemu": "1", "firmware": "f", "host": text, "guest": "1"},
        gate=gate,
        trials=Trials("defects", ({"defect": text, "title": text, "verdict": "missed", **nothing},)),
    )


def test_tap_is_read_by_two_parsers(tmp_path: Path) -> None:
    run = odd_run(ODD)
    text = tap_junit.tap(run)
    path = tmp_path / "results.tap"
    path.write_text(text, encoding="utf-8")
    # Whatever a reader takes for the end of a line, there are the same lines.
    assert text.splitlines() == text.removesuffix("\n").split("\n")
    wanted = len(run.results) + 2
    assert len([line for line in TapReader().parse_file(str(path)) if isinstance(line, TapResult)]) == wanted
    blocks = re.findall(r"(?ms)^  ---\n(.*?)^  \.\.\.$", text)
    assert len(blocks) == wanted
    read = [yaml.safe_load(block) for block in blocks]
    assert read[1]["message"] == read[1]["expected"] == read[1]["step1"] == ODD


# Attributes that the schema of Jenkins' plug-in for xUnit allows for the elements that we use.
ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "disabled", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp", "hostname", "id",
                  "package", "file", "log", "url", "version"},
    "properties": set(),
    "property": {"name", "value"},
    "testcase": {"name", "time", "classname", "group"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"type", "message"},
}  # fmt: skip
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase", "testsuite", "system-out", "system-err"},
    "properties": {"property"},
    "testcase": {"skipped", "error", "failure", "system-out", "system-err"},
}


def test_junit_keeps_the_schema(tmp_path: Path) -> None:
    run = odd_run(ODD)
    for number, result in enumerate(run.results):
        result.duration_us = (0, 96, 1, 10**9, 7)[number]
    tap_junit.junit(run, tmp_path / "junit.xml")
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert root.tag == "testsuites"
    times = []
    for element in root.iter():
        assert set(element.attrib) <= ATTRIBUTES[element.tag], element.tag
        assert {child.tag for child in element} <= CHILDREN.get(element.tag, set())
        times += [element.get("time")] if "time" in element.attrib else []
        for name in ("tests", "failures", "errors", "skipped"):
            assert re.fullmatch(r"\d+", element.get(name, "0"))
    assert "0.000096" in times and "1000.000000" in times
    assert all(re.fullmatch(r"[0-9]+\.[0-9]+", str(time)) for time in times)


LONG_TEXTS = {"short": "x", "words": "word " * 2000, "fence": "`" * 4000, "signs": "<&|\\" * 1000}


@pytest.mark.parametrize("text", LONG_TEXTS.values(), ids=LONG_TEXTS)
@pytest.mark.parametrize("count", [1, 300])
def test_a_comment_never_becomes_too_long(text: str, count: int) -> None:
    run = odd_run(text, count)
    run.problems = [text] * count
    run.gate.findings = [Finding("vanished", f"{text}{number}", text) for number in range(count)]
    run.gate.excused = {"flush.unmap@rocker": text, "tr.leaf_4k@rocker": text}
    run.crashes = [Crash("host", 1, text, text, [text] * 10, [Frame(1, text, text, [(1, text)])])] * count
    run.boots = [Boot(1)] * count
    run.defects = [Defect(text, (), "")] * count
    run.host = {"name": text}
    page = markdown.render(run)
    assert len(page) < 60_000 and page.startswith("## 💥 pvIOMMU conformance: error")
    if count > 1 and len(text) > 1:
        assert "more known failures, see results.json" in page and "more findings, see results.json" in page


def test_a_usual_comment_leaves_nothing_out(runner: Runner, tmp_path: Path) -> None:
    runner("--fixture", "fail")
    assert "see results.json" not in (tmp_path / "results" / "latest" / "results.md").read_text()
