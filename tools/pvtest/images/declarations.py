# SPDX-License-Identifier: MIT
"""The declarations of the tests, as the assembler has written them into section .pvttext of the debug file.

tests/harness/declare.h makes them, docs/output-format.md describes the section. A declaration with mistakes is read as
far as it goes: `check-catalogue` tells them all at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from pvtest import paths
from pvtest.images import elf
from pvtest.images.pe import ImageError, text_fields

SECTION = ".pvttext"
FORMAT = "4"
CLASSES = ("rocker", "edu", "dmaprobe", "dmaprobe+ats", "nvme", "ioat")
# Label -> may a declaration have it more than once? The texts of a label that comes twice are put together.
LABELS = {
    "PROMISE": False,
    "COVERS": True,
    "DEVICES": False,
    "KINDS": True,
    "STEPS": False,
    "EXPECTS": False,
    "IF_IT_FAILS": False,
    "LEVEL": False,
    "UNIT": False,
    "TIER": False,
    "WORD": True,
}
OPTIONAL = ("LEVEL", "UNIT", "TIER", "WORD")
UNITS = {"virtio_iommu": "virtio-iommu", "vtd": "vtd"}  # word of a declaration -> the unit's name
DEVICE_SETS = {
    "NONE": (),
    "ALL": CLASSES,
    "DEFERRED": (*CLASSES[1:4], "ioat"),
    "READING": CLASSES[1:],
    "DRIVEN": CLASSES[:4],
    "PROBE": CLASSES[2:4],
    **{name.replace("+", "_"): (name,) for name in CLASSES},
}
WORD = re.compile(r"\{(\w*)\}")


@dataclass
class Declaration:
    """One test with its labels; the words of its variant stand in their places."""

    id: str
    where: str
    labels: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def text(self, label: str) -> str:
        """The text of a label, empty where it is missing."""
        return " ".join(self.labels.get(label, "").split())

    def list(self, label: str) -> tuple[str, ...]:
        """The words of a label."""
        return tuple(self.labels.get(label, "").split())

    @property
    def classes(self) -> tuple[str, ...]:
        """The device classes that it runs on."""
        named = {name for devices in self.list("DEVICES") for name in DEVICE_SETS.get(devices, ())}
        return tuple(name for name in CLASSES if name in named)


@dataclass(frozen=True)
class Declarations:
    """All of a debug file."""

    version: str
    tests: tuple[Declaration, ...]
    checks: dict[str, str]  # what each CHECK() compares, by file:line


def _read_labels(declaration: Declaration, fields: list[str]) -> dict[str, str]:
    """Fills in the labels; returns the words."""
    words: dict[str, str] = {}
    for label, text in zip(fields[::2], fields[1::2], strict=True):
        if label not in LABELS:
            declaration.problems.append(f"unknown label {label}; known: {', '.join(LABELS)}")
        elif label == "WORD":
            name, _, word = text.partition("=")
            if name in words:
                declaration.problems.append(f"WORD({name}) is given twice")
            words[name] = word
        elif label in declaration.labels and not LABELS[label]:
            declaration.problems.append(f"label {label} is given twice")
        else:
            declaration.labels[label] = f"{declaration.labels.get(label, '')} {text}".strip()
    return words


def _put_words(declaration: Declaration, words: dict[str, str]) -> None:
    for label, text in declaration.labels.items():
        for name in WORD.findall(text):
            if name not in words:
                declaration.problems.append(f"{label}: there is no WORD({name}, ...)")
        declaration.labels[label] = WORD.sub(lambda match: words.get(match[1], match[0]), text)


def _check(declaration: Declaration) -> None:
    for label in LABELS:
        if label not in declaration.labels and label not in OPTIONAL:
            declaration.problems.append(f"label {label} is missing")
    devices = declaration.list("DEVICES")
    unit = declaration.labels.get("UNIT", "")
    if unit and unit not in UNITS:
        declaration.problems.append(f"unknown unit {unit!r}; known: {', '.join(UNITS)}")
    if unit and "abi" in declaration.list("KINDS"):
        declaration.problems.append("ABI() and UNIT() exclude each other")
    for name in devices:
        if name not in DEVICE_SETS:
            declaration.problems.append(f"unknown devices {name!r}; known: {', '.join(DEVICE_SETS)}")
    if len(set(devices)) != len(devices):
        declaration.problems.append(f"devices are given twice: {' '.join(devices)}")


def _test(fields: list[str]) -> Declaration:
    if len(fields) < 3 or len(fields) % 2 == 0:
        raise ImageError(f"unexpected record with {len(fields)} fields: {' | '.join(fields)[:100]!r}")
    declaration = Declaration(fields[1], fields[2])
    _put_words(declaration, _read_labels(declaration, fields[3:]))
    _check(declaration)
    return declaration


def parse(data: bytes) -> Declarations:
    """Reads the section."""
    version, format_seen = "", False
    tests: list[Declaration] = []
    checks: dict[str, str] = {}
    for fields in text_fields(data):
        if fields[0] == "catalogue":
            if fields[1:] != [FORMAT]:
                given = " ".join(fields[1:])
                raise ImageError(f"format {given!r} of the catalogue; this runner reads format '{FORMAT}'")
            format_seen = True
        elif fields[0] == "version" and len(fields) == 2:
            version = fields[1]
        elif fields[0] == "test":
            tests.append(_test(fields))
        elif fields[0] == "check" and len(fields) == 3:
            checks[fields[1]] = fields[2]
        else:
            raise ImageError(f"unexpected record with {len(fields)} fields: {' | '.join(fields)[:100]!r}")
    if not format_seen:
        raise ImageError("no record 'catalogue', which states the format")
    # The linker sorts the registrations by id, the declarations it leaves in link order.
    return Declarations(version, tuple(sorted(tests, key=lambda test: test.id.encode())), checks)


def load(debug_file: Path | None = None) -> Declarations | None:
    """The declarations in pvtest.debug. None: no such section. ImageError: the file is missing or malformed."""
    path = debug_file or paths.GUEST_DEBUG
    data = elf.read_section(path, SECTION)
    try:
        return None if data is None else parse(data)
    except ImageError as error:
        raise ImageError(f"{path}, section {SECTION}: {error}") from None
