# SPDX-License-Identifier: MIT
"""The machine that most tests with real images boot: saved once after the firmware, by the runner's own means.

Each boot goes on from there in a process of its own, with the options on its boot volume, and takes 0.2 s of processor
time in place of 2 s. It has the host's virtual functions alone. Tests of the firmware, of QEMU's devices and of reading
the boot volume do not use it.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pvtest.errors import RunnerError
from pvtest.machine import qemu, saved
from pvtest.machine.qemu import Qemu

SCRIPT = Path(__file__).resolve().parent / "saved_qemu.sh"
FOLDER = "PVTEST_TEST_SAVED"  # for the script


@dataclass(frozen=True)
class SavedMachine:
    """How to boot it: a QEMU that cannot save a machine boots the same one from the firmware on."""

    qemu: Qemu
    options: tuple[str, ...] = ("--functions-alone",)  # of the runner
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def itself(self) -> saved.Saved:
        """For what goes on from it as a campaign does, without the script. This QEMU has to be able to save it."""
        folder = Path(self.environment[FOLDER])
        machine = saved.machine(qemu.probe(None, functions_alone=True))
        return saved.Saved(machine, folder / "volume", folder / "state", folder / "memory")

    def command(self, volume: Path, host_log: Path) -> list[str]:
        """Of QEMU, as the runner starts it."""
        assigned = [f"{name}={value}" for name, value in self.environment.items()]
        return [*(("env", *assigned) if assigned else ()), *qemu.command(self.qemu, "tcg", volume, host_log)]


def _save(folder: Path) -> bool:
    """Boots once, and leaves in `folder` what the script needs. False: this QEMU cannot save a machine."""
    folder.mkdir()
    booted = qemu.probe(None, functions_alone=True)
    try:
        found = saved.save(booted, folder)
    except RunnerError:
        return False
    (folder / "megabytes").write_text(str(booted.hardware.memory_mib))
    (folder / "orders").write_text(found.ordered)
    return True


def shared(factory: pytest.TempPathFactory) -> SavedMachine:
    """The one of this session, whose workers all go on from the same."""
    session = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        session = session.parent
    folder = session / "saved-machine"
    with (session / "saved-machine.json").open("a+") as known:
        fcntl.flock(known, fcntl.LOCK_EX)
        known.seek(0)
        told = known.read()
        able = json.loads(told) if told else _save(folder)
        if not told:
            json.dump(able, known)
    booted = qemu.probe(None, functions_alone=True)
    if not able:
        return SavedMachine(booted)
    machine = dataclasses.replace(saved.machine(booted), path=str(SCRIPT))
    return SavedMachine(machine, ("--functions-alone", "--qemu", str(SCRIPT)), {FOLDER: str(folder)})
