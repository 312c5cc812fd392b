# SPDX-License-Identifier: MIT
"""The real image on machines without some parts: it says what it found, and a skip never looks like a pass."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Runner, true_to
from pvtest import paths
from saved_machine import SavedMachine
from test_boots import boot

real = pytest.mark.skipif(
    not paths.GUEST_IMAGE.exists() or not paths.HOST_IMAGE.exists(), reason="the images are not built"
)
SELECTION = ("discovery", "capabilities", "hypercall", "translate.leaf_4k", "attach")


def count(document: dict, group: str, verdict: str) -> int:
    return sum(test["group"] == group and test["verdict"] == verdict for test in document["tests"])


@real
@pytest.mark.boots
@pytest.mark.parametrize("more", [(), ("--functions-alone",)])
def test_without_hyper_v_everything_is_skipped_and_that_is_an_error(tmp_path: Path, more: tuple[str, ...]) -> None:
    code, found, shown = boot(tmp_path, "--no-host", "--plain", *more, *SELECTION[: 3 if more else None])
    true_to("results", found)
    assert code == 2
    assert found["problems"] == ["every selected test was skipped, so nothing was verified"]
    assert {test["verdict"] for test in found["tests"]} == {"skip"}
    reasons = {test["reason"] for test in found["tests"]}
    assert len(reasons) == 1
    assert "no Hyper-V interface: hypervisor 'TCGTCGTCGTCG' has the leaves 0x40000000 to 0x40000001" in reasons.pop()
    assert found["host"]["vendor"] == "TCGTCGTCGTCG"
    assert found["machine"]["reference_host"] is False
    assert bool(found["machine"]["iommu"]) is not bool(more)
    assert "option --no-host" in shown and "running on QEMU itself, without the reference host" in shown
    assert all("--no-host" in test["again"] for test in found["tests"] if test["again"])


@real
@pytest.mark.boots
def test_without_pviommu_discovery_runs_and_a_profile_fails(saved: SavedMachine, tmp_path: Path) -> None:
    arguments = ("--variant", "no-pviommu", "--plain", "--profile", "linux-merged")
    code, found, _ = boot(tmp_path, *arguments, *SELECTION, saved=saved)
    assert code == 1
    assert count(found, "discovery", "skip") == 1 and count(found, "discovery", "pass") > 10
    assert count(found, "hypercall", "pass") >= 2
    assert count(found, "attach", "pass") == count(found, "translate", "pass") == 0
    assert not found["capabilities"]
    skipped = {test["reason"] for test in found["tests"] if test["verdict"] == "skip"}
    why = "this host has no pvIOMMU: GET_IOMMU_CAPABILITIES answers INVALID_HYPERCALL_CODE (0x2)"
    assert skipped == {why}
    kinds = {finding["kind"] for finding in found["gate"]["findings"]}
    assert {"capability", "not-verified"} <= kinds


@pytest.mark.parametrize("switch", [("--defect", "no-flush"), ("--variant", "other-status")])
def test_only_the_reference_host_has_defects_and_variants(runner: Runner, switch: tuple[str, str]) -> None:
    done = runner("--no-host", *switch)
    assert done.returncode == 3
    assert f"--no-host and {switch[0]}: there is no reference host on that machine" in done.stderr


def test_a_test_on_functions_of_the_host_needs_the_host(runner: Runner) -> None:
    done = runner("--no-host", "--functions-alone", "tr.leaf_4k@rocker")
    assert done.returncode == 3
    assert "this machine has no such device (option --no-host, option --functions-alone)" in done.stderr
