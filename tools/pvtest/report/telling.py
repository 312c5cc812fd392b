# SPDX-License-Identifier: MIT
"""The text of a failure: all that an engineer of a host team needs to file a bug. Every format takes it from here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pvtest.images.requirements import Requirement
from pvtest.images.stories import Story
from pvtest.report import reproduce
from pvtest.stream import crash
from pvtest.stream.coverage import broken
from pvtest.stream.model import Run, TestResult, Verdict

_STEP = re.compile(r"step(\d{1,9})")
_FAULT = re.compile(r"fault\d{1,9}")
_OPERATIONS = re.compile(r"operations\d{1,9}")
_BYTE = re.compile(r"0x([0-9a-f]{2})\b")
_AT = re.compile(r"\bat GPA 0x")
_DEVICE = re.compile(r"\bdevice 0x([0-9a-f]{1,16})\b")


@dataclass(frozen=True)
class Telling:
    """One failed or broken test."""

    promise: str
    requirements: list[Requirement]
    devices: list[str]
    steps: list[tuple[int, str]]  # number and text; the guest keeps the last ones
    faults: list[str]  # records of the host
    other: list[tuple[str, str]]
    story: Story | None
    again: str


def _devices(run: Run, result: TestResult) -> list[str]:
    """Those that the steps and messages name; without any, all of the class that the test ran on."""
    texts = [result.reason, result.expected, result.actual, *result.details.values()]
    named = {int(number, 16) for text in texts for number in _DEVICE.findall(text)}
    known = []
    for device in run.devices:
        try:
            known.append((int(device.get("id", ""), 0), device))
        except ValueError:
            continue
    chosen = [(number, device) for number, device in known if number in named]
    chosen = chosen or [(number, d) for number, d in known if d.get("class") == result.instance.device]
    return [f"{d.get('class', '?')} at {d.get('bdf', '?')}, device id {number:#x}{_itself(d)}" for number, d in chosen]


def _itself(device: dict[str, str]) -> str:
    """Model and serial number of a device."""
    return "".join(f", {key} {device[key]}" for key in ("model", "serial") if key in device)


def steps(details: dict[str, str]) -> list[tuple[int, str]]:
    """Number and text of each step that a test tells of."""
    return [(int(match[1]), text) for key, text in details.items() if (match := _STEP.fullmatch(key))]


def operations(details: dict[str, str]) -> list[str]:
    """Of a random test, as a file of --replay has them: the fewest that fail."""
    lines = [text for key, text in details.items() if _OPERATIONS.fullmatch(key)]
    return [operation for line in lines for operation in line.split("; ")]


def tell(run: Run, result: TestResult) -> Telling:
    """All of it."""
    test = result.instance.test
    faults = [text for key, text in result.details.items() if _FAULT.fullmatch(key)]
    other = [(k, text) for k, text in result.details.items() if not _STEP.fullmatch(k) and not _FAULT.fullmatch(k)]
    other = [(k, text) for k, text in other if k not in ("requirement", "beside", "again")]
    return Telling(
        promise=test.title,
        requirements=list({run.requirements[name].id: run.requirements[name] for name in broken(run, result)}.values()),
        devices=_devices(run, result),
        steps=steps(result.details),
        faults=faults,
        other=other,
        story=result.story,
        again=reproduce.one(run, result),
    )


# Bytes that the suite and its devices leave in memory: kernel/memory.h, and the fill value of each driver.
BYTES = {
    0xA7: "what the suite fills memory with before a DMA, so nothing wrote there",
    0x96: "what rocker, edu, nvme and ioat write",
    0xD3: "what dmaprobe writes",
    0x5C: "what the suite fills the pages around a buffer with",
    0xF5: "what the suite fills free memory with",
}


def bytes_text(kinds: Iterable[str], expected: str, actual: str) -> str:
    """Explains the bytes that a DMA should have left and those that it left; empty where it is about other things."""
    if "dma" not in kinds or not _AT.search(f"{expected} {actual}"):
        return ""
    found = [int(match[1], 16) for match in (_BYTE.match(expected), _BYTE.match(actual)) if match]
    return "; ".join(f"{value:#04x} is {BYTES[value]}" for value in dict.fromkeys(found) if value in BYTES)


def requirement_text(item: Requirement) -> str:
    """The statement, how binding it is, and what it rests on."""
    return f"{item.text} ({item.level}; basis: {item.section or item.basis})"


def rows(run: Run, result: TestResult, short: bool = False) -> list[tuple[str, str]]:
    """Names and texts in the order in which one reads them. `short` leaves out what the story says of every run."""
    told = tell(run, result)
    in_setup = "requirement" in result.details
    story = None if in_setup else told.story
    out = [("set-up", f"failed before this was tried: {told.promise}") if in_setup else ("promise", told.promise)]
    out += [(item.id, requirement_text(item)) for item in told.requirements]
    out += [("message", result.reason), ("expected", result.expected), ("actual", result.actual)]
    if "beside" in result.details:
        out.append(("beside", "the promise to others failed; the objects of this test may be as they should be"))
    out.append(("bytes", bytes_text(result.instance.test.kinds, result.expected, result.actual)))
    out += [("device", text) for text in told.devices]
    out += [("fault", text) for text in told.faults]
    out += [(f"step{number}", text) for number, text in told.steps]
    if story is not None and not short:
        out += [("test", story.steps), ("should", story.expected)]
    out += [("means", story.failure)] if story is not None and result.verdict is Verdict.FAIL else []
    out += [("observed", result.observation), ("where", result.where or result.instance.test.where), *told.other]
    out += [("", line) for line in result.crash if not line.startswith("frame")]
    out += [("", line) for line in crash.frame_lines(result.frames)]
    out.append(("again", told.again))
    return [(name, " ".join(text.split()) if name else text) for name, text in out if text.strip()]
