# SPDX-License-Identifier: MIT
"""./run.sh image: what is on the disk, and that every wrong wish is refused before anything is written."""

from __future__ import annotations

import hashlib
import mmap
import os
import re
import struct
import subprocess
import uuid
import zlib
from pathlib import Path

import images
import pytest
from conftest import pvtest_call, quick_firmware

from pvtest import paths
from pvtest.errors import MissingError, UsageError
from pvtest.images import boot_volume, catalogue, disk_image
from pvtest.images.boot_volume import BootOptions
from pvtest.machine import qemu

SECTOR = disk_image.SECTOR
SMALLEST = disk_image.SIZE_MIB[0]
CHUNK = 1 << 16
FILES = {"EFI/BOOT/BOOTX64.EFI": b"loader" * 1000, "pvtest.opt": b"seed=1\n", "a/b/c.txt": b""}


def disk(folder: Path, form: str = "raw", files: dict[str, bytes] | None = None, size: int = SMALLEST) -> Path:
    path = folder / f"disk{disk_image.FORMATS[form][0]}"
    disk_image.write(path, form, FILES if files is None else files, size, True)
    return path


def raw_of(path: Path, form: str) -> Path:
    if form == "raw":
        return path
    made = path.with_suffix(".back")
    subprocess.run(["qemu-img", "convert", "-f", form, "-O", "raw", path, made], check=True, timeout=60)
    return made


