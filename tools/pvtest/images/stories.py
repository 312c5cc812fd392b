# SPDX-License-Identifier: MIT
"""The stories of the tests: what each does, what it expects, and what its failure tells about a host.

They are labels of the declarations: STEPS, EXPECTS and IF_IT_FAILS.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pvtest import paths
from pvtest.images import declarations, elf
from pvtest.images.pe import ImageError


@dataclass(frozen=True)
class Story:
    """What a reader needs beyond the promise of a test."""

    id: str
    steps: str
    expected: str
    failure: str


def parse(data: bytes) -> dict[str, Story]:
    """The stories by the id of their test."""
    return {
        test.id: Story(test.id, test.text("STEPS"), test.text("EXPECTS"), test.text("IF_IT_FAILS"))
        for test in declarations.parse(data).tests
    }


def stories(debug_file: Path | None = None) -> dict[str, Story]:
    """The stories in pvtest.debug by test id. ImageError: the file is not there, or is not what it should be."""
    path = debug_file or paths.GUEST_DEBUG
    data = elf.read_section(path, declarations.SECTION)
    try:
        return parse(data) if data else {}  # without the section no test has one
    except ImageError as error:
        raise ImageError(f"{path}, section {declarations.SECTION}: {error}") from None
