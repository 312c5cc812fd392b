# SPDX-License-Identifier: MIT
"""Options that several commands share, and the words of their help."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path

from pvtest.errors import system_error
from pvtest.images.catalogue import TIERS
from pvtest.plan import shard

TIER_HELP = """\
how much: quick (what takes milliseconds, without slow devices), default, or stress (default, and tests that take
seconds). Each has all of those before it; without this option: default, and tests that are named by their id"""

EXAMPLES = {
    "run": """\
  ./run.sh                                  all tests on the reference host
  ./run.sh flush '!*@edu'                   group flush, but not on edu
  ./run.sh --class rocker --level test      what the ABI fixes, on rocker
  ./run.sh --tier stress                    also tests that take seconds
  ./run.sh FL-3 --repeat 100 --seed random  one requirement, a hundred rounds
  ./run.sh --shuffle --until-fail           until something fails
  ./run.sh --profile linux-merged --baseline known.toml
  ./run.sh --replay operations.txt          what a random test did
  ./run.sh --shard 2/4 --results out        the second of four machines""",
    "list": """\
  ./run.sh list flush
  ./run.sh list --kind dma --class none
  ./run.sh list --json >catalogue.json""",
    "defects": """\
  ./run.sh defects
  ./run.sh defects 'flush-*' --jobs 1
  ./run.sh defects flush-domain-ignored --matrix
  ./run.sh defects --shard 1/3 --results out""",
    "variants": """\
  ./run.sh variants
  ./run.sh variants --shard 1/3 --results out""",
    "bench": """\
  ./run.sh bench
  ./run.sh bench --results out
  ./run.sh bench --compare before after     two results folders, by ratio""",
    "linux": """\
  ./run.sh linux                            Debian's cloud kernel, on vPCI
  ./run.sh linux --kernel arch/x86/boot/bzImage --append debug
  ./run.sh linux --bus pci --defect detach-no-flush
  ./run.sh linux --machine gen2             on a machine like a generation 2 VM""",
    "image": """\
  ./run.sh image                            for QEMU, with the reference host
  ./run.sh image --target hyper-v           a VHDX for a generation 2 VM
  ./run.sh image --target qemu --format qcow2 discovery malformed
  ./run.sh image --output mine.vhdx --target hyper-v --seed 7 --force""",
    "soak": """\
  ./run.sh soak --minutes 480               over a night
  ./run.sh soak --seed 7 --jobs 2 --results out
  ./run.sh merge out1 out2                  the soaks of two computers""",
    "show": """\
  ./run.sh show flush.domain
  ./run.sh show FL-3 attach-no-flush""",
    "new-test": """\
  ./run.sh new-test flush.leaf_below_a_moved_table""",
    "bundle": """\
  ./run.sh bundle
  ./run.sh bundle --output pvtest.tar.gz --force""",
    "compare": """\
  ./run.sh compare before after             two results folders
  ./run.sh compare a/profile.json b/profile.json
  ./run.sh compare build/old build/results --json""",
    "merge": """\
  ./run.sh merge shard-1 shard-2 shard-3 --results build/results""",
    "import": """\
  ./run.sh import results.tap               from \\pvtest-results\\run-0001 there
  ./run.sh import com1.log --profile linux-merged --results out""",
    "reduce": """\
  ./run.sh reduce build/results attach.detach_twice@rocker
  ./run.sh reduce out flush.list@dmaprobe --runs 100""",
    "transcript": """\
  ./run.sh flush.domain --transcript
  ./run.sh transcript flush.domain@rocker.jsonl""",
    "baseline": """\
  ./run.sh baseline build/results --output known.toml
  ./run.sh --baseline known.toml""",
}


def whole(low: int, high: int, what: str) -> Callable[[str], int]:
    """Converts a word to a number in this range; `what` says what it counts."""

    def convert(text: str) -> int:
        try:
            value = int(text, 0)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number; {what}, {low} to {high}") from None
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is out of range; {what}, {low} to {high}")
        return value

    return convert


def word(text: str) -> str:
    """A word that says something: an unset variable of a script must not pass for "no such option"."""
    if not text:
        raise argparse.ArgumentTypeError("an empty word names nothing")
    return text


def nvme_scratch(text: str) -> str:
    """Blocks of an NVMe namespace as the guest reads them; empty for `none`."""
    if text == "none":
        return ""
    if not re.fullmatch(r"[1-9][0-9]*:[0-9]+\+[1-9][0-9]*(,[!-~]{1,20})?", text):
        raise argparse.ArgumentTypeError(f"{text[:60]!r} is not NSID:LBA+COUNT, NSID:LBA+COUNT,SERIAL or none")
    return text


def path(text: str) -> Path:
    """A path; the empty word would mean the current folder."""
    return Path(word(text))


def file(text: str) -> Path:
    """A file that is there."""
    found = path(text)
    if not found.is_file():
        raise argparse.ArgumentTypeError(f"{text}: {'is a folder' if found.is_dir() else 'no such file'}")
    return found


def image(text: str) -> Path:
    """A program for UEFI that is there; a kernel of Linux with an EFI stub is one."""
    found = file(text)
    try:
        with found.open("rb") as content:
            begins = content.read(2)
    except OSError as error:
        raise argparse.ArgumentTypeError(system_error(error, text)) from None
    if begins != b"MZ":
        raise argparse.ArgumentTypeError(f"{text}: is no program for UEFI: it does not begin with MZ")
    return found


def epilog(command: str, common: str) -> str:
    """Examples, then what holds for all commands."""
    return f"examples:\n{EXAMPLES[command]}\n\n{common}" if command in EXAMPLES else common


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Filters beside the GLOBs, all repeatable: words of one option widen each other, options narrow each other."""
    add = parser.add_argument_group("selection").add_argument
    add("--group", action="append", default=[], metavar="G", help="only tests of this group")
    add("--requirement", action="append", default=[], metavar="R", help="only tests of this requirement")
    add(
        "--class",
        dest="device_class",
        action="append",
        default=[],
        metavar="C",
        help="only on this device class; any: of no class, but needing a device; none: needing no device",
    )
    add("--level", action="append", default=[], metavar="L", help="only of this level: test, observe, stress")
    add("--kind", action="append", default=[], metavar="K", help="only of this kind: dma, fault, flush, ...")
    add("--not", dest="without", action="append", default=[], metavar="GLOB", help="not these; the same as '!GLOB'")


