# SPDX-License-Identifier: MIT
"""The devices that a profile needs, on machines of any make."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from conftest import Runner, latest

from pvtest import paths
from pvtest.gate import profiles, rules
from pvtest.images import requirements
from pvtest.images.catalogue import CLASSES, Catalogue
from pvtest.stream.model import Run

KNOWN = requirements.load()
REFERENCE_MACHINE = paths.ROOT / "tools" / "machines" / "reference.toml"
SUITE = ("linux-merged", "linux-v2", "strict")


@pytest.mark.parametrize(
    ("devices", "kinds"),
    [
        ([], ""),
        (["rocker"], "any write"),
        (["nvme"], "any write read"),
        (["nvme medium=untouched"], "any write"),
        (["nvme unusable=dead"], ""),
        (["nvme medium=untouched", "rocker"], "any two write"),
        (["edu"], "any write read deferred"),
        (["dmaprobe", "dmaprobe+ats"], "any two write read deferred"),
    ],
)
def test_a_profile_needs_kinds_of_devices(devices: list[str], kinds: str) -> None:
    """Whatever their classes are: a machine of another make has neither rocker nor dmaprobe."""
    found = [dict(word.split("=") for word in f"class={device}".split()) for device in devices]
    run = Run(Catalogue((), ""), KNOWN, [], [], [], devices=found)
    profile = dataclasses.replace(profiles.load("strict", KNOWN), needs=tuple(profiles.KINDS), capabilities=())
    rules.apply(run, profile)
    missing = [finding.subject for finding in run.gate.findings if finding.kind == "device"]
    assert missing == [name for name in profiles.KINDS if name not in kinds.split()]


def test_no_profile_of_the_suite_names_a_class() -> None:
    for name in SUITE:
        profile = profiles.load(name, KNOWN)
        assert profile.devices == () and "write" in profile.needs


def test_the_machine_of_the_reference_host_has_every_class() -> None:
    """A class that the host shows no more is an error there, and not a number of skips."""
    profile = profiles.load(str(REFERENCE_MACHINE), KNOWN)
    for lost in ("", *CLASSES):
        devices = [{"class": name} for name in CLASSES if name != lost]
        run = Run(Catalogue((), ""), KNOWN, [], [], [], devices=devices)
        rules.apply(run, profile)
        assert [one.subject for one in run.gate.findings if one.kind == "device"] == ([lost] if lost else [])
    assert profile.levels["must"] == "mandatory", "its tests are not all skipped either"


@pytest.mark.parametrize("words", [["tr.leaf_4k"], ["--class", "none"]])
def test_a_selection_without_mandatory_requirements_is_not_green(
    runner: Runner, tmp_path: Path, words: list[str]
) -> None:
    done = runner(*words, "--profile", "strict")
    assert done.returncode == 1, done.stdout
    found = latest(tmp_path)["gate"]["findings"]
    assert ("not-verified", "FL-1") in [(finding["kind"], finding["subject"]) for finding in found]
