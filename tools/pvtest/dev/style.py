# SPDX-License-Identifier: MIT
"""`make lint-words`: words and beginnings of sentences that docs/style.md keeps out of comments and documents.
`make lint-dialect`: its rules for C that clang-format and the compilers cannot check.

Prints a line for each place, then how many there are in each folder. Comments, documents, the texts of tests, defects
and requirements, and messages of guest, host and runner are looked at; the strings of the runner's tests are data.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

C_LIKE = (".c", ".h", ".S", ".def", ".lds")
HASHED = (".sh", ".toml", ".yml", ".yaml", ".mk", ".cfg", ".ps1")
HASHED_NAMES = ("Makefile", "Containerfile", "run", ".clang-tidy")
EXEMPT = ("docs/style.md", "tools/pvtest/dev/style.py")  # these name the words

WORDS = re.compile(r"\b(anew|whoever|(?:some|no|any|every)body|someone|anyone|everyone)\b", re.IGNORECASE)
# The name of a file or a format is no word: pvtest-behaviour stays.
BRITISH = re.compile(
    r"(?<![\w./-])((?:behavi|col|fav|hon|neighb)our\w*|licences?|judgement\w*|towards|whilst|grey|centre\w*"
    r"|(?:recogn|organ|initial|serial|optim|normal|synchron|virtual|real|minim|maxim)is(?:e[ds]?|ing|ation)"
    r"|(?:un)?(?:cancelled|labelled|modelled)|travell\w+)(?!(?:[/-]|\.\w))\b",
    re.IGNORECASE,
)
# Behind an IOMMU, behind a port: a place. With anything else it is taken for a time.
PLACES = r"IOMMUs?|pvIOMMU|VT-d|vPCI|VMBus|(?:root |downstream )?ports?|bridges?|switch(?:es)?|units?|hubs?|NAT"
BEHIND = re.compile(rf"\bbehind\b(?!\s+(?:[\w'-]+\s+){{0,4}}(?:{PLACES})\b)", re.IGNORECASE)
LEFT = re.compile(r"\b(?:leave|leaves|leaving|left|stays?)\b[^.:;]*$")  # leave behind: a verb of its own
SENTENCE = re.compile(r"(?:^|(?<=[.!?] )|(?<=[.!?]  ))(What|Where)\b[^.!?]*(?:[.!?](?=\S)[^.!?]*)*([.!?]|$)")

COLUMNS = 100  # ColumnLimit of .clang-format, which does not touch the texts of tests
LINES = 500
LINES_IN = {"host/vmbus/": 300, "host/vpci/": 300}
# SynIC, VMBus, rings, vPCI, pass-through and IOAT of the reference host stay small: lines of code of their C files,
# without comments and blank lines.
SMALL = ("host/vmbus/", "host/vpci/", "host/vdev/ioat")
SMALL_LINES = 2000
HOME = "lib/bits.h"  # of ARRAY_SIZE and PAGE_SIZE
ABI = "abi/"  # has HV_PAGE_SIZE: the hypervisor's page, and no include of lib/

_TEXT = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|/\*.*?\*/|//[^\n]*', re.DOTALL)
_NULL = re.compile(r"[=!]=\s*NULL\b|\bNULL\s*[=!]=")
_NAME = r"(?:[^()]|\([^()]*\))+"
_ELEMENTS = re.compile(rf"sizeof\(({_NAME})\)\s*/\s*sizeof\((?:\(?\1\)?\[0\]|\*\1)\)")
_PAGE = re.compile(
    r"#define\s+(\w*PAGE(?:_SIZE|_SHIFT|_BYTES)?)\s+\(?(?:UINT64_C\()?"
    r"(?:4096|0x1000|12|1u?(?:ll)?\s*<<\s*12)(?:ul*)?\b",
    re.IGNORECASE,
)
_ELSE = re.compile(r"^[ \t]*else(?: if .*)? \{$|\} else (?!if\b)[^{\n]|\} else if [^{\n]*;$", re.MULTILINE)


@dataclass(frozen=True)
class Text:
    """A comment, a docstring or a paragraph, with where each of its lines begins."""

    line: int
    words: str

    def line_of(self, position: int) -> int:
        """The line of the file at a position of the text."""
        return self.line + self.words.count("\n", 0, position)


def c_texts(source: str) -> Iterator[Text]:
    """Comments, without their marks, which strings may contain; and strings, those side by side as one."""
    string = r'"(?:\\.|[^"\\\n])*"'
    for found in re.finditer(rf"{string}(?:\s*{string})*|/\*.*?\*/|//[^\n]*", source, re.DOTALL):
        if found[0].startswith('"'):
            # The line ends stay, so that a place in the text has its line.
            text = re.sub(r'"(\s*)"', lambda gap: "\n" * gap[1].count("\n"), found[0])[1:-1].replace("\\n", " ")
        else:
            text = re.sub(r"^[ \t]*\*? ?", "", found[0].strip("/*"), flags=re.MULTILINE)
        yield Text(source.count("\n", 0, found.start()) + 1, text)


def hashed_comments(source: str) -> Iterator[Text]:
    """Comments that begin with #; neighbouring lines are one text."""
    begin, lines = 0, list[str]()
    for number, line in enumerate([*source.splitlines(), ""], 1):
        found = re.match(r"\s*#+ ?(.*)", line)
        if found:
            begin = begin if lines else number
            lines.append(found[1])
        elif lines:
            yield Text(begin, "\n".join(lines))
            lines = []
        inside = None if found else re.search(r"\s# (.*)$", line)
        if inside:
            yield Text(number, inside[1])


