# SPDX-License-Identifier: MIT
"""The stories of the tests, read from the debug file of an image."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pvtest.images.pe import ImageError
from pvtest.images.stories import parse, stories

GOOD = b"a.b\tDoes it.\tIt works.\tIt is broken.\0\0\0a.c\tDoes more.\tIt works\tTwo  words.\0"


def elf(folder: Path, data: bytes, section: str = ".pvtdoc") -> Path:
    """A debug file with this section."""
    path = folder / "pvtest.debug"
    source = f'.section {section}, ""\n.byte {",".join(map(str, data))}\n'
    command = ["gcc", "-x", "assembler", "-c", "-o", str(path), "-"]
    subprocess.run(command, input=source, text=True, timeout=20, check=True)
    return path


def test_stories_of_a_file(tmp_path: Path) -> None:
    found = stories(elf(tmp_path, GOOD))
    assert list(found) == ["a.b", "a.c"]
    assert found["a.b"].steps == "Does it." and found["a.b"].expected == "It works."
    assert found["a.c"].failure == "Two words."


def test_file_without_stories(tmp_path: Path) -> None:
    assert not stories(elf(tmp_path, b"x", ".other"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"a.b\tone\ttwo\0", "3 fields instead of 4"),
        (b"a.b\t1\t2\t3\0a.b\t1\t2\t3\0", "a.b has two stories"),
        (b"a.b\t1\t2\t3", "no end"),
        (b"\xff\xfe\0", "UTF-8"),
    ],
)
def test_bad_section_is_explained(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(ImageError, match=words) as caught:
        stories(elf(tmp_path, data))
    assert "pvtest.debug" in str(caught.value)


def test_missing_and_odd_file(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="make image"):
        stories(tmp_path / "none.debug")
    with pytest.raises(ImageError, match="not an ELF file"):
        stories(Path(__file__))


def test_damaged_file_is_refused_or_read(tmp_path: Path) -> None:
    whole = elf(tmp_path, GOOD).read_bytes()

    @given(st.integers(0, len(whole) - 1), st.binary(max_size=64), st.integers(0, len(whole)))
    def damaged(position: int, damage: bytes, length: int) -> None:
        odd = tmp_path / "odd.debug"
        odd.write_bytes((whole[:position] + damage + whole[position + len(damage) :])[:length])
        try:
            stories(odd)
        except ImageError:
            pass

    damaged()


@given(st.binary(max_size=300))
def test_any_section(data: bytes) -> None:
    try:
        parse(data)
    except ImageError:
        pass
