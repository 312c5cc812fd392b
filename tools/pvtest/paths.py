# SPDX-License-Identifier: MIT
"""Paths in the source tree."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Another one for a build with another compiler, and for the made-up images of the runner's own tests.
BUILD = Path(os.environ.get("PVTEST_BUILD", ROOT / "build")).absolute()
KVM_NESTED = Path("/sys/module/kvm_amd/parameters/nested")
GUEST_IMAGE = BUILD / "pvtest.efi"
GUEST_DEBUG = BUILD / "pvtest.debug"
HOST_IMAGE = BUILD / "refhost.efi"
HOST_DEBUG = BUILD / "refhost.debug"
REQUIREMENTS = ROOT / "abi" / "requirements.toml"
STATUS_CODES = ROOT / "abi" / "status.h"
RESULTS = BUILD / "results"
DOCS = ROOT / "docs"
SCHEMAS = DOCS
MADE_DOCS = BUILD / "docs"  # what `make docs` writes
BASELINES = ROOT / "tools" / "baselines"
VERSION = ROOT / "VERSION"
SETUP = ROOT / "tools" / "setup.sh"
