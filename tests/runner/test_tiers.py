# SPDX-License-Identifier: MIT
"""Tiers: how long a run may take, from the declaration of a test to what the guest runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import images
import pytest
from conftest import Runner, latest
from pvtest.cli.campaign import CAMPAIGNS
from pvtest.errors import EXIT_USAGE, UsageError
from pvtest.images import boot_volume, catalogue, requirements
from pvtest.images.boot_volume import BootOptions
from pvtest.images.catalogue import Catalogue, Defect, Instance, Test
from pvtest.images.pe import ImageError
from pvtest.machine.guest_process import Limits
from pvtest.machine.qemu import Qemu
from pvtest.machine.request import LONG_LIMITS, Request
from pvtest.plan.devices import Devices
from pvtest.plan.selection import Filters, select
from pvtest.report import summary
from pvtest.stream.model import Run, TestResult, Verdict

KNOWN = requirements.load()
SHORT = Test("a.short", "a", "", ("FL-1",), ("rocker", "edu"), ("dma",), "test", "")
LONG = Test("a.by_chance", "a", "", ("FL-1",), (), (), "stress", "")
FULL = Test("a.full", "a", "", ("FL-2",), ("rocker", "edu"), ("dma",), "test", "", tier="stress")
ALONE = Test("b.full", "b", "", ("FL-1",), (), (), "test", "", tier="stress")
TESTS = Catalogue((LONG, FULL, SHORT, ALONE), "9.9")
QUICK = ["a.short@rocker"]
DEFAULT = ["a.by_chance", "a.short@rocker", "a.short@edu"]
STRESS = ["a.by_chance", "a.full@rocker", "a.full@edu", "a.short@rocker", "a.short@edu", "b.full"]


def ids(*globs: str, tier: str = "") -> list[str]:
    return [instance.id for instance in select(TESTS, KNOWN, globs, Filters(tier=tier))]


def test_each_tier_has_those_before_it() -> None:
    assert ids(tier="quick") == QUICK
    assert ids() == ids(tier="default") == DEFAULT
    assert ids(tier="stress") == STRESS


def test_a_test_that_is_named_by_its_id_is_meant() -> None:
    assert ids("a.full") == ["a.full@rocker", "a.full@edu"]
    assert ids("A.FULL@edu", "a.short@rocker") == ["a.full@edu", "a.short@rocker"]
    assert ids("a.*") == ids("a") == DEFAULT, "a glob, a group and a requirement stay within the tier"
    assert ids("a.full", "a.short", tier="quick") == QUICK, "an option is meant, too"


def test_a_selection_of_longer_tests_alone_says_what_to_add() -> None:
    with pytest.raises(UsageError, match="add --tier stress"):
        ids("b")
    with pytest.raises(UsageError, match="add --tier default"):
        ids("a.by*", tier="quick")


def test_the_guest_is_told_the_tier_and_no_names_that_it_need_not_have() -> None:
    for tier, line in (("quick", "tier=quick\n"), ("default", ""), ("stress", "tier=stress\n")):
        chosen = boot_volume.selection(TESTS, TESTS.within(tier))
        assert (chosen.tests, chosen.tier) == ([], tier)
        assert BootOptions(tests=chosen.tests, without=chosen.without, tier=chosen.tier).guest_text() == (
            f"seed=1\n{''.join(f'without={glob}{chr(10)}' for glob in chosen.without)}{line}"
        )
    named = boot_volume.selection(TESTS, [FULL.instances[0], *SHORT.instances])
    assert (named.tests, named.tier) == (["a.full@rocker", "a.short"], "stress")


def test_images_with_other_tiers_are_not_of_one_build(tmp_path: Path) -> None:
    text = images.catalogue_section().replace(b"LEVEL\ttest", b"LEVEL\ttest\tTIER\tstress", 1)
    build = images.build(tmp_path, text=text)
    with pytest.raises(ImageError, match="they declare other tests"):
        catalogue.load_tests(build / "pvtest.efi")


def request(selected: list[Instance], limits: Limits = Limits()) -> Request:
    qemu = Qemu("qemu", "10", "", "", "", Devices())
    return Request(TESTS, KNOWN, selected, qemu, limits=limits)


def test_tests_that_take_seconds_get_more_patience() -> None:
    assert request(TESTS.within("default")).patience == Limits()
    assert request(TESTS.within("stress")).patience == LONG_LIMITS
    assert request(TESTS.within("stress"), Limits(5, 5)).patience == Limits(5, 5), "a person's limits stay"


def test_a_defect_is_also_shown_to_the_long_tests_of_its_requirement() -> None:
    """After the short ones, which catch nearly all; the rest of the stress tier is for runs without a defect."""
    selected = catalogue.without_slow_copies(TESTS.within("default"))
    results = [TestResult(instance, Verdict.PASS, duration_us=9) for instance in selected]
    plain = Run(TESTS, KNOWN, selected, results, [])
    asked = CAMPAIGNS["defects"].switched_on(request(selected), Defect("d", ("FL-1",), "x"), plain)
    assert [instance.id for instance in asked.selected] == ["a.by_chance", "a.short@rocker", "b.full"]
    assert asked.options().tier == "stress"
    asked = CAMPAIGNS["defects"].switched_on(request(selected), Defect("d", ("GEN-1",), "x"), plain)
    assert {instance.id for instance in asked.selected} == {"a.by_chance", "a.short@rocker"}


def test_the_summary_looks_at_the_selection_once() -> None:
    """And not for each instance of the catalogue, which took 0.9 s of the whole one."""
    looks = []

    class Selected(list[Instance]):
        def __iter__(self) -> Iterator[Instance]:
            looks.append(1)
            return super().__iter__()

    run = Run(TESTS, KNOWN, Selected(TESTS.within("default")), [], [])
    assert summary._tier(run) == "default; the catalogue has 3 instances of longer ones (--tier stress)"
    assert len(looks) == 1


def test_list_and_results_have_the_tier(runner: Runner, tmp_path: Path) -> None:
    listed = json.loads(runner("list", "--json").stdout)
    assert {test["tier"] for test in listed["tests"]} == {"quick"}, "none of the made-up tests is longer"
    done = runner("cap", "--tier", "stress")
    assert done.returncode == 0, done.stderr
    assert "\ntier          quick\n" in done.stdout, "of the tests that were selected"
    document = latest(tmp_path)
    assert document["tier"] == "quick" and {test["tier"] for test in document["tests"]} == {"quick"}
    assert runner("--tier", "slow").returncode == EXIT_USAGE
