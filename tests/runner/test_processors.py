# SPDX-License-Identifier: MIT
"""Processors that differ from the usual one: wide physical addresses, and no x2APIC."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import quick_firmware
from pvtest import paths
from pvtest.images import boot_volume
from pvtest.machine import qemu
from pvtest.machine.guest_process import Limits, Observer, Session
from pvtest.stream.tap import TapParser
from saved_machine import SavedMachine

pytestmark = [
    pytest.mark.boots,
    pytest.mark.skipif(
        not paths.GUEST_IMAGE.exists() or not paths.HOST_IMAGE.exists(), reason="the images are not built"
    ),
]
HOLDS = "lifecycle.id_free_after_delete"
REFUSED = "defect=second-refused\n"
WIDE = "qemu64,+svm,+npt,+x2apic,+pdpe1gb,phys-bits=48"
NO_X2APIC = "qemu64,+svm,+npt,+pdpe1gb"
# The root bridge passes nothing on above 4 GiB, so that the host looks for room in all of the address space.
NO_WINDOW = ("-global", "q35-pcihost.pci-hole64-size=0", "-global", "q35-pcihost.x-pci-hole64-fix=off")


def boot(
    folder: Path, machine: SavedMachine | str, tests: str, host: str = "", more: tuple[str, ...] = (), cpus: int = 2,
    guest: str = "",
) -> tuple[TapParser, str]:  # fmt: skip  # pylint: disable=too-many-arguments,too-many-positional-arguments
    """The stream, and the log of the host. A machine that is not saved is given by its processor."""
    volume = boot_volume.make(folder / "volume", boot_volume.BootOptions())
    (volume / "pvtest.opt").write_text(guest + "".join(f"test={test}\n" for test in tests.split()), encoding="ascii")
    (volume / "refhost.opt").write_text(f"log=1\n{host}", encoding="ascii")
    if isinstance(machine, str):
        found = qemu.probe(None, functions_alone=True)
        machine = SavedMachine(replace(found, hardware=qemu.Hardware(cpu=machine, cpus=cpus)))
    line = [*machine.command(volume, folder / "host.log"), *more]
    with quick_firmware(line) as (words, inherited):
        session = Session(words, Limits(60, 60), Observer(), inherited)
        outcome = session.run(folder / "serial.log", folder / "qemu.log")
    assert not outcome.tap.problems and outcome.tap.end is not None, (folder / "serial.log").read_text("utf-8")
    return outcome.tap, (folder / "host.log").read_text(encoding="utf-8")


def test_registers_are_where_guests_can_map_them(tmp_path: Path) -> None:
    tap, log = boot(tmp_path, WIDE, "attach.unknown_device_is_refused@dmaprobe", more=NO_WINDOW)
    assert int(log.partition("registers at 0x")[2].split()[0], 16) < 1 << 46
    assert [point.ok for point in tap.points] == [True] and "unreachable" not in tap.facts


def test_a_device_above_47_bits_is_left_out_with_a_reason(tmp_path: Path) -> None:
    tests = "attach.unknown_device_is_refused@dmaprobe discovery.clearing_os_id_disables"
    tap, log = boot(tmp_path, WIDE, tests, host="variant=registers-at-top\n")
    assert int(log.partition("registers at 0x")[2].split()[0], 16) > 1 << 47
    assert {fact["reason"] for fact in tap.facts["unreachable"]} == {"above 2^47"}
    assert len(tap.facts["unreachable"]) == 10 and "device" not in tap.facts
    reasons = {point.id: point.reason for point in tap.points}
    assert "are at addresses above 2^47, which are not mapped" in reasons["attach.unknown_device_is_refused@dmaprobe"]
    assert all(point.ok for point in tap.points)


def test_the_host_starts_processors_without_x2apic(tmp_path: Path) -> None:
    """Firmware that leaves its services starts them, too: by the page of the xAPIC, which the host watches."""
    tap, log = boot(tmp_path, NO_X2APIC, "concurrency.same_answers")
    assert "2 processors" in log and [(point.ok, point.reason) for point in tap.points] == [(True, "")]


def test_without_x2apic_the_skip_says_so(tmp_path: Path) -> None:
    tap, _ = boot(tmp_path, NO_X2APIC, "concurrency.same_answers", cpus=1)
    assert [point.reason for point in tap.points] == [
        "needs 2 processors: this machine shows one processor, and that has no x2APIC, without which a host may hide"
        " the others"
    ]


@pytest.mark.parametrize(("caller", "ok"), [("", True), ("calls_from=4\n", False)], ids=["first", "fourth"])
def test_every_call_is_that_of_the_processor_that_is_asked_for(
    saved: SavedMachine, tmp_path: Path, caller: str, ok: bool
) -> None:
    """The host refuses the calls of all processors but the first. The machine of four has no pages of 1 GiB: host and
    guest have other tables there."""
    machine = "qemu64,+svm,+npt,+x2apic" if caller else saved
    tap, _ = boot(tmp_path, machine, HOLDS, REFUSED, cpus=4, guest=caller)
    assert [point.ok for point in tap.points] == [ok]


def test_a_machine_with_fewer_processors_skips(saved: SavedMachine, tmp_path: Path) -> None:
    tap, _ = boot(tmp_path, saved, HOLDS, guest="calls_from=3\n")
    assert [point.reason for point in tap.points] == ["needs 3 processors: this machine has fewer processors"]


def test_a_test_that_overran_has_a_second_chance(saved: SavedMachine, tmp_path: Path) -> None:
    """The first time it does not end; what it says the second time counts, and the report tells both."""
    guest = f"fixture=slow\nfixture_test={HOLDS}\n"
    tap, _ = boot(tmp_path, saved, HOLDS, guest=guest)
    assert [point.ok for point in tap.points] == [True]
    assert "it overran a deadline after 2" in tap.points[0].yaml["second_chance"]


def test_a_deadline_that_is_asked_for_is_the_only_one(saved: SavedMachine, tmp_path: Path) -> None:
    guest = f"fixture=slow\nfixture_test={HOLDS}\ndeadline_ms=400\n"
    tap, _ = boot(tmp_path, saved, HOLDS, guest=guest)
    assert [(point.ok, point.yaml["message"]) for point in tap.points] == [
        (False, "did not end within its deadline of 400 ms")
    ]
    assert "second_chance" not in tap.points[0].yaml
