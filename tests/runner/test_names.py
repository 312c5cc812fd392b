# SPDX-License-Identifier: MIT
"""Names that people have in baselines and scripts stay: ids of tests, names of defects and variants, keys of results.

recorded/names-0.1.0.txt holds those of version 0.1.0. A name may be added at any time. One that is removed or renamed,
or that promises less than before (a device class, a requirement), fails here; so does a defect that moved to another
unit.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import HERE, ROOT, pvtest_call

RECORDED = [
    line.split(" ")
    for line in (HERE / "recorded" / "names-0.1.0.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
SCHEMAS = ("results", "defects", "variants")


def recorded(kind: str) -> list[list[str]]:
    """The fields of each line of a kind."""
    return [fields[1:] for fields in RECORDED if fields[0] == kind]


def words(text: str) -> set[str]:
    """A list with commas, '-' is the empty one."""
    return set() if text == "-" else set(text.split(","))


@pytest.fixture(scope="module", name="catalogue")
def fixture_catalogue() -> dict[str, Any]:
    """The output of `list --json` for the images that are built."""
    done = pvtest_call("list", "--json")
    if "make image" in done.stderr:
        pytest.skip("the images are not built")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_record_is_whole() -> None:
    """An empty record would let everything pass."""
    counts = {kind: len(recorded(kind)) for kind in ("test", "defect", "variant")}
    assert counts == {"test": 434, "defect": 252, "variant": 64}
    assert len(recorded("result")) > 150


def test_tests_keep_their_ids_and_promises(catalogue: dict[str, Any]) -> None:
    """Level and kinds are what selections are made of; classes and requirements may grow."""
    now = {test["id"]: test for test in catalogue["tests"]}
    problems = []
    for name, level, kinds, classes, requirements in recorded("test"):
        test = now.get(name)
        if test is None:
            problems.append(f"{name} is gone")
            continue
        classes_now = {device for _, _, device in (instance.partition("@") for instance in test["instances"]) if device}
        for what, before, after in (
            ("classes", words(classes), classes_now),
            ("kinds", words(kinds), set(test["kinds"])),
            ("requirements", words(requirements), set(test["requirements"])),
        ):
            if not before <= after:
                problems.append(f"{name}: {what} lost: {', '.join(sorted(before - after))}")
        if test["level"] != level:
            problems.append(f"{name}: level {test['level']} instead of {level}")
    assert not problems


def test_defects_keep_their_names_and_requirements(catalogue: dict[str, Any]) -> None:
    """A defect of a name breaks at least what it broke before, at the same unit."""
    now = {defect["name"]: defect for defect in catalogue["defects"]}
    for name, unit, requirements in recorded("defect"):
        assert name in now, f"{name} is gone"
        assert now[name]["unit"] == unit, name
        assert words(requirements) <= set(now[name]["requirements"]), name


def test_variants_keep_their_names_and_requirements(catalogue: dict[str, Any]) -> None:
    """A variant of a name stays, and so do the requirements that permit it."""
    now = {variant["name"]: variant for variant in catalogue["variants"]}
    for name, requirements in recorded("variant"):
        assert name in now, f"{name} is gone"
        assert words(requirements) <= set(now[name]["requirements"]), name


def keys(schema: Any, prefix: str = "") -> set[str]:
    """Every property that a schema describes, as a path."""
    found: set[str] = set()
    if not isinstance(schema, dict):
        return found
    for name, inner in schema.get("properties", {}).items():
        path = f"{prefix}.{name}" if prefix else name
        found |= {path} | keys(inner, path)
    found |= keys(schema.get("items"), prefix + "[]")
    for name, inner in schema.get("$defs", {}).items():
        found |= keys(inner, "$" + name)
    return found


@pytest.mark.parametrize("name", SCHEMAS)
def test_results_keep_their_keys(name: str) -> None:
    """A reader of results.json of version 0.1.0 finds in later ones what it looked for."""
    schema = json.loads((ROOT / "docs" / f"{name}.schema.json").read_text(encoding="utf-8"))
    before = {key for of, key in recorded("result") if of == name}
    assert before and before <= keys(schema)


def test_exit_codes_keep_their_meaning() -> None:
    """The numbers are what scripts test for."""
    text = " ".join(pvtest_call("--help").stdout.split())
    for sentence in (
        "0 all planned tests ran and none failed",
        "1 a test failed",
        "2 error",
        "3 usage",
        "4 something needed is not installed",
    ):
        assert sentence in text
