# SPDX-License-Identifier: MIT
"""Variants: hosts that are right in another way. All tests must pass on each of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Runner, latest
from pvtest.machine.assemble import switched_otherwise
from pvtest.stream.tap import TapParser


def test_one_boot_with_variants(runner: Runner, tmp_path: Path) -> None:
    done = runner("--variant", "polite")
    assert done.returncode == 0, done.stdout + done.stderr
    found = latest(tmp_path, "results.json")
    assert found["variants"] == ["polite"] and found["defects"] == []
    assert found["host"]["variant"] == "polite"
    assert "refhost 8.8, variant polite, QEMU" in done.stdout


def test_a_failure_under_variants_tells_how_to_see_it_again(runner: Runner, tmp_path: Path) -> None:
    done = runner("cap", "--variant", "other-status", "--variant", "polite", "--variant", "other-status")
    assert done.returncode == 1
    assert latest(tmp_path, "results.json")["variants"] == ["other-status", "polite"]
    assert "./run.sh cap.page_sizes --seed 1 --variant other-status --variant polite" in done.stdout


def test_another_variant_than_asked_for_is_an_error(runner: Runner) -> None:
    done = runner("--variant", "polite", "--fixture", "wrong-variant")
    assert done.returncode == 2
    assert "runs with variant 'none', asked for was 'polite'" in done.stdout


def test_a_host_without_oracle_passes(runner: Runner, tmp_path: Path) -> None:
    done = runner("--variant", "polite", "--fixture", "no-oracle")
    assert done.returncode == 0, done.stdout + done.stderr
    assert latest(tmp_path, "results.json")["versions"]["host"] == "unknown"


def test_campaign(runner: Runner, tmp_path: Path) -> None:
    done = runner("variants", "--jobs", "2")
    assert done.returncode == 1, done.stdout + done.stderr
    found = latest(tmp_path, "variants.json")
    assert found["format"] == "pvtest-variants" and found["exit_code"] == 1
    assert found["summary"] == {"variants": 2, "pass": 1, "fail": 1, "error": 0}
    assert [(v["variant"], v["verdict"], v["failing"]) for v in found["variants"]] == [
        ("other-status", "fail", ["cap.page_sizes"]),
        ("polite", "pass", []),
    ]
    assert "own_requirement" not in found["variants"][0] and found["matrix"] is False
    table = (tmp_path / "results" / "latest" / "variants.tsv").read_text()
    assert table == "variant\tverdict\tfailing\ttests\nother-status\tfail\t1\tcap.page_sizes\npolite\tpass\t0\t\n"
    assert "again: ./run.sh --variant other-status --seed 1" in done.stdout
    assert "1 of 2 variants pass, 1 fail, 0 errors (exit code 1)" in done.stdout
    assert (tmp_path / "results" / "latest" / "polite" / "serial.log").exists()


@pytest.mark.parametrize("glob", ["pol*", "FL-4", "fl-7"])
def test_campaign_of_some(runner: Runner, tmp_path: Path, glob: str) -> None:
    assert runner("variants", glob).returncode == 0
    assert latest(tmp_path, "variants.json")["summary"] == {"variants": 1, "pass": 1, "fail": 0, "error": 0}


def test_campaign_needs_a_plain_host_that_passes(runner: Runner, tmp_path: Path) -> None:
    done = runner("variants", FAKE_QEMU_FIXTURE="fail")
    assert done.returncode == 1
    assert "The host without a variant must pass everything before variants mean anything." in done.stdout
    assert not (tmp_path / "results" / "latest" / "variants.json").exists()


def test_a_variant_that_is_not_in_force_is_an_error(runner: Runner, tmp_path: Path) -> None:
    done = runner("variants", "polite", FAKE_QEMU_FIXTURE="wrong-variant")
    assert done.returncode == 2
    assert latest(tmp_path, "variants.json")["summary"] == {"variants": 1, "pass": 0, "fail": 0, "error": 1}
    assert "asked for was 'polite'" in done.stdout


def test_list_shows_defects_and_variants(runner: Runner) -> None:
    found = json.loads(runner("list", "--json").stdout)
    assert found["variants"] == [
        {"name": "other-status", "requirements": ["CAP-6"], "title": "answers with another status"},
        {"name": "polite", "requirements": ["FL-4", "FL-7"], "title": "flushes too much"},
    ]
    text = runner("list").stdout
    assert "polite" in text and "no-flush" in text and "2 defects, 2 variants" in text
    assert "polite" not in runner("list", "flush").stdout


def told(text: str) -> TapParser:
    tap = TapParser()
    for line in ("TAP version 14", f"# host: {text}"):
        tap.feed(line)
    return tap


LONG = [f"variant-number-{number}" for number in range(9)]


@pytest.mark.parametrize(
    ("text", "wanted", "right"),
    [
        ("variant=none", [], True),
        ("variant=a,b", ["b", "a"], True),
        ("variant=a", ["a", "b"], False),
        ("variant=a,b", ["a"], False),
        ("variant=none", ["a"], False),
        ("version=1", ["a"], True),  # no oracle, or one that does not tell
        (f"variant={','.join(LONG)[:111]}", LONG, True),  # as the oracle cuts it
        (f"variant={','.join(LONG)[:111]}", LONG[1:], False),
    ],
)
def test_what_the_host_tells_is_compared(text: str, wanted: list[str], right: bool) -> None:
    assert (switched_otherwise(told(text), "variant", wanted) == []) == right


@pytest.mark.parametrize(
    "glob, told",
    [
        ("other-*", "'other-*' selects 1 variants by name"),
        ("OTHER", "'OTHER' selects 1 variants by group"),
        ("cap-6", "'cap-6' selects 1 variants by requirement"),
    ],
)
def test_a_glob_means_the_same_everywhere(runner: Runner, glob: str, told: str) -> None:
    done = runner("variants", glob)
    assert told in done.stdout and "other-status" in done.stdout
    assert told not in runner("variants", glob, "--quiet").stdout


@pytest.mark.parametrize(
    "glob, told",
    [
        ("Flush.UNMAP", "'Flush.UNMAP' selects 2 instances by name"),
        ("FLUSH", "'FLUSH' selects 3 instances by group"),
        ("fl-1", "'fl-1' selects 2 instances by requirement"),
    ],
)
def test_the_same_for_tests(runner: Runner, glob: str, told: str) -> None:
    assert told in runner(glob).stdout


def test_a_campaign_runs_each_test_on_one_class_unless_all_are_asked_for(runner: Runner, tmp_path: Path) -> None:
    counts = []
    for more in ([], ["--matrix"]):
        done = runner("variants", "polite", *more)
        assert done.returncode == 0, done.stdout + done.stderr
        assert latest(tmp_path, "variants.json")["matrix"] is bool(more)
        counts.append((tmp_path / "results" / "latest" / "polite" / "serial.log").read_text().count("ok "))
    assert 0 < counts[0] < counts[1], "one of the made-up tests has several classes"
