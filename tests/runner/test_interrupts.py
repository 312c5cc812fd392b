# SPDX-License-Identifier: MIT
"""Signals that end the runner: what it found is published, and nothing that it started is left."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import PVTEST, runner_environment
from pvtest import interrupts
from pvtest.cli import campaign
from pvtest.images.catalogue import Defect
from pvtest.machine import processes

from test_formats import compare_formats


def interrupted(build: Path, tmp_path: Path, number: int, *arguments: str, **environment: str) -> str:
    """A runner that gets this signal when its machine hangs; the process id of the machine."""
    pid_file, hangs = tmp_path / "pid", tmp_path / "hangs"
    qemu = str(Path(__file__).parent / "fake_qemu.sh")
    around = runner_environment(build, FAKE_QEMU_PID=str(pid_file), FAKE_QEMU_HANGS=str(hangs), **environment)
    command = [*PVTEST, *arguments, "--qemu", qemu, "--results", str(tmp_path / "results")]
    with subprocess.Popen(command, env=around, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not hangs.exists():
            assert time.monotonic() < deadline, "the machine never came to its hang"
            time.sleep(0.05)
        process.send_signal(number)
        time.sleep(0.5)  # at the same time any of the two may come first
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


def test_a_signal_while_the_runner_is_loaded(build: Path, tmp_path: Path) -> None:
    """One line, whatever is being imported."""
    (tmp_path / "rich").mkdir()
    (tmp_path / "rich" / "__init__.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    around = runner_environment(build)
    around["PYTHONPATH"] = f"{tmp_path}:{around['PYTHONPATH']}"
    done = subprocess.run([*PVTEST, "list"], env=around, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (2, "run.sh: interrupted by SIGINT\n")


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


def test_an_interrupted_campaign_starts_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Saving a machine takes a boot of the firmware, for which no CI system waits."""
    options = argparse.Namespace(matrix=False, boot_each=False, accel="tcg")
    defects = [Defect(f"defect-{number}", "", (), "any") for number in range(campaign.WORTH_SAVING)]
    request = SimpleNamespace(qemu=None)
    monkeypatch.setattr(campaign.saved, "save", lambda *_: pytest.fail("a machine was saved"))
    monkeypatch.setattr(interrupts, "caught", lambda: "SIGTERM")
    with campaign._saved(campaign.CAMPAIGNS["defects"], options, request, defects, None) as found:  # type: ignore
        assert found is None


def test_a_campaign_that_is_interrupted_in_its_plain_run(build: Path, tmp_path: Path) -> None:
    assert gone(interrupted(build, tmp_path, signal.SIGTERM, "defects", FAKE_QEMU_FIXTURE="hang"))
    found = compare_formats(tmp_path / "results" / "latest")
    assert found["exit_code"] == 2 and found["campaign"]["summary"]["error"] == 2


# A script that starts QEMU as its child, in another group of its session as timeout(1) does, or in another session.
WRAPPERS = ["", "timeout 60", "setsid --wait", "setsid --wait env -u PATH"]


def wrapper_with(tmp_path: Path, command: str) -> str:
    path = tmp_path / "qemu"
    path.write_text(f"#!/bin/sh\n{command} {Path(__file__).parent / 'fake_qemu.sh'} \"$@\"\nexit $?\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("around_it", WRAPPERS)
def test_a_wrapper_leaves_no_machine(build: Path, tmp_path: Path, around_it: str) -> None:
    wrapper = wrapper_with(tmp_path, around_it)
    once = ("--timeout", "2", "--restarts", "0")
    command = [*PVTEST, "run", "--qemu", wrapper, "--results", str(tmp_path / "results"), *once]
    around = runner_environment(build, FAKE_QEMU_PID=str(tmp_path / "pid"), FAKE_QEMU_FIXTURE="hang")
    done = subprocess.run(command, env=around, capture_output=True, timeout=60, check=False)
    assert done.returncode == 2
    assert gone((tmp_path / "pid").read_text())


def descendants(pid: int) -> set[int]:
    """Processes that this one started, with those that these started, and so on."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found: set[int] = set()
    fresh = {pid}
    while fresh:
        fresh = {child for child, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return found


# As soak, reduce and --confirm do it: a runner that starts another one.
BESIDE = """
import sys
from pvtest.machine.guardian import runner
with open("/dev/null", "wb") as log, runner(sys.argv[1:], log) as process:
    process.wait()
"""
STARTS = [(PVTEST, one) for one in WRAPPERS] + [([sys.executable, "-c", BESIDE], WRAPPERS[0])]


@pytest.mark.parametrize(("start", "around_it"), STARTS)
def test_a_runner_that_is_killed_leaves_nothing(build: Path, tmp_path: Path, start: list[str], around_it: str) -> None:
    """Long before it ends by itself: the machine, a wrapper around it, and temporary files."""
    (tmp_path / "tmp").mkdir()
    pid_file, hangs, wrapper = tmp_path / "pid", tmp_path / "hangs", wrapper_with(tmp_path, around_it)
    around = runner_environment(
        build, FAKE_QEMU_PID=str(pid_file), FAKE_QEMU_HANGS=str(hangs), FAKE_QEMU_FIXTURE="hang",
        TMPDIR=str(tmp_path / "tmp"),
    )  # fmt: skip
    command = [*start, "run", "--qemu", wrapper, "--results", str(tmp_path / "results")]
    with subprocess.Popen(command, env=around, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not hangs.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        started = descendants(process.pid)
        assert int(pid_file.read_text()) in started and len(started) >= 3, "the wrapper, its child, the guardian"
        assert len(list((tmp_path / "tmp").iterdir())) == 1
        killed = time.monotonic()
        process.kill()
        process.wait(20)
    while any(not gone(str(pid)) for pid in started) or list((tmp_path / "tmp").iterdir()):
        assert time.monotonic() < killed + 20, "something of a killed runner is left"
        time.sleep(0.05)


def test_only_processes_of_the_machine_are_ended() -> None:
    """A process of another session without the mark stays."""
    sleep = ["sleep", "60"]
    with subprocess.Popen(sleep, start_new_session=True) as other, subprocess.Popen(
        sleep, start_new_session=True, env={"PATH": "/usr/bin:/bin", processes.MARK: "1234"}
    ) as mine, subprocess.Popen(sleep, start_new_session=True, env={processes.MARK: "12345"}) as longer:
        try:
            assert processes.members(other.pid, "none") == [other.pid]
            assert processes.members(0x7FFFFFFF, "1234") == [mine.pid]
            processes.end(0x7FFFFFFF, "1234")
            assert mine.wait(5) == -signal.SIGKILL and other.poll() is None and longer.poll() is None
        finally:
            for process in (other, mine, longer):
                process.kill()


def test_the_next_run_removes_what_is_left(build: Path, tmp_path: Path) -> None:
    """Of a runner that was killed together with all that it started; not what is in use, nor what is not ours."""
    for name in ("pvtest-left", "pvtest-used", "pvtest-foreign"):
        (tmp_path / "tmp" / name / "volume").mkdir(parents=True)
    (tmp_path / "tmp" / "pvtest-left" / "in-use").touch()
    around = runner_environment(build, TMPDIR=str(tmp_path / "tmp"))
    qemu = str(Path(__file__).parent / "fake_qemu.sh")
    with (tmp_path / "tmp" / "pvtest-used" / "in-use").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [*PVTEST, "run", "--qemu", qemu, "--results", str(tmp_path / "results")]
        done = subprocess.run(command, env=around, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0
    assert {path.name for path in (tmp_path / "tmp").iterdir()} == {"pvtest-used", "pvtest-foreign"}
