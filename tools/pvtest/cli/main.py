# SPDX-License-Identifier: MIT
"""The command line: subcommands, options, exit codes."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import math
import os
import secrets
import sys
import textwrap
import traceback
from pathlib import Path
from typing import Any, NoReturn

from pvtest import interrupts, paths
from pvtest.clean import printable
from pvtest.cli import arguments, packing, usage
from pvtest.errors import EXIT_ERROR, MissingError, RunnerError, UsageError, suggest, system_error
from pvtest.output import Output, drop, open_closed
from pvtest.plan import combinations

COMMANDS = {
    "run": "run tests (the default)",
    "list": "show the catalogue, read from the image without booting",
    "show": "tell all that is known of a test, a defect, a variant or a requirement",
    "defects": "run the catalogue under each defect of the reference host: every one must be caught",
    "variants": "run the catalogue under each variant of the reference host: every one must pass",
    "bench": "measure speed",
    "soak": "run random machines, seeds and orders for a given time: nothing may fail",
    "linux": "boot Linux as a guest of the reference host, and judge what it finds there",
    "image": "write a disk that boots the suite: raw, qcow2 or VHDX (`make image` builds the programs on it)",
    "bundle": "write an archive that runs on a machine with QEMU and Python alone",
    "compare": "show what changed between two hosts, builds or runs; a regression is exit code 1",
    "merge": "put the results of all shards together",
    "import": "make all formats of the results of a machine that ran alone, or of what came over a COM1",
    "reduce": "find the fewest tests after which a test fails that does not fail alone",
    "transcript": "show the hypercalls of a test that failed with --transcript",
    "baseline": "write the failures of a run as a file for --baseline",
    "new-test": "write the skeleton of a test into the folder of its group, build it and run it",
    "check-catalogue": "check the built images; used by the build",
}
EPILOG = """\
A GLOB selects tests by instance id, id, group or requirement: 'flush.*', flush,
tr.leaf_4k@rocker, FL-3. Defects and variants are selected by name, group (the
first word of it) or requirement. Case does not matter. docs/runner.md tells
more.

exit codes:
  0 all planned tests ran and none failed
  1 a test failed, or a profile or baseline is not kept
  2 error (hang, crash, truncated output, wrong environment)
  3 usage (unknown option or name, empty selection, bad file)
  4 something needed is not installed
