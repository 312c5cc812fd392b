# SPDX-License-Identifier: MIT
"""On a machine without any device just what `--class none` lists runs; the others say that they need one."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import quick_firmware
from pvtest import paths
from pvtest.images import boot_volume, catalogue
from pvtest.machine import qemu
from pvtest.machine.guest_process import Limits, Observer, Session

pytestmark = [
    pytest.mark.boots,
    pytest.mark.skipif(
        not paths.GUEST_IMAGE.exists() or not paths.HOST_IMAGE.exists(), reason="the images are not built"
    ),
]


def without_engines(command: list[str]) -> list[str]:
    """The machine without what the suite drives; VT-d stays, so that the host has a unit."""
    out: list[str] = []
    for word in command:
        if word.startswith(("rocker", "edu", "nvme")) and out and out[-1] == "-device":
            out.pop()
        else:
            out.append(word)
    return out


def test_class_none_is_what_runs_without_a_device(tmp_path: Path) -> None:
    machine = qemu.probe(None)
    if machine.devices.alone:
        pytest.skip(machine.devices.why)
    tests = catalogue.load_tests().within(catalogue.DEFAULT_TIER)
    classless = [instance for instance in tests if instance.device is None]
    volume = boot_volume.make(tmp_path / "volume", boot_volume.BootOptions())
    (volume / "pvtest.opt").write_text("".join(f"test={instance.id}\n" for instance in classless), encoding="ascii")
    (volume / "refhost.opt").write_text("functions=0\n", encoding="ascii")
    command = without_engines(qemu.command(machine, "tcg", volume, tmp_path / "host.log"))
    with quick_firmware(command) as (words, inherited):
        session = Session(words, Limits(120, 60), Observer(), inherited)
        outcome = session.run(tmp_path / "serial.log", tmp_path / "qemu.log")
    assert not outcome.tap.problems and "device" not in outcome.tap.facts
    skipped = {point.id: point.reason for point in outcome.tap.points if point.directive}
    assert set(skipped) == {instance.id for instance in classless if instance.needs == "any"}
    words = ("device", "engine", "there is no bus", "virtual PCI bus", "vPCI bus", "on VMBus", "polling mode of SINTs")
    other = {name: reason for name, reason in skipped.items() if not any(word in reason for word in words)}
    assert not other
    assert all(point.ok for point in outcome.tap.points) and len(skipped) < len(classless) / 2