def add_tier(parser: argparse.ArgumentParser) -> None:
    """How long the run may take."""
    parser.add_argument("--tier", choices=TIERS, default="", help=TIER_HELP)


def add_shard(parser: argparse.ArgumentParser) -> None:
    """Splitting over machines."""
    parser.add_argument("--shard", type=shard.parse, metavar="I/N", help="only part I of N; `merge` joins the parts")


def add_gate(parser: argparse.ArgumentParser) -> None:
    """Options that decide on the exit code beside the tests."""
    add = parser.add_argument_group("gate").add_argument
    add(
        "--profile",
        type=word,
        metavar="NAME",
        help="who must be served: linux-merged, linux-v2, strict, or a file (none)",
    )
    add("--baseline", type=path, metavar="FILE", help="known failures, which do not count (none)")


def add_inputs(parser: argparse.ArgumentParser, command: str) -> None:
    """The folders and files that compare, merge and baseline read."""
    if command == "compare":
        for name, letter in (("before", "A"), ("after", "B")):
            parser.add_argument(name, type=path, metavar=letter, help="results folder, results.json or profile.json")
        parser.add_argument("--json", action="store_true", help="as JSON, for programs")
    if command == "merge":
        parser.add_argument("folders", type=path, nargs="+", metavar="DIR", help="results folder of one shard")
        parser.add_argument("--results", type=path, metavar="DIR", help="where results go (build/results)")
    if command == "import":
        words = "results.tap, a folder with one, or what came over a COM1"
        parser.add_argument("stream", type=path, metavar="FILE", help=words)
        parser.add_argument("--results", type=path, metavar="DIR", help="where results go (build/results)")
        parser.add_argument("--verbose", action="store_true", help="show observations")
    if command == "reduce":
        parser.add_argument("results_of", type=path, metavar="RESULTS", help="results folder or results.json")
        parser.add_argument("instance", type=word, metavar="ID", help="of the instance that failed there")
        runs = whole(2, 1000, "runs")
        parser.add_argument("--runs", type=runs, default=40, metavar="N", help="at most so many runs (40)")
        parser.add_argument("--qemu", type=word, metavar="PATH", help="the QEMU to use (qemu-system-x86_64)")
        seconds = whole(1, 86400, "seconds")
        parser.add_argument("--timeout", type=seconds, metavar="S", help="most seconds of one boot (300)")
    if command == "transcript":
        words = "of the folder transcripts of a results folder"
        parser.add_argument("transcript_of", type=path, metavar="FILE", help=words)
    if command == "baseline":
        parser.add_argument("results_of", type=path, metavar="DIR", help="results folder or results.json")
        parser.add_argument("--output", type=path, metavar="FILE", help="a new file (standard output)")
