# SPDX-License-Identifier: MIT
"""The files of --profile and --baseline, read before anything is booted: a mistake in them costs no run."""

from __future__ import annotations

import argparse
from pathlib import Path

from pvtest import paths
from pvtest.gate import baseline, profiles
from pvtest.gate.baseline import Baseline
from pvtest.gate.profiles import Profile
from pvtest.images.requirements import Requirements


def load_gate(
    options: argparse.Namespace, known: Requirements, unit: str | None = None
) -> tuple[Profile | None, Baseline | None]:
    """The files that the options name, or None. `unit`: of the run, for which the profile must be."""
    profile = profiles.load(options.profile, known, unit) if options.profile else None
    return profile, baseline.load(options.baseline) if options.baseline else None


def of_unit(unit: str, version: str) -> Path | None:
    """The failures of that unit that are known to be bugs of that version of QEMU: tools/baselines."""
    release = ".".join(version.split(".")[:2])
    path = paths.BASELINES / f"qemu-{release}-{unit}.toml"
    return path if path.is_file() else None
