# SPDX-License-Identifier: MIT
"""Help, man page and shell completion, which come from the parsers."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import images
import pytest
from conftest import ROOT
from pvtest.cli import arguments
from pvtest.cli.main import COMMANDS, SHOWN, parser_of
from pvtest.dev import manual
from pvtest.images import catalogue, requirements

TESTS = catalogue.parse_tests(images.catalogue_section())
HOST = catalogue.parse_host(images.host_section())
KNOWN = requirements.load()


@pytest.mark.parametrize("command", SHOWN)
def test_help_has_every_option_and_an_example(command: str) -> None:
    text = parser_of(command).format_help()
    assert "examples:" in text and f"./run.sh{'' if command == 'run' else ' ' + command}" in text
    for option in parser_of(command).options():
        hidden = option in ("--svg", "--fixture", "--host-log")
        assert (option in text) != hidden
        assert hidden or option.replace("-", "\\-") in manual.man_page()


@pytest.mark.parametrize("command", SHOWN)
def test_help_fits_a_terminal(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, parser_of(command).format_help().splitlines())) <= 80


def test_help_names_every_command() -> None:
    text = parser_of("run").format_help()
    for name in SHOWN:
        assert f"\n  {name} " in text, name


@pytest.mark.parametrize("command", arguments.EXAMPLES)
def test_examples_are_understood(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("arch/x86/boot/bzImage",):  # files that a command line must name
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"MZ")
    for line in arguments.EXAMPLES[command].splitlines():
        words = re.sub(r"\s{2,}\S.*$", "", line.strip()).split(">")[0].replace("'", "").split()
        assert words[0] == "./run.sh"
        name = words[1] if len(words) > 1 and words[1] in COMMANDS else "run"
        parser_of(name).parse_intermixed_args(words[2:] if name != "run" else words[1:])


def complete(*words: str) -> list[str]:
    """The completions that bash offers for the last word."""
    quoted = " ".join(f"'{word}'" for word in ("./run.sh", *words))
    script = (
        f"{manual.completion(TESTS, HOST, KNOWN)}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words)}; _pvtest; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_completion_in_bash() -> None:
    assert complete("de") == ["defects"]
    assert complete("--unt") == ["--until-fail"]
    assert complete("list", "--sh") == [], "no option of another command"
    assert complete("run", "--profile", "linu") == ["linux-merged", "linux-v2"]
    assert "random" in complete("--seed", "")
    assert complete("--class", "ro") == ["rocker"]
    assert complete("compare", "REA") == ["README.md"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["flush.u"], ["flush.unmap"]),
        (["run", "flush"], ["flush", "flush.none", "flush.unmap"]),
        (["DISC-10"], ["DISC-10"]),
        (["--defect", "no"], ["no-flush"]),
        (["--variant", "po"], ["polite"]),
        (["--group", "ca"], ["cap"]),
        (["--requirement", "CAP-1"], ["CAP-1"]),
        (["defects", "la"], ["lazy"]),
        (["variants", "la"], []),
        (["show", "pol"], ["polite"]),
        (["list", "def"], ["defects"]),
        (["list", "defects", "no"], ["no-flush"]),
        (["list", "variants", "no"], []),
        (["hel"], ["help"]),
        (["bench", "fl"], []),
    ],
)
def test_completion_knows_the_names(words: list[str], found: list[str]) -> None:
    assert complete(*words) == found


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_man_page_is_well_formed() -> None:
    command = ["groff", "-man", "-Tutf8", "-ww", "-z"]
    done = subprocess.run(command, input=manual.man_page(), capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0 and done.stderr == ""
