# SPDX-License-Identifier: MIT
"""The real image in the real QEMU: the exit codes again, this time with a guest that is really broken."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import HERE, ROOT, pvtest_call
from pvtest import paths
from pvtest.images import catalogue
from pvtest.machine import qemu
from saved_machine import SavedMachine

pytestmark = [
    pytest.mark.boots,
    pytest.mark.skipif(
        not paths.GUEST_IMAGE.exists() or not paths.HOST_IMAGE.exists(), reason="the images are not built"
    ),
]


Result = tuple[int, dict, str]
BROKEN = {
    **{"fail": 1, "error": 2, "hang": 2, "crash": 2, "triple-fault": 2, "garbage": 2, "stop-half-way": 2},
    **{"exception": 2, "trap-in-test": 2},
}
# Class edu takes 100 ms for each of many DMAs, or of two. Tests on it have SLOW_DEADLINE_FACTOR times the deadline, and
# its clock counts instructions, so that a loaded machine changes nothing.
SLOW_TEST, LESS_SLOW, DEADLINE_MS, SLOW_FACTOR = "translate.scattered_64k@edu", "translate.leaf_4k@edu", 80, 50
ON_EVERY_CLASS = "isolation.two_devices_one_domain"
BEHIND_EXPANDER = "attach.back_and_forth@nvme"
HIGH_IOVAS = "translate.every_index_bit@edu"
USER_DEADLINE_MS = 1000  # a hundred times what any other test of that boot takes
KILL_ROUNDS = 300  # a second or two of tests
RESUMED = ("hang", "triple-fault", "flood", "crash", "stop-half-way")
RESUME_BOOTS, RESUME_SECONDS = 4, 3  # one that does not end gets so many times a whole boot, and no less than that


def boot(folder: Path, *arguments: str, saved: SavedMachine | None = None) -> Result:
    """Of all devices, or of a saved machine."""
    options, environment = (saved.options, saved.environment) if saved else ((), {})
    done = pvtest_call(*arguments, *options, "--results", str(folder), seconds=180, **environment)
    path = folder / "latest" / "results.json"
    assert path.exists(), done.stdout + done.stderr
    return done.returncode, json.loads(path.read_text()), done.stdout


def killed(folder: Path, *arguments: str, saved: SavedMachine) -> Result:
    """The same with a machine that is killed when it has reported some results."""
    stop = threading.Event()

    def kill() -> None:
        while not stop.wait(0.05):
            for log in folder.glob("*/serial.log"):
                if b"\nok 100 " not in log.read_bytes():
                    continue
                for entry in Path("/proc").glob("[0-9]*/cmdline"):
                    with contextlib.suppress(OSError):
                        # Of all machines only the one that writes into this folder.
                        if str(log.parent).encode() in entry.read_bytes():
                            os.kill(int(entry.parent.name), signal.SIGKILL)
                return

    with ThreadPoolExecutor(1) as pool:
        pool.submit(kill)
        try:
            return boot(folder, *arguments, saved=saved)
        finally:
            stop.set()


def resumed(folder: Path, whole: Future[Result], fixture: str, saved: SavedMachine) -> Result:
    """A guest that breaks in the middle. Some of them only end by the time, and keep a CPU busy up to then."""
    whole_seconds = whole.result()[1]["timing"]["boot_to_verdict_ms"] / 1000
    seconds = max(RESUME_SECONDS, math.ceil(RESUME_BOOTS * whole_seconds))
    return boot(folder, "run", *quick_tests(), "--fixture", fixture, "--timeout", str(seconds), saved=saved)


def some_flush() -> str:
    """One quick instance that flushes a whole domain."""
    return next(i.id for i in catalogue.load_tests().instances if i.id == "flush.unmapped_domain_flush@dmaprobe")


def some_test() -> str:
    """One quick instance that needs no device."""
    return quick_tests()[0]


def quick_tests() -> list[str]:
    """Some instances that need no device; the fixtures break in the middle of them."""
    known = catalogue.load_tests().instances
    return [one.id for one in known if one.device is None and "device" not in one.test.kinds][:6]


DEFECT, SEEN_BY = "flush-domain-ignored", "FL-1"


def some_variants() -> list[str]:
    """Two that can be on together and that the guest can see."""
    names = {variant.name for variant in catalogue.load_host().variants}
    return [name for name in ("cpuid-other-vendor", "cap-size-0") if name in names]


IN_USER_MODE = {"user-hang": "did not end within its deadline", "user-fault": "program at CPL 3: a system call"}


@pytest.fixture(name="boots", scope="module")
def _boots(tmp_path_factory: pytest.TempPathFactory, saved: SavedMachine) -> Iterator[Callable[[str], Result]]:
    """All boots of this file, one per CPU at a time. Those that need none of QEMU's devices are of a saved machine."""
    name = some_test()
    jobs: dict[str, list[str]] = {"whole": [name], "variant": [name, "CAP-*"]}
    jobs["defect"] = [SEEN_BY, "--group", "flush", "--class", "dmaprobe", "--defect", DEFECT]
    for variant in some_variants():
        jobs["variant"] += ["--variant", variant]
    for fixture in set(BROKEN) - set(RESUMED):
        jobs[fixture] = ["run", name, "--fixture", fixture]
    for fixture in IN_USER_MODE:
        jobs[fixture] = ["run", *quick_tests(), "--fixture", fixture, "--deadline", str(USER_DEADLINE_MS)]
    jobs["shuffled"] = ["run", *quick_tests(), "--shuffle", "--repeat", "3", "--seed", "2"]
    jobs["until-fail"] = ["run", *quick_tests(), "--until-fail", "--repeat", "5"]
    jobs["host-crash"] = ["run", some_flush(), *quick_tests(), "--fixture", "host-crash"]
    jobs["quick"] = ["run", *quick_tests()]
    devices: dict[str, list[str]] = {"classes": ["run", ON_EVERY_CLASS, HIGH_IOVAS]}
    # Two things that one machine shows: each start of a firmware under the clock of slow devices takes 2 s.
    devices["deadline"] = ["run", SLOW_TEST, LESS_SLOW, HIGH_IOVAS, "--deadline", str(DEADLINE_MS)]
    devices["deadline"] += ["--qemu", str(HERE / "narrow_qemu.sh")]
    devices["expander"] = ["run", BEHIND_EXPANDER, "--bus", "pci", "--qemu", str(HERE / "expander_qemu.sh")]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        futures = {key: pool.submit(boot, tmp_path_factory.mktemp(key), *job) for key, job in devices.items()}
        for key, job in jobs.items():
            futures[key] = pool.submit(boot, tmp_path_factory.mktemp(key), *job, saved=saved)
        for fixture in RESUMED:
            folder = tmp_path_factory.mktemp(f"resumed-{fixture}")
            futures[f"resumed-{fixture}"] = pool.submit(resumed, folder, futures["quick"], fixture, saved)
        job = ["run", *quick_tests(), "--repeat", str(KILL_ROUNDS)]
        futures["killed"] = pool.submit(killed, tmp_path_factory.mktemp("killed"), *job, saved=saved)
        yield lambda key: futures[key].result()


