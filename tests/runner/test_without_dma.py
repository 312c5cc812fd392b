# SPDX-License-Identifier: MIT
"""A run that moved no data passes only where the selection asked for that."""

from __future__ import annotations

import pytest
from pvtest.images.catalogue import Instance, Test
from pvtest.stream.judge import Judgement, check_verified
from pvtest.stream.model import TestResult, Verdict

CLASSLESS = Instance(Test("cap.page_sizes", "cap", "", ("CAP-1",), (), (), "test", ""), None)
ON_DEVICE = Instance(Test("flush.unmap", "flush", "", ("FL-1",), ("rocker",), ("dma",), "test", ""), "rocker")


def problems(*results: tuple[Instance, Verdict], transfers: bool = True) -> list[str]:
    out = Judgement([TestResult(instance, verdict) for instance, verdict in results], [])
    check_verified(out, transfers)
    return out.problems


def test_tests_on_devices_that_were_all_skipped_are_an_error() -> None:
    found = problems((CLASSLESS, Verdict.PASS), (ON_DEVICE, Verdict.SKIP))
    assert len(found) == 1 and found[0].startswith("pass without DMA, which was not asked for")


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.FAIL, Verdict.ERROR])
def test_one_that_ran_is_enough(verdict: Verdict) -> None:
    assert not problems((CLASSLESS, Verdict.PASS), (ON_DEVICE, Verdict.SKIP), (ON_DEVICE, verdict))


def test_a_selection_without_devices_asks_for_it() -> None:
    assert not problems((CLASSLESS, Verdict.PASS))


def test_a_variant_may_have_no_unit() -> None:
    assert not problems((CLASSLESS, Verdict.PASS), (ON_DEVICE, Verdict.SKIP), transfers=False)


def test_a_run_of_skips_alone_has_its_own_words() -> None:
    assert problems((ON_DEVICE, Verdict.SKIP)) == ["every selected test was skipped, so nothing was verified"]
