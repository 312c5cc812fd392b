# SPDX-License-Identifier: MIT
"""--iommu: the tests on a unit of QEMU's that the image drives itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import Runner, latest
from images import build, catalogue_section, host_section, image_section
from pvtest import paths
from pvtest.dev import check
from pvtest.errors import RunnerError
from pvtest.gate import unit_faults
from pvtest.gate import baseline, inputs
from pvtest.images import catalogue, requirements
from pvtest.images.boot_volume import BootOptions
from pvtest.machine import qemu
from pvtest.plan.devices import UNITS, Devices
from test_boots import boot
from pvtest.report import telling

TESTS = (
    ("cap.page_sizes", "CAP-1", "-", "-", "test"),
    ("tr.leaf_4k", "TR-1", "rocker,edu,dmaprobe", "dma", "test"),
    ("v.own", "TR-1", "rocker", "dma", "test", "virtio_iommu"),
    ("w.own", "TR-1", "-", "-", "test", "vtd"),
)
OWN = {"virtio-iommu": "v.own@rocker", "vtd": "w.own"}
DEVICES = {"FAKE_QEMU_DEVICES": "rocker edu nvme isa-debug-exit virtio-blk-pci intel-iommu virtio-iommu-pci"}


@pytest.fixture(name="driven")
def _driven(runner: Runner, tmp_path: Path) -> Runner:
    """The runner on images with tests of rocker, edu and dmaprobe."""
    folder = build(tmp_path / "driven", image_section(TESTS), host_section(()), catalogue_section(TESTS))
    return lambda *arguments, **environment: runner(*arguments, PVTEST_BUILD=str(folder), **{**DEVICES, **environment})


@pytest.mark.parametrize("unit", UNITS)
def test_the_machine_is_one_without_the_reference_host(driven: Runner, tmp_path: Path, unit: str) -> None:
    done = driven("--iommu", unit, FAKE_QEMU_VERSION="99.0.1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"the image drives QEMU's {unit} itself, without the reference host" in done.stdout
    found = latest(tmp_path)
    expected = ["cap.page_sizes", "tr.leaf_4k@rocker", "tr.leaf_4k@edu", OWN[unit]]
    assert [test["id"] for test in found["tests"]] == expected
    assert found["machine"]["unit"] == unit and found["machine"]["reference_host"] is False
    assert found["machine"]["iommu"].startswith(UNITS[unit])
    assert found["iommu"]["unit"] == unit and found["iommu"]["qemu"] == "99.0.1"
    counts = found["iommu"]["requirements"]
    general = len(requirements.load().of(""))
    assert counts["general"] == general and counts["own"] == len(found["requirements"]) - general
    words = f"{general} general requirements, {counts['own']} of its own"
    assert f"unit          {unit} of QEMU 99.0.1; {words}" in done.stdout


def test_tests_of_a_unit_run_on_it_alone(driven: Runner, tmp_path: Path) -> None:
    done = driven("--class", "none", "--class", "rocker")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [test["id"] for test in latest(tmp_path)["tests"]] == ["cap.page_sizes", "tr.leaf_4k@rocker"]
    for words in (["v.own"], ["V.own@rocker"], ["v.*", "--iommu", "vtd"]):
        done = driven(*words)
        assert done.returncode == 3
        assert f"'{words[0]}' selects tests of another unit; option --iommu virtio-iommu runs them" in done.stderr
    listed = driven("list", "w.own")
    assert listed.returncode == 0 and "Promise of w.own. (--iommu vtd)" in listed.stdout


def _requirements(**more: str) -> requirements.Requirements:
    entry = {"id": "V-1", "group": "v", "text": "t", "basis": "documented", "level": "must", **more}
    general = {**entry, "id": "TR-1", "group": "tr"}
    general.pop("unit", None)
    general.pop("section", None)
    return requirements.parse({"groups": {"tr": "", "v": ""}, "requirement": [general, entry]})


def test_statements_about_a_unit_count_there_alone() -> None:
    known = _requirements(unit="vtd", section="5.1")
    assert known.of("").ids == known.of("virtio-iommu").ids == ["TR-1"] and list(known.of("").groups) == ["tr"]
    assert known.of("vtd").ids == ["TR-1", "V-1"]
    assert telling.requirement_text(known["V-1"]) == "t (must; basis: 5.1)"
    for more in ({"unit": "smmu", "section": "1"}, {"unit": "vtd"}, {"section": "1"}):
        with pytest.raises(RunnerError, match="V-1: "):
            _requirements(**more)


def test_only_a_test_of_the_unit_names_its_statements() -> None:
    known = _requirements(unit="vtd", section="5.1")
    tests = (("tr.a", "V-1", "-", "-", "test"), ("v.a", "V-1 TR-1", "-", "-", "test", "vtd"))
    found = check.check(catalogue.parse_tests(catalogue_section(tests)), catalogue.HostCatalogue((), ()), known)
    assert len(found) == 1 and "test tr.a: V-1 is a statement about vtd alone" in found[0]


@pytest.mark.parametrize(
    ("kinds", "unit", "words"), [("dma", "smmu", "unknown unit 'smmu'"), ("abi", "vtd", "exclude each other")]
)
def test_labels_of_a_unit_that_are_refused(kinds: str, unit: str, words: str) -> None:
    tests = catalogue.parse_tests(catalogue_section((("tr.a", "TR-1", "-", kinds, "test", unit),))).tests
    assert words in " ".join(tests[0].problems)


@pytest.mark.parametrize(
    "others",
    [["--no-host"], ["--functions-alone"], ["--bus", "vpci"], ["--defect", "no-flush"], ["--variant", "slow"]],
    ids=lambda words: words[0],
)
def test_what_is_about_the_reference_host_is_refused(driven: Runner, others: list[str]) -> None:
    done = driven("--iommu", "vtd", *others)
    assert done.returncode == 3
    assert done.stderr.startswith(f"run.sh: --iommu vtd and {others[0]}") and len(done.stderr.splitlines()) == 1


def test_a_guest_that_drives_another_unit_is_an_error(driven: Runner) -> None:
    done = driven("--iommu", "vtd", "--fixture", "other-unit")
    assert done.returncode == 2
    assert "the guest drives no unit of its own, asked for was vtd" in done.stdout


def test_a_unit_that_there_is_not(driven: Runner) -> None:
    done = driven("--iommu", "smmu")
    assert done.returncode == 3 and "virtio-iommu" in done.stderr


@pytest.mark.parametrize(
    ("unit", "environment", "why"),
    [
        ("virtio-iommu", {"FAKE_QEMU_DEVICES": "rocker edu nvme isa-debug-exit virtio-blk-pci"}, "virtio-iommu-pci"),
        ("vtd", {"FAKE_QEMU_IOMMU": "x-scalable-mode"}, "no first-stage VT-d"),
    ],
)
def test_a_qemu_without_the_unit(driven: Runner, unit: str, environment: dict[str, str], why: str) -> None:
    done = driven("--iommu", unit, **environment)
    assert done.returncode == 4 and why in done.stderr


def test_the_guest_is_told_which_unit_to_drive() -> None:
    assert "iommu=vtd\n" in BootOptions(iommu="vtd").guest_text()
    assert "iommu=" not in BootOptions().guest_text()


def test_the_unit_comes_before_the_devices() -> None:
    """A device that looks up its address space when it is made would bypass a unit that comes later."""
    machine = qemu.Qemu("q", "10.0.2", "virtio-iommu-pci", "c", "v", Devices(hostless=True, unit="virtio-iommu"))
    words = qemu.command(machine, "tcg", Path("volume"), Path("log"))
    assert words.index("virtio-iommu-pci") < words.index("rocker,name=r0")


def test_a_result_is_shown_again_on_the_same_unit() -> None:
    assert Devices(hostless=True, unit="vtd").options == ["--iommu", "vtd"]


def test_known_failures_are_those_of_the_version() -> None:
    found = inputs.of_unit("virtio-iommu", "10.0.2")
    assert found is not None and found.parent == paths.BASELINES
    assert inputs.of_unit("virtio-iommu", "99.0.1") is None


@pytest.mark.parametrize("path", sorted(paths.BASELINES.glob("*.toml")), ids=lambda path: path.name)
def test_baselines_that_are_shipped_name_tests_and_say_why(path: Path) -> None:
    if not paths.GUEST_IMAGE.exists():
        pytest.skip("the images are not built")
    names = [name for i in catalogue.load_tests().instances for name in (i.id, i.test.id)]
    for known in baseline.load(path).known:
        assert known.test in names
        assert known.reason.count(". ") >= 1 and "./run.sh" in known.reason, "two sentences, and how to see it"
    assert requirements.load()


def test_sometimes_is_true_or_false(tmp_path: Path) -> None:
    file = tmp_path / "known.toml"
    head = 'format = "pvtest-baseline"\nformat_version = 1\n[[known]]\ntest = "a.b"\nreason = "r"\n'
    file.write_text(head + "sometimes = true\n")
    assert baseline.load(file).known[0].sometimes
    file.write_text(head)
    assert not baseline.load(file).known[0].sometimes
    file.write_text(head + "sometimes = 1\n")
    with pytest.raises(Exception, match="sometimes must be true or false"):
        baseline.load(file)


@pytest.mark.parametrize(("sometimes", "code"), [("false", 1), ("true", 0)])
def test_a_failure_that_shows_only_sometimes_may_pass(
    driven: Runner, tmp_path: Path, sometimes: str, code: int
) -> None:
    file = tmp_path / "known.toml"
    file.write_text(
        'format = "pvtest-baseline"\nformat_version = 1\n[[known]]\ntest = "tr.leaf_4k@rocker"\n'
        f'reason = "a race"\nsometimes = {sometimes}\n'
    )
    done = driven("--iommu", "vtd", "--baseline", str(file))
    assert done.returncode == code, done.stdout
    assert ("knows it as failing (a race)" in done.stdout) == (code == 1)


def test_every_fault_of_the_units_is_tried() -> None:
    folder = paths.ROOT / "drivers" / "units"
    names = ("unit_faults.c", "call_faults.c", "vtd_faults.c")
    text = "".join((folder / name).read_text(encoding="utf-8") for name in names)
    assert re.findall(r'\{\.name = "([^"]+)"', text) == [*unit_faults.FAULTS, *unit_faults.FATAL]
    text = (folder / "virtio_faults.c").read_text(encoding="utf-8")
    assert re.findall(r'\{\.name = "([^"]+)"', text) == list(unit_faults.VIRTIO_FAULTS)
    known = {item.id for item in requirements.load().items}
    for faults in (unit_faults.FAULTS, unit_faults.VIRTIO_FAULTS):
        assert {name for names in faults.values() for name in names.split()} <= known


@pytest.mark.skipif(not paths.GUEST_IMAGE.exists(), reason="the images are not built")
def test_every_statement_about_virtio_has_a_fault_or_fails_on_qemu() -> None:
    """A test that no fault can make fail shows nothing; one that fails on QEMU 10.0 has shown that it can."""
    seen = {name for names in unit_faults.VIRTIO_FAULTS.values() for name in names.split()}
    known = baseline.load(paths.BASELINES / "qemu-10.0-virtio-iommu.toml").known
    for test in catalogue.load_tests().tests:
        if any(entry.matches(test.id) for entry in known):
            seen |= set(test.requirements)
    open_ones = {"VIO-1", "VIO-27"}  # without MAP_UNMAP nothing runs at all; 27 leaves all open
    own = {item.id for item in requirements.load().items if item.unit == "virtio-iommu" and not item.reason}
    assert own - seen == open_ones


def test_a_fault_is_an_option_of_the_guest() -> None:
    assert "unit-fault=attach-lost\n" in BootOptions(iommu="vtd", unit_fault="attach-lost").guest_text()


@pytest.mark.boots
@pytest.mark.skipif(not paths.GUEST_IMAGE.exists(), reason="the images are not built")
@pytest.mark.parametrize(
    ("device", "why"),
    [
        ("edu", "no VT-d unit: there is no ACPI table DMAR"),
        ("intel-iommu,x-scalable-mode=off", "the VT-d unit lacks queued invalidation, scalable mode, first-stage"),
        ("intel-iommu,x-scalable-mode=on", "the VT-d unit lacks queued invalidation, scalable mode, first-stage"),
    ],
)
def test_a_unit_that_cannot_be_used_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, why: str
) -> None:
    monkeypatch.setenv("PVTEST_TEST_UNIT", device)
    other = str(Path(__file__).parent / "other_vtd_qemu.sh")
    code, found, shown = boot(tmp_path, "--iommu", "vtd", "--qemu", other, "--plain", "vtd.queue_wraps")
    assert code == 2, shown
    assert any(why in problem for problem in found["problems"]), found["problems"]
    assert [test["verdict"] for test in found["tests"]] == ["error"]


@pytest.mark.parametrize("unit", UNITS)
def test_data_of_a_slow_disk_come_late(tmp_path: Path, unit: str) -> None:
    """A disk that waits shows in each run what few rounds show on an idle machine (docs/reports)."""
    slow = str(Path(__file__).parent / "slow_disk_qemu.sh")
    code, found, shown = boot(tmp_path, "--iommu", unit, "--qemu", slow, "--plain", "flush.queued_commands_are_over")
    assert code == 0, shown
    (test,) = found["tests"]
    assert test["verdict"] == "fail" and test["excused"], test
    assert "commands from before the flush: memory changed that no DMA may reach" in test["reason"]


def test_texts_for_other_projects_are_in_their_form() -> None:
    table = (paths.DOCS / "found-bugs.md").read_text(encoding="utf-8")
    texts = sorted((paths.DOCS / "reports").glob("qemu-*.md"))
    assert texts
    for path in texts:
        assert f"(reports/{path.name})" in table, path.name
        text = path.read_text(encoding="utf-8")
        for heading in ("Host environment", "Description of problem", "Steps to reproduce", "Additional information"):
            assert f"\n## {heading}\n" in text, f"{path.name}: {heading}"
    assert set(re.findall(r"\(reports/([\w-]+\.md)\)", table)) == {path.name for path in texts}
