# SPDX-License-Identifier: MIT
"""Faults of units that the image drives itself: several in one boot have the verdicts of a boot each."""

from __future__ import annotations

from pathlib import Path

import pytest
from pvtest import paths
from pvtest.gate import unit_faults
from pvtest.images.boot_volume import BootOptions, FaultTurn
from pvtest.plan.devices import UNITS
from pvtest.stream.tap import TapParser

WANTED = [("one", ("t.a", "t.b", "t.c")), ("two", ("t.b",)), ("three", ("t.a", "t.c"))]
ONE = [(("t.a", "pass"), ("t.b", "fail")), (("t.b", "fail"),), (("t.a", "pass"), ("t.c", "skip"))]
# The fault, the verdicts under it, and those without it.
TURNS = [("one", "a b!", "b"), ("two", "b!", "b"), ("three", "a c-", "")]


def _points(words: str, first: int) -> list[str]:
    out = []
    for number, word in enumerate(words.split(), first):
        state = "not ok" if word[-1] in "!?+" else "ok"
        out.append(f"{state} {number} - t.{word[0]}{' # SKIP no' * (word[-1] == '-')}")
        if word[-1] in "!?+":
            out += ["  ---", f"  verdict: \"{'error' if word[-1] == '?' else 'fail'}\""]
            out += ['  requirement: "X-1"'] * (word[-1] == "+") + ["  ..."]
    return out


def _stream(turns: list[tuple[str, str, str]], end: bool = True) -> TapParser:
    lines, count = ["TAP version 14", "1..20"], 0
    for fault, under, without in turns:
        for name, words in ((fault, under), ("none", without)):
            lines += [f"# fault: name={name} next={count + 1}", *_points(words, count + 1)]
            count += len(words.split())
    tap = TapParser()
    for line in [*lines, *["# end: planned=20 duration_us=5"] * end]:
        tap.feed(line)
    assert not tap.problems
    return tap


def test_each_turn_has_its_verdicts() -> None:
    assert unit_faults.turns(_stream(TURNS), WANTED) == ONE


@pytest.mark.parametrize(
    "second",
    [
        ("two", "b!", "b!"),  # it fails without the fault, too: something is left
        ("two", "b!", "b-"),
        ("two", "b!", ""),  # it did not run without the fault
        ("two", "b!", "a"),  # another one did
        ("two", "b", "b"),  # it ran again although none failed
        ("two", "", ""),  # the turn broke off
        ("two", "a!", "a"),  # a test that is not its own
        ("two", "b! a", "a"),  # it went on after a failure
        ("two", "b! b!", "b"),
        ("other", "b!", "b"),  # not the fault that was asked for
    ],
)
def test_turns_count_up_to_the_first_that_says_nothing(second: tuple[str, str, str]) -> None:
    assert unit_faults.turns(_stream([TURNS[0], second, TURNS[2]]), WANTED) == ONE[:1]


def test_an_error_or_a_failed_set_up_ends_no_turn() -> None:
    told = _stream([("one", "a? b+ c!", "c"), *TURNS[1:]])
    assert unit_faults.turns(told, WANTED)[0] == (("t.a", "error"), ("t.b", "set-up"), ("t.c", "fail"))
    assert not unit_faults.turns(_stream([("one", "a? b+", ""), *TURNS[1:]]), WANTED)


def test_a_boot_that_broke_off_leaves_the_turns_before() -> None:
    """The last one counts only when the guest has begun another one, or said that all is over."""
    assert unit_faults.turns(_stream(TURNS[:2], end=False), WANTED) == ONE[:1]
    assert unit_faults.turns(_stream(TURNS[:2]), WANTED) == ONE[:2]
    assert unit_faults.turns(_stream([], end=False), WANTED) == []


def _trial(fault: str, seen: str = "t") -> unit_faults.Trial:
    return unit_faults.Trial("vtd", fault, (seen,) if seen else ())


def test_what_one_boot_does_not_show_has_a_boot_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    boots: list[list[str]] = []

    def together(unit: str, faults: list[str], folder: Path) -> list[unit_faults.Trial]:
        boots.append(faults)
        # "missed" is not seen; "ends" ends the boot.
        before = faults[: faults.index("ends")] if "ends" in faults else faults
        return [_trial(fault, "" if fault == "missed" else "together") for fault in before]

    monkeypatch.setattr(unit_faults, "_own", lambda unit, fault: [] if fault == "fatal" else ["test"])
    monkeypatch.setattr(unit_faults, "_together", together)
    monkeypatch.setattr(unit_faults, "_alone", lambda unit, fault, folder: _trial(fault, "alone"))
    faults = ["a", "fatal", "missed", "b", "ends", "c"]
    found = unit_faults._of_unit("vtd", faults, Path("x"))  # pylint: disable=protected-access
    assert [trial.fault for trial in found] == faults
    alone = [trial.fault for trial in found if trial.seen == ("alone",)]
    assert alone == ["fatal", "missed", "ends"]
    assert boots == [["a", "missed", "b", "ends", "c"], ["c"]]


def test_verdicts_together_are_compared_with_those_of_a_boot_each(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def told(fault: str, verdict: str) -> unit_faults.Trial:
        return unit_faults.Trial("vtd", fault, ("t",), verdicts=(("t", verdict),))

    def together(unit: str, faults: list[str], folder: Path) -> list[unit_faults.Trial]:
        leaks = [fault for fault, before in zip(faults[1:], faults) if before == "vtd-wait-no-event"]
        return [told(fault, "error" if fault in leaks else "fail") for fault in faults if unit == "vtd"]

    monkeypatch.setattr(unit_faults, "boot_each", lambda folder, faults, jobs: [told(f, "fail") for f in faults])
    monkeypatch.setattr(unit_faults, "_together", together)
    wanted = ["vtd-wait-no-event", "vtd-pages-lost"]
    (found,) = unit_faults.differences(tmp_path, wanted, 1)
    assert found.startswith("vtd vtd-pages-lost, forward: (('t', 'error'),)")
    assert unit_faults.differences(tmp_path, ["vtd-pages-lost"], 1) == []


def test_turns_are_options_of_the_guest() -> None:
    turns = [FaultTurn("a", (0, 1, 2, 3, 4, 7)), FaultTurn("b", (3,)), FaultTurn("c", (1, 3, 4))]
    text = BootOptions(iommu="vtd", fault_turns=turns).guest_text()
    assert "unit-fault=a:0-4,7\nunit-fault=b:3\nunit-fault=c:1,3-4\n" in text


@pytest.mark.boots
@pytest.mark.skipif(not paths.GUEST_IMAGE.exists(), reason="the images are not built")
@pytest.mark.parametrize("unit", UNITS)
def test_the_order_of_faults_makes_no_difference(tmp_path: Path, unit: str) -> None:
    """`python3 -m pvtest.gate.unit_faults --compare` does this with all of them, and with a boot each. These leave most
    behind: domains that were not deleted, domains with other numbers, devices that are attached or should be."""
    faults = ["delete-lost", "create-cut", "attach-lost", "blocked-opens", "detach-lost"]
    faults += ["vtd-queue-error-stays", "vtd-queue-stays-on", "vtd-fault-record-stays"] if unit == "vtd" else []
    faults += ["virtio-domain-kept", "virtio-bypass-always", "virtio-detach-lost"] if unit == "virtio-iommu" else []
    both = [*faults, *reversed(faults)]
    found = unit_faults._together(unit, both, tmp_path / "boot")  # pylint: disable=protected-access
    assert [trial.fault for trial in found] == both
    assert found == found[::-1] and all(trial.seen for trial in found)
