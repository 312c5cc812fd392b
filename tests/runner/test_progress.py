# SPDX-License-Identifier: MIT
"""The progress bar on terminals of any width."""

from __future__ import annotations

import io
import re

import pytest
from pvtest.machine.terminal import Terminal
from rich.console import Console


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_counter_and_times_stay_visible(width: int) -> None:
    """However long the names of the tests are that run."""
    out = Terminal(plain=True)
    out.live = True
    out.console = Console(file=io.StringIO(), force_terminal=True, width=width, legacy_windows=False)
    name = "flush.2m_leaf_overlapped_by_one_page_domain_flush@dmaprobe+ats"
    with out.progress(1307, "Booting QEMU 10.0.2, 2 machines side by side, for 1307 tests") as bar:
        bar.set(1001, f"{name}, {name}")
    assert isinstance(out.console.file, io.StringIO)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", out.console.file.getvalue())
    lines = [line for line in re.split(r"[\r\n]+", plain) if "/1307" in line]
    assert lines and max(map(len, lines)) <= width
    for line in lines:
        assert re.search(r"━ +(0|1001)/1307 0:00:0\d (-:--:--|\d:\d\d:\d\d) left \S", line), line
    assert name[:10] in lines[-1]


@pytest.mark.parametrize(
    "text", ["", "  two  blanks  ", "a\tb\t\tc", "[bold]no markup[/bold]", ":warning: ünï 漢字", "x" * 500, "a\nb"]
)
def test_a_line_for_a_pipe_is_that_of_a_console_without_colors(text: str) -> None:
    out, usual = Terminal(plain=True), io.StringIO()
    out.console = Console(file=io.StringIO(), width=120)
    out.say(text, "dim")
    Console(file=usual, width=120).print(text, style="dim", markup=False, emoji=False, highlight=False, soft_wrap=True)
    assert isinstance(out.console.file, io.StringIO) and out.console.file.getvalue() == usual.getvalue()
