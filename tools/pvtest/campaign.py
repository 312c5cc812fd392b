# SPDX-License-Identifier: MIT
"""`./run.sh defects`: how good is the suite? Every defect of the reference host must make a test fail."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from pvtest import boot, catalogue, qemu, report
from pvtest.catalogue import Defect
from pvtest.errors import EXIT_ERROR, EXIT_FAIL, EXIT_OK
from pvtest.model import Run, Verdict
from pvtest.results import ResultsFolder
from pvtest.run import boot_once, limits, load, terminal
from pvtest.selection import select_defects
from pvtest.session import Observer
from pvtest.terminal import Terminal

NAMES_SHOWN = 2


@dataclass
class Outcome:
    """What the catalogue said about one defect."""

    defect: Defect
    run: Run

    @property
    def failing(self) -> list[str]:
        """Instances that reported FAIL."""
        return [result.instance.id for result in self.run.results if result.verdict is Verdict.FAIL]

    @property
    def verdict(self) -> str:
        """'caught' needs a FAIL: a crash or hang shows that something is wrong, but no test said what."""
        if self.failing:
            return "caught"
        return "error" if self.run.problems or self.run.count(Verdict.ERROR) else "missed"

    @property
    def own_requirement(self) -> bool:
        """Does a failing test cover a requirement that the defect breaks?"""
        known = self.run.requirements
        broken = {known[name].id for name in self.defect.requirements}
        failing = [result for result in self.run.results if result.verdict is Verdict.FAIL]
        return any(known[name].id in broken for result in failing for name in result.instance.test.requirements)

    def record(self) -> dict[str, Any]:
        """One entry of defects.json."""
        return {
            "defect": self.defect.name,
            "title": self.defect.title,
            "requirements": list(self.defect.requirements),
            "verdict": self.verdict,
            "own_requirement": self.own_requirement,
            "failing": self.failing,
            "errors": [result.instance.id for result in self.run.results if result.verdict is Verdict.ERROR],
            "problems": self.run.problems,
            "seconds": round(self.run.timing.total, 2),
        }


def exit_code(outcomes: list[Outcome]) -> int:
    """Of the defects alone; the plain run has been seen to pass."""
    verdicts = {outcome.verdict for outcome in outcomes}
    if "error" in verdicts:
        return EXIT_ERROR
    return EXIT_FAIL if "missed" in verdicts else EXIT_OK


def table(outcomes: list[Outcome]) -> Table:
    """Defect by failing tests."""
    out = Table(
        title="Defects", title_style="bold", title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
    for name in ("defect", "breaks", "verdict", "failing", "own requirement", "first of them"):
        out.add_column(
            name,
            justify="right" if name == "failing" else "left",
            no_wrap=name in ("defect", "verdict"),
            overflow="fold",
        )
    styles = {"caught": "green", "missed": "bold red", "error": "bold magenta"}
    for outcome in outcomes:
        failing = outcome.failing
        more = f", ... {len(failing) - NAMES_SHOWN} more" if len(failing) > NAMES_SHOWN else ""
        first = ", ".join(failing[:NAMES_SHOWN]) + more
        if outcome.verdict == "error":
            bad = [result.reason for result in outcome.run.results if result.verdict is Verdict.ERROR]
            first = (outcome.run.problems + bad)[0]
        out.add_row(
            outcome.defect.name,
            Text(" ".join(outcome.defect.requirements), style="cyan"),
            Text(outcome.verdict, style=styles[outcome.verdict]),
            str(len(failing)),
            Text("yes" if outcome.own_requirement else "no", style="" if outcome.own_requirement else "yellow"),
            first,
        )
    return out


def _lines(outcomes: list[Outcome]) -> str:
    rows = [
        "\t".join(
            (o.defect.name, o.verdict, str(len(o.failing)), "yes" if o.own_requirement else "no", " ".join(o.failing))
        )
        for o in outcomes
    ]
    return "\n".join(["defect\tverdict\tfailing\town_requirement\ttests", *rows]) + "\n"


def _under(request: boot.Request, defect: Defect, folder: ResultsFolder, stop: threading.Event) -> Outcome:
    where = folder.folder(defect.name)
    return Outcome(defect, boot.run(dataclasses.replace(request, defects=[defect]), where, Observer(stop=stop)))


def _boot_all(
    request: boot.Request, chosen: list[Defect], folder: ResultsFolder, jobs: int, out: Terminal
) -> list[Outcome]:
    """One boot per defect, several at a time."""
    done: dict[str, Outcome] = {}
    stop = threading.Event()
    with ThreadPoolExecutor(jobs) as pool, out.progress(len(chosen), f"Running {len(chosen)} defects") as bar:
        waiting: dict[Future[Outcome], Defect] = {pool.submit(_under, request, d, folder, stop): d for d in chosen}
        try:
            for future in as_completed(waiting):
                outcome = future.result()
                done[outcome.defect.name] = outcome
                bar.set(len(done), f"{outcome.defect.name}: {outcome.verdict}")
                if not out.live:
                    out.say(
                        f"  {len(done)}/{len(chosen)} {outcome.defect.name}: {outcome.verdict}, "
                        f"{len(outcome.failing)} failing"
                    )
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [done[defect.name] for defect in chosen]


def main(options: argparse.Namespace) -> int:
    """The plain run first: a suite that fails anyway proves nothing by failing."""
    tests, known = load()
    chosen = select_defects(catalogue.load_defects(), options.globs)
    out = terminal(options)
    request = boot.Request(
        catalogue=tests,
        requirements=known,
        selected=tests.instances,
        qemu=qemu.probe(options.qemu),
        accel=options.accel,
        seed=options.seed,
        limits=limits(options),
        command=sys.argv[1:],
    )
    with ResultsFolder(options.results) as folder:
        plain = boot_once(request, folder.path, out, options.verbose)
        folder.write_run(plain)
        if plain.exit_code != EXIT_OK:
            report.show(plain, out, folder.publish(), options.verbose)
            out.say("The host without a defect must pass everything before defects mean anything.")
            return plain.exit_code
        out.say(f"Without a defect: {plain.count(Verdict.PASS)} pass, {plain.count(Verdict.SKIP)} skip")
        outcomes = _boot_all(request, chosen, folder, options.jobs, out)
        counts = {v: sum(o.verdict == v for o in outcomes) for v in ("caught", "missed", "error")}
        folder.write_json(
            "defects.json",
            {
                "format": "pvtest-defects",
                "format_version": 1,
                "exit_code": exit_code(outcomes),
                "seed": options.seed,
                "summary": {"defects": len(outcomes), **counts},
                "defects": [outcome.record() for outcome in outcomes],
            },
        )
        folder.write_text("defects.tsv", _lines(outcomes))
        where = folder.publish()
    out.console.print("", table(outcomes), "")
    for outcome in outcomes:
        if outcome.verdict != "caught":
            out.say(f"{outcome.verdict}: {outcome.defect.name}: {outcome.defect.title}", "bold red")
            out.say(f"  again: ./run.sh --defect {outcome.defect.name} --seed {options.seed}")
    own = sum(outcome.own_requirement for outcome in outcomes)
    out.say(f"results       {report.shown(where)}")
    out.say(
        f"{counts['caught']} of {len(outcomes)} defects caught ({own} by a test of their own requirement), "
        f"{counts['missed']} missed, {counts['error']} errors (exit code {exit_code(outcomes)})"
    )
    out.save("./run.sh defects")
    return exit_code(outcomes)
