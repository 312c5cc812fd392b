# SPDX-License-Identifier: MIT
"""The right host does not name defects and variants, except for the lines of a list."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pvtest.dev import named_defects
from pvtest.errors import UsageError

HEAD = 'format = "pvtest-include-rules"\nformat_version = 1\n'


def listed(folder: Path, *entries: tuple[str, int]) -> Path:
    path = folder / "rules.toml"
    tables = "".join(f'[[in_place]]\npath = "{name}"\nlines = {count}\n' for name, count in entries)
    path.write_text(HEAD + tables, encoding="utf-8")
    return path


def test_lines_that_name_one_are_counted() -> None:
    lines = (
        "if (defect_active(DEFECT_A) && variant_active(VARIANT_B))",
        "/* DEFECT_A */",
        "defect_active_names(text, size);",
    )
    assert named_defects.named_lines("\n".join(lines)) == 2


def test_folders_of_defects_and_variants_are_left_out(tmp_path: Path) -> None:
    for name in ("host/defects/a.c", "host/variants/a.c", "host/cpu/a.c", "host/cpu/b.c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("DEFECT_A\n" if "b.c" not in name else "\n", encoding="utf-8")
    assert named_defects.found(tmp_path.rglob("*"), tmp_path) == Counter({"host/cpu/a.c": 1})


def test_more_and_fewer_lines_than_listed() -> None:
    counts = Counter({"host/cpu/a.c": 2, "host/cpu/b.c": 1})
    assert not named_defects.complaints(counts, {"host/cpu/a.c": 2, "host/cpu/b.c": 1})
    assert "2 lines" in named_defects.complaints(counts, {"host/cpu/a.c": 1, "host/cpu/b.c": 1})[0]
    assert "host/cpu/b.c: 1 lines" in named_defects.complaints(counts, {"host/cpu/a.c": 2})[0]
    assert "has 1 such lines, not 3" in named_defects.complaints(counts, {"host/cpu/a.c": 2, "host/cpu/b.c": 3})[0]


def test_list_is_read_and_bounded(tmp_path: Path) -> None:
    assert named_defects.allowed(listed(tmp_path, ("host/cpu/a.c", 2))) == {"host/cpu/a.c": 2}
    with pytest.raises(UsageError, match="above 0"):
        named_defects.allowed(listed(tmp_path, ("host/cpu/a.c", 0)))
    with pytest.raises(UsageError, match="more than 60"):
        named_defects.allowed(listed(tmp_path, ("host/cpu/a.c", 61)))


def written(folder: Path, **files: str) -> list[str]:
    for name, text in files.items():
        path = folder / "host" / name.replace("__", "/")
        path = path.with_name(path.name + ".c")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return named_defects.for_defects_alone(sorted(folder.rglob("*")), folder)


def test_a_function_for_defects_alone(tmp_path: Path) -> None:
    right = (
        "int first(void)\n{\n    return 1; /* second() is called elsewhere */\n}\n"
        "int second(void)\n{\n    return first();\n}\n"
    )
    wrong = "void spoil(void)\n{\n    first();\n    second();\n}\n"
    assert written(tmp_path, cpu__a=right, defects__b=wrong) == [
        "host/cpu/a.c: second() is called by defects or variants alone"
    ]
    assert not written(tmp_path, cpu__c="void run(void)\n{\n    call(second);\n}\n")


def test_a_field_for_defects_alone(tmp_path: Path) -> None:
    right = (
        "struct device {\n    int id, left[4];\n    struct { int x; } place;\n"
        "    void (*const moved)(int);\n    unsigned bit : 1;\n};\n"
        "struct device_rules {\n    int limit;\n};\n"
        "int of(struct device *d)\n{\n    return d->id + d->place.x;\n}\n"
    )
    wrong = "void spoil(struct device *d)\n{\n    d->id = d->left[0] = rules.limit;\n    d->moved(d->bit);\n}\n"
    assert written(tmp_path, cpu__a=right, variants__b=wrong) == [
        "host/cpu/a.c: only defects or variants use the field bit",
        "host/cpu/a.c: only defects or variants use the field left",
        "host/cpu/a.c: only defects or variants use the field moved",
    ]