"""


# Commands whose module has another name than they, or is not of this package.
MODULES = {
    "list": "cli.listing",
    "defects": "cli.campaign",
    "variants": "cli.campaign",
    "compare": "gate.compare",
    "baseline": "gate.write_baseline",
    "import": "cli.importing",
    "transcript": "report.transcript",
    "reduce": "gate.reduce",
    "linux": "linux.command",
    "soak": "gate.soak",
    "bundle": "dev.bundle",
    "new-test": "dev.new_test",
    "check-catalogue": "dev.check",
}
PACKING = ("image", "bundle")  # they boot nothing
INPUTS = ("compare", "merge", "import", "baseline", "transcript", "reduce")  # they begin with results
SHOWN = [command for command in COMMANDS if command != "check-catalogue"]


class Parser(argparse.ArgumentParser):
    """argparse ends with 2 on a usage error; here that is 3, and a mistyped option gets a suggestion."""

    def error(self, message: str) -> NoReturn:
        words = [word for word in message.split() if word.startswith("--")]
        hint = suggest(words[0], self.options()) if "unrecognized" in message and words else ""
        raise UsageError(f"{message}.{hint} `./run.sh --help` shows what is possible.")

    def _print_message(self, message: str, file: Any = None) -> None:
        """The help; argparse would ignore an output that cannot be written."""
        Output().write(message)

    def options(self) -> list[str]:
        """All long options."""
        shown = [action for action in self._actions if action.help != argparse.SUPPRESS]
        return [name for action in shown for name in action.option_strings if name.startswith("--")]


def _seed(text: str) -> int:
    if text == "random":
        return secrets.randbelow(1 << 32)
    return arguments.whole(0, (1 << 64) - 1, "a whole number or 'random'")(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds") from None
    if not math.isfinite(value) or not 0 < value <= 86400:
        raise argparse.ArgumentTypeError(f"{text} is out of range; more than 0, at most 86400 seconds")
    return value


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes") from None
    if not math.isfinite(value) or not 0 < value <= 60 * 24 * 7:
        raise argparse.ArgumentTypeError(f"{text} is out of range; more than 0, at most 10080 minutes (a week)")
    return value


def _words(parser: Parser, command: str) -> None:
    """The positional arguments."""
    if command in INPUTS:
        arguments.add_inputs(parser, command)
    elif command == "show":
        parser.add_argument("names", nargs="+", metavar="NAME", help="of a test, defect, variant or requirement")
    elif command == "new-test":
        parser.add_argument("name", metavar="GROUP.NAME", help="the id; see docs/writing-tests.md")
    elif command not in ("bundle", "bench", "linux", "soak"):
        parser.add_argument("globs", nargs="*", metavar="GLOB", help="what to select, '!GLOB' = not that; default: all")


def _commands() -> str:
    """A line for each, and another where it does not fit."""
    lines = ["commands (each has a --help of its own):"]
    for name in SHOWN:
        lines += textwrap.wrap(f"{name:11} {COMMANDS[name]}", 76, initial_indent="  ", subsequent_indent=" " * 14)
    return "\n".join(lines) + "\n\n"


def parser_of(command: str) -> Parser:
    parser = Parser(
        prog=f"./run.sh {command}",
        usage=None if command != "run" else "./run.sh [COMMAND] [options] [GLOB...]",
        description=textwrap.fill(COMMANDS[command][0].upper() + COMMANDS[command][1:] + ".", 78),
        epilog=(_commands() if command == "run" else "") + arguments.epilog(command, EPILOG),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _words(parser, command)
    if command in ("list",):
        parser.add_argument("--json", action="store_true", help="as JSON, for programs")
    parser.add_argument("--plain", action="store_true", help="no progress bar and no colors, also on a terminal")
    parser.add_argument("--quiet", action="store_true", help="only failures, problems and the verdict")
    parser.add_argument("--no-color", action="store_true", help="no colors")
    setup = "install nothing: list what is missing, and end with 4"
    parser.add_argument("--no-setup", action="store_true", help=setup)  # run.sh acts on it
    parser.add_argument("--svg", type=arguments.path, metavar="FILE", help=argparse.SUPPRESS)
    if command in ("run", "bench", "defects", "variants", "linux"):
        _machine_options(parser, command)
    if command in ("run", "bench", "defects", "variants", "image"):
        _test_options(parser, command)
    if command == "linux":
        _linux_options(parser)
    if command == "soak":
        _soak_options(parser)
    if command in PACKING:
        packing.add_options(parser, command)
    if command in ("run", "list", "image", "defects", "variants"):
        arguments.add_tier(parser)
    if command in ("run", "list", "image"):
        arguments.add_selection(parser)
    if command in ("run", "merge", "import"):
        arguments.add_gate(parser)
    return parser


def _machine_options(parser: Parser, command: str) -> None:
    add = parser.add_argument
    add("--timeout", type=_seconds, metavar="S", help="most seconds that one boot may take (300)")
    add("--results", type=arguments.path, metavar="DIR", help="where results go (build/results)")
    add("--qemu", type=arguments.word, metavar="PATH", help="the QEMU to use (qemu-system-x86_64)")
    add("--accel", type=arguments.word, default="tcg", metavar="NAME", help="QEMU's accelerator (tcg)")
    cpus = 4 if command == "defects" else 2  # some defects are of the third processor and those after it
    add("--cpus", type=arguments.whole(1, 8, "processors"), default=cpus, metavar="N", help=f"processors ({cpus})")
    memory = arguments.whole(1024, 1 << 20, "MiB of memory")
    add("--memory", type=memory, default=4352, metavar="MIB", help="memory of the machine (4352)")
    cpu = "QEMU's -cpu; a model alone gets +svm,+npt,+x2apic,+pdpe1gb (qemu64)"
    add("--cpu", type=arguments.word, default="qemu64", metavar="MODEL", help=cpu)
    add("--host", type=arguments.image, metavar="FILE", help="another reference host (build/refhost.efi)")
    add("--guest", type=arguments.image, metavar="FILE", help="another suite, its .debug beside it (build/pvtest.efi)")
    add("--firmware", type=arguments.word, metavar="FILE", help="code of a UEFI firmware (the OVMF that is found)")
    if command == "bench":
        words = "boot nothing: compare the ratios of two earlier benchmarks; a larger one in B is exit code 1"
        add("--compare", nargs=2, type=arguments.path, metavar=("A", "B"), help=words)
        limit = arguments.whole(1, 10000, "per cent")
        add("--limit", type=limit, default=25, metavar="PERCENT", help="for --compare: so much is no change (25)")
    if command == "run":
        restarts = arguments.whole(0, 100, "boots")
        add("--restarts", type=restarts, default=3, metavar="N", help="boots that may follow a crash or hang (3)")
        add("--until-fail", action="store_true", help="repeat until a test fails (at most --repeat, 1000)")
        words = "operations of a random test, as its failure wrote them, in the place of those by chance"
        add("--replay", type=arguments.path, metavar="FILE", help=words)
        words = "of each test that fails, write all hypercalls, tables and DMAs into the results folder"
        add("--transcript", action="store_true", help=words)
        words = "run the first failures again, alone and, where they do not show, after the tests before them"
        add("--confirm", action="store_true", help=words)
        add("--fixture", metavar="NAME", help=argparse.SUPPRESS)
        host_log = arguments.whole(0, 2, "a level of the host's log")
        add("--host-log", type=host_log, metavar="N", help=argparse.SUPPRESS)
    if command in ("defects", "variants"):
        jobs = arguments.whole(1, 64, "machines")
        words = "run every test under each variant on all device classes, instead of on one behind each unit it changes"
        if command == "defects":
            words = "run everything under each defect, to see what else fails, instead of until it is caught"
        add("--matrix", action="store_true", help=words)
        if command == "defects":
            words = "start the firmware for each defect, instead of going on from a machine that was saved after it"
            add("--boot-each", action="store_true", help=words)
        else:
            most = arguments.whole(1, 8, "variants")
            words = "up to N variants on one host, and each alone where that one does not pass like a usual host (1)"
            add("--together", type=most, default=1, metavar="N", help=words)
        add("--jobs", type=jobs, default=os.cpu_count() or 1, metavar="N", help="machines at a time (one per CPU)")


def _soak_options(parser: Parser) -> None:
    add = parser.add_argument
    add("--minutes", type=_minutes, default=30.0, metavar="N", help="start rounds for so long (30)")
    add("--seed", type=_seed, metavar="N", help="decides every round (random)")
    jobs = arguments.whole(1, 64, "rounds")
    add("--jobs", type=jobs, default=1, metavar="N", help="rounds at a time (1; each has up to two machines)")
    add("--results", type=arguments.path, metavar="DIR", help="where results go (build/results)")
    add("--qemu", type=arguments.word, metavar="PATH", help="the QEMU to use (qemu-system-x86_64)")
    add("--host", type=arguments.image, metavar="FILE", help="another reference host (build/refhost.efi)")
    add("--guest", type=arguments.image, metavar="FILE", help="another suite, its .debug beside it (build/pvtest.efi)")


def _linux_options(parser: Parser) -> None:
    add = parser.add_argument
    kernel = "a bzImage or a kernel with an EFI stub (Debian's cloud kernel)"
    add("--kernel", type=arguments.image, metavar="FILE", help=kernel)
    add("--initrd", type=arguments.file, metavar="FILE", help="its initial file system (one that tells what it finds)")
    add("--append", action="append", default=[], metavar="WORDS", help="more words for the kernel's command line")
    add("--bus", choices=combinations.BUSES, help="where Linux finds devices (vpci)")
    machines = "the machine that the host shows: a PC, or one without its devices, like a generation 2 VM (q35)"
    add("--machine", choices=combinations.MACHINES, default=combinations.MACHINES[0], help=machines)
    add("--defect", action="append", default=[], metavar="NAME", help="switch on a defect of the host")
    add("--variant", action="append", default=[], metavar="NAME", help="switch on a variant of the host")
    add("--functions-alone", action="store_true", help="no VT-d, no QEMU devices: the host's virtual functions alone")
    add("--verbose", action="count", default=0, help="show the console; the host's log has more")


def _test_options(parser: Parser, command: str) -> None:
    """The options that reach the images."""
    add = parser.add_argument
    add("--seed", type=_seed, default=1, metavar="N", help="of the tests' random choices, or 'random' (1)")
    shown = "" if command == "image" else "show the serial port, and observations at the end; "
    more = f"{shown}the guest tells the steps of every test, twice: fault records, too"
    add("--verbose", action="count", default=0, help=more)
    add("--functions-alone", action="store_true", help="no VT-d, no QEMU devices: the host's virtual functions alone")
    if command in ("run", "bench", "image"):
        caching = ("none", "random", "adversarial")
        policy = "what the host's software IOMMU remembers (adversarial)"
        add("--caching", choices=caching, default="adversarial", help=policy)
        buses = "where the guest finds devices: plain PCI, or virtual PCI over VMBus as on Hyper-V (vpci)"
        add("--bus", choices=combinations.BUSES, help=buses)
        machines = "the machine that the host shows: a PC, or one without its devices, like a generation 2 VM (q35)"
        add("--machine", choices=combinations.MACHINES, default=combinations.MACHINES[0], help=machines)
    if command == "run":
        words = "processor of the machine that makes the hypercalls of the tests, where they do not say (1)"
        add("--calls-from", type=arguments.whole(1, 8, "a processor"), default=1, metavar="N", help=words)
        add(
            "--no-host",
            action="store_true",
            help="on QEMU itself, without the reference host: the image says what is missing",
        )
        units = "unit that the tests drive: the host's pvIOMMU, or one of QEMU's without the host (pviommu)"
        add("--iommu", choices=("pviommu", "virtio-iommu", "vtd"), default="pviommu", help=units)
    if command in ("run", "image"):
        blocks = "blocks of NVMe disks that tests may write to: NSID:LBA+COUNT, also with ,SERIAL, or none"
        add("--nvme-scratch", type=arguments.nvme_scratch, metavar="BLOCKS", help=blocks)
        blocks = "blocks of NVMe disks that tests may read and do not write to, in the same form"
        add("--nvme-read", type=arguments.nvme_scratch, metavar="BLOCKS", help=blocks)
        add("--defect", action="append", default=[], metavar="NAME", help="switch on a defect of the host")
        add("--variant", action="append", default=[], metavar="NAME", help="switch on a variant of the host")
        rounds = arguments.whole(1, 1_000_000, "rounds")
        add("--repeat", type=rounds, metavar="N", help="run the selection N times (1)")
        add("--shuffle", action="store_true", help="in a random order, which --seed decides")
        add("--in-order", action="store_true", help="in the order of the GLOBs, instead of the catalogue's")
        milliseconds = arguments.whole(1, 3_600_000, "milliseconds")
        add("--deadline", type=milliseconds, metavar="MS", help="of one test, in milliseconds (2000)")
        late = "that the host may take for a message or an interrupt that it owes, in milliseconds (1000)"
        add("--answer", type=arguments.whole(10, 60_000, "milliseconds"), metavar="MS", help=late)
    if command not in ("bench", "image", "new-test"):
        arguments.add_shard(parser)


def parse(words: list[str]) -> tuple[str, argparse.Namespace]:
    """The command and its options."""
    command = "run"
    if words[:1] == ["help"]:
        if words[1:] and words[1] not in COMMANDS:
            hint = suggest(words[1], SHOWN)
            raise UsageError(f"no command is called '{words[1]}'.{hint} `./run.sh help` names them.")
        words = [*words[1:2], "--help"]
    if words and words[0] in COMMANDS:
        command, words = words[0], words[1:]
    return command, parser_of(command).parse_intermixed_args(words)


def _dispatch(command: str, options: argparse.Namespace) -> int:
    # Only now: checks of the catalogue must run without the packages that other commands need.
    module = MODULES.get(command, f"cli.{command}")
    try:
        found = importlib.import_module(f"pvtest.{module}")
    except ModuleNotFoundError as error:
        if error.name == "pvtest.dev":
            raise UsageError(f"this is a bundle; {command} needs the source tree") from None
        raise MissingError(f"Python has no package {error.name}; tools/setup.sh installs it where it can") from None
    if command in ("defects", "variants"):
        return int(found.main(command, options))
    return int(found.main(options))


def entry() -> int:
    """The entry point of an installed `pvtest`."""
    return main(sys.argv[1:])


def main(words: list[str]) -> int:
    """Runs one command; every expected error is one message and a code."""
    open_closed()
    interrupts.install()
    # A terminal that cannot show a character is no reason to show nothing.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    code, message = _run(words)
    Output().flush()
    if Output.failed is not None:
        drop()
        code = code or EXIT_ERROR
        if not message and not isinstance(Output.failed, BrokenPipeError):  # a reader may have read enough
            message = f"standard output: {Output.failed.strerror}"
    if message:
        _complain(f"run.sh: {message}")
    interrupts.finish()
    return code


def _complain(text: str) -> None:
    with contextlib.suppress(OSError):
        print(printable(text.replace("\n", " ")), file=sys.stderr, flush=True)


def _unexpected(error: Exception) -> str:
    """For a mistake of the runner: what a person needs to report it."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"a mistake of the runner: {type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"


def _notes(error: BaseException) -> str:
    return "".join(f". {note}" for note in getattr(error, "__notes__", ()))


def _run(words: list[str]) -> tuple[int, str]:
    """Exit code and complaint. Code 1 is for the host alone: whatever goes wrong here has another one."""
    try:
        if words == ["--version"]:
            Output().write(f"pvtest {paths.VERSION.read_text(encoding='utf-8').strip()}\n")
            return 0, ""
        if words[:1] == [usage.ALONE]:
            command, options = parse(words[1:])
            usage.check(options)
            paths.use_images(getattr(options, "host", None), getattr(options, "guest", None))
            usage.check_files(command, options)
            usage.check_names(command, options)
            return 0, ""
        command, options = parse(words)
        paths.use_images(getattr(options, "host", None), getattr(options, "guest", None))
        code = _dispatch(command, options)
        if interrupts.caught():
            raise KeyboardInterrupt
        return code, ""
    except SystemExit as end:  # of --help
        return int(end.code or 0), ""
    except RunnerError as error:
        return error.code, f"{error}{_notes(error)}"
    except KeyboardInterrupt:
        return EXIT_ERROR, f"interrupted by {interrupts.caught() or 'Ctrl-C'}"
    except OSError as error:
        return EXIT_ERROR, f"{system_error(error)}{_notes(error)}"
    except Exception as error:  # pylint: disable=broad-exception-caught  # a traceback ends with code 1
        return EXIT_ERROR, f"{_unexpected(error)}{_notes(error)}"
