# SPDX-License-Identifier: MIT
"""`./run.sh [run] [GLOB...]`"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pvtest import boot, catalogue, qemu, report, requirements
from pvtest.catalogue import Catalogue
from pvtest.lines import printable
from pvtest.model import Run
from pvtest.results import ResultsFolder
from pvtest.selection import find_defects, select
from pvtest.session import SILENCE_SECONDS, TOTAL_SECONDS, Limits, Observer
from pvtest.terminal import Terminal


def limits(options: argparse.Namespace) -> Limits:
    """A short --timeout shortens the patience with silence, too."""
    total = options.timeout or TOTAL_SECONDS
    return Limits(total=total, silence=min(SILENCE_SECONDS, total))


def terminal(options: argparse.Namespace) -> Terminal:
    """As the options and the standard output allow."""
    return Terminal(plain=options.plain, color=not (options.no_color or options.plain), svg=options.svg)


def load() -> tuple[Catalogue, requirements.Requirements]:
    """Catalogue and requirements, which must fit together."""
    return catalogue.load_tests(), requirements.load()


def main(options: argparse.Namespace) -> int:
    """Boots once and reports."""
    tests, known = load()
    selected = select(tests, known, options.globs)
    defects = find_defects(catalogue.load_defects(), options.defect) if options.defect else []
    machine = qemu.probe(options.qemu)
    request = boot.Request(
        catalogue=tests,
        requirements=known,
        selected=selected,
        qemu=machine,
        accel=options.accel,
        seed=options.seed,
        repeat=options.repeat,
        verbose=int(options.verbose),
        fixture=options.fixture,
        deadline_ms=options.deadline,
        defects=defects,
        limits=limits(options),
        command=sys.argv[1:],
    )
    out = terminal(options)
    with ResultsFolder(options.results) as folder:
        run = boot_once(request, folder.path, out, options.verbose)
        folder.write_run(run)
        where = folder.publish()
    report.show(run, out, where, options.verbose)
    out.save("./run.sh")
    return run.exit_code


def boot_once(request: boot.Request, folder: Path, out: Terminal, verbose: bool) -> Run:
    """One boot with a progress bar."""
    order = [instance.id for instance in request.selected] * request.repeat
    what = "the benchmarks" if request.bench else f"{len(order)} tests"
    with out.progress(len(order), f"Booting QEMU {request.qemu.version} for {what}") as bar:

        def echo(line: str) -> None:
            if verbose:
                out.say(printable(line), "dim")

        return boot.run(request, folder, Observer(line=echo, progress=lambda tap: bar.follow(tap, order)))
