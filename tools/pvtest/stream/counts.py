# SPDX-License-Identifier: MIT
"""How much was tested, from the tests' own declarations, and which tests take too long."""

from __future__ import annotations

from pvtest.counted import counted
from pvtest.images.catalogue import KINDS
from pvtest.stream.model import Run, TestResult

SLOWEST = 10
SLOW_MS = 250  # more is for tests of level stress

# The kind "device" says what a test needs.
ABOUT = {
    "dma": "move data",
    "fault": "assert a fault",
    "flush": "assert a flush",
    "bad-input": "send bad input",
    "abi": "check the hypercall ABI itself",
}


def kind_counts(run: Run) -> dict[str, int]:
    """Tests and instances of the run, and the tests of each kind."""
    tests = dict.fromkeys(instance.test for instance in run.selected)
    found = {"tests": len(tests), "instances": len(run.selected)}
    return found | {kind: sum(kind in test.kinds for test in tests) for kind in KINDS}


def ran(run: Run) -> dict[str, int]:
    """How much of that came about: instances, and tests that move data."""
    results = [result for result in run.results if result.ran]
    moved = dict.fromkeys(result.instance.test.id for result in results if "dma" in result.instance.test.kinds)
    return {"instances": len(results), "dma": len(moved)}


def ran_sentence(run: Run) -> str:
    """The same in words."""
    found, declared = ran(run), kind_counts(run)
    text = f"{found['instances']} of {counted(declared['instances'], 'instance')} ran"
    return text + (f", {found['dma']} of {counted(declared['dma'], 'test')} that move data" if declared["dma"] else "")


def sentence(found: dict[str, int]) -> str:
    """The same in words."""
    kinds = ", ".join(f"{found[kind]} {about}" for kind, about in ABOUT.items())
    return f"{counted(found['tests'], 'test')} ({counted(found['instances'], 'instance')}): {kinds}"


def slowest(run: Run) -> list[TestResult]:
    """The ten that took longest, of those that took any time."""
    return sorted((r for r in run.results if r.real_us), key=lambda result: -result.real_us)[:SLOWEST]


def class_times(run: Run) -> dict[str, int]:
    """Microseconds of the tests of each device class, and of those without one, in the order of the results; only of
    those that took any."""
    times: dict[str, int] = {}
    for result in run.results:
        name = result.instance.device or "no class"
        times[name] = times.get(name, 0) + result.real_us
    return {name: us for name, us in times.items() if us}


def slow(result: TestResult) -> bool:
    """Longer than a test may take that is none of level stress. A mark, no verdict: the machine may be loaded."""
    return result.real_us > SLOW_MS * 1000 and result.instance.test.level != "stress"
