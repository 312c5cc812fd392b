# SPDX-License-Identifier: MIT
"""The real image in the real QEMU: the exit codes again, this time with a guest that is really broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import ROOT
from pvtest import catalogue, paths

pytestmark = [
    pytest.mark.boots,
    pytest.mark.skipif(
        not paths.GUEST_IMAGE.exists() or not paths.HOST_IMAGE.exists(), reason="the images are not built"
    ),
]


Result = tuple[int, dict, str]
BROKEN = {"fail": 1, "error": 2, "hang": 2, "crash": 2, "triple-fault": 2, "garbage": 2, "stop-half-way": 2}
RESUMED = ("hang", "triple-fault", "flood", "crash", "stop-half-way")
RESUME_SECONDS = "30"  # for a boot that is whole, too
HANG_SECONDS = "15"  # enough for the firmware, which comes first


def boot(folder: Path, *arguments: str) -> Result:
    done = subprocess.run(
        [sys.executable, "-m", "pvtest", *arguments, "--results", str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tools")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    path = folder / "latest" / "results.json"
    assert path.exists(), done.stdout + done.stderr
    return done.returncode, json.loads(path.read_text()), done.stdout


def some_test() -> str:
    """One quick instance that needs no device."""
    return next(instance.id for instance in catalogue.load_tests().instances if instance.device is None)


def quick_tests() -> list[str]:
    """Some instances that need no device; the fixtures break in the middle of them."""
    return [instance.id for instance in catalogue.load_tests().instances if instance.device is None][:6]


def some_defect() -> str:
    """A defect that the tests of FL-1 must see."""
    return next(defect.name for defect in catalogue.load_host().defects if "FL-1" in defect.requirements)


def some_variants() -> list[str]:
    """Two that can be on together and that the guest can see."""
    names = {variant.name for variant in catalogue.load_host().variants}
    return [name for name in ("cpuid-other-vendor", "cap-size-0") if name in names]


IN_USER_MODE = {"user-hang": "did not end within its deadline", "user-fault": "program at CPL 3: a system call"}


@pytest.fixture(name="boots", scope="module")
def _boots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Result]]:
    """All boots of this file, one per CPU at a time: each is a few seconds of firmware on one CPU."""
    name = some_test()
    jobs: dict[str, list[str]] = {"whole": [name], "defect": ["FL-1", "--defect", some_defect()]}
    jobs["variant"] = [name, "CAP-*"]
    for variant in some_variants():
        jobs["variant"] += ["--variant", variant]
    for fixture in BROKEN:
        jobs[fixture] = ["run", name, "--fixture", fixture]
    jobs["hang"] += ["--timeout", HANG_SECONDS]
    for fixture in RESUMED:
        jobs[f"resumed-{fixture}"] = ["run", *quick_tests(), "--fixture", fixture, "--timeout", RESUME_SECONDS]
    for fixture in IN_USER_MODE:
        jobs[fixture] = ["run", *quick_tests(), "--fixture", fixture]
    jobs["shuffled"] = ["run", *quick_tests(), "--shuffle", "--seed", "2"]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        futures = {key: pool.submit(boot, tmp_path_factory.mktemp(key), *job) for key, job in jobs.items()}
        yield lambda key: futures[key].result()


def test_one_test_passes(boots: Callable[[str], Result]) -> None:
    code, found, output = boots("whole")
    assert code == 0, output
    assert [(test["id"], test["verdict"]) for test in found["tests"]] == [(some_test(), "pass")]
    assert found["devices"] and found["versions"]["host"] != "unknown"


@pytest.mark.parametrize("fixture", BROKEN)
def test_broken_guest(boots: Callable[[str], Result], fixture: str) -> None:
    code, found, output = boots(fixture)
    assert code == BROKEN[fixture] == found["exit_code"], output
    if fixture == "crash":
        (test,) = found["tests"]
        assert "panic" in found["problems"][0] and test["crash"]
        assert any(frame["function"] and ".c:" in frame["source"] for frame in test["frames"]), test["frames"]


@pytest.mark.parametrize("fixture", IN_USER_MODE)
def test_a_program_in_ring_3_ends_no_more_than_its_test(boots: Callable[[str], Result], fixture: str) -> None:
    code, found, output = boots(fixture)
    assert code == 2, output
    assert [test["verdict"] for test in found["tests"]].count("error") == 1
    first, *others = found["tests"]
    assert IN_USER_MODE[fixture] in first["reason"], first
    assert {test["verdict"] for test in others} <= {"pass", "skip"}, others


def test_a_defect_makes_a_test_fail(boots: Callable[[str], Result]) -> None:
    code, found, output = boots("defect")
    assert code == 1, output
    assert found["defects"] == [some_defect()] and found["summary"]["fail"] > 0


def test_variants_are_in_force_and_pass(boots: Callable[[str], Result]) -> None:
    code, found, output = boots("variant")
    assert code == 0, output
    assert found["variants"] == some_variants() and len(found["variants"]) == 2
    assert sorted(found["host"]["variant"].split(",")) == sorted(some_variants())
    assert found["host"]["vendor"] == "Another Host"
    (size,) = [test for test in found["tests"] if test["id"] == "capabilities.size_field"]
    assert size["observation"].startswith("size 0,")


@pytest.mark.parametrize("fixture", RESUMED)
def test_the_run_goes_on_behind_the_place_where_the_guest_broke(boots: Callable[[str], Result], fixture: str) -> None:
    code, found, output = boots(f"resumed-{fixture}")
    assert code == 2 == found["exit_code"], output
    assert [test["id"] for test in found["tests"]] == quick_tests()
    assert [test["verdict"] for test in found["tests"]] == ["pass"] * 3 + ["error"] + ["pass"] * 2, output
    guilty = found["tests"][3]
    assert guilty["reason"].startswith("was next when"), guilty["reason"]
    assert [boot["reported"] for boot in found["boots"]] == [3, 2]


def test_the_guest_keeps_a_shuffled_order(boots: Callable[[str], Result]) -> None:
    code, found, output = boots("shuffled")
    assert code == 0, output
    order = [test["id"] for test in found["tests"]]
    assert found["shuffled"] and sorted(order) == quick_tests() and order != quick_tests()
