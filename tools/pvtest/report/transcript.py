# SPDX-License-Identifier: MIT
"""Transcripts: the hypercalls of a test that failed, with tables and DMAs, as JSON lines that a host team replays; and
`./run.sh transcript FILE`, which shows one (docs/output-format.md)."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pvtest import paths
from pvtest.clean import cleaned
from pvtest.errors import EXIT_OK, UsageError
from pvtest.machine.terminal import terminal
from pvtest.stream.model import Run, TestResult
from pvtest.stream.tap import fields
from pvtest.toml_file import read_text

FORMAT = "pvtest-transcript"
FORMAT_VERSION = 1
MAX_BYTES = 64 << 20
OF_THE_REFERENCE_HOST = 0x7F01  # HVCALL_ORACLE
_HEX = re.compile(r"(?:[0-9a-f]{2})*")
_STATUS = re.compile(r"\bX\(([A-Z0-9_]+), (0x[0-9A-Fa-f]+)\)")  # a line of the list in abi/status.h
_CODE = re.compile(r"#define HVCALL_(\w+)\s+0x([0-9A-Fa-f]+)u")
_FAST = 1 << 16
_PARTS = {"in": "input", "out": "output", "xmm": "xmm"}
Event = dict[str, Any]


def _numbers(pattern: re.Pattern[str], path: Path) -> dict[int, str]:
    """Names by number; without the source there are none."""
    try:
        found = pattern.findall(path.read_text(encoding="utf-8"))
    except OSError:
        return {}
    return {int(value, 16): name for name, value in found}


def _call(told: dict[str, str], codes: dict[int, str]) -> Event:
    control = int(told["control"], 16)
    return {
        "event": "call",
        "n": int(told["n"]),
        "processor": told["processor"],
        "call": codes.get(control & 0xFFFF, "unknown"),
        "form": "registers" if control & _FAST else "memory",
        **{key: told[key] for key in ("control", "rdx", "r8")},
    }


def _entries(text: str) -> dict[str, str]:
    return dict(entry.split(":", 1) for entry in text.split(",") if entry)


def events(lines: Iterable[str]) -> tuple[list[Event], dict[str, int]]:
    """From the lines of the guest: what happened, in order, and how many calls there were and are not here. Raises
    ValueError or KeyError for what no guest of ours writes."""
    codes = {OF_THE_REFERENCE_HOST: "oracle"} | _numbers(_CODE, paths.STATUS_CODES.with_name("hypercall.h"))
    statuses = _numbers(_STATUS, paths.STATUS_CODES)
    out: list[Event] = []
    calls: dict[str, Event] = {}
    counts = {"calls": 0, "left_out": 0}
    for line in lines:
        word, _, rest = line.partition(" ")
        told = fields(rest)
        if word == "call":
            calls[told["n"]] = _call(told, codes)
            out.append(calls[told["n"]])
        elif word == "result":
            call = calls[told["n"]]
            if "exception" in told:
                call["exception"] = int(told["exception"])
            else:
                call["rax"] = told["rax"]
                call["status"] = statuses.get(int(told["rax"], 16) & 0xFFFF, "unknown")
        elif word in _PARTS:
            call, key = calls[told["n"]], _PARTS[word]
            call[key] = call.get(key, "") + told["bytes"]
        elif word == "table":
            if told["more"] == "1":
                out[-1]["entries"].update(_entries(told["entries"]))
            else:
                place = {"gpa": told["gpa"], "level": int(told["level"]), "domain": told["domain"]}
                out.append({"event": "table", **place, "entries": _entries(told["entries"])})
        elif word == "dma":
            out.append({"event": "dma", **told, "length": int(told["length"])})
        elif word == "end":
            counts = {key: int(told[key]) for key in counts}
        else:
            raise ValueError(f"unknown word {word[:40]!r}")
    return out, counts


def write(run: Run, result: TestResult) -> str:
    """The file of one result; raises as events() does."""
    found, counts = events(result.transcript)
    head = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "test": result.instance.id,
        "verdict": result.verdict.value,
        "message": result.reason,
        "seed": result.seed,
        "suite": run.versions.get("guest", ""),
        "host": {**run.host, "version": run.versions.get("host", "")},
        **counts,
    }
    return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in (head, *found))


def _read(path: Path) -> Iterator[tuple[int, Event]]:
    # A text of the guest may hold what Python takes for other ends of lines.
    lines = read_text(path, MAX_BYTES).removesuffix("\n").split("\n")
    if lines == [""]:
        raise UsageError(f"{path}: is empty")
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        if not isinstance(entry, dict):
            raise UsageError(f"{path} line {number}: is no object of JSON")
        yield number, cleaned(entry)


def _bytes(name: str, text: str) -> list[str]:
    if not _HEX.fullmatch(text):
        raise ValueError(f"{name} is not bytes in hexadecimal")
    rows = [text[at : at + 32] for at in range(0, len(text), 32)]
    return [
        f"        {name if not place else '':7} +{place * 16:#05x}  " + " ".join(re.findall("..", row))
        for place, row in enumerate(rows)
    ]


def _text(entry: Event) -> list[str]:
    """One event for a person; raises KeyError, TypeError, ValueError or AttributeError where it is none."""
    kind = entry["event"]
    if kind == "call":
        ended = f"exception {entry['exception']}" if "exception" in entry else entry.get("status", "did not return")
        where = "" if entry["processor"] == "first" else ", from another processor"
        head = f"{entry['n']:4}  {entry['call']} in {entry['form']}{where}: {ended}"
        registers = f"control {entry['control']}, RDX {entry['rdx']}, R8 {entry['r8']}"
        lines = [head, f"        {registers}" + (f": RAX {entry['rax']}" if "rax" in entry else "")]
        return lines + [line for key in ("input", "xmm", "output") for line in _bytes(key, entry.get(key, ""))]
    if kind == "table":
        place = f"level {entry['level']} of domain {entry['domain']}"
        head = f"      table {entry['gpa']}, {place}; all other entries are 0"
        return [head, *(f"        {int(index):3}  {value}" for index, value in entry["entries"].items())]
    if kind == "dma":
        return [f"      DMA of device {entry['device']}: {entry['what']} {entry['length']} bytes at {entry['iova']}"]
    raise ValueError(f"unknown event {str(kind)[:40]!r}")


def show(path: Path) -> Iterator[str]:
    """The transcript, line by line."""
    for number, entry in _read(path):
        if number == 1:
            if entry.get("format") != FORMAT or entry.get("format_version") != FORMAT_VERSION:
                raise UsageError(f"{path} line 1: the format is not {FORMAT}, version {FORMAT_VERSION}")
            yield f"{entry.get('test', '?')}: {entry.get('verdict', '?')}: {entry.get('message', '')}"
            if entry.get("left_out"):
                yield f"cut short: {entry['left_out']} events after the last of these are not in it"
            continue
        try:
            lines = _text(entry)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            why = f"has no {error}" if isinstance(error, KeyError) else str(error)
            raise UsageError(f"{path} line {number}: {why}") from None
        yield from lines


def main(options: argparse.Namespace) -> int:
    """`./run.sh transcript FILE`"""
    out = terminal(options)
    for line in list(show(options.transcript_of)):
        out.say(line)
    return EXIT_OK
