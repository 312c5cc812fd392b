#!/usr/bin/python3 -S
# SPDX-License-Identifier: MIT
"""Stands in for QEMU: answers the probes here, and is a guest in fake_guest.py."""

from __future__ import annotations

import os
import sys

VERSION = os.environ.get("FAKE_QEMU_VERSION", "10.0.2")
IOMMU = os.environ.get("FAKE_QEMU_IOMMU", "x-scalable-mode x-flts").split()
DEVICES = os.environ.get("FAKE_QEMU_DEVICES", "rocker edu nvme isa-debug-exit virtio-blk-pci tpm-tis").split()
FLAGS = os.environ.get("FAKE_QEMU_FLAGS", "nx svm npt")


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def probe(arguments: list[str]) -> bool:
    if arguments == ["--version"]:
        say(f"QEMU emulator version {VERSION} (made up)")
    elif arguments == ["-device", "help"]:
        for name in DEVICES:
            say(f'name "{name}", bus PCI')
    elif arguments == ["-tpmdev", "help"]:
        say("Supported TPM types (choose only one):\n    emulator   TPM emulator backend driver")
    elif arguments == ["-accel", "help"]:
        say("Accelerators supported in QEMU binary:\ntcg\nkvm")
    elif arguments == ["-cpu", "help"]:
        say(f"Recognized CPUID flags:\n  {FLAGS}")
    elif arguments == ["-device", "intel-iommu,help"]:
        say("intel-iommu options:")
        for name in IOMMU:
            say(f"  {name}=<bool> - on/off")
    else:
        return False
    return True


# A run asks five times, and these take longer than to answer. The module is compiled once, unlike this file.
if __name__ == "__main__":
    if probe(sys.argv[1:]):
        sys.exit(0)
    import fake_guest

    sys.exit(fake_guest.main())
