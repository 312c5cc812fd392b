# SPDX-License-Identifier: MIT
"""The order in which failures are told: the first report is to be of the smallest test that nails what is broken.

recorded/failures.json has the failures of whole runs under defects of the reference host, in the order of the runs: id,
requirements, those of a set-up, those beside the test, and the number of steps of each. In that order the first one
names a requirement of the defect in 16 of 22 runs.

recorded/mistakes.json has the same of 31 hosts with a mistake whose author had not seen the tests, and how many
instances of each requirement passed there. By the number of failures alone the first one was right in 22.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from conftest import ROOT
from pvtest.images import requirements
from pvtest.images.catalogue import Catalogue, Instance, Test
from pvtest.report import failures
from pvtest.stream.coverage import broken, nailed
from pvtest.stream.model import Run, TestResult, Verdict

FOLDER = Path(__file__).parent / "recorded"
RECORDED, MISTAKES = (
    json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")) for name in ("failures", "mistakes")
)
KNOWN = requirements.load()
Row = tuple[str, str, str, str, int]


def a_run(rows: list[Row], passing: Mapping[str, int] | None = None) -> Run:
    tests: dict[str, Test] = {}
    results = []
    for name, needed, setup, beside, steps in rows:
        base, _, device = name.partition("@")
        test = tests.setdefault(
            base, Test(base, base.split(".")[0], "", tuple(needed.split()), (device,), (), "test", "tests/a.c:1")
        )
        details = {f"step{steps}": "the last one"} if steps else {}
        details |= {key: text for key, text in (("requirement", setup), ("beside", beside)) if text}
        result = TestResult(Instance(test, device or None), Verdict.FAIL, "it did not hold", details=details)
        results.append(result)
    for name, times in (passing or {}).items():
        good = Test(f"passing.{name}", "passing", "", (name,), (), (), "test", "a.c:1")
        results += [TestResult(Instance(good, None), Verdict.PASS, "")] * times
    selected = [result.instance for result in results]
    return Run(Catalogue(tuple(tests.values()), "9.9"), KNOWN, selected, results, [])


def names_one(run: Run, wanted: list[str]) -> bool:
    """Does the first report name a requirement that the defect breaks?"""
    first = failures.blocks(run)[0].told
    return bool({KNOWN[name].id for name in nailed(run, first)} & {KNOWN[name].id for name in wanted})


def test_the_first_report_names_what_is_broken() -> None:
    good = {entry["defect"]: names_one(a_run(entry["failing"]), entry["requirements"]) for entry in RECORDED}
    wrong = [name for name, found in good.items() if not found]
    assert len(RECORDED) == 22 and len(wrong) <= 3, wrong


def test_mistakes_of_others_are_named() -> None:
    good = {
        entry["host"]: names_one(a_run(entry["failing"], entry["passing"]), entry["requirements"]) for entry in MISTAKES
    }
    wrong = [host for host, found in good.items() if not found]
    assert len(MISTAKES) == 31 and len(wrong) <= 5, wrong


def test_long_tests_come_after_others() -> None:
    run = a_run(rows(("a.a", "FL-1", "", "", 101), ("a.b", "FL-1 FL-2 FL-3", "", "", 100)))
    assert [block.name for block in failures.blocks(run)] == ["a.b", "a.a"]


def test_a_requirement_of_which_all_fails_comes_first() -> None:
    found = rows(("a.a", "TR-1", "", "", 1), ("a.b", "TR-1", "", "", 2), ("a.c", "LS-4", "", "", 9))
    assert failures.blocks(a_run(found))[0].name == "a.a"
    assert failures.blocks(a_run(found, {"TR-1": 200}))[0].name == "a.c"


def rows(*changes: tuple[str, str, str, str, int]) -> list[Row]:
    return list(changes)


@pytest.mark.parametrize(
    ("found", "first"),
    [
        (rows(("a.a", "FL-1 FL-2", "", "", 2), ("a.b", "FL-2", "", "", 9)), "a.b"),  # fewer requirements
        (rows(("a.a", "FL-1", "", "", 9), ("a.b", "FL-1", "", "", 2)), "a.b"),  # fewer steps
        (rows(("a.a", "TR-1", "", "", 2), ("a.b", "FL-1", "", "", 9), ("a.c", "FL-1 TR-2", "", "", 9)), "a.b"),
        (rows(("a.a", "FL-1 FL-2", "", "", 2), ("a.b", "GEN-1 GEN-2", "ATT-1", "", 9)), "a.b"),  # of a set-up
        (rows(("a.a", "FL-1 FL-2", "", "", 2), ("a.b", "GEN-1 GEN-2", "", "ISO-2", 9)), "a.b"),  # of a bystander
        (rows(("a.a", "FL-1", "", "", 2), ("a.b", "FL-1", "", "", 2)), "a.a"),  # the order of the run
    ],
)
def test_small_comes_first(found: list[Row], first: str) -> None:
    run = a_run(found)
    assert failures.blocks(run)[0].name == first
    assert sorted(block.name for block in failures.blocks(run)) == sorted(row[0] for row in found)


def test_what_broke_comes_after_what_failed() -> None:
    run = a_run(rows(("a.a", "FL-1", "", "", 1), ("a.b", "FL-1 FL-2", "", "", 9)))
    run.results[0].verdict = Verdict.ERROR
    assert [block.name for block in failures.blocks(run)] == ["a.b", "a.a"]


def test_a_bystander_adds_its_requirement() -> None:
    run = a_run(rows(("a.a", "GEN-1 GEN-2", "", "ISO-2", 1)))
    assert broken(run, run.results[0]) == ("ISO-2", "GEN-1", "GEN-2") and nailed(run, run.results[0]) == ("ISO-2",)
    assert dict(failures.blocks(run)[0].rows(run))["beside"].startswith("the promise to others failed")


def test_requirements_beside_a_test_are_known() -> None:
    for path in (ROOT / "tests").glob("*/*.c"):
        for part in path.read_text(encoding="utf-8").split('test_beside(t, "')[1:]:
            assert all(name in KNOWN for name in part.split('"')[0].split()), path
