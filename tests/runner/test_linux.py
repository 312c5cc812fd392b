# SPDX-License-Identifier: MIT
"""`./run.sh linux` without booting: what is put together, and what is judged from a console."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pvtest import paths
from pvtest.errors import MissingError, RunnerError
from pvtest.linux import judge, packages, report, unified

GOOD = """\
BdsDxe: starting Boot0001
[    0.000000] Linux version 6.1.0
[    0.100000] clocksource: timekeeping watchdog on CPU0: Marking clocksource 'tsc' as unstable
linux: shell on 6.1.0-57-cloud-amd64, 2 processors
linux: vmbus protocol 5.3
linux: vmbus devices 2, bound 2
linux: function 0000:00:00.0 0x8086:0x29c0 class 0x060000 bars 0
linux: function 0001:00:00.0 0x1b36:0x0006 class 0x028000 bars 2
linux: function 0003:00:00.0 0x1b36:0x0010 class 0x010802 bars 1
linux: disk nvme0n1 written and read
linux: interrupts  24:         12          0  Hyper-V PCIe MSI 402653184-edge      nvme0q1
[   22.8] linux: done
[   22.9] reboot: Power down
"""
WANTED = judge.Wanted(vpci=True, disks=1)
WITHOUT_DRIVER = {"iommu-unit", "iommu-groups", "iommu-types", "copies", "machine"}
# Of a machine like a generation 2 VM: no bus that can be scanned.
GEN2 = GOOD.replace("linux: function 0000:00:00.0 0x8086:0x29c0 class 0x060000 bars 0\n", "")
GEN2_WANTED = judge.Wanted(vpci=True, disks=1, gen2=True)
# Of a kernel with a driver of the pvIOMMU, and with one of the engine that the reference host has.
DRIVER = """\
[    0.9] hv-pviommu: initialized: 57-bit IOVA aperture, page-size bitmap 0x40201000
linux: group 0 of 0001:00:00.0 type DMA-FQ
linux: group 1 of 0003:00:00.0 type DMA
linux: copies start run N after 1 s
linux: dmatest dma0chan0-copy0: summary 500 tests, 0 failures 1203.07 iops 9871 KB/s (0)
linux: switched 0004:00:00.0 to identity type identity
linux: copies identity run N after 1 s
linux: dmatest dma0chan0-copy0: summary 500 tests, 0 failures 1203.07 iops 9871 KB/s (0)
linux: switched 0004:00:00.0 to DMA-FQ type DMA-FQ
linux: switched 0004:00:00.0 to DMA type DMA
"""
WITH_DRIVER = GOOD.replace("linux: disk", DRIVER + "linux: disk", 1)


def verdicts(console: str, wanted: judge.Wanted = WANTED, interruption: str = "") -> dict[str, str]:
    return {check.id: check.verdict for check in judge.judge(console.splitlines(), wanted, interruption)}


def failed(console: str, wanted: judge.Wanted = WANTED, interruption: str = "") -> list[str]:
    return sorted(name for name, verdict in verdicts(console, wanted, interruption).items() if verdict == "fail")


def test_a_good_console_passes() -> None:
    found = verdicts(GOOD)
    skipped = {name for name, verdict in found.items() if verdict == "skip"}
    assert skipped == WITHOUT_DRIVER and set(found.values()) == {"pass", "skip"} and len(found) == 15


@pytest.mark.parametrize(
    ("line", "instead", "wrong"),
    [
        ("linux: shell on 6.1.0-57-cloud-amd64, 2 processors", "", ["shell"]),
        ("vmbus protocol 5.3", "vmbus protocol ", ["vmbus"]),
        ("devices 2, bound 2", "devices 2, bound 1", ["bus-functions", "buses"]),
        ("devices 2, bound 2", "devices 0, bound 0", ["bus-functions", "buses"]),
        ("linux: function 0003:00:00.0 0x1b36:0x0010 class 0x010802 bars 1", "", ["bus-functions"]),
        ("linux: disk nvme0n1 written and read", "", ["disks"]),
        ("written and read", "differs", ["disks"]),
        ("  24:         12          0 ", "  24:          0          0 ", ["disk-interrupts"]),
        ("nvme0q1", "nvme0q0", ["disk-interrupts"]),
        ("[   22.8] linux: done", "", ["init-end"]),
        ("reboot: Power down", "WARNING: CPU: 1 PID: 3 at kernel/x.c:1 f+0x1/0x2", ["warnings"]),
        ("reboot: Power down", "unchecked MSR access error: RDMSR from 0x40000105", ["warnings"]),
        ("reboot: Power down", "pci 0001:00:00.0: BAR 0: failed to assign [mem size 0x2000]", ["warnings"]),
    ],
)
def test_each_thing_that_is_missing_fails(line: str, instead: str, wrong: list[str]) -> None:
    assert line in GOOD
    assert failed(GOOD.replace(line, instead)) == wrong


def test_a_generation_2_machine_has_nothing_of_a_pc() -> None:
    assert verdicts(GEN2, GEN2_WANTED)["machine"] == "pass" and failed(GEN2, GEN2_WANTED) == []
    assert failed(GOOD, GEN2_WANTED) == ["machine"]
    assert failed(GEN2.replace("linux: disk", "linux: pc device rtc0\nlinux: disk", 1), GEN2_WANTED) == ["machine"]


def test_a_machine_that_had_to_be_stopped_fails() -> None:
    assert failed(GOOD, interruption="the limit was over") == ["end"]


def test_what_a_machine_does_not_have_is_skipped() -> None:
    found = verdicts(GOOD, judge.Wanted(vpci=False, disks=0))
    skipped = sorted(name for name, verdict in found.items() if verdict == "skip")
    assert skipped == sorted({"bus-functions", "buses", "disk-interrupts", "disks", "vmbus"} | WITHOUT_DRIVER)


def test_a_driver_of_the_pviommu_passes() -> None:
    found = verdicts(WITH_DRIVER)
    assert found.pop("machine") == "skip" and set(found.values()) == {"pass"} and len(found) == 14


@pytest.mark.parametrize(
    ("line", "instead", "wrong"),
    [
        ("57-bit", "12-bit", ["iommu-unit"]),
        ("bitmap 0x40201000", "bitmap 0x40200000", ["iommu-unit"]),
        ("linux: group 1 of 0003:00:00.0 type DMA\n", "", ["iommu-groups"]),
        ("type DMA-FQ\nlinux: group 1", "type blocked\nlinux: group 1", ["iommu-groups"]),
        ("to identity type identity", "to identity type DMA", ["iommu-types"]),
        ("linux: switched 0004:00:00.0 to DMA type DMA\n", "", ["iommu-types"]),
        ("500 tests, 0 failures", "500 tests, 3 failures", ["copies"]),
        ("500 tests, 0 failures", "0 tests, 0 failures", ["copies"]),
        ("start run N", "start run Y", ["copies"]),
        ("linux: dmatest dma0chan0-copy0: summary 500 tests, 0 failures 1203.07 iops 9871 KB/s (0)\n", "", ["copies"]),
    ],
)
def test_what_a_driver_of_the_pviommu_lacks_fails(line: str, instead: str, wrong: list[str]) -> None:
    assert line in WITH_DRIVER
    assert failed(WITH_DRIVER.replace(line, instead, 1)) == wrong


def test_of_another_first_process_only_the_kernel_is_judged() -> None:
    assert set(verdicts("[    0.0] Linux\n", judge.Wanted(True, 3, own_init=False))) == {"kernel", "end", "warnings"}


def test_exit_codes() -> None:
    def code(console: str) -> int:
        return judge.exit_code(judge.judge(console.splitlines(), WANTED, ""))

    assert (code(GOOD), code(GOOD.replace("bound 2", "bound 1")), code("BdsDxe: failed")) == (0, 1, 2)


def test_files(tmp_path: Path) -> None:
    checks = judge.judge(GOOD.replace("written and read", "differs\x1b").splitlines(), WANTED, "")
    found = report.document(checks, judge.told(GOOD.splitlines()), {"bus": "vpci"})
    assert found["exit_code"] == 1 and found["bus"] == "vpci" and found["summary"] == {"pass": 9, "fail": 1, "skip": 5}
    assert [check["reason"] for check in found["checks"] if check["verdict"] == "fail"] == ["nvme0n1 differs"]
    assert "vmbus protocol 5.3" in found["found"]
    report.junit(checks, tmp_path / "junit.xml")
    assert "skipped" not in ElementTree.parse(tmp_path / "junit.xml").getroot().attrib, "no schema has it there"
    suite = ElementTree.parse(tmp_path / "junit.xml").getroot().find("testsuite")
    assert suite is not None and (suite.get("tests"), suite.get("failures")) == ("15", "1")


def test_an_initial_file_system_can_be_unpacked(tmp_path: Path) -> None:
    if shutil.which("cpio") is None:
        pytest.skip("there is no cpio")
    data = gzip.decompress(unified.initrd({"init": b"#!/bin/sh\n", "modules/a/b.ko": b"12345"}))
    subprocess.run(["cpio", "-id", "--quiet"], input=data, cwd=tmp_path, check=True)
    assert (tmp_path / "init").read_bytes() == b"#!/bin/sh\n" and (tmp_path / "init").stat().st_mode & 0o111
    assert (tmp_path / "modules" / "a" / "b.ko").read_bytes() == b"12345"


def test_entries_of_an_initial_file_system() -> None:
    data = gzip.decompress(unified.initrd({"bin/x": b"abc"}))
    assert len(data) % 4 == 0 and data.startswith(b"070701")
    names, at = [], 0
    while at < len(data):
        fields = [int(data[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        name_end = at + 110 + fields[11]
        names.append((data[at + 110 : name_end - 1].decode(), fields[1], fields[6]))
        at = (name_end + 3) // 4 * 4
        at = (at + fields[6] + 3) // 4 * 4
    assert names == [("bin", 0o040755, 0), ("bin/x", 0o100755, 3), ("TRAILER!!!", 0, 0)]


def test_a_kernel_that_does_not_fit(tmp_path: Path) -> None:
    kernel = tmp_path / "kernel"
    with kernel.open("wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(RunnerError, match="more than 64 MiB"):
        unified.make(tmp_path, kernel, kernel, kernel, "")


def test_the_kernel_package_is_found() -> None:
    answer = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-57-cloud-amd64\n"
    assert packages.kernel_package(answer) == "linux-image-6.1.0-57-cloud-amd64"
    with pytest.raises(MissingError, match="--kernel FILE"):
        packages.kernel_package("W: no such package\n")


def test_nothing_is_fetched_without_set_up(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="linux-image-cloud-amd64, busybox-static"):
        packages.get(tmp_path / "packages", no_setup=True)
    assert not (tmp_path / "packages").exists()


APT = """#!/bin/sh
[ "$*" = "-q download linux-image-6.1 busybox-static systemd-boot-efi" ] && pwd && touch kernel.deb
"""


def test_packages_are_fetched_into_a_folder_of_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs, folder = tmp_path / "bin", tmp_path / "it's $x; \"a\" ü" / "packages"
    programs.mkdir()
    told = {"apt-get": APT, "apt-cache": "#!/bin/sh\necho '  Depends: linux-image-6.1'\n"}
    told["dpkg-deb"] = '#!/bin/sh\n[ -f "$2" ] && mkdir -p "$3/boot" && touch "$3/boot/vmlinuz-6.1"\n'
    for name, text in told.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.delenv("PVTEST_NO_SETUP", raising=False)
    with pytest.raises(MissingError, match="has no lib/modules"):  # the double brings the kernel alone
        packages.get(folder, no_setup=False)
    assert sorted(path.name for path in folder.iterdir()) == ["boot", "fetched"]


def test_two_runs_at_once_fetch_packages_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, fetched, both = tmp_path / "build" / "packages", [], threading.Barrier(2)

    def fetch(place: Path) -> None:
        fetched.append(place)
        place.mkdir()
        assert not (place / "fetched").exists()
        time.sleep(0.2)  # the other one would begin now
        (place / "fetched").touch()

    def run() -> None:
        both.wait(timeout=10)
        packages.get(folder, no_setup=False)

    monkeypatch.delenv("PVTEST_NO_SETUP", raising=False)
    monkeypatch.setattr(packages, "_fetch", fetch)
    monkeypatch.setattr(packages, "pieces", lambda place: place)
    with ThreadPoolExecutor(2) as pool:
        for job in [pool.submit(run), pool.submit(run)]:
            job.result(timeout=20)
    assert fetched == [folder]


def test_pieces_are_those_of_the_packages(tmp_path: Path) -> None:
    names = ("boot/vmlinuz-6.1", "bin/busybox", "usr/lib/systemd/boot/efi/linuxx64.efi.stub")
    drivers = ("hv/hv_vmbus", "pci/controller/pci-hyperv-intf", "pci/controller/pci-hyperv")
    for name in (*names, *(f"lib/modules/6.1/kernel/drivers/{driver}.ko" for driver in drivers)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = packages.pieces(tmp_path)
    assert [path.stem for path in found.modules] == list(packages.MODULES) and found.kernel.name == "vmlinuz-6.1"
    found.stub.unlink()
    with pytest.raises(MissingError, match="linuxx64.efi.stub"):
        packages.pieces(tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--kernel", "/nowhere/bzImage"), "argument --kernel: /nowhere/bzImage: no such file"),
        (("--initrd", "/nowhere/initrd"), "argument --initrd: /nowhere/initrd: no such file"),
        (("--bus", "isa"), "invalid choice"),
        (("--machine", "gen2", "--bus", "pci"), "no PCI bus that can be scanned"),
    ],
)
def test_wrong_usage(words: tuple[str, ...], said: str) -> None:
    command = [sys.executable, "-m", "pvtest", "linux", *words]
    done = subprocess.run(command, cwd=paths.ROOT / "tools", capture_output=True, text=True, check=False)
    assert done.returncode == 3 and said in done.stderr
