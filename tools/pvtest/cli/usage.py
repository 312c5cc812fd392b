# SPDX-License-Identifier: MIT
"""Checks of a command line that need no image: run.sh asks for them before it sets up and builds.

Names of tests, defects and variants are in the images, and are looked up when those are built.
"""

from __future__ import annotations

import argparse

from pvtest.errors import UsageError
from pvtest.gate.inputs import load_gate
from pvtest.images import requirements
from pvtest.images.boot_volume import PVIOMMU
from pvtest.plan.selection import check_filters

ALONE = "--check-usage"  # the first word of a command line that is to be checked alone


def _check_unit(options: argparse.Namespace) -> None:
    """A unit of QEMU's needs the machine without the reference host, and nothing that only that host has."""
    others = {
        "--no-host": options.no_host,
        "--functions-alone": options.functions_alone,
        "--bus vpci": options.bus == "vpci",
        "--defect": options.defect,
        "--variant": options.variant,
    }
    for name, given in others.items():
        if given:
            raise UsageError(f"--iommu {options.iommu} and {name}: there is no reference host on that machine")


def check(options: argparse.Namespace) -> None:
    """Raises what a person has to change; options that a command does not have are fine."""
    if getattr(options, "iommu", PVIOMMU) != PVIOMMU:
        _check_unit(options)
    if getattr(options, "no_host", False):
        if options.host is not None:
            raise UsageError("--no-host and --host: there is no reference host on that machine")
        if options.bus != "pci":
            raise UsageError("--no-host: vPCI is what the reference host shows, and there is none")
        if options.defect or options.variant:
            raise UsageError("--no-host: there is no reference host that could have a defect or a variant")
    known = requirements.load()
    if hasattr(options, "device_class"):
        check_filters(options.requirement, options.device_class, options.level, options.kind, known)
    if hasattr(options, "profile"):
        load_gate(options, known)
