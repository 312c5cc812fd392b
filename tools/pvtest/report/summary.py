# SPDX-License-Identifier: MIT
"""The summary on the terminal at the end of a run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rich.table import Table
from rich.text import Text

from pvtest import paths
from pvtest.counted import counted
from pvtest.images.catalogue import TIERS
from pvtest.machine.terminal import STYLE, Terminal
from pvtest.report import reproduce
from pvtest.report.failures import Block, blocks, common, did_not_run
from pvtest.stream import crash, guest_log
from pvtest.stream.counts import SLOW_MS, class_times, kind_counts, ran_sentence, sentence, slow, slowest
from pvtest.stream.coverage import broken, coverage, states, uncovered, unit_sentence
from pvtest.stream.model import Crash, Run, TestResult, Verdict
from pvtest.stream.trials import Trials

FULL = 4  # tests whose failures are told in full
LINES = 40  # tests that get a line each after those
STEPS = 10  # of each of several failures: the last
STATE_WORDS = {
    "not-applicable": "not applicable on this host",
    "not-covered": "not covered",
    "not-run": "not run",
}


def _count(number: int, verdict: Verdict) -> Text:
    return Text(str(number) if number else "·", style=STYLE[verdict] if number else "dim")


def groups_table(run: Run) -> Table:
    """Counts per group."""
    table = Table(
        title="Tests by group", title_style="bold", title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
    table.add_column("group")
    for verdict in Verdict:
        table.add_column(verdict.value, justify="right")
    table.add_column("time", justify="right")
    groups = list(dict.fromkeys(result.instance.test.group for result in run.results))
    for group in [*groups, None]:
        results = [r for r in run.results if group in (None, r.instance.test.group)]
        counts = Counter(result.verdict for result in results)
        if group is None:
            table.add_section()
        table.add_row(
            Text(group or "all", style="bold" if group is None else ""),
            *(_count(counts[verdict], verdict) for verdict in Verdict),
            f"{sum(result.real_us for result in results) / 1000:.1f} ms",
        )
    return table


def _rows(text: Text, rows: list[tuple[str, str]]) -> None:
    for key, value in rows:
        text.append(f"      {key:9} ", style="dim")
        text.append(f"{value}\n")


def _head(run: Run, block: Block) -> Text:
    text = Text()
    text.append(f"{block.told.verdict.value.upper():5} ", style=STYLE[block.told.verdict])
    text.append(block.name, style="bold")
    text.append(f"  [{' '.join(broken(run, block.told))}]", style="cyan")
    return text


def failure(run: Run, block: Block, known: frozenset[str] = frozenset(), most: int = 0) -> Text:
    """All that is known of a test that failed, but for the texts of the requirements in `known`; of its steps `most`
    (0 = all)."""
    text = _head(run, block).append("\n")
    rows = [row for row in block.rows(run, short=True) if row[0] not in known]
    steps = [row for row in rows if row[0].startswith("step")]
    left = steps[:-most] if most else []
    for row in left[1:]:
        rows.remove(row)
    if left:
        rows[rows.index(left[0])] = ("steps", f"the first {len(left)} of these are in report.html")
    _rows(text, rows)
    return text


def _line(run: Run, block: Block) -> Text:
    """A failure in a line."""
    where = "" if block.name == block.told.instance.id else f" {', '.join(block.classes)}"
    return _head(run, block).append(f"{where}: {' '.join(block.told.reason.split())}")


def failures(run: Run) -> list[Text]:
    """Facts that all have in common, then one block for each test, of which the first are told in full."""
    parts: list[Text] = []
    shared, found = common(run), blocks(run)
    if shared:
        text = Text("In common\n", style="bold")
        _rows(text, shared)
        parts.append(text)
    known: set[str] = {name for name, _ in shared}
    for block in found[:FULL]:
        parts.append(failure(run, block, frozenset(known), STEPS if len(found) > 1 else 0))
        known |= {run.requirements[name].id for name in broken(run, block.told)}
    rest = found[FULL:]
    parts += [_line(run, block) for block in rest[:LINES]]
    if len(rest) > LINES:
        parts.append(Text(f"      ... and {counted(len(rest) - LINES, 'more test')}, see report.html"))
    if rest:
        text = Text("")
        again = f"of these: {reproduce.test(run, rest[0].told)}"
        _rows(text, [("again", again), ("more", "report.html tells all of each")])
        parts.append(text)
    return parts


def crashed(found: Crash) -> Text:
    """The end of a program by its own mistake."""
    text = Text()
    text.append("CRASH ", style=STYLE[Verdict.ERROR])
    text.append("reference host" if found.program == "host" else "guest", style="bold")
    text.append(f"  boot {found.boot}" + (f", in {found.test}" if found.test else "") + "\n")
    for line in [found.text, *found.lines, *crash.frame_lines(found.frames)]:
        text.append(f"      {line}\n")
    return text


def _requirements_lines(run: Run) -> list[Text]:
    """Counts, and by name those that nothing verified. A run of a selection names them without their reasons."""
    entries = coverage(run)
    counts, by_verdict = states(entries), Counter(e.verdict for e in entries if e.state == "covered")
    parts = [f"{by_verdict[name]} {name}" for name in ("pass", "observed", "fail", "error") if by_verdict[name]]
    text = Text(f"requirements  {counts['covered']} of {len(entries)} covered")
    text.append(f" ({', '.join(parts)})" if parts else "")
    rest = [f"{counts[name]} {words}" for name, words in STATE_WORDS.items() if counts[name]]
    text.append(f"; {', '.join(rest)}" if rest else "", style="dim")
    lines = [text]
    for state, words in STATE_WORDS.items():
        found = [entry for entry in uncovered(entries) if entry.state == state]
        if counts["not-run"] and found:
            lines.append(Text(f"  {words}: {' '.join(entry.requirement.id for entry in found)}", style="dim"))
        else:
            lines += [Text(f"  {words}: {entry.requirement.id}: {entry.reason}", style="dim") for entry in found]
    return lines


def _mark(result: TestResult) -> str:
    return "!" if slow(result) else " "


def _machines(run: Run) -> list[Text]:
    """The time of each of two machines that worked side by side."""
    seconds = {ahead: sum(b.seconds for b in run.boots if b.virtual_clock is ahead) for ahead in (False, True)}
    if not all(seconds.values()):
        return []
    ahead = [result for result in run.results if result.virtual_clock]
    classes = ", ".join(dict.fromkeys(result.instance.device or "" for result in ahead))
    usual, other = len(run.results) - len(ahead), f"{len(ahead)} instances on {classes} in {seconds[True]:.1f} s"
    return [Text(f"machines      {usual} instances in {seconds[False]:.1f} s; {other}, by a clock that runs ahead")]


def _classes(run: Run) -> list[Text]:
    """The time of the tests of each device class, where there are several."""
    times = class_times(run)
    if len(times) < 2:
        return []
    return [Text("classes       " + ", ".join(f"{name} {us / 1e6:.1f} s" for name, us in times.items()))]


def _times_lines(run: Run) -> list[Text]:
    timing = run.timing
    parts = []
    if timing.to_first_line is not None:
        parts.append(f"firmware and start {timing.to_first_line:.1f} s")
    if timing.firmware_to_first_test_us is not None:
        parts.append(f"own code to first test {timing.firmware_to_first_test_us / 1000:.1f} ms")
    if timing.buses and timing.buses_up_us is not None:
        parts.append(f"of it {timing.buses} vPCI buses {timing.buses_up_us / 1000:.1f} ms")
    if timing.tests is not None:
        parts.append(f"tests {timing.tests:.1f} s")
    parts.append(f"total {timing.total:.1f} s")
    lines = [Text(f"times         {', '.join(parts)}"), *_classes(run), *_machines(run)]
    if len(run.results) > 1:
        for number, result in enumerate(slowest(run)):
            name, took = result.instance.id, f"{result.real_us / 1000:.1f} ms"
            lines.append(Text(f"{'' if number else 'slowest':13} {took:>10} {_mark(result)} {name}"))
    over = sum(slow(result) for result in run.results)
    if over:
        lines.append(Text(f"slow          {over} took more than {SLOW_MS} ms and are not of level stress (marked !)"))
    return lines


def _tier(run: Run) -> str:
    """The tier, and what is left to a longer one, whatever was selected."""
    tier = run.tier  # looks at all that was selected
    longer = sum(not instance.within(tier) for instance in run.catalogue.instances)
    return tier + (f"; the catalogue has {longer} instances of longer ones (--tier {TIERS[-1]})" if longer else "")


def _boots(run: Run) -> list[Text]:
    lines = []
    for number, boot in enumerate(run.boots[1:], 2):
        why = run.boots[number - 2]
        if why.guilty and why.virtual_clock == boot.virtual_clock:
            lines.append(Text(f"restart       boot {number} went on after {why.guilty}: {boot.reported} results"))
    return lines


def _gate(run: Run) -> list[Text]:
    lines = []
    same: dict[str, list[str]] = {}
    for finding in run.gate.findings:
        same.setdefault(finding.text, []).append(finding.subject)
    for text, subjects in same.items():
        lines.append(Text.assemble(("gate          ", STYLE[Verdict.FAIL]), f"{', '.join(subjects)}: {text}"))
    for result in run.results:
        if why := run.excused(result):
            lines.append(Text(f"excused       {result.instance.id}: {result.verdict.value}, {why}"))
    if run.gate.profile:
        name = run.gate.profile
        lines.append(Text(f"profile       {name['name']}, version {name['version']}: {name['title']}"))
    if run.gate.baseline:
        lines.append(Text(f"baseline      {run.gate.baseline}"))
    if run.rounds_before:
        lines.append(Text(f"rounds        {run.rounds_before} before these passed"))
    if run.shuffled and "--in-order" not in run.command:
        lines.append(Text(f"shuffled      the same order again: {reproduce.whole(run)}"))
    return lines


def _skips(run: Run) -> list[Text]:
    reasons: dict[str, list[str]] = {}
    for result in run.results:
        if result.verdict is Verdict.SKIP:
            reasons.setdefault(result.reason, []).append(result.instance.test.id)
    return [Text(f"skipped       {len(ids)}: {reason} ({_some(ids)})") for reason, ids in reasons.items()]


def _some(ids: list[str], limit: int = 4) -> str:
    """Each test once; the files name all instances."""
    ids = list(dict.fromkeys(ids))
    more = f", and {len(ids) - limit} more" if len(ids) > limit else ""
    return ", ".join(ids[:limit]) + more


def observations(run: Run) -> Table | None:
    """The implementation-defined behavior of this host."""
    seen = [result for result in run.results if result.observation]
    if not seen:
        return None
    table = Table(title="Observations", title_style="bold", title_justify="left", box=None, pad_edge=False)
    table.add_column("test")
    table.add_column("requirements", style="cyan")
    table.add_column("observed")
    for result in seen:
        table.add_row(result.instance.id, " ".join(result.instance.test.requirements), Text(result.observation))
    return table


def verdict_line(run: Run) -> Text:
    """One line that says it all."""
    counts = ", ".join(f"{run.count(verdict)} {verdict.value}" for verdict in Verdict)
    words = {Verdict.PASS: "PASS", Verdict.FAIL: "FAIL", Verdict.ERROR: "ERROR"}[run.verdict]
    text = Text(f" {words} ", style=f"reverse {STYLE[run.verdict]}")
    excused = sum(bool(run.excused(result)) for result in run.results)
    counts += f", {excused} of them excused" if excused else ""
    counts += f"; {run.trials.sentence}" if run.trials else ""
    shard = f"shard {run.shard}, " if run.shard else ""
    return text.append(
        f" {len(run.selected)} planned: {counts}  ({shard}seed {run.seed}, exit code {run.exit_code})",
        style="not reverse",
    )


def _second_chances(run: Run) -> list[Text]:
    """Tests that overran a deadline and were run again, which a loaded machine explains."""
    told = [(one.instance.id, one.details["second_chance"]) for one in run.results if "second_chance" in one.details]
    return [Text.assemble(("second chance ", STYLE[Verdict.SKIP]), f"{name}: {text}") for name, text in told]


def _guest_log(run: Run) -> list[Text]:
    """The host's log of the guest, with --verbose."""
    told = [] if run.guest_log is None else guest_log.sentences(run.guest_log)
    return [Text(f"{word:13} {text}", style="yellow" if word == "hint" else "") for word, text in told]


