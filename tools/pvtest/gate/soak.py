# SPDX-License-Identifier: MIT
"""`./run.sh soak`: machines, seeds and orders by chance for as long as wanted; on a sound host nothing may fail.

A round is a call of the runner in a process of its own, so that not even a mistake of the runner ends the others.
"""

from __future__ import annotations

import argparse
import re
import secrets
import shutil
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table

from pvtest import interrupts, json_file, paths
from pvtest.errors import EXIT_ERROR, EXIT_FAIL, EXIT_OK, UsageError
from pvtest.gate import soak_report
from pvtest.machine import guardian, qemu
from pvtest.machine.terminal import Terminal, terminal
from pvtest.plan import soak
from pvtest.plan.soak import Round
from pvtest.report.folder import ResultsFolder

FORMAT, VERSION = "pvtest-soak", 1
MOST_FINDINGS = 1000  # in the report; all are counted, and their folders stay
MOST_TESTS = 20  # named of one round
ROUND_SECONDS = 1800.0  # a round has bounds of its own; this is for a runner that hangs
# What a test says that it did: "1600 calls, 12 of them accepted".
_WORK = re.compile(r"^(\d{1,9}) ([A-Za-z][A-Za-z ]{2,30}?)(?: by chance)?(?:[,:]|$)")


@dataclass
class Tally:
    """The work of rounds, added up."""

    rounds: int = 0
    boots: int = 0
    instances: int = 0
    failed: int = 0  # rounds with a finding
    work: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        self.rounds += other.rounds
        self.boots += other.boots
        self.instances += other.instances
        self.failed += other.failed
        self.work.update(other.work)


@dataclass
class Finding:
    """A round that was not as on the sound host."""

    round: int
    machine: str
    exit_code: int
    command: str
    tests: list[str]  # the first of those that failed
    why: str
    folder: str

    def __str__(self) -> str:
        what = ", ".join(self.tests) or self.why
        return f"round {self.round}, {self.machine}: exit code {self.exit_code}: {what}"


def tally_of(document: dict[str, Any]) -> Tally:
    """The work of one round, from its results.json."""
    ran = [test for test in document["tests"] if test["verdict"] != "skip"]
    found = Tally(1, len(document["boots"]), len(ran))
    for test in ran:
        if match := _WORK.match(test["observation"]):
            found.work[match[2]] += int(match[1]) * int(test["rounds"])
    return found


def judge(drawn: Round, code: int, output: str, folder: Path) -> tuple[Tally, Finding | None]:
    """The work of a round, and what is to be told of it."""
    latest = folder / json_file.LATEST / "results.json"
    tally, bad, why = Tally(1), [], ""
    try:
        document = json_file.load(latest, "pvtest-results")
        tally = tally_of(document)
        wrong = [test for test in document["tests"] if test["verdict"] in ("fail", "error") and not test["excused"]]
        bad = [f"{test['id']} ({test['verdict']})" for test in wrong]
        why = "; ".join(document["problems"][:3])
    except UsageError as error:
        why = output.strip().splitlines()[-1] if output.strip() else str(error)
        code = code or EXIT_ERROR
    if code == EXIT_OK:
        return tally, None
    tally.failed = 1
    return tally, Finding(drawn.number, drawn.machine, code, drawn.command, bad[:MOST_TESTS], why, folder.name)


def run_round(drawn: Round, folder: Path, passed: list[str]) -> tuple[Tally, Finding | None]:
    """Carries one out; its folder stays where something was found."""
    words = ["run", *drawn.words, *passed, "--plain", "--quiet", "--results", str(folder)]
    with open(folder.with_suffix(".log"), "wb") as log, guardian.runner(words, log) as child:
        end = time.monotonic() + ROUND_SECONDS
        while child.poll() is None:
            if interrupts.STOP.wait(0.2) or time.monotonic() > end:
                child.terminate()
                child.wait()
    output = folder.with_suffix(".log").read_text(encoding="utf-8", errors="replace")
    tally, finding = judge(drawn, child.returncode, output, folder)
    if finding is None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(".log").unlink()
    return tally, finding


class Soak:
    """Rounds until the time is over."""

    def __init__(self, seed: int, machines: list[str], folder: Path, passed: list[str]):
        self.seed, self.machines, self.folder, self.passed = seed, machines, folder, passed
        self.by_machine: dict[str, Tally] = {name: Tally() for name in machines}
        self.findings: list[Finding] = []
        self.seconds = 0.0

    @property
    def whole(self) -> Tally:
        """All machines together."""
        total = Tally()
        for tally in self.by_machine.values():
            total.add(tally)
        return total

    def _take(self, drawn: Round, result: tuple[Tally, Finding | None]) -> Finding | None:
        self.by_machine[drawn.machine].add(result[0])
        if result[1] is not None and len(self.findings) < MOST_FINDINGS:
            self.findings.append(result[1])
        return result[1]

    def run(self, minutes: float, jobs: int, out: Terminal) -> None:
        """Starts rounds until the minutes are over; those that run then come to their end."""
        start = time.monotonic()
        running: dict[Future[tuple[Tally, Finding | None]], Round] = {}
        number = 0
        with ThreadPoolExecutor(jobs) as pool, out.progress(round(minutes * 60), "Soaking") as bar:
            while True:
                now = time.monotonic() - start
                open_end = now < minutes * 60 or number < 1
                while len(running) < jobs and open_end and not interrupts.STOP.is_set():
                    number += 1
                    drawn = soak.draw(self.seed, number, self.machines)
                    where = self.folder / f"round-{number:05}"
                    running[pool.submit(run_round, drawn, where, self.passed)] = drawn
                if not running:
                    break
                done, _ = wait(running, timeout=1, return_when=FIRST_COMPLETED)
                for future in done:
                    found = self._take(running.pop(future), future.result())
                    if found is not None and not interrupts.STOP.is_set():
                        out.say(f"  {found}")
                going = ", ".join(drawn.machine for drawn in running.values())
                bar.set(round(min(now, minutes * 60)), f"{self.whole.rounds} rounds done; now {going}")
        self.seconds = time.monotonic() - start

    @property
    def exit_code(self) -> int:
        """1 where a test failed; 2, which wins as always, where a round was no verdict of the host."""
        if interrupts.STOP.is_set() or any(finding.exit_code != EXIT_FAIL for finding in self.findings):
            return EXIT_ERROR
        return EXIT_FAIL if self.findings else EXIT_OK


