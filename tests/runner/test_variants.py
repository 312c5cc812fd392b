# SPDX-License-Identifier: MIT
"""Variants: hosts that are right in another way. All tests must pass on each of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import images
import pytest
from conftest import Runner, latest
from pvtest.images import catalogue, requirements
from pvtest.images.catalogue import Variant
from pvtest.images.pe import ImageError
from pvtest.machine.assemble import switched_otherwise
from pvtest.plan.shown import together
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


def test_list_of_switches_as_json(runner: Runner) -> None:
    for word, other in (("defects", "variants"), ("variants", "defects")):
        found = json.loads(runner("list", word, "--json").stdout)
        assert found["tests"] == [] and found[other] == [] and found["format"] == "pvtest-catalogue"
        assert found[word] == json.loads(runner("list", "--json").stdout)[word] != []
    found = json.loads(runner("list", "defects", "no*", "--json").stdout)
    assert [one["name"] for one in found["defects"]] == ["no-flush"]


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
        ("other-*", "'other-*' selects 1 variant by name"),
        ("OTHER", "'OTHER' selects 1 variant by group"),
        ("cap-6", "'cap-6' selects 1 variant by requirement"),
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


KIND = ("kind", "FL-1", "Answers kindly.")
ON_BUSES = ("on-buses", "FL-2", "Offers late.", "vpci")


@pytest.fixture(name="three", scope="module")
def _three(build: Path) -> Iterator[None]:
    images.build(build, host=images.host_section(variants=(*images.VARIANTS, KIND, ON_BUSES)))
    yield
    images.build(build)


@pytest.mark.usefixtures("three")
def test_variants_on_one_host(runner: Runner, tmp_path: Path) -> None:
    done = runner("variants", "polite", "kind", "--together", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    entries = latest(tmp_path, "variants.json")["variants"]
    assert [(e["variant"], e["verdict"], e["together"]) for e in entries] == [
        ("kind", "pass", ["polite"]),
        ("polite", "pass", ["kind"]),
    ]
    folders = {path.parent.name for path in (tmp_path / "results" / "latest").glob("*/serial.log")}
    assert folders in ({"kind+polite"}, {"polite+kind"})


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("fails", [False, True])
def test_one_of_virtual_buses_takes_others_there(runner: Runner, tmp_path: Path, fails: bool) -> None:
    other = "other-status" if fails else "kind"
    done = runner("variants", other, "on-buses", "--together", "2")
    assert done.returncode == (1 if fails else 0), done.stdout + done.stderr
    where = tmp_path / "results" / "latest"
    assert (where / "virtual-buses" / "serial.log").exists(), "what passes there without them"
    assert (where / f"on-buses+{other}" / "serial.log").exists()
    assert (where / other).exists() is fails, "a host to itself"
    entries = latest(tmp_path, "variants.json")["variants"]
    assert {e["variant"]: e["verdict"] for e in entries} == {other: "fail" if fails else "pass", "on-buses": "pass"}


@pytest.mark.usefixtures("three")
def test_a_host_with_several_that_fails_names_the_one(runner: Runner, tmp_path: Path) -> None:
    done = runner("variants", "other-status", "polite", "kind", "--together", "3")
    assert done.returncode == 1, done.stdout + done.stderr
    entries = latest(tmp_path, "variants.json")["variants"]
    assert [(e["variant"], e["verdict"], e["failing"], "together" in e) for e in entries] == [
        ("kind", "pass", [], False),
        ("other-status", "fail", ["cap.page_sizes"], False),
        ("polite", "pass", [], False),
    ]
    assert "again: ./run.sh --variant other-status --seed 1" in done.stdout


@pytest.mark.usefixtures("three")
def test_what_one_makes_skip_each_other_one_runs_alone(runner: Runner, tmp_path: Path) -> None:
    done = runner("variants", "polite", "kind", "--together", "2", FAKE_QEMU_SKIP_WITH="kind")
    assert done.returncode == 0, done.stdout + done.stderr
    where = tmp_path / "results" / "latest"
    ran = {name: (where / name / "serial.log").read_text() for name in ("kind", "polite")}
    assert all(text.count(" - ") == 2 for text in ran.values()), "the test that was skipped, and one that passes"
    assert "# SKIP" in ran["kind"] and "# SKIP" not in ran["polite"]
    assert [e["skipped"] for e in latest(tmp_path, "variants.json")["variants"]] == [1, 1]


@pytest.mark.usefixtures("three")
def test_with_everything_each_has_a_host(runner: Runner, tmp_path: Path) -> None:
    assert runner("variants", "polite", "kind", "--together", "2", "--matrix").returncode == 0
    assert not any("together" in entry for entry in latest(tmp_path, "variants.json")["variants"])


def test_who_goes_together() -> None:
    known = requirements.load()

    def one(name: str, needs: str = "CAP-1", unit: str = "any", alone: bool = False) -> Variant:
        return Variant(name, tuple(needs.split()), name, unit, alone)

    def hosts(*variants: Variant, most: int = 8, on_buses: bool = False) -> set[str]:
        found = together(variants, most, known, 1, on_buses)
        assert sorted(v.name for host in found for v in host.members or (host,)) == sorted(v.name for v in variants)
        return {"+".join(sorted(host.name.split("+"))) for host in found}

    a, b, c = one("a", "FL-1"), one("b", "FL-2"), one("c", "FL-3")
    assert hosts(a, b, c) == {"a+b+c"}
    assert {len(name) for name in hosts(a, b, c, most=2)} == {1, 3}
    assert hosts(a, one("d", "FL-2 FL-1")) == {"a", "d"}, "one requirement permits both: they may exclude each other"
    assert hosts(a, one("d", "FL-2", alone=True), b) == {"a+b", "d"}
    assert hosts(a, one("d", "FL-2", "soft")) == {"a", "d"}, "a's host may have a test on a device of another unit"
    both = one("d", "FL-4", "both")
    assert hosts(a, both, one("e", "FL-2", "soft")) == {"a+d+e"}
    assert all(host.unit == "both" for host in together([a, both], 2, known, 1, False))
    bus, soft = one("d", "FL-4", "vpci"), one("e", "FL-5", "soft")
    assert hosts(bus, one("e", "FL-2", "vpci"), a) == {"a", "d", "e"}, "no run has told what passes there without them"
    assert hosts(bus, one("e", "FL-2", "vpci"), a, on_buses=True) == {"a+d+e"}
    assert hosts(bus, soft, one("f", "FL-6", "both"), on_buses=True) == {"d", "e+f"}, "these change units"
    assert together([a, bus], 2, known, 1, True)[0].unit == "vpci", "one that shows there alone says where"
    several = [one(f"v{n}", f"FL-{n}") for n in range(1, 9)]
    assert len({frozenset(hosts(*several, most=2)) for _ in range(2)}) == 1, "the same seed, the same hosts"
    assert together(several, 2, known, 1, True) != together(several, 2, known, 2, True)


def test_the_host_says_which_need_one_to_themselves() -> None:
    text = images.host_section().replace(b"variants\t1", b"variants\t3") + b"alone\tpolite\0"
    assert [variant.name for variant in catalogue.parse_host(text).variants if variant.alone] == ["polite"]
    with pytest.raises(ImageError, match="record 'alone' of unknown variants: rude"):
        catalogue.parse_host(text + b"alone\trude\0")
