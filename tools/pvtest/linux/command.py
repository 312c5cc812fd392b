# SPDX-License-Identifier: MIT
"""`./run.sh linux`: boots Linux as a guest of the reference host and judges what it says."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from pvtest import interrupts, paths
from pvtest.errors import MissingError
from pvtest.images import boot_volume, catalogue
from pvtest.linux import judge, packages, report, unified
from pvtest.machine import qemu
from pvtest.machine.from_options import machine
from pvtest.machine.guest_process import Limits, Observer, Session
from pvtest.machine.terminal import terminal
from pvtest.plan import combinations
from pvtest.plan.selection import find_switches
from pvtest.report.folder import ResultsFolder
from pvtest.stream import guest_log
from pvtest.stream.lines import printable

INIT = paths.ROOT / "tests" / "linux" / "init"
PACKAGES = paths.BUILD / "linux" / "packages"
COMMAND_LINE = "console=ttyS0 panic=-1"
LINUX_DISK_BYTES = 4 << 20  # of a disk that Linux writes 256 KiB to
TOTAL_SECONDS = 180.0
SILENCE_SECONDS = 60.0
_ENDED = "QEMU ended by itself, with exit code 0"


def _initial(options: argparse.Namespace, pieces: packages.Pieces, folder: Path) -> Path:
    """The file of --initrd, or one with tests/linux/init and the modules of the packages' own kernel."""
    if options.initrd is not None:
        return Path(options.initrd)
    if not INIT.is_file():
        raise MissingError("a bundle has no initial file system for Linux; --initrd FILE gives one")
    files = {"init": INIT.read_bytes(), "bin/busybox": pieces.busybox.read_bytes()}
    if options.kernel is None:
        files |= {f"modules/{path.name}": path.read_bytes() for path in pieces.modules}
    path = folder / "initrd"
    path.write_bytes(unified.initrd(files))
    return path


def _volume(options: argparse.Namespace, folder: Path, program: bytes) -> Path:
    host = catalogue.load_host()
    told = boot_volume.BootOptions(
        defects=[defect.name for defect in find_switches("defect", host.defects, options.defect)],
        variants=[variant.name for variant in find_switches("variant", host.variants, options.variant)],
        bus=combinations.bus(options),
        machine=options.machine,
        host_log=1 + min(options.verbose, 1),
    )
    volume = boot_volume.make(folder / "volume", told)
    (volume / "pvtest.efi").write_bytes(program)  # which the host starts
    return volume


def _boot(options: argparse.Namespace, found: qemu.Qemu, logs: Path, observer: Observer) -> str:
    """Boots once; why the machine had to be stopped, or nothing."""
    limit = options.timeout or TOTAL_SECONDS
    with tempfile.TemporaryDirectory(prefix="pvtest-linux-") as temporary:
        folder = Path(temporary)
        pieces = packages.get(PACKAGES, options.no_setup)
        kernel = options.kernel or pieces.kernel
        line = " ".join((COMMAND_LINE, *options.append))
        program = unified.make(folder, pieces.stub, kernel, _initial(options, pieces, folder), line)
        volume = _volume(options, folder, program)
        disks = qemu.nvme_disks(found, folder, size=LINUX_DISK_BYTES)
        command = qemu.command(found, options.accel, volume, logs / "host.log", nvme=disks)
        (logs / "host.log").touch()
        outcome = Session(command, Limits(limit, min(SILENCE_SECONDS, limit)), observer).run(
            logs / "serial.log", logs / "qemu.log"
        )
    return "" if outcome.interruption == _ENDED else outcome.interruption


def main(options: argparse.Namespace) -> int:
    """Boots, judges, reports."""
    combinations.check(options)
    out = terminal(options)
    found = machine(options, out)
    lines: list[str] = []

    def take(line: str) -> None:
        lines.append(line.rstrip())
        if options.verbose:
            out.say(printable(line), "dim")

    with interrupts.deferred(), ResultsFolder(options.results) as folder:
        with out.progress(0, f"Booting QEMU {found.version} for Linux"):
            interruption = _boot(options, found, folder.path, Observer(line=take, stop=interrupts.STOP))
        disks = qemu.NVME_DEVICES if "nvme" in found.devices.classes else 0
        vpci, gen2 = combinations.bus(options) == "vpci", options.machine == "gen2"
        wanted = judge.Wanted(vpci, disks, gen2, options.initrd is None)
        checks = judge.judge(lines, wanted, interruption)
        shown = {"bus": combinations.bus(options), "machine": options.machine}
        about: dict[str, Any] = {"command": sys.argv[1:], **shown}
        about |= {"defects": options.defect, "variants": options.variant}
        log = guest_log.read(folder.path / "host.log") if options.verbose else None
        if log is not None:
            about["guest_log"] = guest_log.document(log)
        folder.write_json("linux.json", report.document(checks, judge.told(lines), about))
        report.junit(checks, folder.path / "junit.xml")
        where = folder.publish()
    for check in checks:
        color = {"pass": "green", "fail": "bold red"}.get(check.verdict, "yellow")
        if check.verdict == "fail" or not options.quiet:
            out.say(f"{check.verdict.upper():<5} {check.id:<16} {printable(check.reason)}".rstrip(), color)
    for word, text in [] if log is None else guest_log.sentences(log):
        out.say(f"{word:5} {text}", "yellow" if word == "hint" else "")
    out.say(f"results       {paths.shown(where)}")
    code = judge.exit_code(checks)
    count = judge.summary(checks)
    out.say(f"{count['pass']} pass, {count['fail']} fail, {count['skip']} skip  (exit code {code})")
    return code
