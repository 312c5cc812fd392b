# SPDX-License-Identifier: MIT
"""A campaign of defects goes on from a machine that was saved after the firmware."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import images
import pytest
from conftest import ROOT, Runner, latest
from pvtest.cli.campaign import CAMPAIGNS, WORTH_SAVING, Hosts
from pvtest.images import catalogue, requirements
from pvtest.images.boot_volume import BootOptions
from pvtest.images.catalogue import Defect, parse_tests
from pvtest.machine import boots, qemu, saved
from pvtest.machine.guest_process import Observer
from pvtest.machine.qemu import Qemu
from pvtest.machine.request import Request
from pvtest.stream.model import Run, TestResult, Verdict
from pvtest.stream.trials import Trials
from saved_machine import FOLDER, SCRIPT, SavedMachine

MANY = tuple((f"lazy-{n}", "CAP-1", "A capability is missing.") for n in range(WORTH_SAVING - 1))
UNITS = (("unit-only", "FL-1", "Nothing.", "vtd"), ("bus-only", "FL-1", "Nothing.", "vpci"))
DEFECTS = (*MANY, ("no-flush", "FL-1", "A flush does nothing."), *UNITS)
HOLD_NO_MORE = "name=opt/pvtest/hold,string=0"
QEMU = Qemu("qemu", "10.0.2", "intel-iommu", "code", "variables", tpm=True)


@pytest.fixture(name="many", scope="module")
def _many(build: Path) -> Iterator[None]:
    images.build(build, host=images.host_section(DEFECTS))
    yield
    images.build(build)


def campaign(runner: Runner, tmp_path: Path, *options: str, **more: str) -> tuple[str, dict[str, str], bool]:
    """Its output, the first failure of each defect, and whether a host without a defect ran on a saved machine."""
    done = runner("defects", *options, **more)
    assert done.returncode == 1, "the lazy ones are missed" + done.stdout + done.stderr
    entries = latest(tmp_path, "defects.json")["defects"]
    assert not any(entry["problems"] for entry in entries)
    failing = {entry["defect"]: " ".join(entry["failing"][:1]) for entry in entries}
    return done.stdout, failing, (tmp_path / "results" / "latest" / "saved-machine" / "serial.log").exists()


@pytest.mark.usefixtures("many")
def test_defects_go_on_from_a_saved_machine(runner: Runner, tmp_path: Path) -> None:
    _, failing, on_saved = campaign(runner, tmp_path)
    assert on_saved
    assert failing["no-flush"] == "flush.unmap@dmaprobe", "it has the host's virtual functions alone"
    assert failing["lazy-0"] == failing["unit-only"] == ""


@pytest.mark.usefixtures("many")
def test_a_defect_of_virtual_buses_that_the_saved_machine_does_not_show_is_booted(
    runner: Runner, tmp_path: Path
) -> None:
    runner("defects", "--jobs", "1")
    found = {entry["defect"]: entry for entry in latest(tmp_path, "defects.json")["defects"]}
    folder = tmp_path / "results" / "latest"
    assert "flush.unmap@rocker" in (folder / "bus-only" / "serial.log").read_text(), "the run that decides"
    assert found["bus-only"]["verdict"] == "missed"
    # The host without a defect ran there, on the tests that are asked there.
    sound = (folder / "virtual-buses" / "serial.log").read_text()
    assert "flush.unmap@dmaprobe" in sound and "cap." not in sound


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("option", ["--boot-each", "--matrix"])
def test_each_defect_may_have_a_boot(runner: Runner, tmp_path: Path, option: str) -> None:
    _, failing, on_saved = campaign(runner, tmp_path, option)
    assert not on_saved and failing["no-flush"] == "flush.unmap@rocker"


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("how", "why"),
    [("never", "QEMU refuses migrate: State blocked by"), ("failed", "did not save the machine: failed")],
)
def test_a_machine_that_cannot_be_saved(runner: Runner, tmp_path: Path, how: str, why: str) -> None:
    said, failing, on_saved = campaign(runner, tmp_path, FAKE_QEMU_SAVES=how)
    assert "Each defect gets a boot of its own, as the machine could not be saved: " in said and why in said
    assert not on_saved and failing["no-flush"] == "flush.unmap@rocker"


@pytest.mark.usefixtures("many")
def test_few_defects_are_booted(runner: Runner, tmp_path: Path) -> None:
    assert runner("defects", "no-flush").returncode == 0
    assert not (tmp_path / "results" / "latest" / "saved-machine").exists()


@pytest.mark.usefixtures("many")
def test_a_crash_ends_its_own_machine_alone(runner: Runner, tmp_path: Path) -> None:
    deadly = {"FAKE_QEMU_DEADLY": "cap.page_sizes=kill", "FAKE_QEMU_DEADLY_WITH": "lazy-3"}
    runner("defects", "--jobs", "1", **deadly)
    found = {entry["defect"]: entry for entry in latest(tmp_path, "defects.json")["defects"]}
    assert [name for name, entry in found.items() if entry["errors"]] == ["lazy-3"]
    assert found["no-flush"]["verdict"] == "caught"


def test_where_a_defect_is_shown() -> None:
    tests = parse_tests(images.catalogue_section())
    booted = Request(tests, requirements.load(), tests.instances, QEMU)
    quick = Request(tests, requirements.load(), tests.instances[:1], saved.machine(QEMU))
    hosts = Hosts(booted, quick)
    defects = [Defect("d", (), "", unit) for unit in ("any", "soft", "vtd")]
    shown = [hosts.request(CAMPAIGNS["defects"], defect).qemu for defect in defects]
    assert shown == [quick.qemu, quick.qemu, QEMU]
    assert quick.flags() == ["--functions-alone"], "the command that shows a result again"
    bus, results = Defect("d", ("FL-1",), "", "vpci"), [TestResult(one, Verdict.PASS) for one in tests.instances]
    sound = Run(tests, requirements.load(), tests.instances, results, [])
    assert Hosts(booted, quick, sound).first(CAMPAIGNS["defects"], bus) is None, "no run has told what passes there"
    on_buses = Hosts(booted, dataclasses.replace(quick, selected=tests.instances), sound, sound)
    first = on_buses.first(CAMPAIGNS["defects"], bus)
    assert first is not None and (first.qemu, first.bus) == (quick.qemu, "vpci")
    assert {one.id for one in first.selected} == first.stop_at, "if they do not catch it, all others run elsewhere"
    assert on_buses.first(CAMPAIGNS["defects"], defects[0]) is None
    assert on_buses.request(CAMPAIGNS["defects"], bus).qemu == QEMU, "its devices may be what shows it"
    few = [Hosts(booted).request(CAMPAIGNS["defects"], defect) for defect in defects]
    assert [one.qemu.devices.alone for one in few] == [False, True, False], "57 bits are on a machine without VT-d"
    assert "--functions-alone" in few[1].flags() and not few[1].qemu.iommu


@pytest.mark.boots
def test_a_sound_host_between_two_defects_passes(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """On the saved machine of other tests, which is saved as a campaign saves its own."""
    machine: SavedMachine = request.getfixturevalue("saved")
    tests = catalogue.load_tests()
    selected = [one for one in tests.instances if one.id.startswith("flush.unmapped_") and one.device == "dmaprobe"]
    found = machine.itself
    sound = Request(tests, requirements.load(), selected, found.qemu, saved=found)
    ignored = next(one for one in catalogue.load_host().defects if one.name == "flush-domain-ignored")
    verdicts = []
    for number, defects in enumerate(([], [ignored], [], [ignored])):
        run = boots.run(dataclasses.replace(sound, defects=defects), tmp_path / str(number), Observer())
        assert not run.problems
        verdicts.append([result.verdict.value for result in run.results])
    assert set(verdicts[0]) <= {"pass", "skip"} and "fail" in verdicts[1]
    assert verdicts[2:] == verdicts[:2]


def test_slow_ones_are_named() -> None:
    took = {"a": 1.9, "b": 2.1, "c": 12.0}
    entries = tuple({"defect": name, "seconds": seconds} for name, seconds in took.items())
    assert Trials("defects", entries).slow_told == "Longer than 2 s: c 12.0 s, b 2.1 s"
    assert Trials("defects", entries[:1]).slow_told == ""


def test_both_sides_name_the_same_files(tmp_path: Path) -> None:
    source = (ROOT / "host" / "launch" / "machine_options.c").read_text()
    header = (ROOT / "host" / "launch" / "machine_options.h").read_text()
    machine = saved.Saved(saved.machine(QEMU), tmp_path / "volume", tmp_path / "state", tmp_path / "m,em")
    line = machine.command(BootOptions(defects=["d"]), tmp_path, tmp_path / "host.log", 7)
    names = [word.partition(",")[0].removeprefix("name=") for word in line if word.startswith("name=opt/")]
    assert sorted(names) == ["opt/pvtest/hold", "opt/pvtest/pvtest.opt", "opt/pvtest/refhost.opt"]
    assert all(f'"{name}"' in source for name in names)
    assert f'"{saved.HOLDS.decode().strip()}\\n"' in header
    assert (tmp_path / "hold").read_text() == "0" and (tmp_path / "refhost.opt").read_text().startswith("defect=d\n")
    (memory,) = (word for word in line if word.startswith("memory-backend-file,"))
    assert memory.endswith(f"mem-path={tmp_path}/m,,em,share=off"), "what a machine writes is its own"
    assert not any("tpm" in word or "rocker" in word or "intel-iommu" in word for word in line)


def test_the_tests_go_on_as_a_campaign_does(tmp_path: Path) -> None:
    """The script that stands in for QEMU gives the machine of the runner's command line what saved.py gives it."""
    real = tmp_path / "qemu-system-x86_64"
    real.write_text('#!/bin/sh\necho asked >>"${0%/*}/asked"\nprintf "%s\\n" "$@"\n')
    real.chmod(0o755)
    (tmp_path / "megabytes").write_text(str(QEMU.hardware.memory_mib))
    volume, log = tmp_path / "o,ptions", tmp_path / "host.log"
    found = saved.Saved(saved.machine(QEMU), tmp_path / "volume", tmp_path / "state", tmp_path / "memory")

    def script(*words: str) -> list[str]:
        environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", FOLDER: str(tmp_path)}
        said = subprocess.check_output([SCRIPT, *words], env=environment, text=True, timeout=20)
        return said.splitlines()

    volume.mkdir()
    plain = qemu.command(found.qemu, "tcg", volume, log)
    expected = found.command(BootOptions(), volume, log, 7)[1:]
    expected[expected.index(f"name=opt/pvtest/hold,file={qemu.escaped(str(volume))}/hold")] = HOLD_NO_MORE
    expected[expected.index("socket,id=orders,fd=7")] = f"file,id=orders,path=/dev/null,input-path={tmp_path}/orders"
    assert sorted(script(*plain[1:])) == sorted(expected)
    (tmp_path / "asked").unlink()
    assert script("-device", "help") == script("-device", "help") == ["-device", "help"]
    assert (tmp_path / "asked").read_text() == "asked\n", "the second answer is that of the first time"
    assert script("-tpmdev", "help") == []
