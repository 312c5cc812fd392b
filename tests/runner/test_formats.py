# SPDX-License-Identifier: MIT
"""One model, many formats: all of them say the same, and what a guest writes means nothing to any of them."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from conftest import ROOT, Runner, latest, true_to
from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import JUnitXml
from pvtest.images import catalogue, requirements
from pvtest.images.stories import Story
from pvtest.report import html, markdown, tap_junit
from pvtest.report.behaviour import behaviour
from pvtest.report.json_writer import document
from pvtest.stream.model import Boot, Crash, Finding, Frame, Gate, Run, TestResult, Verdict
from tap.line import Result as TapResult
from tap.parser import Parser as TapReader

import images

VERDICTS = ("pass", "fail", "error", "skip")
CATALOGUE = catalogue.parse_tests(images.catalogue_section())
KNOWN = requirements.load()
SCHEMAS = {p.name: json.loads(p.read_text()) for p in (ROOT / "docs").glob("*.schema.json")}


class Page(HTMLParser):
    """Reads report.html as a browser would: rows of tests, texts, and everything that could leave the page."""

    def __init__(self, text: str):
        super().__init__()
        self.rows: list[tuple[str, str]] = []
        self.outside: list[str] = []
        self.tags: list[str] = []
        self._texts: list[str] = []
        self._row: dict[str, str | None] | None = None
        self._id = False
        self.feed(text)
        self.text = "".join(self._texts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        if tag == "tr" and "data-verdict" in found:
            self._row = found
        if not (self._id and tag == "a"):  # an id may be a link
            self._id = tag == "span" and found.get("class") == "id" and self._row is not None
        for name in ("src", "href", "action", "data", "srcset", "poster"):
            value = found.get(name)
            if value is not None and not value.startswith("#") and value != "data:,":
                self.outside.append(value)
        self.outside += [name for name in found if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self._texts.append(data)
        if self._id and self._row is not None:
            self.rows.append((data, str(self._row["data-verdict"])))
            self._row, self._id = None, False


def from_tap(path: Path) -> dict[str, str]:
    """By a parser that is not ours."""
    found = {}
    for line in TapReader().parse_file(str(path)):
        if isinstance(line, TapResult):
            name = line.description.removeprefix("- ")
            verdict = (
                "skip" if line.skip else "pass" if line.ok and not line.todo else "excused" if line.todo else "bad"
            )
            assert name not in found
            found[name] = verdict
    return found


def from_junit(path: Path) -> dict[str, str]:
    found = {}
    for suite in JUnitXml.fromfile(str(path)):
        for case in suite:
            verdict = case.result[0]._tag if case.result else "pass"  # pylint: disable=protected-access
            found[str(case.name)] = {"failure": "fail", "skipped": "skip"}.get(verdict, verdict)
    return found


def compare_formats(folder: Path) -> dict:
    """All files of a results folder say the same; returns results.json."""
    found = json.loads((folder / "results.json").read_text())
    true_to("results", found)
    wanted = {test["id"]: test["verdict"] for test in found["tests"]}
    excused = {test["id"] for test in found["tests"] if test["excused"]}
    gate = [name for name in from_tap(folder / "results.tap") if name.startswith("gate:")]
    assert len(gate) == len(found["gate"]["findings"])

    campaign = found.get("campaign", {"kind": "defects", "trials": []})
    good = {"defects": "caught", "variants": "pass"}[campaign["kind"]]
    trials = {f"{campaign['kind'][:-1]}:{t['name']}": t["verdict"] for t in campaign["trials"]}

    tap = from_tap(folder / "results.tap")
    expected = {
        name: v if v in ("pass", "skip") else "excused" if name in excused else "bad" for name, v in wanted.items()
    }
    expected |= {name: "pass" if verdict == good else "bad" for name, verdict in trials.items()}
    assert tap == expected | dict.fromkeys(gate, "bad")
    assert list(tap)[: len(wanted)] == list(wanted), "the same order"

    junit = from_junit(folder / "junit.xml")
    expected = {name: "skip" if name in excused else verdict for name, verdict in wanted.items()}
    expected |= dict.fromkeys(gate, "fail")
    words = {good: "pass", "error": "error"}
    expected |= {name: words.get(verdict, "fail") for name, verdict in trials.items()}
    assert junit == expected | ({"run": "error"} if found["problems"] else {})

    page = Page((folder / "report.html").read_text())
    assert dict(page.rows) == wanted and len(page.rows) == len(wanted)
    assert page.outside == [] and page.tags.count("script") == 1
    sign = {"pass": "✅", "fail": "❌", "error": "💥"}[found["verdict"]]
    assert (folder / "results.md").read_text().startswith(f"## {sign} pvIOMMU conformance: {found['verdict']}")
    assert f"<title>{found['verdict'].upper()} " in (folder / "report.html").read_text()
    for trial in campaign["trials"]:
        assert (trial["name"] in (folder / "results.md").read_text()) == (trial["verdict"] != good)
        assert trial["name"] in page.text

    text = (folder / "results.md").read_text()
    counts = re.search(r"\*\*(\d+) planned: (.*?)\*\* \(exit code (\d)\)", text)
    assert counts and int(counts[1]) == found["summary"]["planned"] and int(counts[3]) == found["exit_code"]
    told = dict(reversed(pair.split()) for pair in counts[2].split(", "))
    assert {verdict: int(told.get(verdict, 0)) for verdict in VERDICTS} == {v: found["summary"][v] for v in VERDICTS}

    profile = json.loads((folder / "profile.json").read_text())
    true_to("behaviour", profile)
    assert {name: test["verdict"] for name, test in profile["tests"].items()} == wanted
    for verdict in VERDICTS:
        assert found["summary"][verdict] == list(wanted.values()).count(verdict)
    return found


@pytest.mark.parametrize("fixture", ["pass", "fail", "error", "skip", "all-skip", "crash", "plan-mismatch", "no-edu"])
def test_all_formats_agree(runner: Runner, tmp_path: Path, fixture: str) -> None:
    done = runner("--fixture", fixture)
    found = compare_formats(tmp_path / "results" / "latest")
    assert found["exit_code"] == done.returncode


def test_a_failure_says_how_to_see_it_again_in_every_format(runner: Runner, tmp_path: Path) -> None:
    again = "./run.sh flush.unmap@dmaprobe --seed 7 --defect no-flush --deadline 500 --answer 200"
    done = runner("flush.*", "--defect", "no-flush", "--seed", "7", "--deadline", "500", "--answer", "200")
    assert done.returncode == 1
    folder = tmp_path / "results" / "latest"
    for name in ("results.json", "results.tap", "results.md", "report.html", "junit.xml"):
        assert again in (folder / name).read_text(), name
    assert again in done.stdout


def test_formats_agree_with_profile_and_baseline(runner: Runner, tmp_path: Path) -> None:
    baseline = tmp_path / "known.toml"
    baseline.write_text(
        'format = "pvtest-baseline"\nformat_version = 1\n[[known]]\ntest = "flush.unmap"\nreason = "bug 7"\n'
        '[[known]]\ntest = "cap.*"\nreason = "bug 8"\n'
    )
    done = runner("--defect", "no-flush", "--baseline", str(baseline), "--profile", "linux-merged")
    assert done.returncode == 1, done.stdout + done.stderr
    found = compare_formats(tmp_path / "results" / "latest")
    assert [f["kind"] for f in found["gate"]["findings"]] == ["unexpected-pass"]
    assert found["gate"]["profile"]["name"] == "linux-merged"
    for name in ("results.md", "report.html"):
        text = (tmp_path / "results" / "latest" / name).read_text()
        assert "bug 7" in text and "linux-merged" in text.replace("\\", "")


HOSTILE = st.text(
    st.one_of(st.sampled_from("<>&\"'`|*_[]()!#@\\{}%\n\r\t\0\x1b\u202e\ud7ff]"), st.characters()), max_size=60
)
MARKUP = st.sampled_from(
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=y>",
        "](http://a.b)",
        "{{ 7*7 }}",
        "]]>",
        "# SKIP x",
        "```",
        "@all",
    ]
)
WORDS = st.one_of(HOSTILE, MARKUP)


@st.composite
def runs(draw: st.DrawFn) -> Run:
    results = []
    for instance in CATALOGUE.instances:
        result = TestResult(
            instance, draw(st.sampled_from(Verdict)), draw(WORDS), duration_us=draw(st.integers(0, 10**9))
        )
        result.expected, result.actual, result.observation = draw(WORDS), draw(WORDS), draw(WORDS)
        result.details = {"step1": draw(WORDS), "fault1": draw(WORDS), "note": draw(WORDS)}
        result.crash = [draw(WORDS)]
        result.frames = [Frame(16, draw(WORDS), draw(WORDS), [(1, draw(WORDS))])]
        result.story = draw(st.none() | st.builds(Story, st.just(instance.test.id), WORDS, WORDS, WORDS))
        results.append(result)
    bad = [r.instance.id for r in results if r.verdict in (Verdict.FAIL, Verdict.ERROR)]
    gate = Gate(
        excused={name: draw(WORDS) or "known" for name in draw(st.lists(st.sampled_from(bad)) if bad else st.just([]))}
    )
    gate.findings = [Finding("vanished", draw(WORDS), draw(WORDS)) for _ in range(draw(st.integers(0, 2)))]
    return Run(
        catalogue=CATALOGUE,
        requirements=KNOWN,
        selected=CATALOGUE.instances,
        results=results,
        problems=draw(st.lists(WORDS.filter(str.strip), max_size=2)),
        versions={"qemu": "1", "firmware": draw(WORDS), "host": draw(WORDS), "guest": "1"},
        host={"name": draw(WORDS)},
        capabilities={"cap": draw(WORDS)},
        devices=[{"class": "rocker", "bdf": draw(WORDS), "id": "0x8"}],
        boots=[Boot(1, draw(WORDS), "x", 1.0)],
        crashes=[Crash("host", 1, draw(WORDS), draw(WORDS), [draw(WORDS)], [Frame(1, draw(WORDS), "a.c:1")])],
        gate=gate,
    )


@settings(max_examples=40)
@given(runs())
def test_what_a_guest_writes_breaks_no_format(tmp_path_factory: pytest.TempPathFactory, run: Run) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    found = document(run)
    ids = [instance.id for instance in CATALOGUE.instances]
    tap_junit.junit(run, folder / "junit.xml")
    assert set(ids) <= set(from_junit(folder / "junit.xml"))
    text = tap_junit.tap(run)
    points = [line for line in text.split("\n") if re.match("(not )?ok ", line)]
    assert len(points) == len(ids) + len(run.gate.findings)
    assert text.count("\nBail out!") == bool(run.problems)
    page = Page(html.render(found, KNOWN.groups))
    assert [name for name, _ in page.rows] == ids and page.outside == []
    assert page.tags.count("script") == 1 and "img" not in page.tags
    plain = re.sub(r"(?ms)^(`{3,})text\n.*?^\1$", "", markdown.render(run))
    plain = re.sub(r"(?<![\\`])(`+)(?!`).+?(?<!`)\1(?!`)", "", plain)
    assert not re.search(r"(?<!\\)<(?!/?(details|summary)>)", plain), plain
    true_to("behaviour", behaviour(found))
    true_to("results", json.loads(json.dumps(found)))


def test_page_shows_everything(runner: Runner, tmp_path: Path) -> None:
    assert runner("defects").returncode == 1
    folder = tmp_path / "results" / "latest"
    page = Page((folder / "report.html").read_text())
    text = " ".join(page.text.split())
    found = json.loads((folder / "results.json").read_text())
    for item in found["requirements"]:
        assert " ".join(item["text"].split()) in text
    for word in ("no-flush", "caught", "lazy", "missed", "status INVALID_PARAMETER", "firmware and start"):
        assert word in text
    assert page.tags.count("svg") > len(found["tests"])
    true_to("defects", json.loads((folder / "defects.json").read_text()))


@pytest.mark.parametrize(
    ("campaign", "code"),
    [(["defects"], 1), (["defects", "no-flush"], 0), (["variants"], 1), (["variants", "polite"], 0)],
)
def test_every_format_has_the_verdict_of_a_campaign(
    runner: Runner, tmp_path: Path, campaign: list[str], code: int
) -> None:
    assert runner(*campaign).returncode == code
    found = compare_formats(tmp_path / "results" / "latest")
    assert found["exit_code"] == code and found["campaign"]["kind"] == campaign[0]


def test_an_error_of_a_campaign_is_one_in_every_format(runner: Runner, tmp_path: Path) -> None:
    deadly = "cap.page_sizes=stop flush.none@rocker=stop"
    done = runner("defects", FAKE_QEMU_DEADLY=deadly, FAKE_QEMU_DEADLY_WITH="lazy")
    assert done.returncode == 2, done.stdout
    found = compare_formats(tmp_path / "results" / "latest")
    assert found["exit_code"] == 2 and found["campaign"]["summary"]["error"] == 1


def test_merge_believes_the_entries_of_a_campaign(runner: Runner, tmp_path: Path) -> None:
    assert runner("defects", "no-flush", "--shard", "1/1").returncode == 0
    path = tmp_path / "results" / "latest" / "defects.json"
    path.write_text(path.read_text().replace('"verdict": "caught"', '"verdict": "missed"'))
    (tmp_path / "results").rename(tmp_path / "shard")
    done = runner("merge", str(tmp_path / "shard"))
    assert done.returncode == 1 and " FAIL " in done.stdout and "1 missed" in done.stdout
    assert compare_formats(tmp_path / "results" / "latest")["exit_code"] == 1
    assert json.loads((tmp_path / "results" / "latest" / "defects.json").read_text())["exit_code"] == 1


def test_schemas_are_schemas() -> None:
    for schema in SCHEMAS.values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_the_page_of_a_kept_template_is_that_of_a_new_one(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert runner().returncode == 0
    found = latest(tmp_path)
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "kept"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    page = html.render(found, {})
    assert not (tmp_path / "kept").exists(), "nothing is kept where Python keeps nothing"
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    assert html.render(found, {}) == page
    (kept,) = (tmp_path / "kept").rglob("template-*.bin")
    whole = kept.read_bytes()
    assert html.render(found, {}) == page
    for damaged in (b"", whole[:100], b"x" * len(whole), whole[:-1]):
        kept.write_bytes(damaged)
        assert html.render(found, {}) == page
        assert kept.read_bytes() == whole, "it is made again"
    kept.unlink()
    kept.mkdir()
    assert html.render(found, {}) == page
