# SPDX-License-Identifier: MIT
"""docs/include-rules.toml: the folder rules, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from pvtest.dev import include_rules
from pvtest.errors import UsageError

HEAD = 'format = "pvtest-include-rules"\nformat_version = 1\n'
LOW = '[[folder]]\npaths = ["low"]\nholds = "low"\nmay_include = []\n'
MIDDLE = '[[folder]]\npaths = ["middle", "low/special.h"]\nholds = "middle"\nmay_include = ["low/one.h"]\n'
HIGH = '[[folder]]\npaths = ["high"]\nholds = "high"\nmay_include = ["low", "middle"]\n'


def rules(folder: Path, text: str) -> include_rules.Rules:
    path = folder / "rules.toml"
    path.write_text(HEAD + text, encoding="utf-8")
    return include_rules.Rules(path)


def test_allowed_and_refused(tmp_path: Path) -> None:
    found = rules(tmp_path, LOW + MIDDLE + HIGH)
    assert found.complaint("high/a.c", "low/two.h") is None
    assert found.complaint("high/a.c", "high/b.h") is None
    assert found.complaint("middle/a.c", "low/one.h") is None
    assert "which its folder may not" in (found.complaint("middle/a.c", "low/two.h") or "")
    assert "a layer above" in (found.complaint("low/a.c", "high/b.h") or "")
    assert "a layer above" in (found.complaint("low/a.c", "low/special.h") or "")
    assert "no rule" in (found.complaint("other/a.c", "low/one.h") or "")


def test_rules_name_only_what_is_below(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not stand before it"):
        rules(tmp_path, HIGH + LOW + MIDDLE)


def test_includes_are_found_relative_to_tree_and_file() -> None:
    found = set(include_rules.includes())
    assert ("abi/device_domain.h", "abi/hypercall.h") in found
    assert ("kernel/power.c", "kernel/power.h") in found


def test_page_without_marks_is_refused() -> None:
    with pytest.raises(UsageError, match="marks"):
        include_rules.with_table("text", "table\n")
