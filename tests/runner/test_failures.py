# SPDX-License-Identifier: MIT
"""Failures by test: one block for each, what they have in common, and what the bytes are."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Callable

import images
import pytest
from conftest import ROOT, true_to
from pvtest.images import catalogue, requirements
from pvtest.images.catalogue import CLASSES as CLASSES_OF_THE_SUITE
from pvtest.report import failures, html, json_writer, markdown, summary
from pvtest.report.telling import BYTES, bytes_text
from pvtest.stream.model import Gate, Run, TestResult, Verdict
from rich.console import Console
from test_formats import Page

CLASSES = "rocker,edu,dmaprobe,dmaprobe+ats"
TESTS = tuple((f"attach.move_{n:02}", "ATT-4 TR-1" if n % 3 else "ATT-4", CLASSES, "dma", "test") for n in range(60))
CATALOGUE = catalogue.parse_tests(images.catalogue_section((*TESTS, ("cap.page_sizes", "CAP-1", "-", "-", "test"))))
KNOWN = requirements.load()
STEPS = {f"step{n}": f"map IOVA {n:#x}: OK" for n in range(1, 20)}
STEPS |= {"step20": "attach device 0x8 to domain 0x2: SUCCESS", "step21": "device 0x8 tries to write 8 bytes"}


def a_run(fails: Callable[[TestResult], bool], **changes: object) -> Run:
    """Instances that fail do so like those of a host that forgets a flush."""
    results = []
    for instance in CATALOGUE.instances:
        result = TestResult(instance, Verdict.PASS)
        if fails(result):
            result.verdict, result.reason = Verdict.FAIL, f"place {len(results)}: memory changed"
            result.expected, result.actual, result.details = "0xa7", "0x96 at GPA 0x1000", STEPS
        results.append(result)
    run = Run(CATALOGUE, KNOWN, CATALOGUE.instances, results, [], host={"name": "refhost"})
    run.versions = {"qemu": "1", "firmware": "f", "host": "1", "guest": "1"}
    run.started = "2026-01-01T00:00:00+00:00"
    run.flags = ["--defect", "lazy"]
    return dataclasses.replace(run, **changes)  # type: ignore[arg-type]


def behind_vtd(result: TestResult) -> bool:
    return result.instance.device in ("rocker", "edu")


def printed(run: Run) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=1000)
    for part in summary.failures(run):
        console.print(part, soft_wrap=True)
    return out.getvalue().splitlines()


def test_what_failures_have_in_common_comes_first() -> None:
    run = a_run(behind_vtd)
    told = dict(failures.common(run))
    assert told["failures"] == "120 instances of 60 tests"
    where = "all on rocker and edu, none on dmaprobe and dmaprobe+ats, where 120 of the same tests pass"
    assert told["classes"] == f"{where}: one unit, VT-d"
    assert told["breaks"] == "120 of 120: ATT-4, with 120 that pass; 80 of 120: TR-1, with 80 that pass"
    assert told["ATT-4"].startswith(" ".join(KNOWN["ATT-4"].text.split()))
    assert told["messages"] == "120 of 120: memory changed" and told["last call"] == "120 of 120: attach"
    lines = printed(run)
    assert lines[0] == "In common" and lines[1].split()[:2] == ["failures", "120"]
    page = Page(html.render(json_writer.document(run), KNOWN.groups)).text
    assert page.index("one unit, VT-d") < page.index("attach.move_00")
    assert markdown.render(run).index("one unit, VT-d") < markdown.render(run).index("attach.move")


@pytest.mark.parametrize(
    ("fails", "changes", "words"),
    [
        (lambda result: result.instance.device == "dmaprobe", {}, "all on dmaprobe, none on rocker, edu and"),
        (lambda result: str(result.instance.device).startswith("dmaprobe"), {}, "one unit, the software IOMMU"),
        (lambda r: r.instance.device not in (None, "edu"), {}, "none on edu, where 60 of the same tests pass"),
        (lambda result: result.instance.device, {}, "rocker 60, edu 60, dmaprobe 60, dmaprobe+ats 60"),
    ],
)
def test_classes_are_told_by_what_ran_on_them(fails: Callable[[TestResult], bool], changes: dict, words: str) -> None:
    assert words in dict(failures.common(a_run(fails, **changes)))["classes"]


def test_tests_without_a_device_hide_no_unit() -> None:
    run = a_run(lambda result: behind_vtd(result) or result.instance.device is None)
    assert dict(failures.common(run))["classes"].endswith("tests pass: one unit, VT-d; 1 on no device")


def test_a_message_is_told_whole_where_a_colon_is_in_brackets() -> None:
    run = a_run(behind_vtd)
    for result in run.results:
        result.reason = result.reason and "round 3: landed in the set 0x8 (bits: none)"
    assert dict(failures.common(run))["messages"] == "120 of 120: landed in the set 0x8 (bits: none)"


def test_nothing_is_concluded_without_grounds() -> None:
    """Of units of a host that is not ours nothing is known, and one failure has nothing in common with others."""
    assert dict(failures.common(a_run(behind_vtd, host={"name": "other"})))["classes"].endswith("tests pass")
    across = dict(failures.common(a_run(lambda result: result.instance.device in ("edu", "dmaprobe"))))
    assert "unit" not in across["classes"]
    assert failures.common(a_run(lambda result: result.instance.id == "attach.move_03@edu")) == []
    assert failures.common(a_run(lambda result: False)) == []


def test_one_block_for_each_test() -> None:
    run = a_run(lambda result: result.instance.id.endswith(("_01@rocker", "_01@edu", "_02@dmaprobe")))
    run.results[4].reason = "in another way"  # attach.move_01@rocker
    run.results[6].verdict, run.results[6].reason = Verdict.SKIP, "no such thing"  # attach.move_01@dmaprobe
    first, second = failures.blocks(run)[:2]
    assert (first.name, first.classes, first.passing, first.skipped) == (
        "attach.move_01", ("rocker", "edu"), ("dmaprobe+ats",), ("dmaprobe",)
    )  # fmt: skip
    assert (second.name, second.classes) == ("attach.move_02@dmaprobe", ("dmaprobe",))
    rows = first.rows(run)
    assert ("fails on", "rocker, edu; rocker is told here") in rows and ("skips on", "dmaprobe") in rows
    assert ("edu", "fail: place 5: memory changed") in rows
    again = [text.split()[1] for name, text in rows if name == "again"]
    assert again == ["attach.move_01@rocker", "attach.move_01@edu"]
    assert ("passes on", "rocker, edu, dmaprobe+ats") in second.rows(run)


def test_what_did_not_run_or_is_excused_is_no_failure() -> None:
    run = a_run(behind_vtd)
    run.results[0].verdict, run.results[0].reason = Verdict.ERROR, "did not run: the guest hung"
    run.gate = Gate(excused={"attach.move_00@edu": "bug 7"})
    assert "attach.move_00" not in " ".join(block.name for block in failures.blocks(run))
    assert [block.name for block in failures.blocks(run, excused=True)] == ["attach.move_00@edu"]
    assert dict(failures.common(run))["failures"] == "118 instances of 59 tests"
    true_to("results", json_writer.document(run))


def test_many_failures_are_few_lines() -> None:
    """The first are told in full, the others in a line, and what is left out is said."""
    lines = printed(a_run(behind_vtd))
    assert len(lines) < 170
    heads = [line.split()[1] for line in lines if line.startswith("FAIL ")]
    small, large = ([n for n in range(60) if bool(n % 3) is more] for more in (False, True))
    order = [f"attach.move_{n:02}" for n in [*small, *large]]  # tests of one requirement come first
    assert heads == order[: summary.FULL + summary.LINES]
    assert f"      ... and {60 - len(heads)} more tests, see report.html" in lines
    assert sum("the first 11 of these are in report.html" in line for line in lines) == summary.FULL
    text = KNOWN["ATT-4"].text.split("\n")[0]
    assert sum(text in line for line in lines) == 1, "the text of a requirement is told once"
    assert "      again     of these: ./run.sh TEST --seed 1 --defect lazy" in lines


def test_a_single_failure_is_told_in_full() -> None:
    lines = printed(a_run(lambda result: result.instance.id == "attach.move_03@edu"))
    assert "      step1     map IOVA 0x1: OK" in lines and KNOWN["ATT-4"].text.split("\n")[0] in "\n".join(lines)


def test_the_index_leads_to_every_failure() -> None:
    run = a_run(behind_vtd)
    text = html.render(json_writer.document(run), KNOWN.groups)
    anchors = re.findall(r'<details class="card failure" id="([^"]+)"', text)
    assert len(set(anchors)) == len(anchors) == 60
    index = text[text.index('<nav class="card index"') :].split("</nav>")[0]
    assert re.findall(r'href="#([^"]+)"', index) == anchors
    assert text.count(f'<a href="#{anchors[1]}">attach.move_03@') == 2, "rows of the table lead there, too"
    for target in re.findall(r'href="#([^"]+)"', text):
        assert f'id="{target}"' in text


@pytest.mark.parametrize(
    ("expected", "actual", "words"),
    [
        ("0xa7", "0x96 at GPA 0x1000", ["0xa7 is what the suite fills", "0x96 is what rocker, edu, nvme and ioat"]),
        ("0xd3", "0xa7 at GPA 0x1000", ["0xd3 is what dmaprobe writes", "nothing wrote there"]),
        ("0x11", "0x5c at GPA 0x1000", ["0x5c is what"]),
        ("0xa7", "0xa7", []),
        ("0x961", "0xa71 at GPA 0x1000", []),
    ],
)
def test_bytes_are_explained(expected: str, actual: str, words: list[str]) -> None:
    text = bytes_text(("dma",), expected, actual)
    assert all(word in text for word in words) and bool(text) == bool(words)
    assert bytes_text(("bad-input",), expected, actual) == ""


def test_bytes_are_those_of_the_sources() -> None:
    """Without 0: a driver that can only fill with zeros writes what is in many places."""
    memory = (ROOT / "kernel" / "memory.h").read_text()
    found = {int(value, 16) for value in re.findall(r"#define POISON_\w+\s+0x(\w\w)\b", memory)}
    classes = set()
    for path in (ROOT / "drivers").glob("dma_*.c"):
        text = path.read_text()
        for value in re.findall(r"#define (?:\w+_)?FILL_VALUE\s+0x(\w\w)\b", text):
            (name,) = set(re.findall(r'\.name = "(\w+)', text)) or {"dmaprobe"}
            assert re.search(rf"\b{name}\b", BYTES[int(value, 16)]), path.name
            found.add(int(value, 16))
            classes.add(name)
    assert found == set(BYTES)
    assert classes == {name.partition("+")[0] for name in CLASSES_OF_THE_SUITE}
