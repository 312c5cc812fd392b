# SPDX-License-Identifier: MIT
"""`./run.sh [run] [GLOB...]`"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

from pvtest import boot, catalogue, gate, qemu, report, requirements, rounds
from pvtest.catalogue import Catalogue
from pvtest.errors import UsageError
from pvtest.gating import load_gate
from pvtest.lines import printable
from pvtest.model import Run
from pvtest.plan import plan
from pvtest.results import ResultsFolder
from pvtest.selection import find_switches
from pvtest.session import SILENCE_SECONDS, TOTAL_SECONDS, Limits, Observer
from pvtest.terminal import Terminal


def limits(options: argparse.Namespace) -> Limits:
    """A short --timeout shortens the patience with silence, too."""
    total = options.timeout or TOTAL_SECONDS
    return Limits(total=total, silence=min(SILENCE_SECONDS, total))


def terminal(options: argparse.Namespace) -> Terminal:
    """As the options and the standard output allow."""
    color = not (options.no_color or options.plain)
    return Terminal(plain=options.plain, color=color, svg=options.svg, quiet=options.quiet)


def machine(options: argparse.Namespace, out: Terminal) -> qemu.Qemu:
    """The machine to boot; says so where it is less than the whole one."""
    found = qemu.probe(options.qemu, options.functions_alone, getattr(options, "no_host", False))
    qemu.check_accelerator(found.path, options.accel, found.devices.hostless)
    if found.devices.sentence:
        out.say(found.devices.sentence, "yellow")
    return found


def load() -> tuple[Catalogue, requirements.Requirements]:
    """Catalogue and requirements, which must fit together."""
    return catalogue.load_tests(), requirements.load()


def whole_catalogue(
    options: argparse.Namespace, tests: Catalogue, known: requirements.Requirements, booted: qemu.Qemu
) -> boot.Request:
    """All that this machine has devices for, but for what a quick device shows as well; one boot. With the options that
    every command has."""
    return boot.Request(
        catalogue=tests,
        requirements=known,
        selected=catalogue.without_slow_copies(booted.devices.on(tests.instances)),
        qemu=booted,
        accel=options.accel,
        seed=options.seed,
        limits=limits(options),
        command=sys.argv[1:],
    )


def main(options: argparse.Namespace) -> int:
    """Runs the selection and reports."""
    tests, known = load()
    out = terminal(options)
    booted = machine(options, out)
    chosen = plan(options, tests, known, booted.devices)
    profile, baseline = load_gate(options, known)
    host = catalogue.load_host()
    if options.no_host and (options.defect or options.variant):
        raise UsageError("--no-host: there is no reference host that could have a defect or a variant")
    defects = find_switches("defect", host.defects, options.defect)
    for defect in booted.devices.unseen(defects):
        raise booted.devices.lacking(f"defect '{defect.name}' shows only behind VT-d, and this machine has none")
    request = dataclasses.replace(
        whole_catalogue(options, tests, known, booted),
        selected=chosen.selected,
        slow_apart=options.accel == "tcg" and not booted.devices.hostless,
        shuffled=chosen.shuffled,
        repeat=options.repeat or 1,
        verbose=min(options.verbose, 2),
        host_log=options.host_log,
        fixture=options.fixture,
        deadline_ms=options.deadline,
        defects=defects,
        variants=find_switches("variant", host.variants, options.variant),
        caching=options.caching,
        restarts=options.restarts,
    )
    with ResultsFolder(options.results) as folder:

        def group(part: boot.Request, title: str = "") -> Run:
            run = boot_once(part, folder.path, out, options.verbose, title)
            run.shard, run.plan = chosen.shard, chosen.digest
            gate.apply(run, profile, baseline)
            return run

        most = options.repeat or rounds.DEFAULT_ROUNDS
        run = rounds.until_fail(request, most, group) if options.until_fail else group(request)
        folder.write_run(run)
        where = folder.publish()
    report.show(run, out, where, options.verbose)
    out.save("./run.sh")
    return run.exit_code


def boot_once(request: boot.Request, folder: Path, out: Terminal, verbose: bool, title: str = "") -> Run:
    """One run with a progress bar; `title` says which part of a longer one."""
    count = len(request.selected) * request.repeat
    what = "the benchmarks" if request.bench else f"{len(request.selected) if title else count} tests{title}"
    machines = len(request.lanes)
    where = f"QEMU {request.qemu.version}" + (f", {machines} machines side by side," if machines > 1 else "")
    with out.progress(count, f"Booting {where} for {what}") as bar:

        def echo(line: str) -> None:
            if verbose:
                out.say(printable(line), "dim")

        return boot.run(request, folder, Observer(line=echo, progress=bar.follow))
