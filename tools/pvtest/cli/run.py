# SPDX-License-Identifier: MIT
"""`./run.sh [run] [GLOB...]`"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable

from pvtest import interrupts, paths
from pvtest.cli import usage
from pvtest.errors import EXIT_OK, RunnerError, UsageError
from pvtest.gate import reduce, rules
from pvtest.gate.inputs import load_gate, of_unit
from pvtest.images import catalogue
from pvtest.machine import boots
from pvtest.machine.from_options import boot_once, load, machine, whole_catalogue
from pvtest.machine.request import WHOLE_DISK, Request
from pvtest.machine.terminal import terminal
from pvtest.plan import combinations, replay
from pvtest.plan.ordering import filters, plan
from pvtest.plan.selection import find_switches, select, told_tests
from pvtest.report import summary
from pvtest.report.folder import ResultsFolder
from pvtest.stream.model import Run
from pvtest.stream.tap import MAX_POINTS

DEFAULT_ROUNDS = 1000  # of --until-fail, without --repeat
SECONDS_PER_BOOT = 60.0  # of tests, so that the firmware's seconds do not matter and a failure is seen soon
MOST_RESULTS = 50_000  # in one stream


def until_fail(request: Request, rounds: int, boot: Callable[[Request, str], Run]) -> Run:
    """Rounds in growing groups, one boot for each: up to `rounds` of them, until a test does not pass. Returns the run
    that failed, or the last one. `boot` gets the rounds in words, too."""
    done, group = 0, 1
    while True:
        group = max(1, min(group, rounds - done, MOST_RESULTS // len(request.selected)))
        part = dataclasses.replace(request, seed=request.seed + done, repeat=group)
        run = boot(part, f", rounds {done + 1} to {done + group}")
        run.rounds_before = done
        done += group
        if run.exit_code != EXIT_OK or done >= rounds:
            return run
        seconds = (run.timing.tests or SECONDS_PER_BOOT) / group
        group = min(group * 4, max(1, int(SECONDS_PER_BOOT / max(seconds, 0.001))))


def _check_size(request: Request) -> None:
    results = len(request.selected) * request.repeat
    if results > MAX_POINTS:
        raise UsageError(f"--repeat {request.repeat}: {results} results; a run has at most {MAX_POINTS}")


def main(options: argparse.Namespace) -> int:
    """Runs the selection and reports."""
    usage.check(options)
    tests, known = load(options.iommu)
    out = terminal(options)
    host = catalogue.load_host()
    replayed = None if options.replay is None else replay.load(options.replay)
    if replayed and not options.globs:
        options.globs = [replayed.test]
    defects = find_switches("defect", host.defects, options.defect)
    variants = find_switches("variant", host.variants, options.variant)
    select(tests, known, options.globs, filters(options))  # a wrong word must not wait for QEMU
    booted = machine(options, out)
    chosen = plan(options, tests, known, booted.devices)
    if replayed:
        replay.check(replayed, chosen.selected)
    out.tell(told_tests(tests, known, options.globs))
    if booted.devices.unit and not options.baseline:
        options.baseline = of_unit(booted.devices.unit, booted.version)
        if options.baseline:
            out.say(f"failures known of this unit: {options.baseline.relative_to(paths.ROOT)}")
    profile, baseline = load_gate(options, known, options.iommu)
    for defect in booted.devices.unseen(defects):
        raise booted.devices.lacking(f"defect '{defect.name}' shows only behind VT-d, and this machine has none")
    request = dataclasses.replace(
        whole_catalogue(options, tests, known, booted),
        selected=chosen.selected,
        slow_apart=options.accel == "tcg" and (not booted.devices.hostless or booted.devices.unit != ""),
        shuffled=chosen.shuffled,
        repeat=options.repeat or 1,
        verbose=min(options.verbose, 2),
        host_log=options.host_log,
        fixture=options.fixture,
        deadline_ms=options.deadline,
        answer_ms=options.answer,
        defects=defects,
        variants=variants,
        caching=options.caching,
        bus=combinations.bus(options),
        machine=options.machine,
        calls_from=options.calls_from,
        replay=replayed,
        shrink=True,
        transcript=options.transcript,
        nvme_scratch=WHOLE_DISK if options.nvme_scratch is None else options.nvme_scratch,
        nvme_read=options.nvme_read or "",
        restarts=options.restarts,
    )
    _check_size(request)
    with interrupts.deferred(), ResultsFolder(options.results) as folder:

        def group(part: boots.Request, title: str = "") -> Run:
            run = boot_once(part, folder.path, out, options.verbose, title)
            run.shard, run.plan = chosen.shard, chosen.digest
            rules.apply(run, profile, baseline)
            return run

        most = options.repeat or DEFAULT_ROUNDS
        run = until_fail(request, most, group) if options.until_fail else group(request)
        if options.confirm:
            reduce.confirm(run, options, out)
        try:
            folder.write_run(run)
            where = folder.publish()
        except RunnerError as error:  # the tests ran all the same
            run.problems.append(f"the results are incomplete: {error}")
            summary.show(run, out, folder.path, options.verbose)
            raise
    summary.show(run, out, where, options.verbose)
    out.save("./run.sh")
    return run.exit_code
