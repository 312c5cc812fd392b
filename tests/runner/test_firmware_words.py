# SPDX-License-Identifier: MIT
"""A suite that never begins: the last lines of the serial port are in the message, and the known causes by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Runner, latest
from pvtest.errors import UsageError
from pvtest.machine import firmware_words, qemu
from pvtest.machine.firmware_words import Before

# Recorded from OVMF 2022.11; the second one has Microsoft's keys.
SCREEN = "\x1b[2J\x1b[01;01H\x1b[=3h"
LOADING = f'{SCREEN}BdsDxe: loading Boot0001 "UEFI Misc Device" from PciRoot(0x0)/Pci(0x5,0x0)'
SECURE_BOOT = 'BdsDxe: failed to load Boot0001 "UEFI Misc Device" from PciRoot(0x0)/Pci(0x5,0x0): Access Denied'
NOTHING = "BdsDxe: No bootable option or device was found."
NO_SVM = "# refhost: the processor has no SVM: start QEMU with -cpu EPYC or -cpu qemu64,+svm,+npt"
SMM = "# refhost: this firmware needs System Management Mode (SMM), which the host does not serve"


def before(*lines: str) -> Before:
    found = Before()
    for line in lines:
        found.take(line)
    return found


@pytest.mark.parametrize(
    ("lines", "cause", "final"),
    [
        ((LOADING, SECURE_BOOT, NOTHING), "Secure Boot refused the image", True),
        ((LOADING, NOTHING), "the firmware found nothing that it can boot", True),
        ((LOADING, "", NO_SVM), "needs a processor with SVM", False),
        ((LOADING, SMM), "a firmware that needs System Management Mode", False),
    ],
    ids=["secure-boot", "nothing", "no-svm", "smm"],
)
def test_known_causes_have_names(lines: tuple[str, ...], cause: str, final: bool) -> None:
    found = before(*lines)
    named, last = found.problems()
    assert named.startswith("known cause: ") and cause in named
    assert found.final == final
    assert last.endswith(lines[-1]) and "\x1b" not in last


def test_an_unknown_end_has_the_last_lines_alone() -> None:
    found = before(*(f"line {n}" for n in range(9)), "x" * 500)
    assert found.problems() == [f"last lines of the serial port: line 6 | line 7 | line 8 | {'x' * 160}"]
    assert not found.final


def test_an_empty_port_names_what_may_be_wrong() -> None:
    assert "stayed empty; known causes: a firmware build that needs SMM" in before("\x1b[2J", "").problems()[0]


def test_what_qemu_says_leaves_nothing_to_guess() -> None:
    assert before().problems(explained=True) == []
    assert before("a line").problems(explained=True) == ["last lines of the serial port: a line"]


def test_a_refusal_ends_the_run_before_its_limits(runner: Runner, tmp_path: Path) -> None:
    done = runner("flush.unmap@rocker", FAKE_QEMU_FIXTURE="refused")
    assert done.returncode == 2
    problems = latest(tmp_path)["problems"]
    assert problems[0] == "the run broke off: the firmware did not start the suite"
    assert any(problem.startswith("known cause: Secure Boot refused the image") for problem in problems)
    assert any(problem.endswith("Access Denied") for problem in problems)


def test_a_firmware_for_smm_is_refused_by_its_description(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, other, link = tmp_path / "secure.fd", tmp_path / "plain.fd", tmp_path / "link.fd"
    for path in (code, other):
        path.write_bytes(b"")
    link.symlink_to(code)
    descriptors = tmp_path / "firmware"
    descriptors.mkdir()
    (descriptors / "10-broken.json").write_text("[]")
    for name, path, features in (("20", other, ["acpi-s3"]), ("30", code, ["requires-smm", "secure-boot"])):
        text = {"mapping": {"executable": {"filename": str(path)}}, "features": features}
        (descriptors / f"{name}.json").write_text(json.dumps(text))
    monkeypatch.setattr(firmware_words, "DESCRIPTORS", (tmp_path / "none", descriptors))
    assert firmware_words.needs_smm(str(link)) == str(descriptors / "30.json")
    assert firmware_words.needs_smm(str(other)) == ""
    with pytest.raises(UsageError, match="needs System Management Mode"):
        qemu._given(str(code))
    assert qemu._given(str(other)) == (str(other), "")
