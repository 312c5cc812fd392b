# SPDX-License-Identifier: MIT
"""From the options of a command to the machine and the request of a run: shared by all commands that boot."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pvtest import interrupts, paths
from pvtest.counted import counted
from pvtest.images import catalogue, interfaces, requirements
from pvtest.images.boot_volume import PVIOMMU
from pvtest.images.catalogue import Catalogue
from pvtest.machine import boots, qemu
from pvtest.machine.guest_process import SILENCE_SECONDS, TOTAL_SECONDS, Limits, Observer
from pvtest.machine.terminal import Terminal
from pvtest.stream.lines import printable
from pvtest.stream.model import Run


def limits(options: argparse.Namespace) -> Limits:
    """A short --timeout shortens the patience with silence, too."""
    total = options.timeout or TOTAL_SECONDS
    return Limits(total=total, silence=min(SILENCE_SECONDS, total))


def machine(options: argparse.Namespace, out: Terminal) -> qemu.Qemu:
    """The machine to boot; says so where it is less than the whole one."""
    hardware = qemu.Hardware(options.cpus, options.memory, options.cpu, options.firmware or "")
    no_host, unit = getattr(options, "no_host", False), getattr(options, "iommu", "")
    found = qemu.probe(options.qemu, options.functions_alone, no_host, hardware, "" if unit == PVIOMMU else unit)
    qemu.check_accelerator(found.path, options.accel, found.devices.hostless)
    tell_images(out)
    if found.devices.sentence:
        out.say(found.devices.sentence, "yellow")
    return found


def tell_images(out: Terminal) -> None:
    """Which images run, where a person has named one, and what guest and host have of each other's interfaces."""
    if not paths.chosen:
        return
    guest, host = interfaces.told(paths.GUEST_IMAGE), interfaces.told(paths.HOST_IMAGE)
    out.say(interfaces.sentence("Guest", paths.GUEST_IMAGE, guest))
    out.say(interfaces.sentence("Host", paths.HOST_IMAGE, host))
    for difference in interfaces.differences(guest, host):
        out.say(str(difference), "yellow")


def load(unit: str = PVIOMMU) -> tuple[Catalogue, requirements.Requirements]:
    """Catalogue and requirements, which must fit together; those of the unit that runs."""
    driven = "" if unit == PVIOMMU else unit
    return catalogue.load_tests().of(driven), requirements.load().of(driven)


def whole_catalogue(
    options: argparse.Namespace, tests: Catalogue, known: requirements.Requirements, booted: qemu.Qemu
) -> boots.Request:
    """All of the tier that this machine has devices for, but for what a quick device shows as well; one boot. With the
    options that every command has."""
    tier = getattr(options, "tier", "") or catalogue.DEFAULT_TIER
    return boots.Request(
        catalogue=tests,
        requirements=known,
        selected=catalogue.without_slow_copies(booted.devices.on(tests.within(tier))),
        qemu=booted,
        accel=options.accel,
        seed=options.seed,
        limits=limits(options),
        command=sys.argv[1:],
    )


def boot_once(request: boots.Request, folder: Path, out: Terminal, verbose: bool, title: str = "") -> Run:
    """One run with a progress bar; `title` says which part of a longer one."""
    count = len(request.selected) * request.repeat
    what = "the benchmarks" if request.bench else counted(len(request.selected) if title else count, "test") + title
    machines = len(request.lanes)
    where = f"QEMU {request.qemu.version}" + (f", {machines} machines side by side," if machines > 1 else "")
    with out.progress(count, f"Booting {where} for {what}") as bar:

        def echo(line: str) -> None:
            if verbose:
                out.say(printable(line), "dim")

        return boots.run(request, folder, Observer(line=echo, progress=bar.follow, stop=interrupts.STOP))
