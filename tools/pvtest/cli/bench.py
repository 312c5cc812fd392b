# SPDX-License-Identifier: MIT
"""`./run.sh bench`: what an operation costs, how often it leaves the guest, and how long a run takes."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import statistics
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from pvtest import interrupts, paths
from pvtest.cli import usage
from pvtest.gate import compare_bench
from pvtest.machine import boots
from pvtest.machine.from_options import boot_once, load, machine, whole_catalogue
from pvtest.machine.guest_process import Observer
from pvtest.machine.terminal import terminal
from pvtest.plan import combinations
from pvtest.report import html
from pvtest.report.folder import ResultsFolder
from pvtest.stream.judge import bounded
from pvtest.stream.measurements import Line, Series, of_host, parse, series, time_text, with_host
from pvtest.stream.model import Run, Verdict


def table(lines: list[Line]) -> Table:
    """Operation by cost; those of a series are in the table of growth."""
    out = Table(
        title="Per operation", title_style="bold", title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
    out.add_column("operation")
    for name in ("time", "exits", "ratio"):
        out.add_column(name, justify="right")
    out.add_column("to")
    for line in (line for line in lines if not line.series):
        exits = "" if line.exits is None else f"{line.exits:.4f}".rstrip("0").rstrip(".")
        ratio = "" if line.ratio is None else f"{line.ratio:.2f}"
        out.add_row(line.name, time_text(line.ns), exits, ratio, line.baseline)
    return out


def growth_table(found: list[Series]) -> Table:
    """Each path by size: its cost at the smallest, and how many times as much it costs at the others."""
    out = Table(
        title="Growth", title_style="bold", title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
    for name in ("path", "by", "cost at the smallest", "and times as much at"):
        out.add_column(name)
    for one in found:
        grown = [f"{line.size}: {times:.2f}" for line, times in zip(one.lines, one.growth)][1:]
        out.add_row(one.name, one.of, f"{time_text(one.lines[0].ns)} ({one.lines[0].size})", "  ".join(grown))
    return out


def whole(run: Run) -> list[tuple[str, float | None, str, float]]:
    """Measures of a whole run: what, value, unit, target."""
    durations = [result.duration_us / 1000 for result in run.results if result.verdict is not Verdict.SKIP]
    own, buses, up = run.timing.firmware_to_first_test_us, run.timing.buses, run.timing.buses_up_us
    ten = [("of it ten vPCI buses", up / 1000 / buses * 10, "ms", 30.0)] if buses and up is not None else []
    return [
        ("own code, firmware to first test", None if own is None else own / 1000, "ms", 50),
        *ten,
        ("whole catalogue, one boot", run.timing.total, "s", 10),
        ("of it firmware", run.timing.to_first_line, "s", 0),
        ("of it tests", run.timing.tests, "s", 0),
        ("median test", statistics.median(durations) if durations else None, "ms", 10),
    ]


def whole_table(rows: list[tuple[str, float | None, str, float]]) -> Table:
    """Measures beside their targets."""
    out = Table(
        title="Whole run", title_style="bold", title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
    out.add_column("what")
    out.add_column("measured", justify="right")
    out.add_column("target", justify="right")
    for what, value, unit, target in rows:
        style = "" if not target or value is None else "green" if value <= target else "yellow"
        shown = "unknown" if value is None else f"{value:.2f} {unit}"
        out.add_row(what, Text(shown, style=style), f"{target:g} {unit}" if target else "")
    return out


def _document(lines: list[Line], run: Run, rows: list[tuple[str, float | None, str, float]]) -> dict[str, Any]:
    return {
        "format": "pvtest-bench",
        "format_version": 1,
        "versions": run.versions,
        "seed": run.seed,
        "operations": [dataclasses.asdict(line) for line in lines],
        "run": [
            {"what": what, "value": value, "unit": unit, "target": target or None} for what, value, unit, target in rows
        ],
    }


def _log(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""


def main(options: argparse.Namespace) -> int:
    """One boot for the operations, one for the catalogue; or a comparison of two earlier ones."""
    if options.compare:
        before, after = options.compare
        return compare_bench.main(before, after, options.limit, terminal(options))
    usage.check(options)
    tests, known = load()
    out = terminal(options)
    booted = machine(options, out)
    request = dataclasses.replace(
        whole_catalogue(options, tests, known, booted),
        verbose=min(options.verbose, 2),
        caching=options.caching,
        bus=combinations.bus(options),
        machine=options.machine,
    )
    with interrupts.deferred(), ResultsFolder(options.results) as folder:
        with out.progress(0, f"Booting QEMU {request.qemu.version} for the benchmarks"):
            observer = Observer(stop=interrupts.STOP)
            measured = boots.start(dataclasses.replace(request, bench=True), folder.folder("bench"), observer)
        lines, problems = parse(measured.tap)
        lines = with_host(lines, of_host(_log(folder.path / "bench" / "host.log")))
        if measured.interruption:
            problems.insert(0, measured.interruption)
        run = boot_once(request, folder.path, out, options.verbose)
        run.problems = bounded([f"bench: {problem}" for problem in problems] + run.problems)
        run.measured = lines
        folder.write_run(run)
        rows = whole(run)
        folder.write_json("bench.json", _document(lines, run, rows))
        folder.write_text("growth.svg", html.growth(lines))
        where = folder.publish()
    out.console.print("", table(lines), "", growth_table(series(lines)), "", whole_table(rows), "")
    for problem in run.problems:
        out.say(f"problem       {problem}", "bold magenta")
    out.say(f"results       {paths.shown(where)}")
    out.save("./run.sh bench")
    return run.exit_code
