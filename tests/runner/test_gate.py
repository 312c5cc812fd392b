# SPDX-License-Identifier: MIT
"""Baselines and profiles: what fails a run beside its tests, and what excuses one."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from conftest import Runner, latest
from pvtest.errors import UsageError
from pvtest.gate import baseline, profiles
from pvtest.images import requirements
from pvtest.plan.devices import UNITS

HEAD = 'format = "pvtest-baseline"\nformat_version = 1\n'
PROFILE = """\
format = "pvtest-profile"
format_version = 1
name = "mine"
version = "7"
title = "For a test"
[levels]
must = "mandatory"
should = "optional"
may = "optional"
"""
KNOWN = requirements.load()


def known(test: str, more: str = "", reason: str = "bug 7") -> str:
    return f'[[known]]\ntest = "{test}"\nreason = "{reason}"\n{more}\n'


def findings(tmp_path: Path) -> list[tuple[str, str]]:
    found = latest(tmp_path)
    return [(finding["kind"], finding["subject"]) for finding in found["gate"]["findings"]]


@pytest.mark.parametrize(
    ("entries", "code", "expected"),
    [
        (known("flush.unmap"), 0, []),
        (known("flush.unmap@*"), 0, []),
        (known("flush.unmap@dmaprobe"), 1, []),  # the other instance fails, and nothing excuses it
        (known("flush.unmap") + known("tr.*"), 1, [("unexpected-pass", "tr.leaf_4k@rocker")]),
        (known("flush.unmap", "until = 2020-01-01"), 1, [("expired", "flush.unmap")]),
        (known("flush.unmap", "until = 9999-12-31"), 0, []),
        (known("flush.unmap") + known("flush.gone"), 1, [("vanished", "flush.gone")]),
        (known("flush.unmap", 'verdict = "error"'), 0, []),  # a failure is less than an error
        ("", 1, []),
    ],
)
def test_baseline(runner: Runner, tmp_path: Path, entries: str, code: int, expected: list) -> None:
    path = tmp_path / "known.toml"
    path.write_text(HEAD + entries)
    done = runner("--defect", "no-flush", "--baseline", str(path))
    assert done.returncode == code, done.stdout + done.stderr
    assert findings(tmp_path) == expected
    for _, subject in expected:
        assert subject in done.stdout


def test_baseline_does_not_excuse_errors_unless_it_says_so(runner: Runner, tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    path.write_text(HEAD + known("tr.leaf_4k"))
    assert runner("--fixture", "error", "--baseline", str(path)).returncode == 2
    path.write_text(HEAD + known("tr.leaf_4k", 'verdict = "error"'))
    assert runner("--fixture", "error", "--baseline", str(path)).returncode == 0


def test_baseline_does_not_excuse_a_run_that_broke_off(runner: Runner, tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    path.write_text(HEAD + known("flush.none", 'verdict = "error"'))
    assert runner("--baseline", str(path), FAKE_QEMU_DEADLY="flush.none@rocker=stop").returncode == 2


def test_a_test_outside_the_selection_has_not_vanished(runner: Runner, tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    path.write_text(HEAD + 'tests = ["flush.unmap@dmaprobe", "tr.leaf_4k@rocker"]\n' + known("flush.unmap"))
    assert runner("cap", "--baseline", str(path)).returncode == 0
    path.write_text(HEAD + 'tests = ["tr.leaf_1k@rocker"]\n')
    assert runner("cap", "--baseline", str(path)).returncode == 1
    assert findings(tmp_path) == [("vanished", "tr.leaf_1k@rocker")]


def test_baseline_from_a_run_makes_that_run_pass(runner: Runner, tmp_path: Path) -> None:
    assert runner("--defect", "no-flush").returncode == 1
    path = tmp_path / "known.toml"
    done = runner("baseline", str(tmp_path / "results"), "--output", str(path))
    assert done.returncode == 0, done.stderr
    assert len(baseline.load(path).tests) == 5
    assert runner("--defect", "no-flush", "--baseline", str(path)).returncode == 0
    assert runner("--baseline", str(path)).returncode == 1, "now they pass, which is unexpected"
    done = runner("baseline", str(tmp_path / "results"), "--output", str(path))
    assert done.returncode == 3 and "there already" in done.stderr


def test_the_last_day_counts() -> None:
    entry = baseline.Known("a.b", "r", datetime.date(2026, 3, 1), "fail")
    assert not entry.expired(datetime.date(2026, 3, 1))
    assert entry.expired(datetime.date(2026, 3, 2))


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (HEAD + '[[known]]\ntest = "a.b"\n', ":3", "reason must be a text"),
        (HEAD + known("a.b", reason="  "), ":5", "reason must be a text"),
        (HEAD + known("a.b") + '[[known]]\ntest = "a.c"\nreason = 7\n', ":9", "reason must be a text"),
        (HEAD + known("a.b", 'until = "2027-01-01"'), ":6", "without quotes"),
        (HEAD + known("a.b", 'verdict = "skip"'), ":6", "one of fail, error"),
        (HEAD + known("a.b", "untill = 2027-01-01"), ":6", "Did you mean until?"),
        (HEAD + known("a.b") + known("a.b"), ":8", "given twice"),
        (HEAD + "tests = [1]\n", ":3", "list of texts"),
        (HEAD + "known = 3\n", ":3", "[[known]] tables"),
        ('format = "pvtest-baseline"\nformat_version = 2\n', ":2", "reads version 1"),
        ('format = "pvtest-profile"\n', ":1", "format = 'pvtest-baseline'"),
        ("format_version = 1\n", "", "missing"),
        (HEAD + "test = [\n", "", "not TOML"),
        (HEAD + "x = " + "[" * 500, "", "nested too deep"),
        ("a = 1\nb = = 2\n", ":2", "not TOML"),
    ],
)
def test_bad_baseline_is_refused_before_anything_runs(
    runner: Runner, tmp_path: Path, text: str, place: str, words: str
) -> None:
    path = tmp_path / "known.toml"
    path.write_text(text)
    done = runner("--baseline", str(path))
    assert done.returncode == 3, done.stdout
    assert f"{path}{place}: " in done.stderr and words in done.stderr
    assert not (tmp_path / "results").exists()


def test_bad_bytes_and_missing_files(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"format = 1\n\xff\xfe")
    (tmp_path / "b.toml").write_bytes(b"#" * (2 << 20))
    for name, words in (("a.toml", "a.toml:2: not UTF-8"), ("b.toml", "larger than 1 MiB"), ("c.toml", "No such file")):
        done = runner("--baseline", str(tmp_path / name))
        assert done.returncode == 3 and words in done.stderr


@pytest.mark.parametrize(
    ("name", "pviommu", "code", "expected"),
    [
        ("strict", None, 0, []),
        ("linux-merged", None, 0, []),
        ("linux-v2", None, 0, []),
        ("linux-merged", "", 1, ["cap", "page_sizes", "iova_bits"]),
        ("linux-merged", "iova_bits=47 cap=0x1 page_sizes=0x1000", 1, ["cap"]),
        ("linux-merged", "iova_bits=47 cap=0x5 page_sizes=0x3000", 0, []),
        ("linux-v2", "iova_bits=47 cap=0x5 page_sizes=0x3000", 1, ["page_sizes"]),
        ("strict", "iova_bits=58 cap=0x85 page_sizes=0x1000", 1, ["cap", "iova_bits"]),
        ("strict", "iova_bits=many cap=0x5 page_sizes=0x1000", 1, ["iova_bits"]),
    ],
)
def test_profiles_demand_capabilities(
    runner: Runner, tmp_path: Path, name: str, pviommu: str | None, code: int, expected: list
) -> None:
    done = runner("--profile", name, **({} if pviommu is None else {"FAKE_QEMU_PVIOMMU": pviommu}))
    assert done.returncode == code, done.stdout + done.stderr
    assert findings(tmp_path) == [("capability", field) for field in expected]
    assert f"profile       {name}, version {profiles.load(name, KNOWN).version}" in done.stdout


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("", [("not-verified", "TR-1")]),
        ('[requirements]\noptional = ["TR-*"]\n', []),
        ('[requirements]\noptional = ["TR-1"]\nmandatory = ["TR-*"]\n', [("not-verified", "TR-1")]),
    ],
)
def test_a_skipped_mandatory_requirement_fails(runner: Runner, tmp_path: Path, extra: str, expected: list) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(PROFILE + extra)
    done = runner("--fixture", "skip", "--profile", str(path))
    assert findings(tmp_path) == expected
    assert done.returncode == (1 if expected else 0)
    assert "no reason but this" in done.stdout


def test_advisory_failures_are_told_and_fail_nothing(runner: Runner, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(PROFILE + '[requirements]\nadvisory = ["FL-1"]\n')
    assert runner("--defect", "no-flush", "--profile", str(path)).returncode == 1, "FL-2 is broken as well"
    path.write_text(PROFILE + '[requirements]\nadvisory = ["FL-1", "FL-2"]\n')
    done = runner("--defect", "no-flush", "--profile", str(path))
    assert done.returncode == 0 and "FL-1 FL-2 is advisory" in done.stdout


def test_a_mandatory_device_that_is_missing_fails(runner: Runner, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(PROFILE + '[devices]\nmandatory = ["xhci*", "rocker"]\noptional = ["edu"]\n')
    assert runner("--profile", str(path)).returncode == 1
    assert findings(tmp_path) == [("device", "xhci*")]


@pytest.mark.parametrize(
    ("change", "place", "words"),
    [
        (("must = ", "most = "), ":7", "Did you mean must?"),
        (('may = "optional"', 'may = "perhaps"'), ":9", "mandatory, optional, advisory"),
        (('version = "7"', "version = 7"), ":4", "version must be a text"),
        (
            ('may = "optional"', 'may = "optional"\n[requirements]\noptional = ["XX-*"]'),
            ":11",
            "no requirement matches",
        ),
        (('may = "optional"', 'may = "optional"\n[capabilities]\ncap = 5'), ":11", "must be a table"),
        (('may = "optional"', 'may = "optional"\n[capabilities]\ncap = {bits = -1}'), ":11", "not negative"),
        (('may = "optional"', 'may = "optional"\n[devicess]'), "", "unknown key 'devicess'"),
        (('may = "optional"', 'may = "optional"\n[devices]\nneeds = ["wings"]'), ":11", "no kind of device"),
    ],
)
def test_bad_profile(tmp_path: Path, change: tuple[str, str], place: str, words: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(PROFILE.replace(*change))
    with pytest.raises(UsageError) as caught:
        profiles.load(str(path), KNOWN)
    assert str(caught.value).startswith(f"{path}{place}") and words in str(caught.value)


def test_unknown_profile_suggests() -> None:
    with pytest.raises(UsageError, match="Did you mean linux-merged"):
        profiles.load("linux-merge", KNOWN)


def test_profiles_that_come_with_the_suite() -> None:
    assert profiles.names() == ["linux-merged", "linux-v2", "strict", "virtio-iommu", "vtd"]
    for name in profiles.names()[:3]:
        profile = profiles.load(name, KNOWN)
        assert profile.name == name
        demands = {item.id: profile.demand(item) for item in KNOWN.items}
        assert "mandatory" in demands.values()
        assert demands["TR-12"] == demands["ATS-1"] == "optional", "only hosts that report these can be tested"
    merged, strict = (profiles.load(name, KNOWN) for name in ("linux-merged", "strict"))
    assert merged.demand(KNOWN["DET-1"]) == "advisory" and strict.demand(KNOWN["DET-1"]) == "mandatory"


@pytest.mark.parametrize("unit", UNITS)
def test_profiles_of_units(unit: str) -> None:
    known = KNOWN.of(unit)
    profile = profiles.load(unit, known, unit)
    assert profile.unit == unit
    assert profile.demand(known["FL-1"]) == "mandatory" and profile.demand(known["DISC-1"]) == "optional"
    for other in {"pviommu", *UNITS} - {unit}:
        with pytest.raises(UsageError, match=f"profile {unit} is for runs on {unit}, and this one is on {other}"):
            profiles.load(unit, known, other)
    assert profiles.load("strict", known, unit).unit == ""
    with pytest.raises(UsageError, match=f"profile linux-merged is for runs on pviommu, and this one is on {unit}"):
        profiles.load("linux-merged", KNOWN, unit)


def test_the_unit_of_a_profile_is_known(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(PROFILE + '\n[iommu]\nunit = "smmu"\n')
    with pytest.raises(UsageError, match="unit must be one of pviommu, virtio-iommu, vtd"):
        profiles.load(str(path), KNOWN)


@pytest.mark.parametrize(
    ("selection", "missing"),
    [
        ([], set()),
        (["--class", "none"], {"FL-1", "FL-2", "TR-1"}),
        (["cap"], {"FL-1", "FL-2", "TR-1"}),
        (["!tr"], {"TR-1"}),
        (["flush", "tr"], {"CAP-1"}),
    ],
)
def test_a_mandatory_requirement_outside_of_the_selection_is_a_finding(
    runner: Runner, tmp_path: Path, selection: list[str], missing: set[str]
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(PROFILE)
    done = runner(*selection, "--profile", str(path))
    found = findings(tmp_path)
    # GEN-1 is that of the test that only observes.
    assert {subject for _, subject in found} - {"GEN-1"} == missing
    assert all(kind == "not-verified" for kind, _ in found) and done.returncode == (1 if found else 0)
    if missing:
        assert "mandatory, but none of its tests was selected" in done.stdout


@pytest.mark.parametrize(("selection", "code"), [([], 0), (["!tr"], 1)])
def test_what_has_to_be_verified_is_a_question_to_all_shards(
    runner: Runner, tmp_path: Path, selection: list[str], code: int
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(PROFILE)
    for index in (1, 2):
        assert runner(*selection, "--profile", str(path), "--shard", f"{index}/2").returncode == 0
        assert findings(tmp_path) == []
        (tmp_path / "results").rename(tmp_path / f"shard-{index}")
    for more in ([], ["--profile", str(path)]):
        assert runner("merge", str(tmp_path / "shard-1"), str(tmp_path / "shard-2"), *more).returncode == code
        assert [subject for _, subject in findings(tmp_path) if subject != "GEN-1"] == (["TR-1"] if code else [])
