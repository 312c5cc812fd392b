# SPDX-License-Identifier: MIT
"""Failures that need others before them: the search for the fewest, and the commands for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import Runner, latest, pvtest_call
from hypothesis import given
from hypothesis import strategies as st
from pvtest.gate.reduce import Case, sentence
from pvtest.plan.reduce import Reduced, reduce
from pvtest.report import reproduce
from pvtest.report.failures import blocks
from pvtest.report.folder import ResultsFolder
from pvtest.report.json_reader import load
from pvtest.stream.model import Boot, Run, Verdict
from test_telling import a_run, of

ID = "flush.unmap@rocker"
NAMES = [f"t{number}" for number in range(40)]


@given(st.sets(st.sampled_from(NAMES), max_size=4), st.integers(0, 400))
def test_what_is_needed_is_found(needed: set[str], most: int) -> None:
    """It fails after all of `needed`; whatever the number of runs, what is told fails."""
    runs = 0

    def shows(before: Sequence[str]) -> bool:
        nonlocal runs
        runs += 1
        assert list(before) == [name for name in NAMES if name in set(before)], "in the order of the run"
        return needed <= set(before)

    found = reduce(NAMES, shows, most)
    assert runs <= most
    if found.whole:
        assert set(found.before) == needed and found.shown
    if found.shown:
        assert needed <= set(found.before)
    assert found.whole or most < 100, "few runs are enough for a few tests"


def test_one_culprit_takes_few_runs() -> None:
    for culprit in NAMES:
        runs: list[int] = []

        def shows(before: Sequence[str], culprit: str = culprit, runs: list[int] = runs) -> bool:
            runs.append(len(before))
            return culprit in before

        assert reduce(NAMES, shows, 15) == Reduced(True, (culprit,), True) and len(runs) <= 9


def test_a_failure_that_does_not_come_back() -> None:
    assert reduce(NAMES, lambda before: False, 9) == Reduced(False, tuple(NAMES), True)
    assert reduce([], lambda before: False, 9) == Reduced(False, (), True)
    assert reduce(NAMES, lambda before: False, 1) == Reduced(False, tuple(NAMES), False)


def a_case(**changes: object) -> Case:
    run = a_run(**changes)
    return Case(run, of(run, ID), ())


def test_the_context_is_what_ran_before_it_on_its_machine() -> None:
    run = a_run()
    names = ("cap.page_sizes", "flush.none@rocker", "flush.unmap@dmaprobe", "tr.leaf_4k@rocker", ID)
    run.results.sort(key=lambda result: names.index(result.instance.id))
    assert of(run, names[1]).verdict is Verdict.SKIP
    case = Case(run, of(run, ID), ())
    assert case.context == [names[0], names[2], names[3]]
    of(run, names[0]).virtual_clock = True
    assert case.context == [names[2], names[3]]
    run.boots = [Boot(1, "the guest hung", names[2])]
    assert case.context == [names[3]]


def test_the_command_has_the_order_where_it_matters() -> None:
    assert a_case().words(["a.b"]) == ["a.b", ID, "--seed", "9", "--defect", "no-flush"]
    assert "--in-order" in a_case(shuffled=True).words(["a.b"]) and "--in-order" not in a_case(shuffled=True).words([])


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Reduced(True, (), True), f"{ID} shows alone"),
        (Reduced(True, ("a.b",), True), f"{ID} does not show alone, and shows after a.b"),
        (Reduced(True, tuple("abcdef"), False), "shows after 6 tests; there were not enough runs to find fewer"),
        (Reduced(False, ("a.b",), True), f"{ID} does not fail again, neither alone nor after the 1 test before it"),
        (Reduced(False, (), True), f"{ID} does not fail again, alone"),
    ],
)
def test_the_outcome_is_told(found: Reduced, words: str) -> None:
    assert sentence(a_case(), found).endswith(words)


def test_a_command_that_was_found_is_kept(tmp_path: Path) -> None:
    run: Run = a_run()
    of(run, ID).details["again"] = "./run.sh a.b flush.unmap@rocker"
    with ResultsFolder(tmp_path) as folder:
        folder.write_run(run)
        where = folder.publish()
    back = load(where)
    assert reproduce.one(back, of(back, ID)) == "./run.sh a.b flush.unmap@rocker"
    rows = [text for name, text in blocks(back)[0].rows(back) if name == "again"]
    assert rows == ["./run.sh a.b flush.unmap@rocker"]


def test_order_of_the_globs(runner: Runner, tmp_path: Path) -> None:
    names = ["tr.leaf_4k@rocker", "cap.page_sizes", "flush.unmap@dmaprobe", "flush.unmap@rocker"]
    done = runner(names[0], names[1], "flush.unmap", "--in-order")
    assert done.returncode == 0 and "shuffled " not in done.stdout
    order = [test["id"] for test in latest(tmp_path)["tests"]]
    assert order == [*names[:2], names[3], names[2]]
    assert runner("--in-order", "--shuffle").returncode == 3


def test_reduce_runs_it_again(runner: Runner, build: Path, tmp_path: Path) -> None:
    assert runner("--defect", "no-flush").returncode == 1
    failed = next(test["id"] for test in latest(tmp_path)["tests"] if test["verdict"] == "fail")
    results = str(tmp_path / "results")
    arguments = ("--qemu", str(Path(__file__).parent / "fake_qemu.sh"))
    done = pvtest_call("reduce", results, failed, *arguments, build=build)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{failed} shows alone" in done.stdout
    assert f"again  ./run.sh {failed} --seed 1 --defect no-flush" in done.stdout
    for name, words in (("cap.page_sizes", "did not fail there"), ("a.b", "is not in these results")):
        wrong = pvtest_call("reduce", results, name, *arguments, build=build)
        assert wrong.returncode == 3 and words in wrong.stderr and "instances failed" in wrong.stderr


def test_confirm_says_what_it_found(runner: Runner, tmp_path: Path) -> None:
    assert runner("--defect", "no-flush", "--confirm").returncode == 1
    failed = [test for test in latest(tmp_path)["tests"] if test["verdict"] == "fail"]
    assert any(test["details"].get("confirmed") == f"{test['id']} shows alone" for test in failed)
