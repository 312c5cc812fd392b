# SPDX-License-Identifier: MIT
"""Parser of the TAP 14 stream of the guest. Takes any input; what is wrong with it is collected, never raised."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pvtest.stream.lines import printable
from pvtest.stream.yaml_block import MAX_KEYS, YamlError, parse_pair

MAX_PROBLEMS = 8
MAX_COMMENTS = 2000
MAX_POINTS = 2_000_000  # of one boot: 800 rounds of the catalogue
MAX_CRASH_LINES = 64
MAX_TRANSCRIPT_LINES = 200_000
TRANSCRIPT = "transcript: "  # before the point of the test that it is of

_VERSION = re.compile(r"TAP version (\d{1,6})$")
_PLAN = re.compile(r"1\.\.(\d{1,9})")
_POINT = re.compile(r"(not )?ok (\d{1,9}) - ((?:[^\\#]|\\.)*?)(?: # ([A-Za-z]+)(?: (.*))?)?")
_FIELD = re.compile(r'([a-z_][a-z0-9_]*)=("[^"]*"|[^\s")]*)')
# Comments that belong to a crash: they come before the point of the test that crashed.
CRASH_WORDS = ("panic", "trap", "regs", "frame")
_KEYED = re.compile(r"([a-z]+): ?(.*)")


@dataclass
class Point:
    """One test point as it stands in the stream."""

    ok: bool
    number: int
    id: str
    directive: str = ""
    reason: str = ""
    yaml: dict[str, str] = field(default_factory=dict)
    crash: list[str] = field(default_factory=list)
    transcript: list[str] = field(default_factory=list)


def fields(text: str) -> dict[str, str]:
    """`key=value key="two words"` as a dictionary."""
    return {key: value.strip('"') for key, value in _FIELD.findall(text)}


class TapParser:
    """Feed it lines; it keeps the points, the facts from comments, and what was wrong."""

    def __init__(self) -> None:
        self.started = False
        self.planned: int | None = None
        self.points: list[Point] = []
        self.facts: dict[str, list[dict[str, str]]] = {}  # "host", "device", ... -> fields of each such line
        self.comments = 0
        self.end: dict[str, str] | None = None
        self.last_comment = ""
        self.running = ""  # instance announced by "# run:" and not yet reported
        self.announces = False  # the guest says which test begins
        self.bailed = ""
        self.problems: list[str] = []
        self.problem_count = 0
        self.crash: list[str] = []  # crash lines that no point has claimed yet
        self.transcript: list[str] = []  # lines that no point has claimed yet
        self._transcribed = 0
        self.bench: list[dict[str, str]] = []
        self._yaml = False
        self._line = 0

    def _problem(self, text: str) -> None:
        self.problem_count += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(text)

    def feed(self, line: str) -> None:
        """One line of the serial stream, without its line end."""
        text = printable(line).rstrip()
        if not self.started:
            self._noise(text)
            return
        self._line += 1
        if self._yaml:
            self._yaml_line(text)
        elif text == "  ---" and self.points and not self.points[-1].yaml:
            self._yaml = True
        else:
            self._plain_line(text)

    def _plain_line(self, text: str) -> None:
        if text.startswith("#"):
            self._comment(text[1:].strip())
        elif text.startswith("Bail out!"):
            self._bail_out(text.removeprefix("Bail out!").strip())
        elif self.end is not None and text:
            self._problem(f"line after the end: {text[:80]!r}")
        elif match := _PLAN.fullmatch(text):
            self._plan(int(match[1]))
        elif match := _POINT.fullmatch(text):
            self._point(match)
        elif text:
            self._problem(f"not a line of the format: {text[:80]!r}")

    def _bail_out(self, reason: str) -> None:
        self.bailed = reason or "no reason given"
        if not self.points and self.last_comment.startswith("options:"):
            self.bailed += f" ({self.last_comment})"

    def finish(self) -> None:
        """The stream is over: no more lines will come."""
        if not self.started:
            self._problem("no line 'TAP version 14': the guest never began")
            return
        if self._yaml:
            self._problem("the stream ends inside the block of a test")
        if self.planned is None:
            self._problem("no plan")
        if self.bailed:
            self._problem(f"the guest gave up: {self.bailed}")
        elif self.end is None:
            self._problem("truncated: the stream stops before its end line")

    def _noise(self, text: str) -> None:
        match = _VERSION.search(text)
        if match:
            self.started = True
            if match[1] != "14":
                self._problem(f"TAP version {match[1]}; this runner reads version 14")

    def _plan(self, planned: int) -> None:
        if self.planned is not None:
            self._problem("a second plan")
        elif self.points:
            self._problem("the plan comes after a test")
        else:
            self.planned = planned

    def _point(self, match: re.Match[str]) -> None:
        point = Point(match[1] is None, int(match[2]), re.sub(r"\\(.)", r"\1", match[3].strip()))
        point.directive, point.reason = (match[4] or "").upper(), match[5] or ""
        if point.number != len(self.points) + 1:
            self._problem(f"test {point.id} has number {point.number}, expected {len(self.points) + 1}")
        if point.directive not in ("", "SKIP"):
            self._problem(f"test {point.id} has the directive {point.directive}, which is not part of the format")
        if len(self.points) >= MAX_POINTS:
            self._problem("too many tests in the stream")
            return
        point.crash, self.crash = self.crash, []
        point.transcript, self.transcript = self.transcript, []
        self.running = ""
        self.points.append(point)

    def _comment(self, text: str) -> None:
        if text.startswith(TRANSCRIPT):
            self._transcribe(text.removeprefix(TRANSCRIPT))
        else:
            self._fact(text)

    def _transcribe(self, text: str) -> None:
        self._transcribed += 1
        if self._transcribed <= MAX_TRANSCRIPT_LINES:
            self.transcript.append(text)

    def _fact(self, text: str) -> None:
        self.comments += 1
        self.last_comment = text
        match = _KEYED.match(text)
        word, rest = (match[1], match[2]) if match else ("", "")
        if word in CRASH_WORDS:
            if len(self.crash) < MAX_CRASH_LINES:
                self.crash.append(text)
        elif word == "run":
            self.running, self.announces = rest.strip(), True
        elif word == "bench":
            if len(self.bench) < MAX_COMMENTS:
                self.bench.append(fields(rest))
        elif word == "end":
            if self.end is not None:
                self._problem("a second end line")
            self.end = fields(rest)
            if not self.end.get("duration_us"):
                self._problem(f"the end line is not whole: {text[:80]!r}")
        elif word and self.comments < MAX_COMMENTS:
            self.facts.setdefault(word, []).append(fields(rest))

    def _yaml_line(self, text: str) -> None:
        yaml = self.points[-1].yaml
        if text == "  ...":
            self._yaml = False
        elif not text.startswith("  "):
            # The block was cut off; what follows may still be whole.
            self._problem(f"the block of {self.points[-1].id} has no end")
            self._yaml = False
            self._line -= 1
            self.feed(text)
        elif text.startswith("  #"):
            self._comment(text[3:].strip())
        else:
            self._yaml_pair(yaml, text[2:])

    def _yaml_pair(self, yaml: dict[str, str], text: str) -> None:
        try:
            key, value = parse_pair(text)
        except YamlError as error:
            self._problem(f"block of {self.points[-1].id}: {error}")
            return
        if key in yaml:
            self._problem(f"block of {self.points[-1].id}: {key} is given twice")
        elif len(yaml) < MAX_KEYS:
            yaml[key] = printable(value)  # again, as an escape of the block may have become one of a terminal

    def fact(self, word: str) -> dict[str, str]:
        """The fields of the first comment that begins with this word."""
        return self.facts.get(word, [{}])[0]