def toml_strings(source: str) -> Iterator[Text]:
    """Strings in double quotes, of one line or of several."""
    for found in re.finditer(r'"""\\?\n?(.*?)"""|"((?:\\.|[^"\\\n])*)"', source, re.DOTALL):
        text = found[1] or found[2] or ""
        yield Text(source.count("\n", 0, found.end() - len(text)) + 1, re.sub(r"^ +|\\$", "", text, flags=re.MULTILINE))


def python_texts(source: str, all_strings: bool) -> Iterator[Text]:
    """Comments and docstrings, or comments and all strings."""
    before = tokenize.NEWLINE
    comment: Text | None = None
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            text = token.string.lstrip("# ")
            if comment and comment.line_of(len(comment.words)) + 1 == token.start[0]:
                comment = Text(comment.line, f"{comment.words}\n{text}")
            else:
                if comment:
                    yield comment
                comment = Text(token.start[0], text)
            continue
        docstring = before in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
        if token.type == tokenize.STRING and (docstring or all_strings):
            yield Text(token.start[0], token.string.lstrip("bfr").strip("\"'"))
        if token.type not in (tokenize.NL,):
            before = token.type
    if comment:
        yield comment


def paragraphs(source: str) -> Iterator[Text]:
    """Of Markdown: no blocks of code, no headings, no code inside of lines; rows of tables and items one by one."""
    begin, lines, fenced = 0, list[str](), False
    for number, line in enumerate([*source.splitlines(), ""], 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        bare = "" if fenced or line.startswith(("#", "```")) else re.sub(r"`[^`]*`", "`", line).strip()
        row = bare.startswith("|")
        if lines and (not bare or row or re.match(r"([-*+]|\d+\.) ", bare)):
            yield Text(begin, "\n".join(lines))
            lines = []
        if bare:
            begin = begin if lines else number
            lines.append(re.sub(r"^([-*+]|\d+\.) +|^\**", "", bare))


def texts(name: str, source: str) -> Iterator[Text]:
    """All text for readers in a file of this name."""
    path = Path(name)
    if path.suffix in C_LIKE:
        return c_texts(source)
    if path.suffix == ".py":
        return python_texts(source, all_strings=path.parts[0] == "tools")
    if path.suffix == ".md":
        return paragraphs(source)
    if path.name == "requirements.toml":
        return chain(toml_strings(source), hashed_comments(source))
    if path.suffix in HASHED or path.name in HASHED_NAMES:
        return hashed_comments(source)
    return iter(())


def problems(text: Text) -> Iterator[tuple[int, str]]:
    """Line and complaint for each place."""
    flat = text.words.replace("\n", " ")
    for found in WORDS.finditer(flat):
        yield text.line_of(found.start()), f"'{found[0]}'"
    for found in (found for found in BRITISH.finditer(flat) if not found[0].isupper()):
        yield text.line_of(found.start()), f"British spelling: '{found[0]}'"
    for found in (found for found in BEHIND.finditer(flat) if not LEFT.search(flat[: found.start()])):
        yield text.line_of(found.start()), f"'behind' in the sense of after: {flat[found.start():found.start() + 40]}"
    for found in SENTENCE.finditer(flat):
        if found[2] != "?":
            yield text.line_of(found.start()), f"a sentence begins with {found[1]}: {found[0][:50]}"


def code(source: str) -> str:
    """A C source with blanks in the place of comments and strings."""
    return _TEXT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), source)


