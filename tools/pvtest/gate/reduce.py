# SPDX-License-Identifier: MIT
"""`./run.sh reduce RESULTS ID`, and `--confirm` of a run: does a failure show again alone, or after which tests?"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pvtest import interrupts
from pvtest.counted import counted
from pvtest.errors import EXIT_ERROR, EXIT_OK, RunnerError, UsageError, suggest
from pvtest.machine.guardian import runner, temporary_folder
from pvtest.machine.terminal import Terminal, terminal
from pvtest.plan.reduce import Reduced, reduce
from pvtest.report import reproduce
from pvtest.report.failures import blocks
from pvtest.report.json_reader import load
from pvtest.stream.model import Run, TestResult, Verdict

RUNS = 40  # of reduce, unless --runs says otherwise
RUNS_CONFIRMING = 15  # for each failure
CONFIRMED = 4  # failures that --confirm looks at: those that are told in full
_TICK = 0.1


@dataclass(frozen=True)
class Case:
    """One failure of a run, and the options of the machine that runs it again."""

    run: Run
    result: TestResult
    options: tuple[str, ...]

    @property
    def context(self) -> list[str]:
        """Instances that ran on its machine before it, since that was booted; without those that were skipped."""
        guilty = {boot.guilty for boot in self.run.boots if boot.guilty}
        before: list[str] = []
        for other in self.run.results:
            if other is self.result:
                break
            if other.instance.id in guilty:
                before = []
            elif other.ran and other.virtual_clock == self.result.virtual_clock:
                before.append(other.instance.id)
        return before

    def words(self, before: Sequence[str]) -> list[str]:
        """Of the command that runs these tests before it."""
        order = ["--in-order"] if before and self.run.shuffled else []
        seed = ["--seed", str(self.result.seed)]
        return [*before, self.result.instance.id, *order, *seed, *self.run.flags]

    def same(self, document: dict[str, object]) -> bool:
        """Did it end there as it did before? At the same check, where one decided."""
        tests = document.get("tests")
        for test in tests if isinstance(tests, list) else []:
            if test["id"] == self.result.instance.id:
                told = self.result.where or test["where"]
                return bool(test["verdict"] == self.result.verdict.value and test["where"] == told)
        return False

    def shows(self, before: Sequence[str]) -> bool:
        """Runs it after these, in a machine of its own."""
        with temporary_folder() as path:
            words = ["run", *self.words(before), *self.options, "--plain", "--quiet", "--results", path]
            with (Path(path) / "output.log").open("wb") as log:
                code = _to_its_end(words, log)
            found = Path(path) / "latest" / "results.json"
            if not found.exists():
                said = (Path(path) / "output.log").read_text(encoding="utf-8", errors="replace").strip()
                last = said.splitlines()[-1] if said else f"exit code {code}"
                raise RunnerError(f"a run of {counted(len(before) + 1, 'test')} left no results: {last[:300]}")
            document: dict[str, object] = json.loads(found.read_text(encoding="utf-8"))
        return self.same(document)


def _to_its_end(words: list[str], log: IO[bytes]) -> int:
    """Ends the run when this one is told to end."""
    with runner(words, log) as process:
        while process.poll() is None:
            time.sleep(_TICK)
            if interrupts.caught():
                process.terminate()
                process.wait()
        if interrupts.caught():
            raise KeyboardInterrupt
        return process.returncode


def find(case: Case, most: int, out: Terminal) -> Reduced:
    """With a progress bar."""
    name, done = case.result.instance.id, 0
    with out.progress(most, f"Running {name} alone, then after some of {counted(len(case.context), 'test')}") as bar:

        def shows(before: Sequence[str]) -> bool:
            nonlocal done
            bar.set(done, f"{name} after {counted(len(before), 'test')}" if before else f"{name} alone")
            found = case.shows(before)
            done += 1
            if not out.live and not out.quiet:
                out.say(f"  {'shows' if found else 'does not show'} after {counted(len(before), 'test')}", "dim")
            return found

        return reduce(case.context, shows, most)


def sentence(case: Case, found: Reduced) -> str:
    """The outcome in words."""
    name = case.result.instance.id
    if not found.shown:
        tried = f"alone nor after the {counted(len(found.before), 'test')} before it" if found.before else "alone"
        spent = "" if found.whole else "; there were not enough runs to try more"
        return f"{name} does not {case.result.verdict.value} again, {'neither ' if found.before else ''}{tried}{spent}"
    if not found.before:
        return f"{name} shows alone"
    after = ", ".join(found.before) if len(found.before) <= 4 else f"{len(found.before)} tests"
    spent = "" if found.whole else "; there were not enough runs to find fewer"
    return f"{name} does not show alone, and shows after {after}{spent}"


def confirm(run: Run, options: argparse.Namespace, out: Terminal) -> None:
    """Tries the first failures alone. Of those that need others before them `again` gets the command with these."""
    for block in blocks(run)[:CONFIRMED]:
        if block.told.verdict is not Verdict.FAIL:
            continue
        case = Case(run, block.told, _machine(options))
        found = find(case, RUNS_CONFIRMING, out)
        block.told.details["confirmed"] = sentence(case, found)
        if found.shown and found.before:
            block.told.details["again"] = reproduce.words(case.words(found.before))


def _machine(options: argparse.Namespace) -> tuple[str, ...]:
    """Options that say how to run, and not what."""
    words = ["--qemu", options.qemu] if options.qemu else []
    return (*words, *(["--timeout", str(options.timeout)] if options.timeout else []))


def case(options: argparse.Namespace) -> Case:
    """The failure that the command line names."""
    run = load(options.results_of)
    bad = {r.instance.id: r for r in run.results if r.verdict in (Verdict.FAIL, Verdict.ERROR) and not r.idle}
    result = bad.get(options.instance)
    if result is None:
        known = {each.instance.id for each in run.results}
        why = "did not fail there" if options.instance in known else "is not in these results"
        hint = suggest(options.instance, bad)
        raise UsageError(f"{options.results_of}: {options.instance} {why}; {len(bad)} instances failed.{hint}")
    return Case(run, result, _machine(options))


def main(options: argparse.Namespace) -> int:
    """`./run.sh reduce RESULTS ID`"""
    one = case(options)
    run, result = one.run, one.result
    out = terminal(options)
    with interrupts.deferred():
        found = find(one, options.runs, out)
    out.say(sentence(one, found))
    if not found.shown:
        if result.rounds > 1:
            out.say(f"it was round {result.seed - run.seed + 1} of {result.rounds}; all again: {reproduce.whole(run)}")
        return EXIT_ERROR
    out.say(f"again  {reproduce.words(one.words(found.before))}")
    return EXIT_OK
