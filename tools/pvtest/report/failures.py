# SPDX-License-Identifier: MIT
"""Failures by test, and what they have in common: a mistake of a host fails many tests on several classes."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pvtest.counted import counted
from pvtest.images.catalogue import CLASSES
from pvtest.plan.devices import FUNCTIONS
from pvtest.report import reproduce
from pvtest.report.telling import requirement_text, rows, steps
from pvtest.stream.coverage import broken, nailed
from pvtest.stream.model import DID_NOT_RUN, Run, TestResult, Verdict

BAD = (Verdict.FAIL, Verdict.ERROR)
NO_DEVICE = "no device"
REFERENCE_HOST = "refhost"
# The units of the reference host, by the classes of their devices.
UNITS = {tuple(name for name in CLASSES if name not in FUNCTIONS): "VT-d", FUNCTIONS: "the software IOMMU"}
LISTED = 3  # requirements, messages, calls
LONG = 100  # steps: such a test is no explanation
WEIGHT = 1.5  # between the number of failures of a requirement (2) and their share (1)
_STATUS = re.compile(r": [A-Z][A-Z_]+$")  # of a step that is a hypercall
_CALL = re.compile(r"[A-Za-z_]+(?: [a-z]+)*?(?= device\b| domain\b| of\b| 0x|[,:])")


def did_not_run(result: TestResult) -> bool:
    """It says nothing of its own, and why it did not run is told once for all of them."""
    return result.idle and result.reason.startswith(DID_NOT_RUN)


def _class(result: TestResult) -> str:
    return result.instance.device or NO_DEVICE


@dataclass(frozen=True)
class Block:
    """All instances of one test, of which at least one failed."""

    failing: tuple[TestResult, ...]  # in the order of the run
    passing: tuple[str, ...]  # classes
    skipped: tuple[str, ...]

    @property
    def told(self) -> TestResult:
        """The instance that is told in full: the first that failed, or without one the first that broke."""
        return next((result for result in self.failing if result.verdict is Verdict.FAIL), self.failing[0])

    @property
    def name(self) -> str:
        """The id of the test; of its only instance that failed, where it is one."""
        return self.told.instance.id if len(self.failing) == 1 else self.told.instance.test.id

    @property
    def classes(self) -> tuple[str, ...]:
        """Those that fail."""
        return tuple(_class(result) for result in self.failing)

    def where(self) -> list[tuple[str, str]]:
        """The classes on which it fails, and those on which it does not."""
        fails = ", ".join(self.classes) + (f"; {_class(self.told)} is told here" if len(self.failing) > 1 else "")
        alone = len(self.failing) == 1 and not self.passing and not self.skipped
        pairs = (("" if alone else fails), ", ".join(self.passing), ", ".join(self.skipped))
        return [(name, text) for name, text in zip(("fails on", "passes on", "skips on"), pairs) if text]

    def others(self) -> list[tuple[str, str]]:
        """Instances that failed in another way than the one that is told."""
        return [
            (_class(result), f"{result.verdict.value}: {result.reason}")
            for result in self.failing
            if (result.verdict, result.reason) != (self.told.verdict, self.told.reason)
        ]

    def again(self, run: Run) -> list[str]:
        """The command of each instance that failed; that of the one that is told comes first."""
        rest = [result for result in self.failing if result is not self.told]
        return [reproduce.one(run, result) for result in [self.told, *rest]]

    def rows(self, run: Run, short: bool = False) -> list[tuple[str, str]]:
        """All of it, in the order in which one reads it."""
        own = [row for row in rows(run, self.told, short) if row[0] != "again"]
        return [*self.where(), *own, *self.others(), *(("again", command) for command in self.again(run))]


def blocks(run: Run, excused: bool = False) -> list[Block]:
    """One for each test with failures that count; with `excused` those that do not."""
    found: dict[str, list[TestResult]] = {}
    for result in run.results:
        found.setdefault(result.instance.test.id, []).append(result)
    out = []
    for results in found.values():
        bad = [r for r in results if r.verdict in BAD and not did_not_run(r) and bool(run.excused(r)) is excused]
        if bad:
            by_verdict = {v: tuple(_class(r) for r in results if r.verdict is v) for v in (Verdict.PASS, Verdict.SKIP)}
            out.append(Block(tuple(bad), by_verdict[Verdict.PASS], by_verdict[Verdict.SKIP]))
    return _telling_first(run, out)


def _telling_first(run: Run, found: list[Block]) -> list[Block]:
    """The smallest test that nails what is broken comes first: one that is not long, of few requirements, of those one
    of which much fails and little passes, of few steps. Tests that broke without a verdict on the host come last."""
    named = Counter(name for block in found for result in block.failing for name in nailed(run, result))
    passed = Counter(
        name for result in run.results if result.verdict is Verdict.PASS for name in result.instance.test.requirements
    )

    def weight(name: str) -> float:
        return float(named[name] ** WEIGHT) / (named[name] + passed[name] + 2)

    def rank(block: Block) -> tuple[bool, bool, int, float, int]:
        own = nailed(run, block.told)
        last = max((number for number, _ in steps(block.told.details)), default=0)
        most = max(map(weight, own), default=0.0)
        return (block.told.verdict is not Verdict.FAIL, last > LONG, len(own), -most, last)

    return sorted(found, key=rank)


def _and(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _counted(counts: Counter[str]) -> str:
    """The most frequent, with their numbers."""
    return ", ".join(f"{word} {number}" for word, number in counts.most_common())


def _unit(run: Run, failing: set[str]) -> str:
    """The unit of the reference host that all these classes share; how other hosts are made is not known."""
    if run.host.get("name") != REFERENCE_HOST:
        return ""
    return next((unit for classes, unit in UNITS.items() if failing <= set(classes)), "")


def _classes(run: Run, found: list[Block]) -> str:
    """On which classes they fail, and on which the same tests pass."""
    failing = Counter(name for block in found for name in block.classes)
    passing = Counter(name for block in found for name in block.passing if name not in failing)
    alone = failing.pop(NO_DEVICE, 0)  # the class says nothing of those
    beside = f"; {alone} on {NO_DEVICE}" if alone else ""
    if not passing or not failing:
        return _counted(failing) + (beside if failing else f"{NO_DEVICE} {alone}")
    unit = _unit(run, set(failing))
    words = f"all on {_and(failing)}, none on {_and(passing)}, where {sum(passing.values())} of the same tests pass"
    return words + (f": one unit, {unit}" if unit else "") + beside


def _requirements(run: Run, bad: list[TestResult]) -> list[tuple[str, str]]:
    """Those that most failures name, with how many tests of each pass, and what the first of them says."""
    counts = Counter(name for result in bad for name in _broken(run, result))
    passed = Counter(
        name for result in run.results if result.verdict is Verdict.PASS for name in _broken(run, result)
    )
    most = [name for name, number in counts.most_common(LISTED) if number > 1]
    told = "; ".join(f"{counts[name]} of {len(bad)}: {name}, with {passed[name]} that pass" for name in most)
    return [("breaks", told), *((name, requirement_text(run.requirements[name])) for name in most[:1])]


def _broken(run: Run, result: TestResult) -> list[str]:
    """Each once, in the order of the test: two reports of one run are alike."""
    return list(dict.fromkeys(run.requirements[name].id for name in broken(run, result)))


def _said(result: TestResult) -> str:
    """The message without the names of places before it."""
    return re.sub(r"^(?:[^(]*: )?", "", result.reason)


def _last_call(result: TestResult) -> str:
    """The last hypercall before the failure, in the words of its step."""
    for _, text in reversed(steps(result.details)):
        call = _CALL.match(text)
        if call and _STATUS.search(text):
            return call[0]
    return ""


def _most(texts: Iterable[str], whole: int) -> str:
    counts = Counter(text for text in texts if text)
    return "; ".join(f"{number} of {whole}: {text}" for text, number in counts.most_common(LISTED) if number > 1)


def common(run: Run) -> list[tuple[str, str]]:
    """Facts that the failures have in common, as names and texts; empty for fewer than two."""
    # Which tests a crash or hang meets is chance, so that nothing follows from where they ran.
    found = [block for block in blocks(run) if block.told.verdict is Verdict.FAIL]
    found = [dataclasses.replace(b, failing=tuple(r for r in b.failing if r.verdict is Verdict.FAIL)) for b in found]
    bad = [result for block in found for result in block.failing]
    if len(bad) < 2:
        return []
    instances = f"{counted(len(bad), 'instance')} of {counted(len(found), 'test')}"
    out = [("failures", instances), ("classes", _classes(run, found)), *_requirements(run, bad)]
    out.append(("messages", _most(map(_said, bad), len(bad))))
    out.append(("last call", _most(map(_last_call, bad), len(bad))))
    return [(name, " ".join(text.split())) for name, text in out if text.strip()]


def document(run: Run) -> dict[str, Any]:
    """For results.json."""
    return {
        "common": [{"name": name, "text": text} for name, text in common(run)],
        "tests": [
            {
                "test": block.told.instance.test.id,
                "told": block.told.instance.id,
                "failing": [result.instance.id for result in block.failing],
                "passing": list(block.passing),
                "skipped": list(block.skipped),
                "where": [f"{name} {text}" for name, text in block.where()],
                "others": [f"{name}: {text}" for name, text in block.others()],
                "again": block.again(run),
                "excused": excused,
            }
            for excused in (False, True)
            for block in blocks(run, excused)
        ],
    }
