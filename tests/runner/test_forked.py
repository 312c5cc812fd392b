# SPDX-License-Identifier: MIT
"""A call of the runner that is forked is what a call of its own is."""

from __future__ import annotations

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import HERE, PVTEST, pvtest_call, runner_environment
from forked import Forked

FAKE = str(HERE / "fake_qemu.sh")


@pytest.mark.parametrize(
    "words",
    [["--help"], ["--version"], ["list", "defects"], ["list", "--json"], ["nothing-of-this-name"], ["show"], []],
)
def test_output_and_exit_code_are_the_same(build: Path, tmp_path: Path, words: list[str]) -> None:
    more = [] if words else ["flush", "--qemu", FAKE, "--results", str(tmp_path), "--defect", "no-flush", "--quiet"]
    alone = subprocess.run(
        [*PVTEST, *words, *more],
        env=runner_environment(build),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    forked = pvtest_call(*words, *more, build=build)
    assert (forked.returncode, forked.stdout, forked.stderr) == (alone.returncode, alone.stdout, alone.stderr)


def test_each_call_has_its_own_build_folder_and_environment(build: Path, tmp_path: Path) -> None:
    assert pvtest_call("list", build=build).returncode == 0
    missing = pvtest_call("list", build=tmp_path / "nothing")
    assert missing.returncode != 0 and "nothing/pvtest.efi" in missing.stderr
    words = ("--qemu", FAKE, "--results", str(tmp_path / "r"))
    assert pvtest_call(*words, build=build, FAKE_QEMU_FIXTURE="fail").returncode == 1
    assert pvtest_call(*words, build=build).returncode == 0
    assert "FAKE_QEMU_FIXTURE" not in os.environ


def test_a_call_that_does_not_end_is_ended(build: Path, tmp_path: Path) -> None:
    words = ("--qemu", FAKE, "--results", str(tmp_path))
    pid = tmp_path / "pid"
    begin = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        pvtest_call(*words, build=build, seconds=3, FAKE_QEMU_FIXTURE="silent", FAKE_QEMU_PID=str(pid))
    assert time.monotonic() - begin < 30
    deadline = time.monotonic() + 30
    while Path("/proc", pid.read_text()).exists():  # its guardian has seen that it is gone
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_calls_at_the_same_time_end_by_themselves(build: Path, tmp_path: Path) -> None:
    words = ("--qemu", FAKE, "--results", str(tmp_path))
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(pvtest_call, *words, "--timeout", "5", build=build, FAKE_QEMU_FIXTURE="silent")
        time.sleep(0.5)
        begin = time.monotonic()
        assert pool.submit(pvtest_call, "list", build=build).result().returncode == 0
        assert not slow.done() or time.monotonic() - begin < 5
        assert slow.result().returncode == 2


def test_what_python_looks_at_when_it_starts_needs_a_start(build: Path) -> None:
    forked = Forked(runner_environment())
    try:
        assert forked.fits(runner_environment(build, FAKE_QEMU_FIXTURE="fail"))
        assert not forked.fits(runner_environment(build, LC_ALL="C"))
        assert not forked.fits(runner_environment(build, PYTHONUTF8="1"))
    finally:
        forked.close()