def test_one_test_passes(boots: Callable[[str], Result]) -> None:
    code, found, output = boots("whole")
    assert code == 0, output
    assert [(test["id"], test["verdict"]) for test in found["tests"]] == [(some_test(), "pass")]
    assert found["devices"] and found["versions"]["host"] != "unknown"


@pytest.mark.parametrize("fixture", BROKEN)
def test_broken_guest(boots: Callable[[str], Result], fixture: str) -> None:
    code, found, output = boots(f"resumed-{fixture}" if fixture in RESUMED else fixture)
    assert code == BROKEN[fixture] == found["exit_code"], output
    test = found["tests"][len(quick_tests()) // 2 if fixture in RESUMED else 0]
    if fixture in ("crash", "exception"):
        assert "panic" in found["problems"][0] and test["crash"]
    if fixture in ("exception", "trap-in-test"):
        assert any(line.startswith("regs: rax=") for line in test["crash"]), test["crash"]
        assert test["frames"][0]["source"].startswith("tests/harness/broken.c:")
    if fixture in ("crash", "exception", "trap-in-test"):
        whole_stack(test["frames"], "suite_main")
    if fixture == "triple-fault":
        # The guest cannot tell any more; the host does.
        (crash,) = found["crashes"]
        assert (crash["program"], crash["text"]) == ("guest", "triple fault")
        assert any("cr3=0x" in line for line in crash["lines"])
        whole_stack(crash["frames"], "suite_main")


def whole_stack(frames: list[dict], function: str) -> None:
    """Named frames with the source line of each, its neighbors, and this function among them."""
    assert function in [frame["function"] for frame in frames], frames
    for frame in frames:
        name, _, line = frame["source"].rpartition(":")
        text = (ROOT / name).read_text().splitlines()
        wanted = [n for n in range(int(line) - 1, int(line) + 2) if 1 <= n <= len(text)]
        assert [code["line"] for code in frame["code"]] == wanted
        assert [code["text"].split() for code in frame["code"]] == [text[n - 1].split() for n in wanted]


def test_devices_behind_an_expander_bridge_are_found(boots: Callable[[str], Result]) -> None:
    """By guest and host: a device that only one of them knows could not be attached."""
    code, found, output = boots("expander")
    assert code == 0, output
    places = [device["bdf"] for device in found["devices"] if device["class"] == "nvme"]
    assert places == ["41:00.0", "42:00.0", "43:00.0"]
    assert [test["verdict"] for test in found["tests"]] == ["pass"]


def test_host_that_crashes(boots: Callable[[str], Result]) -> None:
    code, found, output = boots("host-crash")
    assert code == 2, output
    (crash,) = found["crashes"]
    assert (crash["program"], crash["boot"], crash["test"]) == ("host", 1, some_flush())
    assert "exception 14" in crash["text"] and any("cr2=0x7f0000000000" in line for line in crash["lines"])
    assert crash["frames"][0]["function"] == "panic_test"
    whole_stack(crash["frames"], "handle_exit")
    names = [frame["function"] for frame in crash["frames"]]
    assert names[1] == "exit_hypercall", "the function that crashed has no frame; its caller is named all the same"
    bad = [test for test in found["tests"] if test["verdict"] != "pass"]
    assert [test["id"] for test in bad] == [some_flush()], "the run goes on after it"
    assert "the reference host crashed" in bad[0]["reason"] and "panic_test" in output


def test_a_test_that_does_not_end_in_time_ends_alone(boots: Callable[[str], Result]) -> None:
    code, found, output = boots("deadline")
    assert code == 2, output
    verdicts = {test["id"]: test["verdict"] for test in found["tests"]}
    assert verdicts[LESS_SLOW] == "pass", output
    (bad,) = [test for test in found["tests"] if test["verdict"] not in ("pass", "skip")]
    assert (
        bad["id"] == SLOW_TEST and bad["reason"] == f"did not end within its deadline of {SLOW_FACTOR * DEADLINE_MS} ms"
    )
    # The place: in a test of its own file, called by the harness.
    whole_stack(bad["frames"], "suite_run_next")
    assert any(frame["source"].startswith("tests/translate") for frame in bad["frames"])
    assert len(found["boots"]) == 1, "the guest goes on by itself"


def test_slow_devices_have_a_clock_that_runs_ahead(boots: Callable[[str], Result]) -> None:
    code, found, output = boots("classes")
    assert code == 0, output
    tests = [test for test in found["tests"] if test["id"] != HIGH_IOVAS]
    verdicts = {test["device"]: (test["verdict"], test["virtual_clock"]) for test in tests}
    assert verdicts == {name: ("pass", name in catalogue.SLOW_CLASSES) for name in catalogue.CLASSES}
    assert [boot["virtual_clock"] for boot in found["boots"]] == [False, True]
    (slow,) = [test for test in tests if test["virtual_clock"]]
    assert slow["duration_ms"] >= 100, "a transfer takes a tenth of a second"
    assert sum(device["class"] == "edu" for device in found["devices"]) == qemu.SLOW_DEVICES


@pytest.mark.parametrize(("job", "verdict"), [("classes", "pass"), ("deadline", "skip")], ids=["wide", "narrow"])
def test_a_slow_device_may_have_few_address_lines(boots: Callable[[str], Result], job: str, verdict: str) -> None:
    _, found, output = boots(job)
    (test,) = [test for test in found["tests"] if test["id"] == HIGH_IOVAS]
    assert test["verdict"] == verdict, output
    assert verdict == "pass" or "emits addresses of 28 bits" in test["reason"]


def test_machine_that_is_killed(boots: Callable[[str], Result]) -> None:
    code, found, output = boots("killed")
    assert code == 2, output
    first, *others = found["boots"]
    assert "exit code -9" in first["interruption"] and 100 <= first["reported"] < KILL_ROUNDS * len(quick_tests())
    assert first["guilty"] in quick_tests() and others
    bad = [test["id"] for test in found["tests"] if test["verdict"] != "pass"]
    assert [test["id"] for test in found["tests"]] == quick_tests() and bad == [first["guilty"]]


def test_rounds_until_something_fails(boots: Callable[[str], Result]) -> None:
    code, found, output = boots("until-fail")
    assert code == 0, output
    assert found["repeat"] == 4 and found["seed"] == 2, "one round, then four in the second boot"
    assert "rounds        1 before these passed" in output


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
    assert found["defects"] == [DEFECT] and found["summary"]["fail"] > 0


def test_variants_are_in_force_and_pass(boots: Callable[[str], Result]) -> None:
    code, found, output = boots("variant")
    assert code == 0, output
    assert found["variants"] == some_variants() and len(found["variants"]) == 2
    assert sorted(found["host"]["variant"].split(",")) == sorted(some_variants())
    assert found["host"]["vendor"] == "Another Host"
    (size,) = [test for test in found["tests"] if test["id"] == "capabilities.size_field"]
    assert size["observation"].startswith("size 0,")


@pytest.mark.parametrize("fixture", RESUMED)
def test_the_run_goes_on_after_the_place_where_the_guest_broke(boots: Callable[[str], Result], fixture: str) -> None:
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
    assert found["repeat"] == 3 and all(test["rounds"] == 3 for test in found["tests"])
    assert found["shuffled"] and sorted(order) == quick_tests() and order != quick_tests()
