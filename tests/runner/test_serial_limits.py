# SPDX-License-Identifier: MIT
"""How much a guest may write: without end while it reports results, little while it does not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pvtest.cli import importing
from pvtest.errors import UsageError
from pvtest.machine import guest_process
from pvtest.machine.guest_process import Limits, Observer, Outcome, Session

RESULTS = 400

GUEST = """
import sys
print("TAP version 14", f"1..{%d}", sep="\\n")
for i in range(%d):
    if sys.argv[1] == "results":
        print(f"ok {i + 1} - flush.unmap")
    print("# " + "y" * 200)
print("# end: pass=%d", flush=True)
"""


def wrote(folder: Path, what: str) -> Outcome:
    """The outcome of a guest that writes some 80 KiB, with or without results."""
    guest = GUEST % (RESULTS, RESULTS, RESULTS)
    session = Session([sys.executable, "-c", guest, what], Limits(20, 20), Observer())
    return session.run(folder / "serial.log", folder / "qemu.log")


def test_results_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest_process, "MAX_SERIAL", 8 << 10)
    outcome = wrote(tmp_path, "results")
    assert "to its serial port" not in outcome.interruption
    assert len(outcome.tap.points) == RESULTS


def test_words_without_results_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest_process, "MAX_SERIAL", 8 << 10)
    assert "to its serial port, beside its results" in wrote(tmp_path, "words").interruption


def test_a_file_that_no_run_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "MAX_STREAM", 1 << 20)
    path = tmp_path / "results.tap"
    path.write_text("TAP version 14\n" + "# y\n" * (1 << 18), encoding="ascii")
    with pytest.raises(UsageError, match="larger than 1 MiB, which no run writes"):
        importing.parse(path)
