# SPDX-License-Identifier: MIT
"""A debug file gives names to the image that it was linked with, and to no other."""

from __future__ import annotations

import shutil
from pathlib import Path

import images
import pytest

from pvtest import paths
from pvtest.images import build_id
from pvtest.stream import symbols

FILES = (paths.GUEST_IMAGE, paths.GUEST_DEBUG, paths.HOST_IMAGE, paths.HOST_DEBUG)
built = pytest.mark.skipif(not all(path.exists() for path in FILES), reason="the images are not built")


@built
def test_both_images_belong_to_their_debug_files() -> None:
    guest, host = build_id.of_debug(paths.GUEST_DEBUG), build_id.of_debug(paths.HOST_DEBUG)
    assert len(guest) == len(host) == 40 and guest != host
    assert (build_id.of_image(paths.GUEST_IMAGE), build_id.of_image(paths.HOST_IMAGE)) == (guest, host)
    assert build_id.belongs(paths.GUEST_DEBUG) and build_id.belongs(paths.HOST_DEBUG)


@built
def test_a_debug_file_of_another_build_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(paths.GUEST_IMAGE, tmp_path / "pvtest.efi")
    shutil.copy(paths.HOST_DEBUG, tmp_path / "pvtest.debug")
    frames = symbols.resolve(["frame: rip=0x2000 offset=0x1100"], tmp_path / "pvtest.debug")
    assert [(frame.offset, frame.function, frame.source) for frame in frames] == [(0x1100, "", "")]
    told = capsys.readouterr().err
    assert build_id.of_image(paths.GUEST_IMAGE)[:16] in told and build_id.of_debug(paths.HOST_DEBUG)[:16] in told


@built
def test_the_stream_of_another_build_gets_no_names(capsys: pytest.CaptureFixture[str]) -> None:
    crash = ["frame: rip=0x2000 offset=0x1100"]
    mine = build_id.of_debug(paths.GUEST_DEBUG)[: build_id.SHORT]
    assert symbols.resolve(crash, build=mine)[0].function
    assert not symbols.resolve(crash, build="0123456789abcdef")[0].function
    assert "not of 0123456789abcdef" in capsys.readouterr().err


def test_images_without_a_hash_are_not_refused(tmp_path: Path) -> None:
    folder = images.build(tmp_path)
    assert build_id.of_image(folder / "pvtest.efi") == build_id.of_debug(folder / "pvtest.debug") == ""
    assert build_id.belongs(folder / "pvtest.debug")
