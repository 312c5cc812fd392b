# SPDX-License-Identifier: MIT
"""Which options that choose a machine go together. docs/runner.md has the table of it."""

from __future__ import annotations

import argparse

from pvtest.errors import UsageError
from pvtest.images.boot_volume import PVIOMMU

BUSES = ("pci", "vpci")
MACHINES = ("q35", "gen2")


def hostless(options: argparse.Namespace) -> bool:
    """Does the machine run without the reference host? Commands without these options always have it."""
    return getattr(options, "no_host", False) or getattr(options, "iommu", PVIOMMU) != PVIOMMU


def bus(options: argparse.Namespace) -> str:
    """The one that is asked for, or that of a generation 2 VM; without the reference host there is plain PCI alone."""
    return options.bus or ("pci" if hostless(options) else "vpci")


def _given(options: argparse.Namespace) -> dict[str, bool]:
    """The options that ask for something of the reference host."""
    return {
        "--bus vpci": options.bus == "vpci",
        "--machine gen2": options.machine == "gen2",
        "--host": options.host is not None,
        "--defect": bool(options.defect),
        "--variant": bool(options.variant),
    }


def check(options: argparse.Namespace) -> None:
    """Raises for two options that exclude each other."""
    if options.machine == "gen2" and options.bus == "pci":
        raise UsageError("--bus pci and --machine gen2: that machine has no PCI bus that can be scanned")
    if not hostless(options):  # also of a command that has no such options
        return
    chosen, others = "--no-host", _given(options)
    if options.iommu != PVIOMMU:
        chosen = f"--iommu {options.iommu}"
        others |= {"--no-host": options.no_host, "--functions-alone": options.functions_alone}
    for name in (name for name, given in others.items() if given):
        raise UsageError(f"{chosen} and {name}: there is no reference host on that machine")
