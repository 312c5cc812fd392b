# SPDX-License-Identifier: MIT
"""--host FILE and --guest FILE: a run with other images than those that were built."""

from __future__ import annotations

import shutil
from pathlib import Path

import images
import pytest
from conftest import Runner, latest, pvtest_call
from pvtest import paths
from pvtest.images import interfaces
from pvtest.images.catalogue import load_host, parse_host
from pvtest.images.pe import ImageError, read_section

RECORDS = b"interface\toracle\t2u\0interface\tdmaprobe\t1u\0"


def host(folder: Path, records: bytes) -> Path:
    folder.mkdir()
    path = folder / "other.efi"
    path.write_bytes(images.pe({".pvtcat": images.host_section() + records}))
    return path


def test_the_built_images_tell_the_same_versions() -> None:
    guest, built = interfaces.told(paths.GUEST_IMAGE), interfaces.told(paths.HOST_IMAGE)
    assert set(guest) == set(interfaces.WITHOUT) and all(version.isdigit() for version in guest.values())
    assert not interfaces.differences(guest, built)


def test_differences_are_told_with_what_they_mean() -> None:
    ours = interfaces.parse(images.image_section() + RECORDS)
    assert ours == {"oracle": "2", "dmaprobe": "1"}
    (one,) = interfaces.differences(ours, {**ours, "oracle": "1"})
    assert str(one).startswith("oracle: the guest has version 2, the host version 1; tests that need it are skipped")
    old = [str(one) for one in interfaces.differences(ours, interfaces.parse(images.host_section()))]
    assert len(old) == 2 and "the host one that it does not tell; no test runs on" in old[1]
    with pytest.raises(ImageError, match="is not a name and a version: interface | oracle | two"):
        interfaces.parse(b"interface\toracle\ttwo\0")


def test_another_host_is_booted_and_named(runner: Runner, build: Path, tmp_path: Path) -> None:
    other = host(tmp_path / "a", RECORDS)
    done = runner("--host", str(other), FAKE_QEMU_FIXTURE="no-functions")
    assert done.returncode == 0, "which devices another host has is not known" + done.stdout
    assert f"Host image {other}: dmaprobe 1, oracle 2" in done.stdout
    assert f"Guest image {build}/pvtest.efi: it tells no versions of its interfaces" in done.stdout
    assert "oracle: the guest has one that it does not tell, the host version 2" in done.stdout
    assert latest(tmp_path)["flags"] == ["--host", str(other)], "for the command that shows a result again"


def test_a_host_without_its_debug_file_runs(runner: Runner, tmp_path: Path) -> None:
    other = tmp_path / "other.efi"
    other.write_bytes(images.pe({".pvtcat": images.without_sentences(images.host_section()) + RECORDS}))
    done = runner("--host", str(other), "--defect", "lazy")
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert done.stderr.count("what its defects and variants do is not known") == 1 and "other.debug" in done.stderr
    of_its_own = images.build(tmp_path / "build", host=read_section(other, ".pvtcat"))
    listed = pvtest_call("list", "variants", build=of_its_own).stdout
    assert "polite" in listed and "FL-4 FL-7" in listed and "its sentence is in refhost.debug" in listed


def test_the_built_host_leaves_its_sentences_to_its_debug_file() -> None:
    in_image = parse_host(read_section(paths.HOST_IMAGE, ".pvtcat"))
    assert not [one.name for one in (*in_image.defects, *in_image.variants) if one.title]
    whole = load_host(paths.HOST_IMAGE)
    assert not [one.name for one in (*whole.defects, *whole.variants) if one.title.startswith("(") or not one.title]


def test_another_guest_brings_its_own_catalogue(runner: Runner, tmp_path: Path) -> None:
    one = images.TESTS[:1]
    images.build(tmp_path / "b", images.image_section(one), text=images.catalogue_section(one))
    done = runner("--guest", str(tmp_path / "b" / "pvtest.efi"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert [test["id"] for test in latest(tmp_path)["tests"]] == ["cap.page_sizes"]
    shutil.copy(tmp_path / "b" / "pvtest.efi", tmp_path / "alone.efi")
    done = runner("--guest", str(tmp_path / "alone.efi"))
    assert done.returncode != 0 and "alone.debug" in done.stderr, "it needs the debug file of the same build"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--host", "nowhere.efi"], "nowhere.efi: no such file"),
        (["--guest", ""], "--guest"),
        (["--host", __file__], "is no program for UEFI: it does not begin with MZ"),
        (["--no-host", "--host", "refhost.efi"], "there is no reference host on that machine"),
    ],
)
def test_usage(runner: Runner, build: Path, words: list[str], complaint: str) -> None:
    done = runner(*(str(build / word) if word == "refhost.efi" else word for word in words))
    assert done.returncode == 3 and complaint in done.stderr
