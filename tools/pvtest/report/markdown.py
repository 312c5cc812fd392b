# SPDX-License-Identifier: MIT
"""results.md: what belongs into a comment on a pull request."""

from __future__ import annotations

import re
from collections import Counter

from pvtest.report import reproduce
from pvtest.report.telling import rows
from pvtest.stream import crash
from pvtest.stream.counts import kind_counts, sentence
from pvtest.stream.coverage import coverage, states, uncovered
from pvtest.stream.model import Run, TestResult, Verdict

MAX_FAILURES = 20
SIGN = {Verdict.PASS: "✅", Verdict.FAIL: "❌", Verdict.ERROR: "💥", Verdict.SKIP: "⏭️"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~@&])")


def escaped(text: str) -> str:
    """Text that a guest wrote, on one line, without any meaning to Markdown: no link, no mention, no HTML."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


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


def _failure(run: Run, result: TestResult) -> list[str]:
    test = result.instance.test
    lines = [f"{key:9} {value}" for key, value in rows(run, result) if key not in ("promise", "again")]
    return [
        "<details><summary>",
        "",
        f"{SIGN[result.verdict]} {code(result.instance.id)} {escaped(result.reason)}",
        "",
        "</summary>",
        "",
        f"{escaped(test.title)} ({escaped(' '.join(test.requirements))})",
        "",
        *_block("\n".join(lines)),
        "",
        f"Again: {code(reproduce.one(run, result))}",
        "",
        "</details>",
        "",
    ]


def _crashes(run: Run) -> list[str]:
    lines = []
    for found in run.crashes:
        where = f" in {code(found.test)}" if found.test else ""
        lines += [f"- {escaped(crash.words(found))} (boot {found.boot}{where})", ""]
        lines += [*_block("\n".join([*found.lines, *crash.frame_lines(found.frames)])), ""]
    return ["### Crashes", "", *lines] if lines else []


def _told(run: Run) -> list[str]:
    bad = [result for result in run.results if result.verdict in (Verdict.FAIL, Verdict.ERROR)]
    told = [result for result in bad if not run.excused(result)]
    lines = []
    if told:
        lines += ["### Failures", ""]
        for result in told[:MAX_FAILURES]:
            lines += _failure(run, result)
        if len(told) > MAX_FAILURES:
            lines += [f"... and {len(told) - MAX_FAILURES} more, see results.json", ""]
    excused = [f"- {code(result.instance.id)}: {escaped(run.excused(result))}" for result in bad if run.excused(result)]
    return lines + (["### Known failures", "", *excused, ""] if excused else [])


def _context(run: Run) -> list[str]:
    rows = [
        ("host", f"{run.host.get('name') or run.host.get('vendor', 'unknown')} {run.versions.get('host', '')}"),
        ("defects", ", ".join(defect.name for defect in run.defects)),
        ("variants", ", ".join(variant.name for variant in run.variants)),
        ("suite", run.versions.get("guest", "")),
        ("QEMU", run.versions.get("qemu", "")),
        ("profile", " ".join(run.gate.profile.get(key, "") for key in ("name", "version"))),
        ("baseline", run.gate.baseline),
        ("shard", run.shard),
        ("seed", str(run.seed)),
        ("time", f"{run.timing.total:.1f} s in {len(run.boots)} boot{'s' if len(run.boots) != 1 else ''}"),
    ]
    return ["- " + ", ".join(f"{key} {escaped(value)}" for key, value in rows if value.strip())]


def _requirements(run: Run) -> list[str]:
    entries = coverage(run)
    counted = ", ".join(f"{number} {name}" for name, number in states(entries).items() if number)
    lines = ["### Requirements", "", f"{counted}, of {len(entries)}", ""]
    listed = [
        f"| {entry.requirement.id} | {entry.state} | {entry.verdict} | {escaped(entry.reason)} |" for entry in entries
    ]
    lines += ["<details><summary>", "", "Each of them", "", "</summary>", ""]
    lines += ["| requirement | coverage | verdict | reason |", "|---|---|---|---|", *listed, "", "</details>", ""]
    unmet = [f"- {entry.requirement.id} {entry.state}: {escaped(entry.reason)}" for entry in uncovered(entries)]
    return lines + ([*unmet, ""] if unmet else [])


def _trials(run: Run) -> list[str]:
    """What a campaign found wrong."""
    trials = run.trials
    if trials is None:
        return []
    wrong = [f"- {escaped(trials.why(e))}. Again: {code(trials.again(e, run.seed))}" for e in trials.wrong]
    return [f"### {trials.kind.capitalize()}", "", trials.sentence, "", *(wrong or ["All as they should be."]), ""]


def render(run: Run) -> str:
    """The whole summary."""
    counts = ", ".join(f"{run.count(verdict)} {verdict.value}" for verdict in Verdict if run.count(verdict))
    campaign = f", {run.trials.sentence}" if run.trials else ""
    lines = [f"## {SIGN[run.verdict]} pvIOMMU conformance: {run.verdict.value}{campaign}", ""]
    lines += [f"**{len(run.selected)} planned: {counts or 'none ran'}** (exit code {run.exit_code})", ""]
    if run.problems:
        lines += ["### Problems of the run", "", *(f"- {escaped(problem)}" for problem in run.problems), ""]
    if run.gate.findings:
        lines += ["### Gate", "", *(f"- {code(f.subject)}: {escaped(f.text)}" for f in run.gate.findings), ""]
    lines += _trials(run)
    lines += _crashes(run)
    lines += _told(run)
    lines += ["### Groups", "", *_groups(run), ""]
    skipped = [result for result in run.results if result.verdict is Verdict.SKIP]
    if skipped:
        lines += ["### Skipped", "", *(f"- {code(r.instance.id)}: {escaped(r.reason)}" for r in skipped), ""]
    lines += _requirements(run)
    return "\n".join([*lines, *_context(run), f"- {sentence(kind_counts(run))}"]) + "\n"