def whole(path: Path) -> bytes:
    """A digest of the content. A disk that is read into memory as a whole takes ten times as long."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def partition_of(path: Path) -> Path:
    """The file system alone, for tools that know nothing of partitions."""
    out = path.with_suffix(".fat")
    with path.open("rb") as disk_file, out.open("wb") as file:
        disk_file.seek(2 * SECTOR + 32)
        first, last = struct.unpack("<QQ", disk_file.read(16))
        disk_file.seek(first * SECTOR)
        for place in range(0, size := (last + 1 - first) * SECTOR, CHUNK):
            data = disk_file.read(min(CHUNK, size - place))
            if data.count(0) != len(data):
                file.seek(place)
                file.write(data)
        file.truncate(size)
    return out


@pytest.mark.parametrize("size", [SMALLEST, 64, 100])
def test_partition_table(tmp_path: Path, size: int) -> None:
    """Read here once more, from the UEFI specification: both headers with their sums, one entry."""
    with disk(tmp_path, size=size).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        check_table(data, size)


def check_table(data: mmap.mmap, size: int) -> None:
    assert len(data) == size << 20
    last_sector = len(data) // SECTOR - 1
    assert data[510:512] == b"\x55\xaa" and data[0x1C2] == 0xEE, "a protective MBR"
    for here, there in ((1, last_sector), (last_sector, 1)):
        header = bytearray(data[here * SECTOR : here * SECTOR + 92])
        signature, revision, length, crc = struct.unpack_from("<8sIII", header)
        assert (signature, revision, length) == (b"EFI PART", 0x10000, 92)
        header[16:20] = bytes(4)
        assert zlib.crc32(header) == crc
        mine, other, first_usable, last_usable = struct.unpack_from("<QQQQ", header, 24)
        assert (mine, other) == (here, there)
        entries_at, count, entry_size, entries_crc = struct.unpack_from("<QIII", header, 72)
        entries = data[entries_at * SECTOR : entries_at * SECTOR + count * entry_size]
        assert zlib.crc32(entries) == entries_crc
        kind, _, first, last = struct.unpack_from("<16s16sQQ", entries)
        assert str(uuid.UUID(bytes_le=kind)).upper() == disk_image.EFI_SYSTEM
        assert first_usable <= first == disk_image.FIRST_SECTOR and last <= last_usable
        assert entries[entry_size:] == bytes(len(entries) - entry_size), "one partition"


def test_independent_tools_find_nothing_wrong(tmp_path: Path) -> None:
    path = disk(tmp_path)
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    for command in (["sfdisk", "--verify", str(path)], ["fsck.fat", "-n", str(partition_of(path))]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
    with partition_of(path).open("rb") as file:
        assert file.read(90)[82:] == b"FAT32   "


@pytest.mark.parametrize("form", disk_image.FORMATS)
def test_every_format_holds_the_same_disk(tmp_path: Path, form: str) -> None:
    path = disk(tmp_path, form)
    if form != "raw":
        done = subprocess.run(["qemu-img", "check", "-f", form, path], capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout
    assert whole(raw_of(path, form)) == whole(disk(tmp_path))
    assert path.stat().st_blocks * 512 < 8 << 20, "as small as its contents"


def test_vhdx_is_what_hyper_v_wants(tmp_path: Path) -> None:
    path = disk(tmp_path, "vhdx")
    with path.open("rb") as file:
        assert file.read(8) == b"vhdxfile"
    # Dynamic: the file is far smaller than the disk. Both are whole MiB.
    assert path.stat().st_size < 32 << 20 and path.stat().st_size % (1 << 20) == 0


def test_files_are_on_it(tmp_path: Path) -> None:
    place = f"{disk(tmp_path)}@@{disk_image.FIRST_SECTOR * SECTOR}"
    for name, content in FILES.items():
        done = subprocess.run(["mtype", "-i", place, f"::/{name}"], capture_output=True, timeout=60, check=True)
        assert done.stdout == content


def test_a_path_may_have_any_characters(tmp_path: Path) -> None:
    """mtools itself takes what follows a ';' or '@@' for options."""
    made = disk(tmp_path / "a;b@@1M c:'d\"$(e),f=g")
    assert whole(made) == whole(disk(tmp_path))
    disk_image.write(tmp_path / "x;y@@2:z.img", "raw", FILES, 40, overwrite=False)
    assert (tmp_path / "x;y@@2:z.img").stat().st_size == 40 << 20


def test_two_builds_are_equal(tmp_path: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "another-name"
    contents = []
    for folder, zone in ((first, "UTC"), (second, "Pacific/Auckland")):
        os.environ["TZ"] = zone
        try:
            contents.append(whole(disk(folder)))
        finally:
            del os.environ["TZ"]
    assert contents[0] == contents[1]
    assert whole(disk(tmp_path, files={**FILES, "pvtest.opt": b"seed=2\n"})) != contents[0]


def test_a_disk_too_small_for_its_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="files alone need"):
        disk(tmp_path, files={"big": bytes(40 << 20)}, size=40)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_tool_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(disk_image, "_SBIN", ())
    with pytest.raises(MissingError, match=r"sfdisk not found \(package fdisk\)"):
        disk(tmp_path)


def test_a_failing_tool_leaves_the_old_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(b"old")
    monkeypatch.setitem(FILES, "no/such:name?", b"x")
    with pytest.raises(Exception, match="failed"):
        disk(tmp_path)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def image(build: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return pvtest_call("image", *arguments, build=build)


def read(path: Path, name: str) -> bytes:
    place = f"{path}@@{disk_image.FIRST_SECTOR * SECTOR}"
    done = subprocess.run(["mtype", "-i", place, f"::/{name}"], capture_output=True, timeout=60, check=False)
    return done.stdout if done.returncode == 0 else b"missing"


def test_refhost_target(build: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.img"
    words = ("flush", "--seed", "7", "--defect", "lazy", "--variant", "polite", "--caching", "none", "--repeat", "2")
    done = image(build, "--output", str(out), *words)
    assert done.returncode == 0, done.stderr
    assert f"{out}: raw, 64 MiB, 3 tests" in done.stdout
    assert read(out, "EFI/BOOT/BOOTX64.EFI") == (build / "refhost.efi").read_bytes()
    assert read(out, "pvtest.efi") == (build / "pvtest.efi").read_bytes()
    assert read(out, "pvtest.opt") == b"seed=7\ntest=flush.none\ntest=flush.unmap\ntier=quick\nrepeat=2\n"
    assert read(out, "refhost.opt") == b"defect=lazy\nvariant=polite\ncaching=none\nseed=7\nbus=vpci\nlog=1\n"


@pytest.mark.parametrize("target", ["qemu", "hyper-v"])
def test_targets_without_the_host(build: Path, tmp_path: Path, target: str) -> None:
    out = tmp_path / "x.img"
    assert image(build, "--target", target, "--output", str(out), "--shuffle").returncode == 0
    assert read(out, "EFI/BOOT/BOOTX64.EFI") == (build / "pvtest.efi").read_bytes()
    assert read(out, "refhost.opt") == read(out, "pvtest.efi") == b"missing"
    options = read(out, "pvtest.opt").decode().splitlines()
    assert ("unattended=1" in options) == (target == "hyper-v")
    profiles = read(out, "pvtest.profiles").decode().splitlines()
    assert (profiles[0] == "pvtest-profiles 1") == (target == "hyper-v")
    assert len([line for line in profiles if line.startswith("profile ")]) == (3 if target == "hyper-v" else 0)
    assert "order=given" in options and len([line for line in options if line.startswith("test=")]) == 5


def test_default_names_and_formats(tmp_path: Path) -> None:
    build = images.build(tmp_path / "build")
    for target, name in (("qemu-refhost", "img"), ("qemu", "img"), ("hyper-v", "vhdx")):
        assert image(build, "--target", target).returncode == 0
        assert (build / "disks" / f"pvtest-{target}.{name}").is_file()
    assert image(build, "--format", "qcow2").returncode == 0
    assert (build / "disks" / "pvtest-qemu-refhost.qcow2").read_bytes()[:4] == b"QFI\xfb"


@pytest.mark.parametrize(
    "words, message",
    [
        (["--output", "FOLDER/x.bin"], "does not tell a format"),
        (["--output", "FOLDER/x.img", "--format", "vhdx"], "the name says raw, but --format says vhdx"),
        (["--output", "FOLDER/old.img"], "is there already; --force overwrites it"),
        (["--output", "FOLDER/old.img/x.img"], "old.img: is no folder"),
        (["--output", "FOLDER/folder.img", "--force"], "folder.img: is a folder"),
        (["--size", "10"], "10 is out of range; MiB, 40 to 2048"),
        (["--format", "iso"], "invalid choice: 'iso'"),
        (["--target", "xen"], "invalid choice: 'xen'"),
        (["--target", "qemu", "--defect", "lazy"], "--defect is for the reference host"),
        (["--target", "hyper-v", "--caching", "none"], "--caching is for the reference host"),
        (["--target", "hyper-v", "--functions-alone"], "--functions-alone is for the reference host"),
        (["--defect", "lasy"], "Did you mean lazy?"),
        (["no.such.test"], "no test matches 'no.such.test'"),
        (["--forse"], "Did you mean --force"),
    ],
)
def test_wrong_wishes(build: Path, tmp_path: Path, words: list[str], message: str) -> None:
    (tmp_path / "old.img").write_bytes(b"old")
    (tmp_path / "folder.img").mkdir()
    before = sorted(tmp_path.iterdir())
    done = image(build, *(word.replace("FOLDER", str(tmp_path)) for word in words))
    assert done.returncode == 3 and message in done.stderr and len(done.stderr.splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before and (tmp_path / "old.img").read_bytes() == b"old"


def test_force_overwrites(build: Path, tmp_path: Path) -> None:
    (tmp_path / "old.img").write_bytes(b"old")
    assert image(build, "--output", str(tmp_path / "old.img"), "--force").returncode == 0
    assert (tmp_path / "old.img").stat().st_size == disk_image.DEFAULT_MIB << 20


def test_images_that_are_no_images(tmp_path: Path) -> None:
    build = images.build(tmp_path / "build")
    (build / "pvtest.efi").write_bytes(b"cut off")
    done = image(build, "--output", str(tmp_path / "x.img"))
    assert done.returncode == 2 and "pvtest.efi" in done.stderr and not (tmp_path / "x.img").exists()


def boot(path: Path, form: str, folder: Path) -> list[str]:
    """The lines of COM1, from the begin of the stream on."""
    line = qemu.command(qemu.probe(), "tcg", path, folder / "host.log", form)
    with quick_firmware(line) as (words, inherited):
        usual = {"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": 240, "check": False}
        done = subprocess.run(words, pass_fds=inherited, **usual)
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    assert "TAP version 14" in lines, lines[-5:]
    return lines[lines.index("TAP version 14") :]


@pytest.mark.boots
def test_refhost_disks_boot_and_pass(tmp_path: Path) -> None:
    """In one format: the tests of the other targets boot the other two, and all three hold the same disk."""
    out = tmp_path / "disk.img"
    assert image(paths.BUILD, "--output", str(out), "discovery").returncode == 0
    planned = sum(test.group == "discovery" for test in catalogue.load_tests().tests)
    lines = boot(out, "raw", tmp_path)
    assert f"1..{planned}" in lines
    assert lines[-1].startswith(f"# end: planned={planned} pass={planned} fail=0 error=0 skip=0")


@pytest.mark.boots
def test_disk_without_the_host_says_what_it_found(tmp_path: Path) -> None:
    out = tmp_path / "disk.qcow2"
    assert image(paths.BUILD, "--target", "qemu", "--output", str(out), "capabilities.*", "attach").returncode == 0
    lines = boot(out, "qcow2", tmp_path)
    assert any(line.startswith("# hypervisor:") and "without the Hv#1 interface" in line for line in lines)
    assert not any(line.startswith("ok") and "SKIP" not in line for line in lines), "nothing passes without a host"
    assert lines[-1].startswith("# end:")


def test_selection_too_long_for_the_guest() -> None:
    with pytest.raises(Exception, match="bytes of options"):
        boot_volume.check_guest_text("x" * boot_volume.GUEST_OPTIONS_MAX)


def test_a_catalogue_of_twice_the_size_fits_in_any_order() -> None:
    """A shuffle names each instance in a line of its own."""
    header = (paths.ROOT / "tests" / "harness" / "patterns.h").read_text(encoding="utf-8")
    lines = int(re.search(r"#define PATTERNS_MAX +(\d+)", header)[1])  # type: ignore[index]
    known = catalogue.load_tests()
    options = BootOptions(tests=boot_volume.selection(known, known.instances, in_this_order=True).tests)
    assert len(options.tests) == len(known.instances)
    assert 2 * len(options.tests) <= lines
    text = options.guest_text()
    boot_volume.check_guest_text(text + text)


@pytest.mark.boots
def test_hyper_v_disk_runs_alone_and_keeps_its_results(tmp_path: Path) -> None:
    """On QEMU, with flash for the variables and with resets; no console, and it powers off by itself."""
    out = tmp_path / "disk.vhdx"
    assert image(paths.BUILD, "--target", "hyper-v", "--output", str(out), "--group", "discovery").returncode == 0
    found = qemu.probe(functions_alone=True)  # no machine of Hyper-V has devices of QEMU
    variables = tmp_path / "variables.fd"
    variables.write_bytes(Path(found.variables).read_bytes())
    line = [word for word in qemu.command(found, "tcg", out, tmp_path / "host.log", "vhdx") if word != "-no-reboot"]
    line += ["-drive", f"if=pflash,format=raw,unit=1,file={variables}"]
    with quick_firmware(line) as (words, inherited):
        usual = {"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": 240, "check": False}
        done = subprocess.run(words, pass_fds=inherited, **usual)
    serial = done.stdout.decode("utf-8", "replace")
    assert "run 1 is over" in serial
    raw = raw_of(out, "vhdx")
    tap = read(raw, "pvtest-results/run-0001/results.tap").decode().splitlines()
    planned = sum(test.group == "discovery" for test in catalogue.load_tests().tests)
    assert tap[:2] == ["TAP version 14", f"1..{planned}"] and tap[-1].startswith(f"# end: planned={planned} ")
    assert "without the Hv#1 interface" in "\n".join(tap)
    assert b"verdict" in read(raw, "pvtest-results/run-0001/summary.txt")
    checked = subprocess.run(["fsck.fat", "-n", partition_of(raw)], env={**os.environ, "PATH": "/usr/sbin:/sbin"})
    assert checked.returncode == 0
