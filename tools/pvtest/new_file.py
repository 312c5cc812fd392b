# SPDX-License-Identifier: MIT
"""Files that ./run.sh writes where the user says: nothing is overwritten unasked, and no half of one is ever seen."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pvtest.errors import UsageError, cannot_write


def check(output: Path, overwrite: bool) -> None:
    """Raises UsageError where this file must not or cannot be written."""
    if output.is_dir():
        raise UsageError(f"{output}: is a folder")
    if output.exists() and not overwrite:
        raise UsageError(f"{output}: is there already; --force overwrites it")
    for folder in output.parents:
        if folder.exists():
            if not folder.is_dir():
                raise UsageError(f"{folder}: is no folder")
            break


@contextmanager
def scratch(output: Path) -> Iterator[Path]:
    """A folder on the file system of `output`, made with all above it, for what becomes that file by publish()."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".pvtest-", dir=output.parent) as folder:
            yield Path(folder)
    except OSError as error:
        raise cannot_write(error, output) from None


def publish(made: Path, output: Path) -> None:
    """In one step."""
    os.replace(made, output)
