# SPDX-License-Identifier: MIT
"""Crashes beside those that a test reports: of the reference host, and of a guest that could not tell any more.

Both come from the host's log (host/base/panic.h); a panic of the guest outside of every test comes from its stream.
"""

from __future__ import annotations

import re
from pathlib import Path

from pvtest import paths
from pvtest.stream import symbols
from pvtest.stream.lines import printable
from pvtest.stream.model import Crash, Frame
from pvtest.stream.tap import MAX_CRASH_LINES, TapParser

_LINE = re.compile(r"refhost: (guest-)?(panic|trap|regs|frame): (.*)")
_RIP = re.compile(r"frame: rip=0x([0-9a-f]{1,16})\b")
_TAIL = 64 << 10  # of the log: a crash ends it


def is_report(line: str) -> bool:
    """Is this line of the host's log a part of a crash report?"""
    return _LINE.fullmatch(line) is not None


def _tail(log: Path) -> list[str]:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            return [printable(line) for line in file.read().decode("utf-8", "replace").splitlines()]
    except OSError:
        return []


def _collect(lines: list[str]) -> dict[str, list[str]]:
    """Lines of the last crash of each program, without their prefix; every one begins with its panic."""
    found: dict[str, list[str]] = {}
    for line in lines:
        if match := _LINE.fullmatch(line):
            program = "guest" if match[1] else "host"
            if match[2] == "panic":
                found[program] = []
            if program in found and len(found[program]) < MAX_CRASH_LINES:
                found[program].append(f"{match[2]}: {match[3]}")
    return found


def _with_offsets(lines: list[str], base: int | None) -> list[str]:
    """The host does not know where the guest's image is; the guest tells when it begins."""
    if base is None:
        return lines
    out = []
    for line in lines:
        match = _RIP.match(line)
        offset = int(match[1], 16) - base if match else -1
        out.append(f"{line} offset={offset:#x}" if offset >= 0 else line)
    return out


def _base(tap: TapParser) -> int | None:
    try:
        return int(tap.fact("pvtest").get("image", ""), 16)
    except ValueError:
        return None


def _crash(program: str, lines: list[str], boot: int, test: str) -> Crash:
    text = lines[0].removeprefix("panic:").strip()
    debug = paths.HOST_DEBUG if program == "host" else paths.GUEST_DEBUG
    frames = symbols.resolve(lines, debug)
    state = [line for line in lines[1:] if not frames or not line.startswith("frame:")]
    return Crash(program, boot, test, text, state, frames)


def of_boot(log: Path, tap: TapParser, number: int, test: str) -> list[Crash]:
    """Crashes of boot `number`, which ended in `test` (empty = in none)."""
    found = _collect(_tail(log))
    out = []
    if "host" in found:
        out.append(_crash("host", found["host"], number, test))
    if "guest" in found:
        out.append(_crash("guest", _with_offsets(found["guest"], _base(tap)), number, test))
    elif tap.crash and not test:
        # The lines are in the result of a test that was running.
        lines = tap.crash if tap.crash[0].startswith("panic:") else [f"panic: {tap.bailed or 'crash'}", *tap.crash]
        out.append(_crash("guest", lines, number, test))
    return out


def place(frames: list[Frame]) -> str:
    """The first frame with a name, in words."""
    for frame in frames:
        if frame.function:
            return f"in {frame.function}" + (f" at {frame.source}" if frame.source else "")
    return ""


def words(crash: Crash) -> str:
    """One line for a reason or a list of problems."""
    program = "the reference host" if crash.program == "host" else "the guest"
    where = place(crash.frames)
    return f"{program} crashed: {crash.text}" + (f", {where}" if where else "")


def frame_lines(frames: list[Frame]) -> list[str]:
    """Frames as text, each with its source lines; '>' marks the line."""
    out = []
    for number, frame in enumerate(frames):
        out.append(f"#{number} {frame.offset:#x} {frame.function or '?'} {frame.source}".rstrip())
        here = frame.source.rpartition(":")[2]
        out += [f"     {'>' if str(line) == here else ' '} {line:5} {text}".rstrip() for line, text in frame.code]
    return out
