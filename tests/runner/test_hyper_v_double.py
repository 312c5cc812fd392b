# SPDX-License-Identifier: MIT
"""The script for Hyper-V as PowerShell runs it, against a double of the cmdlets (hyper_v_double/).

Skipped without PowerShell, unless PVTEST_NEED_POWERSHELL is set, as a CI system does that has it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

SCRIPT = ROOT / "tools" / "hyper-v" / "Run-PvTest.ps1"
DOUBLE = ROOT / "tests" / "runner" / "hyper_v_double"
SHELL = shutil.which("pwsh")
NEEDED = bool(os.environ.get("PVTEST_NEED_POWERSHELL"))
pytestmark = pytest.mark.skipif(SHELL is None and not NEEDED, reason="no PowerShell (pwsh) here")

PASSED = 'pvtest: verdict: exit=0 planned=3 pass=3 fail=0 with_dma=2 text="PASS"\r\n'
OFF = {"serial": f"TAP version 14\r\n{PASSED}", "then": "off"}
HANG = {"serial": "TAP version 14\r\n", "then": "hang"}


@dataclass
class Done:
    """The traces of a run of the script."""

    code: int
    out: str
    calls: list[str]
    results: Path

    def folder(self) -> Path:
        """That of the run."""
        (found,) = self.results.iterdir()
        return found

    def count(self, cmdlet: str) -> int:
        """How often it was called."""
        return sum(call.split()[0] == cmdlet for call in self.calls)


class Machine:
    """A folder with a disk, a plan of the double, and the script."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.disk = folder / "pvtest [1].vhdx"
        self.disk.write_bytes(b"vhdxfile")
        text = SCRIPT.read_text(encoding="utf-8")
        # The one part that only Windows can answer.
        text, number = re.subn(r"(?ms)^(function Test-Administrator \{\n).*?^\}$", r"\1    return $true\n}", text)
        assert number == 1
        self.script = folder / "Run-PvTest.ps1"
        self.script.write_text(text, encoding="utf-8")

    def disk_results(self, **verdicts: str) -> str:
        """A folder of results with a verdict for each run."""
        root = self.folder / "on-disk"
        for name, verdict in verdicts.items():
            run = root / name.replace("_", "-")
            run.mkdir(parents=True)
            (run / "verdict.txt").write_text(verdict, encoding="utf-8")
        return str(root)

    def run(self, *words: str, disk: bool = True, **plan: Any) -> Done:
        """One run of the script."""
        assert SHELL is not None, "no PowerShell (pwsh) here"
        told = {"starts": [OFF], "busy": 0, "results": "", "refuse": "", "there": "", **plan}
        (self.folder / "plan.json").write_text(json.dumps(told), encoding="utf-8")
        calls, results = self.folder / "calls.txt", self.folder / "results"
        calls.write_text("", encoding="utf-8")
        given = ["-Disk", str(self.disk), "-Results", str(results)] if disk else []
        done = subprocess.run(
            [SHELL, "-NoProfile", "-NonInteractive", "-File", str(self.script), *given, *words],
            env={
                **os.environ,
                "PSModulePath": str(DOUBLE),
                "SystemRoot": str(self.folder),
                "PVTEST_DOUBLE": str(self.folder / "plan.json"),
                "PVTEST_DOUBLE_CALLS": str(calls),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=120,
            check=False,
        )
        return Done(done.returncode, done.stdout, calls.read_text(encoding="utf-8").splitlines(), results)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_run_without_files_has_the_verdict_of_com1(machine: Machine) -> None:
    done = machine.run("-MemoryMB", "2048", "-Processors", "3")
    assert done.code == 0, done.out
    assert "PASS; 2 of 3 planned tests moved data (exit code 0)" in done.out
    assert done.calls[:5] == [
        "New-VM pvtest generation 2 memory 2147483648",
        "Remove-VMNetworkAdapter adapter",
        "Set-VM 3 True  ",
        "Set-VM 0 False TurnOff Disabled",
        "Set-VMFirmware secure Off first disk",
    ]
    assert done.count("Start-VM") == 1 and done.count("Stop-VM") == 0 and done.count("Remove-VM") == 0
    assert (done.folder() / "serial.log").read_bytes() == OFF["serial"].encode()
    assert (done.folder() / "disk.vhdx").is_file()
    assert list((machine.folder / "Temp").iterdir()) == [], "the folder for the mount is removed"


def test_the_newest_run_on_the_disk_counts(machine: Machine) -> None:
    old = 'exit=0 planned=9 pass=9 with_dma=9 text="PASS"\n'
    new = 'exit=1 planned=4 pass=3 fail=1 with_dma=1 text="FAIL"\n'
    results = machine.disk_results(run_0001=old, run_0002=new)
    done = machine.run("-Remove", results=results)
    assert done.code == 1, done.out
    assert "FAIL; 1 of 4 planned tests moved data (exit code 1)" in done.out
    assert done.calls[-1] == "Remove-VM pvtest force True"
    assert sorted(path.name for path in done.folder().iterdir()) == ["pvtest-results", "serial.log"]


def test_a_profile_is_judged_by_the_line_of_the_image(machine: Machine) -> None:
    verdict = 'exit=0 planned=4 pass=4 with_dma=1 text="PASS"\n'
    profile = 'profile=strict version=1 exit=1 shortcomings=2 text="no"\n'
    results = machine.disk_results(run_0001=verdict + profile)
    done = machine.run("-Profile", "strict", results=results)
    assert done.code == 1 and "profile strict: no; 2 shortcomings" in done.out, done.out
    shutil.rmtree(done.results)
    done = machine.run("-Profile", "linux-v2", results=results)
    assert done.code == 2 and "there is one on: strict" in done.out, done.out


def test_a_vm_that_is_silent_is_turned_off_and_on(machine: Machine) -> None:
    done = machine.run("-SilenceSeconds", "10", "-Restarts", "1", starts=[HANG, OFF])
    assert done.code == 0, done.out
    assert [call for call in done.calls if call.startswith(("Start-VM", "Stop-VM"))] == [
        "Start-VM",
        "Stop-VM pvtest turn-off True force True",
        "Start-VM",
    ]
    assert (done.folder() / "serial.log").read_bytes() == (HANG["serial"] + OFF["serial"]).encode()


def test_a_vm_that_stays_silent_is_an_error(machine: Machine) -> None:
    done = machine.run("-SilenceSeconds", "10", "-Restarts", "0", starts=[HANG])
    assert done.code == 2 and "or silent for 10 s" in done.out, done.out
    assert done.count("Start-VM") == 1 and done.count("Stop-VM") == 1


def test_the_time_ends_a_run(machine: Machine) -> None:
    verdict = 'exit=0 planned=9 pass=9 with_dma=9 text="PASS"\n'
    done = machine.run("-TimeoutSeconds", "10", starts=[HANG], results=machine.disk_results(run_0001=verdict))
    assert done.code == 2 and "was not off after 10 s" in done.out, done.out


def test_a_disk_that_is_still_in_use_is_mounted_later(machine: Machine) -> None:
    verdict = 'exit=1 planned=9 pass=8 with_dma=9 text="FAIL"\n'
    done = machine.run(busy=2, results=machine.disk_results(run_0001=verdict))
    assert done.code == 1, done.out
    assert done.count("Mount-VHD") == 3 and done.count("Dismount-VHD") == 1


def test_a_disk_that_stays_in_use_leaves_the_verdict_of_com1(machine: Machine) -> None:
    done = machine.run(busy=99)
    assert done.code == 0 and "the disk cannot be read" in done.out, done.out
    assert done.count("Mount-VHD") == 10 and done.count("Dismount-VHD") == 0


def test_devices_given_as_one_text_go_there_and_back(machine: Machine) -> None:
    done = machine.run("-Device", r"PCI\A&1,PCI\B&2", "-ForceDismount")
    assert done.code == 0, done.out
    for name in (r"PCIROOT(PCI\A&1)", r"PCIROOT(PCI\B&2)"):
        calls = [call for call in done.calls if name in call]
        assert calls == [
            f"Dismount-VMHostAssignableDevice {name} force True",
            f"Add-VMAssignableDevice pvtest {name}",
            f"Remove-VMAssignableDevice pvtest {name}",
            f"Mount-VMHostAssignableDevice {name}",
        ]
    assert done.count("Disable-PnpDevice") == done.count("Enable-PnpDevice") == 2


@pytest.mark.parametrize(
    ("refuse", "back"),
    [
        ("Add-VMAssignableDevice", ["Mount-VMHostAssignableDevice", "Enable-PnpDevice"]),
        ("Dismount-VMHostAssignableDevice", ["Enable-PnpDevice"]),
        ("Start-VM", ["Remove-VMAssignableDevice", "Mount-VMHostAssignableDevice", "Enable-PnpDevice"]),
        ("Stop-VM", ["Remove-VMAssignableDevice", "Mount-VMHostAssignableDevice", "Enable-PnpDevice"]),
    ],
)
def test_devices_go_back_after_an_error(machine: Machine, refuse: str, back: list[str]) -> None:
    words = ("-Device", "one", "-SilenceSeconds", "10", "-Restarts", "0")
    done = machine.run(*words, starts=[HANG], refuse=refuse)
    assert done.code == 2 and f"{refuse} was refused" in done.out, done.out
    assert [call.split()[0] for call in done.calls][-len(back) :] == back


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-Nmae", "x"), "unknown parameter '-Nmae'"),
        (("stray",), "unknown parameter 'stray'"),
        (("-Processors", "many"), "'many' is not a number"),
        (("-Processors", "65"), "65 is out of range; 1 to 64"),
        (("-Restarts",), "-Restarts needs a value"),
        (("-Name", "pv*"), "'pv*' is not a plain name"),
        (("-Disk", "none.vhdx"), "none.vhdx: no such file"),
        (("-Disk", __file__), "this is no .vhdx file"),
    ],
)
def test_wrong_arguments_are_usage_errors(machine: Machine, words: tuple[str, ...], said: str) -> None:
    done = machine.run(*words)
    assert done.code == 3 and said in done.out, done.out
    assert done.calls == []


def test_another_vm_of_this_name_is_left_alone(machine: Machine) -> None:
    done = machine.run("-Name", "mine", there="mine")
    assert done.code == 3 and "there is a VM 'mine' already" in done.out, done.out
    assert done.calls == []


def test_without_a_disk_nothing_is_done(machine: Machine) -> None:
    done = machine.run(disk=False)
    assert done.code == 3 and "-Disk FILE is needed" in done.out, done.out