def code_lines(source: str) -> int:
    """Lines of a C source that are neither blank nor of a comment."""
    bare = _TEXT.sub(lambda found: found[0] if found[0][0] != "/" else re.sub(r"[^\n]", " ", found[0]), source)
    return sum(bool(line.strip()) for line in bare.splitlines())


def small(names: list[str]) -> Iterator[str]:
    """Says how large the part is that stays small, and complains where it is too large."""
    files = [name for name in names if name.startswith(SMALL) and name.endswith(".c")]
    lines = sum(code_lines(Path(name).read_text(encoding="utf-8")) for name in files)
    if files:
        print(f"  {lines} lines of code in {', '.join(SMALL)} (at most {SMALL_LINES})")
    if lines > SMALL_LINES:
        yield f"{lines - SMALL_LINES} lines too many in {', '.join(SMALL)}"


def dialect(name: str, source: str) -> Iterator[tuple[int, str]]:
    """Line and complaint for each place of a C file that breaks a rule."""
    lines = source.splitlines()
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS:
            yield number, f"{len(line)} columns; at most {COLUMNS}"
    most = next((most for folder, most in LINES_IN.items() if name.startswith(folder)), LINES)
    if len(lines) > most:
        yield len(lines), f"{len(lines)} lines; at most {most}"
    rules = [
        (_ELSE, "braces around both bodies of an if and its else, or around none"),
        (_NULL, "a pointer is compared with NULL; test the pointer: `if (pointer)`, `if (!pointer)`"),
    ]
    if name != HOME:
        rules.append((_ELEMENTS, "the number of elements is ARRAY_SIZE(array)"))
    if name != HOME and not name.startswith(ABI):
        rules.append((_PAGE, f"{HOME} has PAGE_SIZE and PAGE_SHIFT"))
    text = code(source)
    for rule, complaint in rules:
        for found in rule.finditer(text):
            yield text.count("\n", 0, found.start()) + 1, complaint


def _words(name: str, source: str) -> Iterator[tuple[int, str]]:
    if name not in EXEMPT:
        for text in texts(name, source):
            yield from problems(text)


def main(check: str, names: list[str]) -> int:
    """Looks at these files, by `words` or by `dialect`."""
    counts: Counter[str] = Counter()
    for name in names:
        try:
            source = Path(name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        for line, complaint in {"words": _words, "dialect": dialect}[check](name, source):
            print(f"{name}:{line}: {complaint}")
            counts["/".join(Path(name).parts[:-1][:2]) or "."] += 1
    for complaint in small(names) if check == "dialect" else ():
        print(complaint)
        counts["host"] += 1
    for folder, count in sorted(counts.items()):
        print(f"{count:6} {folder}")
    if counts:
        print(f"{counts.total():6} in all")
    return 1 if counts else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
