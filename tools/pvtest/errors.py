# SPDX-License-Identifier: MIT
"""Exit codes, and the exceptions that carry them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

EXIT_OK = 0
EXIT_FAIL = 1
EXIT_ERROR = 2
EXIT_USAGE = 3
EXIT_MISSING = 4


class RunnerError(Exception):
    """Ends the runner with a message for the user; `code` is the exit code."""

    code = EXIT_ERROR


class UsageError(RunnerError):
    """The command line asks for something that does not exist or makes no sense."""

    code = EXIT_USAGE


class MissingError(RunnerError):
    """Something that the runner needs is not installed."""

    code = EXIT_MISSING


def suggest(word: str, known: Iterable[str]) -> str:
    """' Did you mean ...?' for a mistyped word, or nothing."""
    lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), lower, n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(lower[name] for name in close)}?" if close else ""