def document(found: Soak, versions: dict[str, str]) -> dict[str, Any]:
    """soak.json."""

    def told(tally: Tally) -> dict[str, Any]:
        return {**asdict(tally), "work": dict(sorted(tally.work.items()))}

    return {
        "format": FORMAT,
        "format_version": VERSION,
        "exit_code": found.exit_code,
        "seed": found.seed,
        "seconds": round(found.seconds, 1),
        "versions": versions,
        "whole": told(found.whole),
        "machines": [{"machine": name, **told(tally)} for name, tally in found.by_machine.items()],
        "findings": [asdict(finding) for finding in found.findings],
    }


def merge(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """Soaks of several computers, of several seeds or builds: their work added up, their findings in a row."""
    machines: dict[str, Tally] = {}
    for one in documents:
        for entry in one["machines"]:
            values = {key: value for key, value in entry.items() if key not in ("machine", "work")}
            machines.setdefault(entry["machine"], Tally()).add(Tally(**values, work=Counter(entry["work"])))
    merged = Soak(documents[0]["seed"], list(machines), Path(), [])
    merged.by_machine = machines
    merged.findings = [Finding(**finding) for one in documents for finding in one["findings"]]
    merged.seconds = sum(one["seconds"] for one in documents)
    names = dict.fromkeys(name for one in documents for name in one["versions"])
    versions = {
        name: ", ".join(sorted({one["versions"][name] for one in documents if name in one["versions"]}))
        for name in names
    }
    return {**document(merged, versions), "exit_code": max(merged.exit_code, *(one["exit_code"] for one in documents))}


def table(found: dict[str, Any]) -> Table:
    """Machine by what it did."""
    out = Table(title="Soak", title_style="bold", title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    out.add_column("machine")
    for name in ("rounds", "boots", "instances", "rounds that failed"):
        out.add_column(name, justify="right")
    for entry in [*found["machines"], {"machine": "all", **found["whole"]}]:
        cells = [str(entry[key]) for key in ("rounds", "boots", "instances", "failed")]
        out.add_row(entry["machine"], *cells, style="bold red" if entry["failed"] else "")
    return out


def publish(found: dict[str, Any], folder: ResultsFolder, out: Terminal) -> int:
    """Every format, and the terminal."""
    folder.write_json("soak.json", found)
    folder.write_text("soak.md", soak_report.markdown(found))
    folder.write_text("junit.xml", soak_report.junit(found))
    folder.write_text("report.html", soak_report.html(found))
    where = folder.publish()
    out.show("", table(found), "")
    for what, count in found["whole"]["work"].items():
        out.say(f"  {count:>12,} {what}")
    for finding in found["findings"]:
        out.say(f"FAIL  {Finding(**finding)}", "bold red")
        out.say(f"      again     {finding['command']}")
        out.say(f"      results   {finding['folder']}")
    out.say(f"{soak_report.verdict(found)}  (exit code {found['exit_code']})")
    out.say(f"results       {paths.shown(where)}")
    return int(found["exit_code"])


def merge_folders(folders: list[Path], results: Path | None, out: Terminal) -> int | None:
    """`./run.sh merge` of soaks; None where the folders hold something else."""
    files = [json_file.find(folder, "soak.json", "results.json") for folder in folders]
    soaks = [path.name == "soak.json" for path in files]
    if not any(soaks):
        return None
    if not all(soaks):
        raise UsageError(f"{files[soaks.index(False)].parent}: no soak.json, but others have one")
    documents = [json_file.load(path, FORMAT) for path in files]
    for place, one in enumerate(documents):
        if one in documents[:place]:
            raise UsageError(f"{files[place].parent}: the same soak as in {files[documents.index(one)].parent}")
    with interrupts.deferred(), ResultsFolder(results) as folder:
        return publish(merge(documents), folder, out)


def main(options: argparse.Namespace) -> int:
    """`./run.sh soak --minutes N`."""
    out = terminal(options)
    booted = qemu.probe(options.qemu)
    machines = soak.machines_of(booted.devices)
    seed = secrets.randbelow(1 << 32) if options.seed is None else options.seed
    out.say(f"seed {seed}; QEMU {booted.version}; machines: {', '.join(machines)}")
    passed = paths.chosen + (["--qemu", options.qemu] if options.qemu else [])
    with interrupts.deferred(), ResultsFolder(options.results) as folder:
        found = Soak(seed, machines, folder.path, passed)
        found.run(options.minutes, options.jobs, out)
        return publish(document(found, {"qemu": booted.version, "suite": soak_report.version()}), folder, out)
