# SPDX-License-Identifier: MIT
"""The manual page and the completion of bash, from the parsers."""

from __future__ import annotations

import argparse

from pvtest import paths
from pvtest.cli.arguments import EXAMPLES
from pvtest.cli.main import COMMANDS, INPUTS, SHOWN, parser_of
from pvtest.gate.profiles import names
from pvtest.images.catalogue import CLASSES, KINDS, LEVELS, Catalogue, HostCatalogue
from pvtest.images.requirements import Requirements

MAN = "pvtest.1"
COMPLETION = "completion.bash"
EXIT_CODES = (
    ("0", "All planned tests ran, and none failed that a baseline or profile does not excuse."),
    ("1", "A test failed, a profile or baseline is not kept, a defect was missed, or there is a regression."),
    ("2", "Error: a hang, a crash, truncated or odd output, a wrong environment."),
    ("3", "Usage: an unknown option or name, an empty selection, a file that is not what it should be."),
    ("4", "Something that is needed is not installed."),
)
# Values of an option; commands print lists that only the images know.
WORDS = {
    "--class": " ".join((*CLASSES, "any", "none")),
    "--level": " ".join(LEVELS),
    "--kind": " ".join(KINDS),
    "--accel": "tcg kvm",
    "--seed": "random",
    "--defect": "$defects",
    "--variant": "$variants",
    "--group": "$groups",
    "--requirement": "$requirements",
    "--not": "$tests",
    "--profile": " ".join(names()),
}
FILES = ("--baseline", "--replay", "--output", "--qemu", "--profile", "--firmware")
FOLDERS = ("--results",)


def _options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [a for a in parser._actions if a.help != argparse.SUPPRESS]  # pylint: disable=protected-access


def _roff(text: str) -> str:
    """Text without meaning to roff."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(f"\\&{line}" if line.startswith((".", "'")) else line for line in escaped.split("\n"))


def _entry(action: argparse.Action) -> list[str]:
    value = action.metavar or ("" if action.nargs == 0 else "|".join(map(str, action.choices or ())))
    shown = f" \\fI{_roff(str(value))}\\fR" if value and action.option_strings else ""
    name = ", ".join(f"\\fB{_roff(o)}\\fR" for o in action.option_strings) or f"\\fI{_roff(str(value))}\\fR"
    return [".TP", name + shown, _roff(str(action.help).replace("%%", "%"))]


def man_page() -> str:
    """The manual page."""
    version = (paths.ROOT / "VERSION").read_text(encoding="utf-8").strip()
    lines = [
        '.\\" SPDX-License-Identifier: MIT',
        '.\\" Made from the parsers by `make docs`.',
        f'.TH PVTEST 1 "" "pvtest {version}" "pvIOMMU conformance suite"',
        ".SH NAME",
        "pvtest \\- conformance tests for the Hyper\\-V guest pvIOMMU",
        ".SH SYNOPSIS",
        f".B ./run.sh\n[{' | '.join(SHOWN)}] [\\fIoptions\\fR] [\\fIGLOB\\fR...]",
        ".SH DESCRIPTION",
        "Boots the conformance image in QEMU, judges what it reports, and writes the results in several formats.",
        "docs/runner.md is the guide, docs/output\\-format.md the reference of the files.",
        ".SH COMMANDS",
    ]
    for command in SHOWN:
        lines += [f".SS {command}", _roff(COMMANDS[command][0].upper() + COMMANDS[command][1:] + ".")]
        for action in _options(parser_of(command)):
            lines += _entry(action)
        if command in EXAMPLES:
            lines += [".PP", "Examples:", ".PP", ".nf", _roff(EXAMPLES[command]), ".fi"]
    lines.append(".SH EXIT STATUS")
    for code, text in EXIT_CODES:
        lines += [".TP", f".B {code}", _roff(text)]
    return "\n".join(lines) + "\n"


def _case(command: str) -> str:
    options = " ".join(name for a in _options(parser_of(command)) for name in a.option_strings if name.startswith("--"))
    return f'        {command}) options="{options}" ;;'


def _values(command_words: dict[str, str]) -> list[str]:
    lines = []
    for option, words in command_words.items():
        files = ' $(compgen -f -- "$word")' if option in FILES else ""
        lines.append(f'        {option}) mapfile -t COMPREPLY < <(compgen -W "{words}{files}" -- "$word"); return ;;')
    only_files = "|".join(option for option in FILES if option not in command_words)
    lines.append(f'        {only_files}) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;')
    lines.append(f'        {"|".join(FOLDERS)}) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;')
    return lines


def _choices() -> dict[str, str]:
    found = dict(WORDS)
    for command in SHOWN:
        for action in _options(parser_of(command)):
            if action.choices:
                found[action.option_strings[-1]] = " ".join(map(str, action.choices))
    return found


def _names(tests: Catalogue, host: HostCatalogue, known: Requirements) -> dict[str, str]:
    """Variables of the script, with the names that a command or option may be given."""
    groups = dict.fromkeys(test.group for test in tests.tests)
    return {
        "tests": " ".join((*groups, *(test.id for test in tests.tests))),
        "defects": " ".join(defect.name for defect in host.defects),
        "variants": " ".join(variant.name for variant in host.variants),
        "requirements": " ".join(known.ids),
        "groups": " ".join(groups),
    }


# The names that may follow a command.
NAMED = {
    "run": "$tests $requirements",
    "list": "defects variants $tests $requirements",
    "image": "$tests $requirements",
    "show": "$tests $defects $variants $requirements",
    "defects": "$defects $requirements",
    "variants": "$variants $requirements",
}


def completion(tests: Catalogue, host: HostCatalogue, known: Requirements) -> str:
    """A script that bash reads to complete commands, options and names."""
    lists = "\n".join(f'    local {key}="{words}"' for key, words in _names(tests, host, known).items())
    named = "\n".join(f'        {command}) names="{words}" ;;' for command, words in NAMED.items())
    cases = "\n".join(_case(command) for command in SHOWN)
    values = "\n".join(_values(_choices()))
    return f"""\
# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of ./run.sh in bash, for the command `source`. Made from the parsers by `make docs`.
_pvtest() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} command=run options names=
{lists}
    case ${{COMP_WORDS[1]}} in
        {"|".join(SHOWN)}) [ "$COMP_CWORD" -gt 1 ] && command=${{COMP_WORDS[1]}} ;;
    esac
    case $before in
{values}
    esac
    case $command in
{cases}
    esac
    case $command in
{named}
    esac
    case $command:${{COMP_WORDS[2]}} in
        list:defects) [ "$COMP_CWORD" -lt 3 ] || names=$defects ;;
        list:variants) [ "$COMP_CWORD" -lt 3 ] || names=$variants ;;
    esac
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
    elif [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "{" ".join(SHOWN)} help $names" -- "$word")
    elif [[ " {" ".join(INPUTS)} " == *" $command "* ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -W "$names" -- "$word")
    fi
}}
complete -F _pvtest ./run.sh run.sh
"""
