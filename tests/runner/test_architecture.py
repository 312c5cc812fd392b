# SPDX-License-Identifier: MIT
"""docs/architecture.md: the way of a call is short, and its files are there."""

from __future__ import annotations

import re

from pvtest import paths

FILES_MAX = 12
FILE = re.compile(r"\bhost/[a-z_/]+\.c\b")


def test_way_of_a_call() -> None:
    page = (paths.DOCS / "architecture.md").read_text(encoding="utf-8")
    picture = page.split("<!-- way of a call: begin -->")[1].split("<!-- way of a call: end -->")[0]
    files = FILE.findall(picture)
    assert "host/cpu/exit.c" in files and "host/softiommu/tlb.c" in files
    assert len(files) == len(set(files)) <= FILES_MAX
    assert [file for file in files if not (paths.ROOT / file).is_file()] == []
