# SPDX-License-Identifier: MIT
"""The host's log of what a guest did, and its hints: read, added up, told, and never judged."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import ROOT, Runner, latest
from test_boots import boot
from hypothesis import given
from hypothesis import strategies as st
from pvtest import paths
from pvtest.stream import guest_log
from pvtest.stream.guest_log import GuestLog
from saved_machine import SavedMachine

# One test for each hint: their guest does on purpose what a driver should not.
MISTAKES = (
    "delete.domain_with_a_device@dmaprobe",
    "flush-matrix.other_pages_flushed@dmaprobe",
    "sva.same_addresses@dmaprobe",
)
LINES = """\
12 PCI functions, 9 of them behind the pvIOMMU (vtd+software)
guest: GET_IOMMU_CAPABILITIES: SUCCESS
guest: CREATE_DEVICE_DOMAIN domain 0x1: SUCCESS
guest: CREATE_DEVICE_DOMAIN domain 0x1: KEY_ALREADY_EXISTS
guest: FLUSH_DEVICE_DOMAIN_LIST domain 0x1 ranges 3 first 0x4000000: SUCCESS
guest: DELETE_DEVICE_DOMAIN control 0x800000c5: INVALID_HYPERCALL_INPUT
guest: DELETE_DEVICE_DOMAIN domain 0x1: a status without a name
call POST_MESSAGE control 0x5c: SUCCESS
hint msi-window-mapped 1: domain 0x1 maps IOVA 0xfee00000: and so on
hint msi-window-mapped 2: domain 0x2 maps IOVA 0xfee00000: and so on
hint stale-leaf-used 64: device 0x8 \x1b[31mreads
hint not a number: x
"""


def test_lines_are_counted() -> None:
    log = guest_log.parse(LINES.splitlines())
    assert log.calls["CREATE_DEVICE_DOMAIN", "SUCCESS"] == log.calls["CREATE_DEVICE_DOMAIN", "KEY_ALREADY_EXISTS"] == 1
    assert log.calls["DELETE_DEVICE_DOMAIN", "INVALID_HYPERCALL_INPUT"] == 1 and sum(log.calls.values()) == 6
    assert log.hints["msi-window-mapped"] == (2, "domain 0x1 maps IOVA 0xfee00000: and so on")
    assert log.hints["stale-leaf-used"][0] == 64 and "\x1b" not in log.hints["stale-leaf-used"][1]
    assert len(log.hints) == 2


def test_sentences() -> None:
    told = guest_log.sentences(guest_log.parse(LINES.splitlines()))
    assert ("guest", "CREATE_DEVICE_DOMAIN: 1 SUCCESS, 1 KEY_ALREADY_EXISTS") in told
    assert [text.split(", first")[0] for word, text in told if word == "hint"] == [
        "msi-window-mapped, 2 times",
        "stale-leaf-used, at least 64 times",
    ]


def test_a_guest_without_calls() -> None:
    assert guest_log.sentences(GuestLog()) == [("guest", "no call of the pvIOMMU")]


def test_boots_are_added_up_and_documents_read_back() -> None:
    one = guest_log.parse(LINES.splitlines())
    both = guest_log.join([one, GuestLog(), one])
    assert both.calls["GET_IOMMU_CAPABILITIES", "SUCCESS"] == 2 and both.hints["msi-window-mapped"][0] == 4
    assert guest_log.from_document(guest_log.document(both)) == both


def test_a_log_that_is_not_there(tmp_path: Path) -> None:
    assert guest_log.read(tmp_path / "host.log") == GuestLog()


@given(st.lists(st.text(max_size=60)))
def test_anything_is_a_log(lines: list[str]) -> None:
    guest_log.sentences(guest_log.parse(lines))


def test_the_host_has_these_hints() -> None:
    """Names and limit are those of the sources, and the documents explain each."""
    source = (ROOT / "host" / "hints" / "tell.c").read_text()
    names = re.findall(r'\[HINT_\w+\] = "([a-z-]+)"', source)
    assert len(names) == 4 and f"#define ALL_UNTIL {guest_log.ALL_UNTIL}u" in source
    text = (ROOT / "docs" / "linux.md").read_text()
    assert [name for name in names if f"| `{name}` |" not in text] == []


def test_a_run_without_it_has_none(runner: Runner, tmp_path: Path) -> None:
    runner("flush")
    assert "guest_log" not in latest(tmp_path)


def test_a_verbose_run_tells_it_and_judges_nothing(runner: Runner, tmp_path: Path) -> None:
    done = runner("flush", "--verbose", FAKE_QEMU_HOST_LOG=LINES)
    assert done.returncode == 0, done.stdout
    assert "hint          msi-window-mapped, 2 times, first: domain 0x1" in done.stdout
    found = latest(tmp_path)
    assert found["verdict"] == "pass"
    assert {"call": "CREATE_DEVICE_DOMAIN", "status": "SUCCESS", "count": 1} in found["guest_log"]["calls"]
    assert [entry["hint"] for entry in found["guest_log"]["hints"]] == ["msi-window-mapped", "stale-leaf-used"]


@pytest.mark.boots
@pytest.mark.skipif(not paths.GUEST_IMAGE.exists() or not paths.HOST_IMAGE.exists(), reason="the images are not built")
def test_the_reference_host_tells_of_mistakes(saved: SavedMachine, tmp_path: Path) -> None:
    code, found, output = boot(tmp_path, "run", *MISTAKES, "--verbose", saved=saved)
    assert code == 0, output
    hints = [entry["hint"] for entry in found["guest_log"]["hints"]]
    assert hints == ["delete-with-devices", "flush-list-too-short", "msi-window-mapped", "stale-leaf-used"]
    calls = {(entry["call"], entry["status"]) for entry in found["guest_log"]["calls"]}
    assert ("DELETE_DEVICE_DOMAIN", "OBJECT_IN_USE") in calls and ("GET_IOMMU_CAPABILITIES", "SUCCESS") in calls
