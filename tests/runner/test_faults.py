# SPDX-License-Identifier: MIT
"""Errors around a run are one line and exit code 2 or 3, never 1, and cost no result from before."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from conftest import HERE, PVTEST, ROOT, Runner, runner_environment
from pvtest import interrupts, json_file
from pvtest.cli import main
from pvtest.errors import RunnerError, UsageError
from pvtest.images import boot_volume
from pvtest.images.boot_volume import BootOptions
from pvtest.machine.guardian import temporary_folder
from pvtest.report.folder import ResultsFolder

from test_formats import compare_formats

FAKE = str(HERE / "fake_qemu.sh")


def one_line(errors: str) -> str:
    assert errors.startswith("run.sh: ") and errors.count("\n") == 1, errors
    return errors


def call(build: Path, *arguments: str, out: str = os.devnull, **more: object) -> subprocess.CompletedProcess[str]:
    with open(out, "w", encoding="utf-8") as file:
        return subprocess.run(
            [*PVTEST, *arguments],
            env=runner_environment(build),
            stdout=file,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
            **more,  # type: ignore[call-overload]
        )


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["--help"], ["list", "--help"]])
def test_standard_output_that_is_full(build: Path, arguments: list[str]) -> None:
    done = call(build, *arguments, out="/dev/full")
    assert done.returncode == 2
    assert one_line(done.stderr) == "run.sh: standard output: No space left on device\n"


@pytest.mark.parametrize(("closed", "code"), [("<&-", 0), (">&-", 2), ("2>&-", 0), ("<&- >&- 2>&-", 2)])
def test_standard_streams_that_are_closed(build: Path, tmp_path: Path, closed: str, code: int) -> None:
    """No file of the results gets their numbers."""
    command = f"{sys.executable} -m pvtest --qemu {FAKE} --results {tmp_path / 'r'} {closed}"
    done = subprocess.run(
        ["bash", "-c", command], env=runner_environment(build), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code, done.stderr
    assert done.stderr == ("run.sh: standard output: Bad file descriptor\n" if closed == ">&-" else "")
    assert compare_formats(tmp_path / "r" / "latest")["exit_code"] == 0


@pytest.mark.parametrize(("words", "code"), [("--version <&-", 0), ("--version >&-", 2), ("--tier no 2>&-", 3)])
def test_closed_streams_of_run_sh(words: str, code: int) -> None:
    """Set-up and build write to them, too."""
    command = ["bash", "-c", f"'{ROOT / 'run.sh'}' {words}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code and done.stderr == (
        "run.sh: standard output: Bad file descriptor\n" if code == 2 else ""
    )


def test_a_run_whose_output_nobody_can_read_is_published(build: Path, tmp_path: Path) -> None:
    done = call(build, "--qemu", FAKE, "--results", str(tmp_path / "r"), out="/dev/full")
    assert done.returncode == 2 and "standard output" in one_line(done.stderr)
    assert compare_formats(tmp_path / "r" / "latest")["exit_code"] == 0


def test_a_reader_that_has_read_enough(build: Path, tmp_path: Path) -> None:
    command = f"{sys.executable} -m pvtest --qemu {FAKE} --results {tmp_path / 'r'} | true"
    done = subprocess.run(
        ["bash", "-c", command], env=runner_environment(build), capture_output=True, timeout=60, check=False
    )
    assert done.stderr == b""
    assert compare_formats(tmp_path / "r" / "latest")["exit_code"] == 0


@pytest.mark.parametrize("command", [["list"], ["run", "--defect", "no-flush"]])
def test_a_terminal_without_our_characters(runner: Runner, command: list[str]) -> None:
    done = runner(*command, PYTHONIOENCODING="ascii")
    assert done.returncode == (0 if command == ["list"] else 1) and done.stderr == ""
    done.stdout.encode("ascii")


def test_a_full_disk_leaves_the_logs(build: Path, tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))

    # Without disks of NVMe controllers, which are larger.
    options = ("--qemu", FAKE, "--results", str(tmp_path / "r"), "--functions-alone", "--defect", "no-flush", "--quiet")
    done = call(build, *options, preexec_fn=limit, out=str(tmp_path / "out"))
    assert done.returncode == 2
    shown = (tmp_path / "out").read_text()
    assert "FAIL  flush." in shown and "problem       the results are incomplete: " in shown and "exit code 2" in shown
    (folder,) = (path for path in (tmp_path / "r").iterdir() if path.is_dir())
    errors = one_line(done.stderr)
    assert f"{folder}/results.json: File too large" in errors
    assert f"Results from before are in {folder}" in errors
    assert b"# end" in (folder / "serial.log").read_bytes() and not (tmp_path / "r" / "latest").exists()


def vanishing(tmp_path: Path) -> str:
    """A QEMU that can be started once."""
    wrapper = tmp_path / "qemu"
    wrapper.write_text(f'#!/bin/sh\ncase "$*" in *hostlog*) rm -- "$0" ;; esac\nexec {FAKE} "$@"\n')
    wrapper.chmod(0o755)
    return str(wrapper)


def test_a_second_boot_that_cannot_start_costs_nothing_of_the_first(runner: Runner, tmp_path: Path) -> None:
    done = runner(qemu=vanishing(tmp_path), FAKE_QEMU_DEADLY="flush.unmap@rocker=stop")
    assert done.returncode == 2
    found = compare_formats(tmp_path / "results" / "latest")
    problem = f"boot 2 failed: {tmp_path}/qemu cannot be started: No such file or directory"
    assert problem in found["problems"] and found["summary"]["pass"] > 0
    assert found["tests"][-1]["reason"] == f"did not run: {problem}"


def test_a_trial_that_cannot_start_costs_no_other(runner: Runner, tmp_path: Path) -> None:
    done = runner("defects", qemu=vanishing(tmp_path))
    assert done.returncode == 2
    assert compare_formats(tmp_path / "results" / "latest")["campaign"]["summary"]["error"] == 2
    file = json.loads((tmp_path / "results" / "latest" / "defects.json").read_text())
    assert "cannot be started" in file["defects"][0]["problems"][0]


@pytest.mark.parametrize("error", [ZeroDivisionError("by\nzero"), UnicodeError("no text"), OSError(5, "Broken", "/x")])
def test_a_mistake_of_the_runner(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def dispatch(command: str, options: object) -> int:
        raise error

    monkeypatch.setattr(main, "_dispatch", dispatch)
    monkeypatch.setattr(interrupts, "install", lambda: None)
    assert main.main(["list"]) == 2
    told = one_line(capsys.readouterr().err)
    assert "/x: Broken" in told if isinstance(error, OSError) else "a mistake of the runner: " in told
    assert isinstance(error, OSError) or "(test_faults.py:" in told


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"duration_ms": 0.812', '"duration_ms": 1e308', "out of range"),
        ('"duration_ms": 0.812', f'"duration_ms": {10**400}', "out of range"),
        ('"duration_ms": 0.812', f'"duration_ms": 1e{10**5}', "out of range"),
        ('"title": "', '"title": "\\ud800', "half of a surrogate pair"),
    ],
)
def test_results_that_no_format_could_hold(runner: Runner, tmp_path: Path, old: str, new: str, words: str) -> None:
    assert runner("--shard", "1/1").returncode == 0
    path = tmp_path / "shard.json"
    path.write_text((tmp_path / "results" / "latest" / "results.json").read_text().replace(old, new, 1))
    for command in ("merge", "baseline", "compare"):
        done = runner(command, *([str(path)] * (2 if command == "compare" else 1)))
        assert done.returncode == 3 and words in one_line(done.stderr)


def test_a_whole_character_of_two_surrogates_is_one(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"a": "\\ud83d\\ude00"}')
    assert json_file.parse(tmp_path / "x.json") == {"a": "\U0001f600"}


@pytest.mark.parametrize("name", ["with blank", "col:on", "quote'", 'quotes"', "dollar$HOME", "ünïcode"])
def test_a_checkout_at_an_odd_place(build: Path, tmp_path: Path, name: str) -> None:
    for folder in ("tools", "abi", "docs"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / name / folder, ignore=ignore)
    shutil.copy(ROOT / "run.sh", tmp_path / name)
    environment = {key: value for key, value in runner_environment(build).items() if key != "PYTHONPATH"}
    for more in ({}, {"PYTHONSAFEPATH": "1"}):
        command = [str(tmp_path / name / "run.sh"), "compare", "--help"]
        done = subprocess.run(
            command, env={**environment, **more}, cwd="/", capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0 and done.stderr == "" and "./run.sh compare before after" in done.stdout


def test_a_boot_volume_that_cannot_be_written_names_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boot_volume, "_image", lambda path: b"image")
    (tmp_path / "file").touch()
    with pytest.raises(RunnerError, match="boot volume: .*/file/pvtest.opt: (File exists|Not a directory)"):
        boot_volume.make(tmp_path / "file", BootOptions())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_advice_for_a_full_disk_is_for_the_disk_that_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(path: Path, data: bytes) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(boot_volume, "_image", lambda path: b"image")
    with ResultsFolder(tmp_path / "results") as folder, temporary_folder() as path:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "write_bytes", full)
            patch.setattr(Path, "write_text", full)
            with pytest.raises(RunnerError) as told:
                boot_volume.make(Path(path) / "volume", BootOptions())
            assert f"{path}/volume/" in str(told.value) and "; TMPDIR=DIR puts" in str(told.value)
            assert "--results" not in str(told.value)
            patch.setattr(Path, "write_text", lambda *words, **more: full(*words[:2]))
            with pytest.raises(RunnerError) as told:
                folder.write_text("results.json", "{}")
            assert f"{folder.path}/results.json: " in str(told.value) and "; --results DIR puts" in str(told.value)
            assert "TMPDIR" not in str(told.value)


def test_what_runs_is_never_removed(tmp_path: Path) -> None:
    with ResultsFolder(tmp_path / "r") as running:
        running.write_text("serial.log", "so far")
        for _ in range(12):
            with ResultsFolder(tmp_path / "r") as later:
                later.publish()
        assert (running.path / "serial.log").read_text() == "so far"
        assert len([path for path in (tmp_path / "r").iterdir() if not path.is_symlink()]) == 11
        assert running.publish().resolve() == running.path


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, target: str) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "symlink_to", refuse)
        for number in range(2):
            with ResultsFolder(tmp_path) as folder:
                folder.write_text("results.json", str(number))
                assert folder.publish() == folder.path
    assert (tmp_path / "latest.txt").read_text() == f"{folder.path.name}\n"
    assert json_file.find(tmp_path, "results.json").read_text() == "1"
    with ResultsFolder(tmp_path) as folder:
        folder.write_text("results.json", "2")
        assert folder.publish() == tmp_path / "latest"
    assert not (tmp_path / "latest.txt").exists() and json_file.find(tmp_path, "results.json").read_text() == "2"
    (tmp_path / "latest").unlink()
    (tmp_path / "latest.txt").write_text("../elsewhere\n")
    with pytest.raises(UsageError, match="a folder without"):
        json_file.find(tmp_path, "results.json")
