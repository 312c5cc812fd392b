# SPDX-License-Identifier: MIT
"""A machine without first-stage VT-d, or one that is to be so: the host's virtual functions alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import ROOT, Runner, latest
from images import build, catalogue_section, host_section, image_section
from pvtest.errors import MissingError, UsageError
from pvtest.images.catalogue import CLASSES, Defect, Instance, Test
from pvtest.plan.devices import FUNCTION_COUNTS, FUNCTIONS, Devices

TESTS = (
    ("cap.page_sizes", "CAP-1", "-", "-", "test"),
    ("flush.unmap", "FL-1 FL-2", "rocker,dmaprobe", "dma,flush", "test"),
    ("flush.vtd", "FL-1", "rocker,edu", "dma,flush", "test"),
    ("tr.leaf_4k", "TR-1", "rocker,dmaprobe,dmaprobe+ats", "dma", "test"),
)
HERE = ["cap.page_sizes", "flush.unmap@dmaprobe", "tr.leaf_4k@dmaprobe", "tr.leaf_4k@dmaprobe+ats"]
DEFECTS = (("no-flush", "FL-1", "A flush does nothing.", "any"), ("unit-only", "FL-1", "A unit forgets.", "vtd"))
OLD = {"FAKE_QEMU_VERSION": "7.2.22", "FAKE_QEMU_IOMMU": "x-scalable-mode eim pt"}
NO_VTD = {"FAKE_QEMU_IOMMU": ""}
NO_EDU = {"FAKE_QEMU_DEVICES": "rocker nvme isa-debug-exit virtio-blk-pci"}


@pytest.fixture(name="alone")
def _alone(runner: Runner, tmp_path: Path) -> Runner:
    """The runner on images whose tests know virtual functions."""
    folder = build(tmp_path / "alone", image_section(TESTS), host_section(DEFECTS), catalogue_section(TESTS))
    return lambda *arguments, **environment: runner(*arguments, PVTEST_BUILD=str(folder), **environment)


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        (OLD, "QEMU 7.2.22 has no first-stage VT-d"),
        (NO_VTD, "QEMU 10.0.2 has no first-stage VT-d"),
        (NO_EDU, "QEMU 10.0.2 was built without edu"),
        ({}, "option --functions-alone"),
    ],
)
def test_it_says_so_and_runs_what_it_can(alone: Runner, tmp_path: Path, environment: dict[str, str], why: str) -> None:
    done = alone(*(() if environment else ("--functions-alone",)), **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{why}: running on the host's virtual functions alone" in done.stdout
    assert ", virtual functions alone" in done.stdout
    found = latest(tmp_path)
    assert [test["id"] for test in found["tests"]] == HERE
    assert found["machine"] == {
        "accel": "tcg",
        "iommu": "",
        "device_classes": ["dmaprobe", "dmaprobe+ats", "ioat"],
        "functions_alone": True,
        "reason": why,
        "cpu": "qemu64,+svm,+npt,+x2apic,+pdpe1gb",
        "cpus": 2,
        "memory_mib": 4352,
        "bus": "vpci",
        "machine": "q35",
    }
    assert {device["class"] for device in found["devices"]} == {"dmaprobe", "dmaprobe+ats", "ioat"}


def test_a_whole_machine_is_not_alone(alone: Runner, tmp_path: Path) -> None:
    done = alone()
    assert done.returncode == 0 and "virtual functions alone" not in done.stdout
    machine = latest(tmp_path)["machine"]
    assert machine["iommu"].startswith("intel-iommu,") and machine["device_classes"] == list(CLASSES)
    assert len(latest(tmp_path)["tests"]) == 8


@pytest.mark.parametrize("words", [["*@rocker"], ["flush.vtd"], ["--class", "rocker"], ["tr", "flush.unmap@rocker"]])
def test_what_cannot_run_is_not_left_out_in_silence(alone: Runner, words: list[str]) -> None:
    done = alone(*words, **OLD)
    assert done.returncode == 4, done.stdout
    assert "this machine has no such device (QEMU 7.2.22 has no first-stage VT-d)" in done.stderr
    assert alone(*words, "--functions-alone").returncode == 3


def test_a_device_too_few_or_too_many_is_an_error(alone: Runner) -> None:
    done = alone("--functions-alone", "--fixture", "no-functions")
    assert done.returncode == 2 and "no device of class dmaprobe, though the machine has one" in done.stdout
    done = alone("--functions-alone", "--fixture", "with-edu")
    assert done.returncode == 2 and "a device of class edu, though the machine has none" in done.stdout


@pytest.mark.parametrize("fixture, words", [
    ("no-functions", "the guest found no device of class dmaprobe, though the machine has one"),
    ("outside", "the reference host does not manage rocker at 00:1e.0"),
    ("lost-rocker", "the guest found 2 devices of class rocker, though the machine has 3"),
    ("lost-function", "the guest found 3 devices of class dmaprobe, though the machine has 4"),
])
def test_what_vanished_from_the_reference_host_is_an_error(alone: Runner, fixture: str, words: str) -> None:
    """Its tests would be skipped, and the run look good."""
    done = alone("--fixture", fixture)
    assert done.returncode == 2 and words in done.stdout
    # A host that behaves otherwise on purpose may have fewer, or others outside.
    assert alone("--fixture", fixture, "--variant", "polite").returncode == 0


def test_a_failure_tells_how_to_see_it_again(alone: Runner) -> None:
    done = alone("--functions-alone", "--fixture", "fail")
    assert done.returncode == 1
    assert "./run.sh tr.leaf_4k@dmaprobe+ats --seed 1 --functions-alone" in done.stdout


def test_a_campaign_leaves_out_what_shows_only_behind_vtd(alone: Runner, tmp_path: Path) -> None:
    done = alone("defects", **OLD)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Left out, as they show only behind VT-d: 1 defect (unit-only)" in done.stdout
    assert [entry["defect"] for entry in latest(tmp_path, "defects.json")["defects"]] == ["no-flush"]
    assert latest(tmp_path)["machine"]["functions_alone"]
    assert alone("variants", "polite", **OLD).returncode == 0


@pytest.mark.parametrize("words", [["defects", "unit-only"], ["--defect", "unit-only"]])
def test_a_defect_of_vtd_alone_cannot_be_asked_for(alone: Runner, words: list[str]) -> None:
    done = alone(*words, **OLD)
    assert done.returncode == 4 and "unit-only" in done.stderr and "only behind VT-d" in done.stderr
    assert alone(*words, "--functions-alone").returncode == 3


def test_bench(alone: Runner) -> None:
    assert alone("bench", "--functions-alone").returncode == 0


def test_a_processor_without_nested_paging_does_not_do(alone: Runner) -> None:
    done = alone(FAKE_QEMU_FLAGS="nx svm")
    assert done.returncode == 4 and "emulates no processor with npt" in done.stderr


def test_devices() -> None:
    test = Test("a.b", "a", "", (), (), (), "test", "")
    rocker, function, neither = Instance(test, "rocker"), Instance(test, FUNCTIONS[0]), Instance(test, None)
    defects = [Defect(unit, (), "", unit) for unit in ("any", "vtd", "soft")]
    whole, lacking, forced = Devices(), Devices("because"), Devices("because", forced=True)
    assert whole.on([rocker, function, neither]) == [rocker, function, neither] and not whole.unseen(defects)
    assert lacking.on([rocker, function, neither]) == [function, neither]
    assert [defect.name for defect in lacking.unseen(defects)] == ["vtd"]
    whole.check("x", [rocker])
    lacking.check("x", [rocker, neither])
    with pytest.raises(MissingError):
        lacking.check("x", [rocker])
    with pytest.raises(UsageError):
        forced.check("x", [rocker])


def test_the_functions_of_the_reference_host_are_counted() -> None:
    """By its own table."""
    text = (ROOT / "host" / "vdev" / "topology.c").read_text()
    table = re.search(r"struct plan plans\[\] = \{(.*?)\n\};", text, re.DOTALL)
    assert table
    rows = table[1].count("{.")
    ats = table[1].count(".ats = true")
    engines = re.search(r"#define IOATS +(\d+)u\n", text)
    assert engines
    assert FUNCTION_COUNTS == {"dmaprobe": rows - ats, "dmaprobe+ats": ats, "ioat": int(engines[1])}
