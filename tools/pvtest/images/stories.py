# SPDX-License-Identifier: MIT
"""The stories of the tests: what each does, what it expects, and what its failure tells about a host.

They are labels of the declarations: STEPS, EXPECTS and IF_IT_FAILS.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pvtest.images import declarations


@dataclass(frozen=True)
class Story:
    """The texts that a reader needs beyond the promise of a test."""

    id: str
    steps: str
    expected: str
    failure: str


@dataclass(frozen=True)
class Texts:
    """The texts of pvtest.debug for the report of a failure."""

    stories: dict[str, Story]  # by the id of the test
    checks: dict[str, str]  # what a check compares, by its file:line


def _stories(found: declarations.Declarations) -> dict[str, Story]:
    return {
        test.id: Story(test.id, test.text("STEPS"), test.text("EXPECTS"), test.text("IF_IT_FAILS"))
        for test in found.tests
    }


def parse(data: bytes) -> dict[str, Story]:
    """The stories by the id of their test."""
    return _stories(declarations.parse(data))


def texts(debug_file: Path | None = None) -> Texts:
    """Those in pvtest.debug. ImageError: the file is not there, or is not what it should be."""
    found = declarations.load(debug_file)
    return Texts(_stories(found), found.checks) if found else Texts({}, {})  # without the section there are none


def stories(debug_file: Path | None = None) -> dict[str, Story]:
    """The stories in pvtest.debug by test id."""
    return texts(debug_file).stories
