# SPDX-License-Identifier: MIT
"""Exit codes, and the exceptions that carry them."""

from __future__ import annotations

import difflib
import errno
import os
import tempfile
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


TEMPORARY = "pvtest-"  # the beginning of the name of each temporary folder

# The arguments are right: the machine has no more room, or is broken.
_MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ENOMEM, errno.EMFILE, errno.ENFILE)


def cannot_write(error: OSError, path: object) -> RunnerError:
    """For a file or folder that the command line names."""
    return (RunnerError if error.errno in _MACHINE else UsageError)(system_error(error, path))


def system_error(error: OSError, path: object = "") -> str:
    """The message of the system's error. Errors of writing to an open file do not name it, so that `path` does."""
    subject = path or error.filename
    words = error.strerror or str(error) or type(error).__name__
    advice = ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        temporary = os.path.join(tempfile.gettempdir(), TEMPORARY)
        elsewhere = "TMPDIR=DIR puts temporary files" if temporary in str(subject) else "--results DIR puts results"
        advice = f". Free some space; {elsewhere} elsewhere"
    return f"{subject}: {words}{advice}" if subject else f"{words}{advice}"


def suggest(word: str, known: Iterable[str]) -> str:
    """' Did you mean ...?' for a mistyped word, or nothing."""
    lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), lower, n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(lower[name] for name in close)}?" if close else ""
