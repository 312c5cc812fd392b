# SPDX-License-Identifier: MIT
"""The stories of the tests: what each does, what it expects, and what its failure tells about a host.

STORY() in tests/harness/test.h puts them into section .pvtdoc of the debug file; docs/output-format.md describes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pvtest import paths
from pvtest.images import elf, text_fields
from pvtest.images.pe import ImageError

SECTION = ".pvtdoc"


@dataclass(frozen=True)
class Story:
    """What a reader needs beyond the promise of a test."""

    id: str
    steps: str
    expected: str
    failure: str


def parse(data: bytes) -> dict[str, Story]:
    """The stories by the id of their test."""
    found: dict[str, Story] = {}
    for fields in text_fields.split(data):
        if len(fields) != 4:
            raise ImageError(f"a story has {len(fields)} fields instead of 4: {' | '.join(fields)[:100]!r}")
        story = Story(fields[0], *(" ".join(field.split()) for field in fields[1:]))
        if story.id in found:
            raise ImageError(f"test {story.id} has two stories")
        found[story.id] = story
    return found


def stories(debug_file: Path | None = None) -> dict[str, Story]:
    """The stories in pvtest.debug by test id. ImageError: the file is not there, or is not what it should be."""
    path = debug_file or paths.GUEST_DEBUG
    data = elf.read_section(path, SECTION)
    try:
        return parse(data or b"")  # without the section no test has one
    except ImageError as error:
        raise ImageError(f"{path}, section {SECTION}: {error}") from None
