# SPDX-License-Identifier: MIT
"""The things that ./run.sh packs for other places, and the options of it: boot disks and bundles."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from pvtest.cli import arguments
from pvtest.images import disk_image


@dataclass(frozen=True)
class Target:
    """A place for a disk to boot."""

    title: str
    form: str  # of the disk, unless something else is asked for
    host: bool  # the reference host starts first
    unattended: bool  # no runner listens: keep progress and results, power off


TARGETS = {
    "qemu-refhost": Target("QEMU, the reference host first", "raw", host=True, unattended=False),
    "qemu": Target("any virtual machine with UEFI, the suite alone", "raw", host=False, unattended=False),
    "hyper-v": Target("a generation 2 VM, the suite alone, results as files", "vhdx", host=False, unattended=True),
}


def add_options(parser: argparse.ArgumentParser, command: str) -> None:
    """The options that say which file to write."""
    add = parser.add_argument
    if command == "image":
        about = "; ".join(f"{name}: {target.title}" for name, target in TARGETS.items())
        add("--target", choices=tuple(TARGETS), default="qemu-refhost", help=f"{about} (qemu-refhost)")
        add(
            "--format",
            choices=tuple(disk_image.FORMATS),
            help="of the disk (what FILE ends in; vhdx for hyper-v, else raw)",
        )
        files = "sign the images for Secure Boot with this key and certificate, PEM files (unsigned)"
        add("--sign", nargs=2, type=arguments.path, metavar=("KEY", "CERT"), help=files)
        low, high = disk_image.SIZE_MIB
        size, mib = arguments.whole(low, high, "MiB"), disk_image.DEFAULT_MIB
        add("--size", type=size, default=mib, metavar="MIB", help=f"of it ({mib})")
    default = "build/disks/pvtest-TARGET.img" if command == "image" else "build/pvtest-VERSION.tar.gz"
    add("--output", type=arguments.path, metavar="FILE", help=f"what to write ({default})")
    add("--force", action="store_true", help="overwrite FILE where there is one")
