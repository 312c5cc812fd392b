# SPDX-License-Identifier: MIT
"""Pages of the memory of a machine."""

import subprocess
import sys

import pytest

from pvtest import paths

# Tests that start a machine in their own process leave it, and all that it starts later, without large pages.
START = """
import ctypes, subprocess, sys
ctypes.CDLL(None).prctl(41, 0, 0, 0, 0)  # PR_SET_THP_DISABLE of linux/prctl.h
from pvtest.machine.guardian import start_machine
process, _ = start_machine(["cat", "/proc/self/status"] + sys.argv[1:], subprocess.PIPE, subprocess.DEVNULL)
print(process.communicate()[0].decode())
"""


@pytest.mark.parametrize(("accel", "enabled"), [("tcg,thread=single", "0"), ("tcg", "0"), ("kvm", "1")])
def test_an_emulated_machine_has_no_large_pages(accel: str, enabled: str) -> None:
    # cat complains about the accelerator, on standard error.
    done = subprocess.run(
        [sys.executable, "-c", START, accel], cwd=paths.ROOT / "tools", capture_output=True, text=True, check=True
    )
    fields = dict(line.split(":", 1) for line in done.stdout.splitlines() if ":" in line)
    if "THP_enabled" not in fields:
        pytest.skip("this kernel does not tell")
    assert fields["THP_enabled"].strip() == enabled
