# SPDX-License-Identifier: MIT
"""results.md: what belongs into a comment on a pull request."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from typing import Any

from pvtest.report.failures import Block, blocks, common
from pvtest.stream import crash
from pvtest.stream.counts import kind_counts, ran_sentence, sentence
from pvtest.stream.coverage import coverage, states, uncovered, unit_sentence
from pvtest.stream.model import Crash, Finding, Frame, Run, TestResult, Verdict

MAX_FAILURES = 20
MAX_ITEMS = 500  # of a list
MAX_PAGE = 60_000  # characters; GitHub takes 65,536 in a comment
LONG_TEXT, LONG_LIST = 240, 40  # what a page that would be too long keeps of a text and of a list
SIGN = {Verdict.PASS: "✅", Verdict.FAIL: "❌", Verdict.ERROR: "💥", Verdict.SKIP: "⏭️"}
_ESCAPES = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_{}[]<>|#~@&"})


def escaped(text: str) -> str:
    """Text that a guest wrote, on one line, without any meaning to Markdown: no link, no mention, no HTML."""
    return " ".join(text.split()).translate(_ESCAPES)


def code(text: str) -> str:
    """The same, set as code."""
    plain = " ".join(text.split())
    fence = "`" * (max((len(run) for run in re.findall("`+", plain)), default=0) + 1)
    space = " " if "`" in plain else ""
    return f"{fence}{space}{plain.replace('|', '∣')}{space}{fence}" if plain else ""


def _groups(run: Run) -> list[str]:
    lines = ["| group | pass | fail | error | skip |", "|---|--:|--:|--:|--:|"]
    for group in dict.fromkeys(result.instance.test.group for result in run.results):
        counts = Counter(result.verdict for result in run.results if result.instance.test.group == group)
        lines.append(f"| {group} | " + " | ".join(str(counts[verdict] or "") for verdict in Verdict) + " |")
    return lines


def _block(text: str) -> list[str]:
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return [fence + "text", text, fence]


def _failure(run: Run, block: Block) -> list[str]:
    result = block.told
    test = result.instance.test
    lines = [f"{key:9} {value}" for key, value in block.rows(run) if key not in ("promise", "again")]
    return [
        "<details><summary>",
        "",
        f"{SIGN[result.verdict]} {code(block.name)} {escaped(result.reason)}",
        "",
        "</summary>",
        "",
        f"{escaped(test.title)} ({escaped(' '.join(test.requirements))})",
        "",
        *_block("\n".join(lines)),
        "",
        *(f"{'' if number else 'Again: '}{code(again)}  " for number, again in enumerate(block.again(run))),
        "",
        "</details>",
        "",
    ]


def _listed(title: str, items: list[list[str]], most: int, what: str = "") -> list[str]:
    """A section; of its items as many as there is room for, and how many there are beside these."""
    if not items:
        return []
    lines, size, shown = [], 0, 0
    for item in items:
        size += sum(len(line) + 1 for line in item)
        if size > most or shown == MAX_ITEMS:
            break
        lines += item
        shown += 1
    if shown < len(items):
        lines += ["", f"... and {len(items) - shown} more{what}, see results.json"]
    return [*([f"### {title}", ""] if title else []), *lines, ""]


def _crash(found: Crash) -> list[str]:
    where = f" in {code(found.test)}" if found.test else ""
    words = f"- {escaped(crash.words(found))} (boot {found.boot}{where})"
    return [words, "", *_block("\n".join([*found.lines, *crash.frame_lines(found.frames)])), ""]


def _told(run: Run, most: int) -> list[str]:
    shared = [[f"- {name}: {escaped(text)}"] for name, text in common(run)]
    found = list(blocks(run))
    told = [_failure(run, block) for block in found[:MAX_FAILURES]]
    lines = _listed("Common to failures", shared, most // 2) + _listed("Failures", told, most)
    if len(found) > MAX_FAILURES:
        lines += [f"{len(found)} tests in all, of which at most {MAX_FAILURES} are here; see results.json", ""]
    known = [result for result in run.results if run.excused(result)]
    excused = [[f"- {code(result.instance.id)}: {escaped(run.excused(result))}"] for result in known]
    return lines + _listed("Known failures", excused, most // 2, " known failures")


def _context(run: Run) -> list[str]:
    rows = [
        ("host", f"{run.host.get('name') or run.host.get('vendor', 'unknown')} {run.versions.get('host', '')}"),
        ("defects", ", ".join(defect.name for defect in run.defects)),
        ("variants", ", ".join(variant.name for variant in run.variants)),
        ("suite", run.versions.get("guest", "")),
        ("QEMU", run.versions.get("qemu", "")),
        ("unit", unit_sentence(run)),
        ("profile", " ".join(run.gate.profile.get(key, "") for key in ("name", "version"))),
        ("baseline", run.gate.baseline),
        ("shard", run.shard),
        ("tier", run.tier),
        ("seed", str(run.seed)),
        ("time", f"{run.timing.total:.1f} s in {len(run.boots)} boot{'s' if len(run.boots) != 1 else ''}"),
    ]
    return ["- " + ", ".join(f"{key} {escaped(value)}" for key, value in rows if value.strip())]


def _requirements(run: Run, most: int) -> list[str]:
    entries = coverage(run)
    counted = ", ".join(f"{number} {name}" for name, number in states(entries).items() if number)
    lines = ["### Requirements", "", f"{counted}, of {len(entries)}", ""]
    rows = [
        [f"| {entry.requirement.id} | {entry.state} | {entry.verdict} | {escaped(entry.reason)} |"] for entry in entries
    ]
    lines += ["<details><summary>", "", "Each of them", "", "</summary>", ""]
    lines += ["| requirement | coverage | verdict | reason |", "|---|---|---|---|", *_listed("", rows, most)]
    unmet = [[f"- {entry.requirement.id} {entry.state}: {escaped(entry.reason)}"] for entry in uncovered(entries)]
    return [*lines, "</details>", "", *_listed("", unmet, most // 2)]


def _trials(run: Run, most: int) -> list[str]:
    """The problems that a campaign found."""
    trials = run.trials
    if trials is None:
        return []
    wrong = [[f"- {escaped(trials.why(e))}. Again: {code(trials.again(e, run.seed))}"] for e in trials.wrong]
    title = trials.kind.capitalize()
    return [f"### {title}", "", trials.sentence, "", *(_listed("", wrong, most) or ["All as they should be.", ""])]


def _page(run: Run, most: int) -> str:
    """`most`: characters of each section."""
    counts = ", ".join(f"{run.count(verdict)} {verdict.value}" for verdict in Verdict if run.count(verdict))
    campaign = f", {run.trials.sentence}" if run.trials else ""
    lines = [f"## {SIGN[run.verdict]} pvIOMMU conformance: {run.verdict.value}{campaign}", ""]
    lines += [f"**{len(run.selected)} planned: {counts or 'none ran'}** (exit code {run.exit_code})", ""]
    lines += _listed("Problems of the run", [[f"- {escaped(problem)}"] for problem in run.problems], most)
    findings = [[f"- {code(f.subject)}: {escaped(f.text)}"] for f in run.gate.findings]
    lines += _listed("Gate", findings, most, " findings")
    lines += _trials(run, most)
    lines += _listed("Crashes", [_crash(found) for found in run.crashes], most)
    lines += _told(run, most)
    lines += ["### Groups", "", *_listed("", [[line] for line in _groups(run)], most)]
    skipped = [result for result in run.results if result.verdict is Verdict.SKIP]
    rows = [[f"- {code(result.instance.id)}: {escaped(result.reason)}"] for result in skipped]
    lines += _listed("Skipped", rows, most, " skipped tests")
    lines += _requirements(run, most)
    return "\n".join([*lines, *_context(run), f"- {sentence(kind_counts(run))}", f"- {ran_sentence(run)}"]) + "\n"


def _clipped(data: Any) -> Any:
    """A copy with no long text in it, for a page that would be too long."""
    if isinstance(data, str):
        return data if len(data) <= LONG_TEXT else data[:LONG_TEXT] + " ..."
    if isinstance(data, list):
        cut = [_clipped(item) for item in data[:LONG_LIST]]
        return cut + ["..."] if data[LONG_LIST:] and isinstance(data[0], str) else cut
    if isinstance(data, dict):
        return {_clipped(key): _clipped(value) for key, value in list(data.items())[:LONG_LIST]}
    if isinstance(data, (TestResult, Crash, Finding, Frame)):
        return dataclasses.replace(data, **{f.name: _clipped(getattr(data, f.name)) for f in dataclasses.fields(data)})
    return data


def _short(run: Run) -> Run:
    gate = dataclasses.replace(
        run.gate,
        findings=[_clipped(finding) for finding in run.gate.findings],
        excused={name: _clipped(why) for name, why in run.gate.excused.items()},
        baseline=_clipped(run.gate.baseline),
        profile=_clipped(run.gate.profile),
    )
    return dataclasses.replace(
        run,
        results=[_clipped(result) for result in run.results],
        problems=[_clipped(problem) for problem in run.problems],
        crashes=[_clipped(found) for found in run.crashes],
        host=_clipped(run.host),
        versions=_clipped(run.versions),
        defects=run.defects[:LONG_LIST],
        variants=run.variants[:LONG_LIST],
        flags=_clipped(run.flags),
        gate=gate,
    )


def render(run: Run) -> str:
    """The whole summary, or as much of it as a comment may hold; it says what it left out."""
    page = _page(run, MAX_PAGE)
    for most in (6000, 3000, 1000):
        if len(page) < MAX_PAGE:
            break
        page = _page(_short(run), most)
    rest = "\n\n... and more, see results.json\n"
    return page if len(page) < MAX_PAGE else page[: MAX_PAGE - len(rest) - 1] + rest
