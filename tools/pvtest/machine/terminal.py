# SPDX-License-Identifier: MIT
"""The terminal: colors and a progress bar where there is one, plain lines where there is none."""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from pvtest.errors import cannot_write
from pvtest.output import Output
from pvtest.stream.model import Verdict
from pvtest.stream.tap import TapParser

PIPE_WIDTH = 120
NARROWEST_BAR, BESIDE_THE_BAR = 6, 72  # columns
STYLE = {Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.ERROR: "bold magenta", Verdict.SKIP: "yellow"}


class SideBySide:
    """A bar of several at a time: which ones are running, and how many are done."""

    def __init__(self, bar: Bar):
        self._bar = bar
        self._lock = threading.Lock()
        self._running: list[str] = []
        self.done = 0

    def change(self, begins: str = "", ends: str = "", done: int = 0) -> None:
        """From any thread."""
        with self._lock:
            if begins:
                self._running.append(begins)
            if ends:
                self._running.remove(ends)
            self.done += done
            self._bar.set(self.done, ", ".join(self._running))


class Terminal:
    """The terminal: messages, tables and progress."""

    def __init__(
        self, plain: bool = False, color: bool = True, svg: Path | None = None, quiet: bool = False
    ):  # pylint: disable=too-many-arguments
        terminal = sys.stdout.isatty() and not plain
        self.live = terminal and not quiet
        self.quiet = quiet
        self.svg = svg
        self.console = Console(
            file=cast(IO[str], Output()),
            force_terminal=bool(terminal or svg),
            no_color=not color,
            width=None if terminal and not svg else PIPE_WIDTH,
            highlight=False,
            record=svg is not None,
            soft_wrap=False,
            legacy_windows=False,
        )

    def say(self, text: str, style: str = "") -> None:
        """One line, no markup."""
        if self.console.is_terminal or self.console.record:
            self.console.print(text, style=style, markup=False, emoji=False, soft_wrap=True)
        else:  # the same bytes, for which rich would take 0.1 ms: a verbose guest writes 50,000 lines
            self.console.file.write(f"{text.expandtabs()}\n")
            self.console.file.flush()

    def tell(self, lines: list[str]) -> None:
        """Lines that are useful, but no result."""
        for line in [] if self.quiet else lines:
            self.say(line, "dim")

    def show(self, *parts: object) -> None:
        """Tables fit the width; text is never broken, so that a command in it can be copied and found by a search."""
        for part in parts:
            self.console.print(part, soft_wrap=isinstance(part, Text))

    def save(self, title: str) -> None:
        """Writes what was printed as a picture (--svg)."""
        if self.svg is not None:
            picture = self.console.export_svg(title=title)
            # rich refers to fonts on a server; a picture must not load anything from the network.
            try:
                self.svg.write_text(re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL), encoding="utf-8")
            except OSError as error:
                raise cannot_write(error, self.svg) from None

    @contextlib.contextmanager
    def progress(self, total: int, text: str) -> Iterator[Bar]:
        """A bar while the block runs; on a pipe one line at its start."""
        if not self.live:
            if not self.quiet:
                self.say(f"{text} ...")
            yield Bar(None, None)
            return
        # Whatever the width is, counter and times are whole; what is going on takes the rest of the line.
        rest = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        columns = (
            SpinnerColumn(),
            BarColumn(bar_width=max(NARROWEST_BAR, min(30, self.console.width - BESIDE_THE_BAR))),
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            TimeElapsedColumn(table_column=Column(no_wrap=True)),
            TimeRemainingColumn(table_column=Column(no_wrap=True)),
            TextColumn("left", table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[now]}", markup=False, table_column=rest),
        )
        with Progress(*columns, console=self.console, transient=True, refresh_per_second=8, expand=True) as progress:
            task = progress.add_task(text, total=total, now=text)
            yield Bar(progress, task)


class Bar:
    """One progress bar, or nothing where there is no terminal."""

    def __init__(self, progress: Progress | None, task: TaskID | None):
        self._progress = progress
        self._task = task
        self._lanes: dict[int, list[TapParser]] = {}  # by the thread that watches: the guests of one machine

    def set(self, done: int, now: str) -> None:
        """The number of finished tests, and the current step."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done, now=now)

    def follow(self, tap: TapParser) -> None:
        """Shows how far this guest is, with what others of its machine, and those of other machines, have done."""
        if not tap.started:
            return
        lane = self._lanes.setdefault(threading.get_ident(), [])
        if not lane or lane[-1] is not tap:
            lane.append(tap)
        done = sum(len(one.points) for taps in self._lanes.values() for one in taps)
        running = ", ".join(taps[-1].running for taps in self._lanes.values() if taps[-1].running)
        self.set(done, running or "Running tests")


def terminal(options: argparse.Namespace) -> Terminal:
    """As the options and the standard output allow."""
    color = not (options.no_color or options.plain)
    return Terminal(plain=options.plain, color=color, svg=options.svg, quiet=options.quiet)
