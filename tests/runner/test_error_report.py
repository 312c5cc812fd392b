# SPDX-License-Identifier: MIT
"""Errors before the first result, where there is no serial port: on the screen, and in a file of the boot volume."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from pvtest import paths
from unattended_machine import Machine, Variables

pytestmark = [
    pytest.mark.boots,
    pytest.mark.skipif(not paths.GUEST_IMAGE.exists(), reason="the images are not built"),
    pytest.mark.skipif(shutil.which("mformat") is None, reason="mtools are not installed"),
]

TEST = "test=discovery.clearing_os_id_disables"


@pytest.fixture(scope="module", name="only")
def fixture_only(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """The suite alone on a disk; all tests here use it one after the other."""
    return Machine(tmp_path_factory.mktemp("machine"), host=False)


@pytest.fixture(name="machine")
def fixture_machine(only: Machine) -> Machine:
    """Without anything but the disk that survives a boot."""
    only.kept = Variables.NONE
    return only


def error_file(machine: Machine) -> str:
    """The text of error.txt; '' when there is none."""
    try:
        return machine.file("pvtest-results/error.txt")
    except subprocess.CalledProcessError:
        return ""


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"test=no.such_test\n", 'pvtest.opt line 1: test: "no.such_test" matches no test'),
        (b"seed=1\n# gr\xfc\xdfe\n", "pvtest.opt line 2: byte 0xfc is not ASCII text"),
        ("seed=1\n".encode("utf-16"), "pvtest.opt line 1: the file is UTF-16; save it as ASCII or UTF-8"),
        (b"#" * 262144, "pvtest.opt: larger than 262143 bytes"),
    ],
    ids=["unknown-test", "latin-1", "utf-16", "too-large"],
)
def test_bad_options_are_told_on_screen_and_disk(machine: Machine, content: bytes, expected: str) -> None:
    """The file, the screen (which this firmware copies to the serial port) and COM1 say the same. One mistake for each
    part of the image that looks at the file; test_boot_options.py has more."""
    machine.bytes_in(content, "pvtest.opt")
    machine.run(code=None)
    assert error_file(machine).startswith(expected)
    assert f"pvtest: {expected}" in machine.console()
    assert "Bail out!" in machine.console()


def test_a_good_boot_removes_an_old_error(machine: Machine) -> None:
    """The file tells about the latest boot alone; the mark of an editor in front of the options is no error."""
    machine.old_error()
    assert error_file(machine)
    machine.bytes_in(b"\xef\xbb\xbf" + TEST.encode() + b"\r\n", "pvtest.opt")
    machine.run(code=None)
    assert "1..1" in machine.console()
    assert error_file(machine) == ""


def test_a_panic_before_the_first_result_is_told_by_the_next_boot(machine: Machine) -> None:
    """An unattended machine restarts by itself, writes the file and goes off, without another try."""
    machine.kept = Variables.PROCESS
    machine.options(TEST, "fixture=early-crash")
    machine.run(code=None)
    text = error_file(machine)
    assert text.startswith("the suite ended before its first result: panic: broken on purpose before the first result")
    assert "return addresses in pvtest.debug: 0x" in text
    assert machine.console().count("Bail out! panic:") == 1


def test_a_panic_on_an_attended_machine_is_told_when_it_is_started_again(machine: Machine) -> None:
    """That boot has the message of the last one on its screen, and runs its own tests."""
    machine.kept = Variables.FILE
    machine.bytes_in(f"{TEST}\nfixture=early-crash\n".encode(), "pvtest.opt")
    machine.run(code=None)
    assert "Bail out! panic:" in machine.console()
    machine.bytes_in(TEST.encode(), "pvtest.opt")
    machine.run(code=None)
    assert "pvtest: the suite ended before its first result: panic: broken on purpose" in machine.console()
    assert "1..1" in machine.console()
    assert "panic: broken on purpose" in error_file(machine)
