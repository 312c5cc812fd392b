# SPDX-License-Identifier: MIT
"""The stories of the tests, read from the debug file of an image."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import images
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pvtest import paths
from pvtest.images.pe import ImageError
from pvtest.images.stories import parse, stories, texts

HEAD = b"catalogue\t4\0"


def told(name: str, steps: str, expected: str, failure: str) -> bytes:
    """A declaration with a story."""
    return images.declaration(name, {"STEPS": steps, "EXPECTS": expected, "IF_IT_FAILS": failure})


GOOD = (
    HEAD
    + told("a.b", "Does it.", "It works.", "It is broken.")
    + b"\0\0"
    + told("a.c", "Does more.", "It works", "Two  words.")
)


def elf(folder: Path, data: bytes, section: str = ".pvttext") -> Path:
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


def test_checks_of_a_file(tmp_path: Path) -> None:
    file = elf(tmp_path, GOOD + b'check\ttests/a.c:9\tstrcmp(x, "a\\tb") == 0\0')
    assert texts(file).checks == {"tests/a.c:9": 'strcmp(x, "a\\tb") == 0'}
    assert list(texts(file).stories) == ["a.b", "a.c"]


@pytest.mark.skipif(not paths.GUEST_DEBUG.exists(), reason="the image is not built")
def test_checks_of_the_image_are_in_its_sources() -> None:
    checks = texts().checks
    assert len(checks) > 400
    for where in sorted(checks)[::25]:
        file, _, line = where.rpartition(":")
        source = (paths.ROOT / file).read_text(encoding="utf-8").splitlines()[int(line) - 1 :]
        assert re.search(r"\b(CHECK\w*|REQUIRE)\(", " ".join(source[:1])) or "CHECK" in source[0], where


def test_file_without_stories(tmp_path: Path) -> None:
    assert not stories(elf(tmp_path, b"x", ".other"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (HEAD + b"test\ta.b\tx.c:1\tSTEPS\0", "4 fields"),
        (b"catalogue\t3\0", "format '3'"),
        (HEAD + b"test\ta.b\tx.c:1", "no end"),
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
