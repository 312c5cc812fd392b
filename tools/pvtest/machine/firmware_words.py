# SPDX-License-Identifier: MIT
"""Messages of a firmware, or their absence, when the suite does not begin; what QEMU's package says of a firmware."""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from pvtest.clean import printable

_LINES_KEPT, _LINE_MOST = 4, 160
# (pattern of a line, known cause, the firmware will not start the suite any more)
_CAUSES = (
    (
        re.compile(r"failed to (load|start) Boot\w+ .*: (Access Denied|Security Violation)"),
        "Secure Boot refused the image, which is not signed by a key of this firmware: take a firmware without enrolled"
        " keys (OVMF_CODE.fd), or switch Secure Boot off",
        True,
    ),
    (
        re.compile(r"No bootable option or device was found"),
        "the firmware found nothing that it can boot: it may lack a driver for virtio or FAT, or be one for another"
        " architecture",
        True,
    ),
    (
        re.compile(r"refhost: the processor has no (SVM|nested paging)"),
        "the reference host needs a processor with SVM and nested paging: --cpu qemu64 or EPYC, or another model with"
        " +svm,+npt",
        False,
    ),
    (
        re.compile(r"refhost: .*\bSMM\b"),
        "a firmware that needs System Management Mode cannot run under the reference host: take a build without SMM"
        " (OVMF_CODE.fd)",
        False,
    ),
)
_EMPTY = (
    "the serial port stayed empty; known causes: a firmware build that needs SMM, which this machine does not have"
    " (OVMF's secboot, ms and snakeoil builds); a file that is no firmware for QEMU's q35; an emulator that is slow"
)
DESCRIPTORS = (Path("/etc/qemu/firmware"), Path("/usr/share/qemu/firmware"))


@dataclass
class Before:
    """The serial port before the suite's first line."""

    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_LINES_KEPT))
    cause: str = ""  # known by name; of several the first, which leads to the others
    final: bool = False  # the firmware will not start the suite any more

    def take(self, line: str) -> None:
        """One line, as it came."""
        text = printable(line).strip()
        if not text:
            return
        self.lines.append(text[:_LINE_MOST])
        for pattern, cause, final in _CAUSES:
            if not self.cause and pattern.search(text):
                self.cause, self.final = cause, final

    def problems(self, explained: bool = False) -> list[str]:
        """For a run in which the suite never began. Nothing is guessed when QEMU said why."""
        if not self.lines:
            return [] if explained else [_EMPTY]
        last = " | ".join(self.lines)
        known = [f"known cause: {self.cause}"] if self.cause else []
        return [*known, f"last lines of the serial port: {last}"]


def needs_smm(code: str) -> str:
    """The file of QEMU's package (docs/interop/firmware.json) that says so; empty: none does."""
    for folder in DESCRIPTORS:
        for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
            try:
                told = json.loads(path.read_text(encoding="utf-8"))
                name, features = told["mapping"]["executable"]["filename"], told["features"]
            except (OSError, ValueError, LookupError, TypeError):
                continue  # of another kind of firmware, or broken: it tells nothing
            if isinstance(name, str) and "requires-smm" in features and Path(name).resolve() == Path(code).resolve():
                return str(path)
    return ""