def show(run: Run, terminal: Terminal, where: Path, verbose: bool) -> None:
    """The whole report."""
    parts: list[object] = [] if terminal.quiet else [Text(""), groups_table(run), Text("")]
    # Of a run that broke off, the test that was running matters; the many that did not run would bury it.
    parts += failures(run)
    parts += [crashed(found) for found in run.crashes]
    idle = sum(map(did_not_run, run.results))
    if idle:
        parts.append(Text(f"ERROR {counted(idle, 'test')} did not run\n", style=STYLE[Verdict.ERROR]))
    for problem in run.problems:
        parts.append(Text.assemble(("problem       ", STYLE[Verdict.ERROR]), problem))
    parts += _second_chances(run) + _boots(run) + _gate(run)
    if terminal.quiet:
        terminal.show(*parts, verdict_line(run))
        return
    parts += _skips(run) + _guest_log(run)
    table = observations(run) if verbose else None
    if table is not None:
        parts += [table, Text("")]
    host = run.host.get("name") or run.host.get("vendor", "unknown")
    defect = f", defect {', '.join(d.name for d in run.defects)}" if run.defects else ""
    variant = f", variant {', '.join(v.name for v in run.variants)}" if run.variants else ""
    version = " " + run.versions["host"]
    if run.machine.get("reference_host") is False:
        version = ", no reference host"
    alone = ", virtual functions alone" if run.machine.get("functions_alone") else ""
    parts += [
        Text(f"declared      {sentence(kind_counts(run))}"),
        Text(f"ran           {ran_sentence(run)}"),
        Text(f"tier          {_tier(run)}"),
        *_requirements_lines(run),
        *_times_lines(run),
        Text(
            f"versions      suite {run.versions['guest']}, host {host}{version}{defect}{variant}, "
            f"QEMU {run.versions['qemu']}{alone}"
        ),
        *([Text(f"unit          {unit_sentence(run)}")] if unit_sentence(run) else []),
        Text(f"results       {paths.shown(where)}"),
        verdict_line(run),
    ]
    terminal.show(*parts)


def trials_table(trials: Trials, column: str, firsts: list[str]) -> Table:
    """Defects or variants by failing tests. `column`: what their requirements mean; `firsts`: the first of the failing
    tests of each, or its error."""
    out = Table(
        title=trials.kind.capitalize(),
        title_style="bold",
        title_justify="left",
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    fixed = (trials.word, "verdict", "failing", "skipped")
    own = ("own requirement",) if trials.kind == "defects" else ()
    for name in (trials.word, column, "verdict", "failing", "skipped", *own, "first of them"):
        out.add_column(
            name, justify="right" if name in fixed[2:] else "left", no_wrap=name in fixed[:2], overflow="fold"
        )
    styles = {trials.good: "green", "error": "bold magenta"}
    for entry, first in zip(trials.entries, firsts):
        covers = Text("yes") if entry.get("own_requirement") else Text("no", style="yellow")
        out.add_row(
            trials.name(entry),
            Text(" ".join(entry["requirements"]), style="cyan"),
            Text(entry["verdict"], style=styles.get(entry["verdict"], "bold red")),
            str(len(entry["failing"])),
            str(entry["skipped"]),
            *((covers,) if own else ()),
            first,
        )
    return out
