# SPDX-License-Identifier: MIT
"""NVMe controllers as devices of a run: the machine, the option, and what is written to a disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import HERE, pvtest_call, quick_firmware
from pvtest import paths
from pvtest.images import boot_volume
from pvtest.machine import qemu
from pvtest.machine.assemble import _devices as devices
from pvtest.machine.guest_process import Limits, Observer, Session
from pvtest.machine.request import WHOLE_DISK
from pvtest.plan.devices import Devices
from pvtest.report.telling import _itself as itself
from pvtest.stream.tap import TapParser

BLOCK = 512
FIRST, COUNT = 32, 64  # blocks that the suite may write to


def machine(why: str = "") -> qemu.Qemu:
    return qemu.Qemu("qemu", "10.0.2", "intel-iommu", "code", "vars", Devices(why))


def test_a_machine_behind_vtd_has_disks(tmp_path: Path) -> None:
    disks = qemu.nvme_disks(machine(), tmp_path)
    line = qemu.command(machine(), "tcg", tmp_path, tmp_path / "host.log", nvme=disks)
    assert [disk.stat().st_size for disk in disks] == [qemu.NVME_BYTES] * qemu.NVME_DEVICES
    assert [word for word in line if word.startswith("nvme,")] == [
        f"nvme,serial=pvtest{number},drive=nvme{number},addr={0x18 + number:#x}" for number in range(qemu.NVME_DEVICES)
    ]
    rockers = [place for place, word in enumerate(line) if word.startswith("rocker")]
    assert max(rockers) < line.index("nvme,serial=pvtest0,drive=nvme0,addr=0x18"), "other devices keep their addresses"


def test_a_machine_of_slow_devices_has_none(tmp_path: Path) -> None:
    assert qemu.nvme_disks(machine(), tmp_path, virtual_clock=True) == [] and not list(tmp_path.iterdir())
    assert "nvme" in qemu.device_counts(machine(), False)
    assert "nvme" not in qemu.device_counts(machine(), True) and "edu" in qemu.device_counts(machine(), True)


def test_functions_alone_have_none(tmp_path: Path) -> None:
    assert qemu.nvme_disks(machine("option"), tmp_path) == []


@pytest.mark.parametrize(
    ("value", "written"),
    [("", ""), (WHOLE_DISK, "nvme-scratch=1:0+128\n"), ("2:8+64,A B", "nvme-scratch=2:8+64,A B\n")],
)
def test_the_guest_is_told_the_blocks(value: str, written: str) -> None:
    text = boot_volume.BootOptions(nvme_scratch=value).guest_text()
    assert (written in text) if written else "nvme" not in text


@pytest.mark.parametrize("value", ["1", "1:0", "0:0+8", "1:0+0", "1:0+8,", "1:0+8,123456789012345678901", "1:a+8", ""])
def test_other_values_are_refused(value: str) -> None:
    done = pvtest_call("run", "--nvme-scratch", value)
    assert done.returncode == 3 and "is not NSID:LBA+COUNT" in done.stderr


def engines(tap: TapParser) -> dict[str, dict[str, str]]:
    return {fact["serial"]: fact for fact in tap.facts["engine"]}


def test_results_have_what_a_controller_says() -> None:
    tap = TapParser()
    for line in (
        "TAP version 14",
        "# device: class=rocker bdf=00:01.0 id=0x8",
        "# device: class=nvme bdf=00:06.0 id=0x30",
        '# engine: id=0x30 class=nvme model="A B" serial="S1" medium=untouched refused="" unusable="no log"',
    ):
        tap.feed(line)
    rocker, nvme = devices([tap])
    assert rocker == {"class": "rocker", "bdf": "00:01.0", "id": "0x8"}
    assert (nvme["model"], nvme["serial"], nvme["unusable"]) == ("A B", "S1", "no log") and "refused" not in nvme
    assert itself(nvme) == ", model A B, serial S1" and not itself(rocker)


@pytest.mark.boots
@pytest.mark.skipif(
    not paths.GUEST_IMAGE.exists() or not paths.HOST_IMAGE.exists(), reason="the images are not built"
)
def test_nothing_else_is_written_to_a_disk(tmp_path: Path) -> None:
    """Three disks: one with a GPT, the same but named by its serial number, one with an MBR."""
    found = qemu.probe()
    if found.devices.alone:
        pytest.skip(found.devices.why)
    content = bytearray((place * 7 + place // 256) % 251 for place in range(qemu.NVME_BYTES))
    content[BLOCK - 2 : BLOCK] = b"\0\0"
    gpt = bytearray(content)
    gpt[BLOCK : BLOCK + 8] = b"EFI PART"
    mbr = bytearray(content)
    mbr[BLOCK - 2 : BLOCK] = b"\x55\xaa"
    before = [bytes(gpt), bytes(gpt), bytes(mbr)]
    disks = qemu.nvme_disks(found, tmp_path)
    for disk, data in zip(disks, before):
        disk.write_bytes(data)
    volume = boot_volume.make(tmp_path / "volume", boot_volume.BootOptions())
    blocks = f"1:{FIRST}+{COUNT}"
    tests = "test=translate.leaf_4k@nvme\ntest=flush.unmapped_domain_flush@nvme\n"
    options = f"nvme-scratch={blocks}\nnvme-scratch={blocks},pvtest1\n{tests}"
    (volume / "pvtest.opt").write_text(options, encoding="ascii")
    line = qemu.command(found, "tcg", volume, tmp_path / "host.log", nvme=disks)
    with quick_firmware(line) as (words, inherited):
        session = Session(words, Limits(60, 60), Observer(), inherited)
        tap = session.run(tmp_path / "serial.log", tmp_path / "qemu.log").tap
    told = engines(tap)
    assert [told[f"pvtest{number}"]["medium"] for number in range(3)] == ["untouched", "scratch", "untouched"]
    assert "partition table" in told["pvtest0"]["refused"] and "partition table" in told["pvtest2"]["refused"]
    assert told["pvtest1"]["model"] == "QEMU NVMe Ctrl" and not told["pvtest1"]["refused"]
    assert all(point.ok for point in tap.points) and tap.points
    after = [disk.read_bytes() for disk in disks]
    assert after[0] == before[0] and after[2] == before[2]
    assert after[1] != before[1], "the blocks that were given are used"
    start, end = FIRST * BLOCK, (FIRST + COUNT) * BLOCK
    assert after[1][:start] == before[1][:start] and after[1][end:] == before[1][end:]


@pytest.mark.boots
@pytest.mark.skipif(
    not paths.GUEST_IMAGE.exists() or not paths.HOST_IMAGE.exists(), reason="the images are not built"
)
def test_blocks_to_read_and_a_second_namespace(tmp_path: Path) -> None:
    """One disk may be read, the second one is two namespaces of which one may be written, the third is left alone."""
    found = qemu.probe()
    if found.devices.alone:
        pytest.skip(found.devices.why)
    disks = qemu.nvme_disks(found, tmp_path)
    content = bytes((place * 7 + place // 256) % 251 for place in range(qemu.NVME_BYTES))
    before = [content[:8192] + bytes(qemu.NVME_BYTES - 8192), bytes(qemu.NVME_BYTES), content]
    other = tmp_path / "other.raw"
    other.write_bytes(content)
    for disk, data in zip(disks, before):
        disk.write_bytes(data)
    volume = boot_volume.make(tmp_path / "volume", boot_volume.BootOptions())
    tests = "test=nvme.*\ntest=translate.leaf_4k@nvme\ntest=flush.unmapped_domain_flush@nvme\n"
    options = f"nvme-read=1:0+64,pvtest0\nnvme-scratch=2:0+64,pvtest1\n{tests}"
    (volume / "pvtest.opt").write_text(options, encoding="ascii")
    line = qemu.command(found, "tcg", volume, tmp_path / "host.log", nvme=disks)
    place = next(at for at, word in enumerate(line) if word.startswith("nvme,serial=pvtest1,"))
    line[place] = line[place].replace("nvme,", "nvme,id=two,").replace("drive=nvme1,", "")
    line += ["-blockdev", f"driver=raw,node-name=other,file.driver=file,file.filename={other}"]
    for number, node in ((1, "other"), (2, "nvme1")):
        line += ["-device", f"nvme-ns,bus=two,nsid={number},drive={node}"]
    with quick_firmware(line) as (words, inherited):
        session = Session(words, Limits(60, 60), Observer(), inherited)
        tap = session.run(tmp_path / "serial.log", tmp_path / "qemu.log").tap
    told = engines(tap)
    assert [told[f"pvtest{number}"]["medium"] for number in range(3)] == ["read", "scratch", "untouched"]
    assert [told[f"pvtest{number}"]["namespaces"] for number in range(3)] == ["1", "2", "1"]
    assert all(point.ok for point in tap.points) and len(tap.points) == 4
    assert not any(point.directive for point in tap.points if point.id.startswith("nvme."))
    assert disks[0].read_bytes() == before[0] and disks[2].read_bytes() == before[2] and other.read_bytes() == content
    assert disks[1].read_bytes() != before[1], "the blocks that were given are used"


@pytest.mark.boots
@pytest.mark.skipif(not paths.GUEST_IMAGE.exists(), reason="the image is not built")
@pytest.mark.parametrize("machine", [["--iommu", "vtd"], ["--bus", "pci"]], ids=["vtd", "reference-host"])
def test_virtual_functions_are_devices(tmp_path: Path, machine: list[str]) -> None:
    """Two virtual functions of a controller have a domain each, if the image drives the IOMMU itself or the reference
    host gives them device ids."""
    if qemu.probe().devices.alone:
        pytest.skip("this QEMU has no VT-d with first-stage tables")
    words = ["isolation.*@nvme", "bus.message*@nvme", *machine, "--results", str(tmp_path), "--plain"]
    done = pvtest_call("run", *words, "--qemu", str(HERE / "sriov_qemu.sh"), seconds=180)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "latest" / "results.json").read_text())
    places = [device["bdf"] for device in found["devices"] if device["class"] == "nvme"]
    assert [place.split(".")[1] for place in places] == ["1", "2", "0", "0"], "its physical function serves them alone"
    verdicts = {test["id"]: test["verdict"] for test in found["tests"]}
    assert "pass" in verdicts.values() and not set(verdicts.values()) - {"pass", "skip"}
