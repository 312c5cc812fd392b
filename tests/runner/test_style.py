# SPDX-License-Identifier: MIT
"""`make lint-words` and `make lint-dialect`: places that they find, and places that they let pass."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT
from pvtest.dev import style


def found(name: str, source: str) -> list[str]:
    return [f"{line}: {what}" for text in style.texts(name, source) for line, what in style.problems(text)]


@pytest.mark.parametrize(
    "text",
    [
        "The flush drops it anew.",
        "Whoever calls this holds the lock.",
        "It reads memory behind that call.",
        "What is dropped here comes back. It is right.",
        "It is right. Where it is not, the test fails.",
        "The behaviour is licensed.",
        "A cancelled request.",
    ],
)
def test_each_rule(text: str) -> None:
    first, _, second = text.partition(" ")
    assert len(found("a.md", f"# Heading\n\n{text}\n")) == 1
    assert len(found("a.c", f"/* {text} */\nint a;\n")) == 1
    assert len(found("a.c", f'int a;\nTEST(a, STEPS("{first} "\n    "{second}"))\n')) == 1
    assert len(found("a.py", f'# {text}\nA = "{text}"\n')) == 1, "strings of the runner's tests are data"
    assert len(found("tools/a.py", f'# {text}\nA = print("{text}")\n')) == 2
    assert len(found("requirements.toml", f'# {text}\ntext = "{text}"\n[b]\ntext = """\\\n  {text}"""\n')) == 3
    assert len(found("a.py", f'def a():\n    """{text}"""\n')) == 1
    assert len(found("a.sh", f'# {text}\necho "{text}"\n')) == 1


@pytest.mark.parametrize(
    "text",
    [
        "What is dropped here?",
        "A device behind an IOMMU, behind the emulated VT-d, behind a conventional PCI bridge, behind VMBus.",
        "The test leaves its memory behind: it is freed later.",
        "He says what he does. Somewhere else nothing happens.",
        "A renewed bodyguard.",
        "The format pvtest-behaviour, the file docs/behaviour.schema.json, the status CANCELLED.",
    ],
)
def test_what_is_right(text: str) -> None:
    assert not found("a.md", f"{text}\n")
    assert not found("a.c", f"/* {text} */\n")
    assert not found("Makefile", f"# {text}\n")


def test_headings_and_code_are_left_alone() -> None:
    assert not found("a.md", "## What it is for\n\n```\nWhat a mess. nobody\n```\n\nThe word `nobody` is code.\n")


def test_lines_are_those_of_the_file() -> None:
    assert found("a.c", "int a;\n/*\n * One line.\n * And nobody.\n */\n") == ["4: 'nobody'"]
    assert found("a.c", 'int a;\nf("One line, "\n  "and nobody");\n') == ["3: 'nobody'"]
    assert found("requirements.toml", 'a = """\\\n  One line, \\\n  and nobody."""\n') == ["3: 'nobody'"]
    assert found("a.py", "A = 1\n# One line,\n# and nobody.\n") == ["3: 'nobody'"]
    assert found("a.md", "One line.\n\n* item\n  and nobody\n") == ["4: 'nobody'"]
    assert found("a.sh", "true\n\n# One line,\n# and nobody.\n") == ["4: 'nobody'"]


def test_counts_for_each_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("Somebody and nobody.\n")
    (tmp_path / "a.c").write_text("/* Right. */\n")
    assert style.main("words", ["a.c"]) == 0
    assert not capsys.readouterr().out
    assert style.main("words", ["a.c", "docs/a.md", "docs/gone.md"]) == 1
    assert capsys.readouterr().out.splitlines()[-2:] == ["     2 docs", "     2 in all"]


def lines(name: str, source: str) -> list[int]:
    return [line for line, _ in style.dialect(name, source)]


@pytest.mark.parametrize(
    "text",
    [
        "n = sizeof(table) / sizeof(table[0]);",
        "n = sizeof(t->table)/sizeof(t->table[0]);",
        "n = sizeof(table) / sizeof(*table);",
        "#define COUNT(array) (sizeof(array) / sizeof((array)[0]))",
        "else {",
        "} else a = 1;",
        "else if (a) {",
        "if (a->b != NULL)",
        "return f(x) == NULL ? 1 : 2;",
        "while (NULL != p)",
        "#define PAGE 4096ull",
        "#define MY_PAGE_SIZE UINT64_C(0x1000)",
        "#define PAGE_SHIFT 12",
        "#define PAGE_SIZE (1ull << 12)",
        "x" * 101,
    ],
)
def test_each_rule_of_c(text: str) -> None:
    assert lines("host/a.c", f"int a;\n{text}\n") == [2]


@pytest.mark.parametrize(
    "text",
    [
        "if (!a->b)",
        "a = NULL;",
        "/* a == NULL: #define PAGE 4096 */",
        'print("p != NULL, sizeof(a) / sizeof(a[0])");',
        "n = sizeof(table) / sizeof(uint64_t);",
        "n = ARRAY_SIZE(table);",
        "#define PAGES 12",
        "} else {",
        "} else if (a ||",
        "else",
        "#define LARGE_PAGE (2ull << 20)",
        "x" * 100,
    ],
)
def test_c_that_is_right(text: str) -> None:
    assert not lines("host/a.c", f"int a;\n{text}\n")


def test_the_home_of_the_macros() -> None:
    assert not lines("lib/bits.h", "#define PAGE_SHIFT 12\n") and not lines("abi/a.h", "#define HV_PAGE_SIZE 4096u\n")
    assert not lines("lib/bits.h", "#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))\n")


def test_length_of_files() -> None:
    assert not lines("lib/a.c", "\n" * 500) and not lines("host/vpci/a.c", "\n" * 300)
    assert lines("lib/a.c", "\n" * 501) == [501] and lines("host/vmbus/a.c", "\n" * 301) == [301]


def test_width_is_that_of_the_formatter() -> None:
    assert f"ColumnLimit: {style.COLUMNS}\n" in (ROOT / ".clang-format").read_text()


def test_lines_of_code() -> None:
    assert style.code_lines('/* a\n * b */\n\nint a; /* c */\nconst char *b = "// d";\n  // e\n"f"\n') == 3


def test_the_bus_layer_stays_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "host" / "vmbus").mkdir(parents=True)
    (tmp_path / "host" / "vmbus" / "a.c").write_text("int a;\nint b;\n\n/* c */\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(style, "SMALL_LINES", 2)
    assert style.main("dialect", ["host/vmbus/a.c"]) == 0 and "2 lines of code" in capsys.readouterr().out
    monkeypatch.setattr(style, "SMALL_LINES", 1)
    assert style.main("dialect", ["host/vmbus/a.c"]) == 1 and "1 lines too many" in capsys.readouterr().out


def test_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "a.c"
    bad.write_text("int a;\nint b = sizeof(c) / sizeof(c[0]);\n")
    assert style.main("dialect", [str(bad)]) == 1
    assert capsys.readouterr().out.startswith(f"{bad}:2: the number of elements is")
    bad.write_text("int a;\n")
    assert style.main("dialect", [str(bad)]) == 0
