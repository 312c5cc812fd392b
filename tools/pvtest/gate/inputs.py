# SPDX-License-Identifier: MIT
"""The files of --profile and --baseline, read before anything is booted: a mistake in them costs no run."""

from __future__ import annotations

import argparse

from pvtest.gate import baseline, profiles
from pvtest.gate.baseline import Baseline
from pvtest.gate.profiles import Profile
from pvtest.images.requirements import Requirements


def load_gate(options: argparse.Namespace, known: Requirements) -> tuple[Profile | None, Baseline | None]:
    """The files that the options name, or None."""
    profile = profiles.load(options.profile, known) if options.profile else None
    known_failures = baseline.load(options.baseline) if options.baseline else None
    return profile, known_failures
