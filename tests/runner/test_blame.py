# SPDX-License-Identifier: MIT
"""Which test and which requirement a mistake of the host is charged to, with the real image in the real QEMU."""

from __future__ import annotations

from pathlib import Path

import pytest
from pvtest import paths
from pvtest.images import catalogue
from saved_machine import SavedMachine
from test_boots import boot

pytestmark = [
    pytest.mark.boots,
    pytest.mark.skipif(
        not paths.GUEST_IMAGE.exists() or not paths.HOST_IMAGE.exists(), reason="the images are not built"
    ),
]

LEAVES_A_DOMAIN = "attach.same_domain_again@dmaprobe"
MALFORMED = "malformed.detach_foreign_partition"
QUICK_ANSWERS = ("--answer", "100")  # as in a campaign of defects: the right host answers before its exit ends


def test_domain_that_cannot_be_deleted_is_charged_to_its_test(saved: SavedMachine, tmp_path: Path) -> None:
    tests = saved.qemu.devices.on(catalogue.load_tests().within("default"))
    others = [one.id for one in tests if one.id.startswith("lifecycle.")]
    code, found, output = boot(
        tmp_path, "run", LEAVES_A_DOMAIN, *others, "--defect", "attach-same-counted", saved=saved
    )
    assert code == 1, output
    verdicts = {test["id"]: test["verdict"] for test in found["tests"]}
    assert verdicts.pop(LEAVES_A_DOMAIN) == "fail", output
    assert others and not {"fail", "error"} & set(verdicts.values()), "the tests that follow have other ids"
    (bad,) = [test for test in found["tests"] if test["verdict"] == "fail"]
    assert bad["reason"].startswith("after the test: domain 0x1, in which no device is, cannot be deleted: ")
    assert bad["details"]["beside"] == "DEL-6 DOM-2", "that of DELETE comes before those of the test"
    assert {item["id"]: item["verdict"] for item in found["requirements"]}["DEL-6"] == "fail"
    assert "# note: the tests that follow have domain ids from 0x" in next(tmp_path.glob("*/serial.log")).read_text()


def test_set_up_that_fails_is_charged_to_the_right_call(saved: SavedMachine, tmp_path: Path) -> None:
    code, found, output = boot(tmp_path, "run", MALFORMED, "--defect", "detach-ignored", saved=saved)
    assert code == 1, output
    (test,) = found["tests"]
    assert "the right call" in test["reason"] and test["details"]["requirement"] == "DET-1"
    assert "ISO-3" in test["requirements"] and "DET-1" not in test["requirements"]
    verdicts = {item["id"]: item["verdict"] for item in found["requirements"]}
    assert verdicts["DET-1"] == "fail" and verdicts["ISO-3"] == "not-run"
    assert "[DET-1]" in output and "failed before this was tried" in output


def test_register_that_changed_is_named(saved: SavedMachine, tmp_path: Path) -> None:
    code, found, output = boot(
        tmp_path, "run", "malformed.create_control_word", "--defect", "r8-clobbered", saved=saved
    )
    assert code == 1, output
    (test,) = found["tests"]
    assert test["reason"].startswith("R8 changed in CREATE"), output
    assert test["expected"].startswith("R8 0x") and test["actual"].startswith("0x")
    steps = test["details"].values()
    assert any("control word 0x" in text and "RDX 0x" in text for text in steps), "a raw call is a step"


@pytest.mark.parametrize(
    ("takes", "defect", "reason", "left"),
    [
        ("bus.masked_sint_is_silent", "vmbus-contact-once", "after the test: a bus that the test had taken away", 0),
        ("restart.takes_over_after_unload@dmaprobe", "vmbus-end-loses-bus", "the bus of device 0x", 1),
    ],
)
def test_buses_that_stay_away_are_charged_to_their_test(  # pylint: disable=too-many-arguments
    saved: SavedMachine, tmp_path: Path, takes: str, defect: str, reason: str, left: int
) -> None:
    """The guest does not touch what is not there, has no second chance that finds nothing to test, and goes on."""
    others = ("bus.windows_show_their_function", "translate.leaf_4k")
    words = (takes, *others, "--defect", defect, "--in-order", *QUICK_ANSWERS)
    code, found, output = boot(tmp_path, "run", *words, saved=saved)
    assert code == 1 and not found["problems"], output
    first, windows, *devices = found["tests"]
    assert first["verdict"] == "fail" and first["reason"].startswith(reason), output
    assert not reason.startswith("after") or first["details"]["beside"] == "BUS-6 BUS-13"
    assert windows["verdict"] == ("pass" if left else "skip")
    lost = [test for test in devices if test["verdict"] == "skip"]
    assert {test["verdict"] for test in devices} == ({"pass", "skip"} if left else {"skip"})
    assert all("did not come back after an earlier test" in test["reason"] for test in lost)
