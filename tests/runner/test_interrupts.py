# SPDX-License-Identifier: MIT
"""Signals that end the runner: what it found is published, and nothing that it started is left."""

from __future__ import annotations

import fcntl
import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import PVTEST, runner_environment

from test_formats import compare_formats


def interrupted(build: Path, tmp_path: Path, number: int, *arguments: str, **environment: str) -> str:
    """A runner that gets this signal when its machine hangs; the process id of the machine."""
    pid_file, hangs = tmp_path / "pid", tmp_path / "hangs"
    qemu = str(Path(__file__).parent / "fake_qemu.py")
    around = runner_environment(build, FAKE_QEMU_PID=str(pid_file), FAKE_QEMU_HANGS=str(hangs), **environment)
    command = [*PVTEST, *arguments, "--qemu", qemu, "--results", str(tmp_path / "results")]
    with subprocess.Popen(command, env=around, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not hangs.exists():
            assert time.monotonic() < deadline, "the machine never came to its hang"
            time.sleep(0.05)
        process.send_signal(number)
        process.send_signal(signal.SIGTERM)  # CI systems send several, one after the other
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2 and f"interrupted by {signal.Signals(number).name}" in errors.decode()
    assert b"Traceback" not in errors
    return pid_file.read_text()


def gone(pid: str) -> bool:
    """It is no more, or was ended and only waits for a parent to hear of it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_is_published(build: Path, tmp_path: Path, number: int) -> None:
    assert gone(interrupted(build, tmp_path, number, "run", "--restarts", "3", FAKE_QEMU_FIXTURE="hang"))
    found = compare_formats(tmp_path / "results" / "latest")
    assert found["exit_code"] == 2 and found["summary"] == {"planned": 5, "pass": 2, "fail": 0, "error": 3, "skip": 0}
    why = f"the runner was interrupted by {signal.Signals(number).name}"
    assert found["problems"][0] == f"the run broke off: {why}" and len(found["boots"]) == 1
    reasons = [test["reason"] for test in found["tests"]]
    assert reasons[2:] == [f"was running when {why}", f"did not run: {why}", f"did not run: {why}"]
    assert b"ok 2 - " in (tmp_path / "results" / "latest" / "serial.log").read_bytes()
    for name in ("report.html", "results.md", "junit.xml", "results.tap"):
        assert why in (tmp_path / "results" / "latest" / name).read_text(), name


@pytest.mark.parametrize("command", ["defects", "variants"])
def test_an_interrupted_campaign_is_published(build: Path, tmp_path: Path, command: str) -> None:
    """The first trial hangs; the other one has no turn."""
    names = {"defects": ("lazy", "no-flush"), "variants": ("other-status", "polite")}[command]
    deadly = {"FAKE_QEMU_DEADLY": "flush.none@rocker=hang", "FAKE_QEMU_DEADLY_WITH": names[0]}
    if command == "variants":
        deadly = {"FAKE_QEMU_DEADLY": "flush.none@rocker=hang", "FAKE_QEMU_DEADLY_VARIANT": names[0]}
    assert gone(interrupted(build, tmp_path, signal.SIGTERM, command, "--jobs", "1", **deadly))
    found = compare_formats(tmp_path / "results" / "latest")
    assert found["exit_code"] == 2 and found["summary"]["pass"] == 5
    verdicts = {trial["name"]: trial["verdict"] for trial in found["campaign"]["trials"]}
    assert verdicts[names[1]] == "error" and set(verdicts) == set(names)
    file = json.loads((tmp_path / "results" / "latest" / f"{command}.json").read_text())
    assert file[command][1]["problems"] == ["did not run: the runner was interrupted by SIGTERM"]


def test_a_campaign_that_is_interrupted_in_its_plain_run(build: Path, tmp_path: Path) -> None:
    assert gone(interrupted(build, tmp_path, signal.SIGTERM, "defects", FAKE_QEMU_FIXTURE="hang"))
    found = compare_formats(tmp_path / "results" / "latest")
    assert found["exit_code"] == 2 and found["campaign"]["summary"]["error"] == 2


def test_a_wrapper_leaves_no_machine(build: Path, tmp_path: Path) -> None:
    """A script that starts QEMU as its child, without exec."""
    wrapper = tmp_path / "qemu"
    wrapper.write_text(f"#!/bin/sh\n{Path(__file__).parent / 'fake_qemu.py'} \"$@\"\nexit $?\n")
    wrapper.chmod(0o755)
    command = [*PVTEST, "run", "--qemu", str(wrapper), "--results", str(tmp_path / "results"), "--timeout", "2"]
    around = runner_environment(build, FAKE_QEMU_PID=str(tmp_path / "pid"), FAKE_QEMU_FIXTURE="hang")
    done = subprocess.run(command, env=around, capture_output=True, timeout=60, check=False)
    assert done.returncode == 2
    assert gone((tmp_path / "pid").read_text())


def test_a_runner_that_is_killed_leaves_nothing(build: Path, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    pid_file, hangs, wrapper = tmp_path / "pid", tmp_path / "hangs", tmp_path / "qemu"
    wrapper.write_text(f"#!/bin/sh\n{Path(__file__).parent / 'fake_qemu.py'} \"$@\"\nexit $?\n")
    wrapper.chmod(0o755)
    around = runner_environment(
        build, FAKE_QEMU_PID=str(pid_file), FAKE_QEMU_HANGS=str(hangs), FAKE_QEMU_FIXTURE="hang",
        TMPDIR=str(tmp_path / "tmp"),
    )  # fmt: skip
    command = [*PVTEST, "run", "--qemu", str(wrapper), "--results", str(tmp_path / "results")]
    with subprocess.Popen(command, env=around, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not hangs.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert len(list((tmp_path / "tmp").iterdir())) == 1
        process.kill()
        process.wait(20)
    deadline = time.monotonic() + 10
    while not gone(pid_file.read_text()) or list((tmp_path / "tmp").iterdir()):
        assert time.monotonic() < deadline, "something of a killed runner is left"
        time.sleep(0.1)


def test_the_next_run_removes_what_is_left(build: Path, tmp_path: Path) -> None:
    """Of a runner that was killed together with all that it started; not what is in use, nor what is not ours."""
    for name in ("pvtest-left", "pvtest-used", "pvtest-foreign"):
        (tmp_path / "tmp" / name / "volume").mkdir(parents=True)
    (tmp_path / "tmp" / "pvtest-left" / "in-use").touch()
    around = runner_environment(build, TMPDIR=str(tmp_path / "tmp"))
    qemu = str(Path(__file__).parent / "fake_qemu.py")
    with (tmp_path / "tmp" / "pvtest-used" / "in-use").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [*PVTEST, "run", "--qemu", qemu, "--results", str(tmp_path / "results")]
        done = subprocess.run(command, env=around, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0
    assert {path.name for path in (tmp_path / "tmp").iterdir()} == {"pvtest-used", "pvtest-foreign"}
