# SPDX-License-Identifier: MIT
"""`./run.sh bundle`: one archive with images, runner and documents, for a machine with QEMU and Python alone."""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import tarfile
from pathlib import Path

from pvtest import new_file as outputs
from pvtest import paths
from pvtest.dev import docs
from pvtest.dev import vendor
from pvtest.dev.vendor import Vendored
from pvtest.errors import EXIT_OK, MissingError, RunnerError, UsageError
from pvtest.images import catalogue
from pvtest.machine import qemu
from pvtest.machine.terminal import terminal

MARK = "BUNDLE.txt"  # a tree with this file is a bundle
# Folders and files of the source tree. The sources are for the lines that a crash report shows.
CONTENTS = (
    "README.md",
    "LICENSE",
    "VERSION",
    "docs/**/*",
    "abi/*",
    "tools/pvtest/**/*",
    "tools/start.py",
    "tools/profiles/*",
    "tools/baselines/*",
    "tools/hyper-v/*",
    *(f"{folder}/**/*.[chS]" for folder in ("boot", "kernel", "drivers", "lib", "host", "tests")),
)
LEFT_OUT = ("__pycache__", "dev")  # the second is tools/pvtest/dev, of no use without the source tree
IMAGES = ("pvtest.efi", "pvtest.debug", "refhost.efi", "refhost.debug")
PROGRAMS = ("run.sh",)
LEVEL = 6  # of gzip: a third of the time of the highest, for half a percent more


def _sources() -> dict[str, bytes]:
    found = {}
    for pattern in CONTENTS:
        for path in paths.ROOT.glob(pattern):
            inside = path.relative_to(paths.ROOT)
            # The folders above the tree have names of their own.
            if path.is_file() and not any(part in inside.parts for part in LEFT_OUT):
                found[inside.as_posix()] = path.read_bytes()
    return found


def _images() -> dict[str, bytes]:
    try:
        return {f"build/{name}": (paths.BUILD / name).read_bytes() for name in IMAGES}
    except OSError as error:
        raise RunnerError(f"{error.filename}: {error.strerror}; build the images with: make image") from None


def _firmware() -> tuple[dict[str, bytes], str]:
    """OVMF and its license, and what to say about it."""
    try:
        code, variables = qemu.firmware()
    except MissingError:
        return {}, "not included: none was found where the bundle was made; the machine needs OVMF of its own"
    licence = vendor.package_licence(Path(code))
    if not licence:
        return {}, f"not included: no license was found beside {code}; the machine needs OVMF of its own"
    names = (Path(name).name for name in qemu.BUNDLED_FIRMWARE)
    files = {f"firmware/{name}": Path(path).read_bytes() for name, path in zip(names, (code, variables))}
    return {**files, "firmware/LICENSE.txt": licence}, "OVMF, in firmware/, with its license"


def _about(version: str, python: Vendored, firmware: str) -> str:
    packages = "".join(f"  {name} {number}\n" for name, number in sorted(python.versions.items()))
    lacking = "".join(
        f"Left out, because it needs a compiled module: {name}. Without it on the machine, {what} do not work.\n"
        for name, what in python.left_out.items()
    )
    return f"""\
pvIOMMU conformance suite {version}

  ./run.sh           boots QEMU, runs everything, prints the verdict
  ./run.sh --help    all that is possible; docs/runner.md is the guide

Needed: QEMU (qemu-system-x86_64, version 10 or newer for all tests), Python 3.11 or newer, a POSIX shell.
Not needed: a compiler, make, packages for Python, root.
Firmware: {firmware}.
Python packages in vendor/, their licenses in vendor/licenses/:
{packages}{lacking}
Check the files with: sha256sum -c --quiet SHA256SUMS
Results go to build/results. `make test` and `./run.sh bundle` need the source tree.
"""


def _pack(top: str, files: dict[str, bytes]) -> bytes:
    """Sorted names, no times, no owners: the same files give the same bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(files):
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size = len(files[name])
            entry.mode = 0o755 if name in PROGRAMS else 0o644
            tar.addfile(entry, io.BytesIO(files[name]))
    return gzip.compress(packed.getvalue(), LEVEL, mtime=0)


def main(options: argparse.Namespace) -> int:
    """Makes the archive and says what is in it."""
    if (paths.ROOT / MARK).exists():
        raise UsageError("this is a bundle; a new one is made in the source tree")
    version = catalogue.load_tests().version
    output = options.output or paths.BUILD / f"pvtest-{version}.tar.gz"
    outputs.check(output, options.force)
    images = _images()
    python = vendor.collect()
    files, firmware = _firmware()
    files.update(_sources())
    files.update(images)
    files.update({f"docs/{name}": text.encode() for name, text in docs.generated("..").items()})
    files.update({f"vendor/{name}": content for name, content in python.files.items()})
    files["run.sh"] = (paths.ROOT / "tools" / "bundle" / "run.sh").read_bytes()
    files[MARK] = _about(version, python, firmware).encode()
    sums = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    files["SHA256SUMS"] = sums.encode()
    content = _pack(f"pvtest-{version}", files)
    with outputs.scratch(output) as scratch:
        (scratch / "bundle").write_bytes(content)
        outputs.publish(scratch / "bundle", output)
    out = terminal(options)
    out.say(f"{output}: {len(files)} files, {len(content) / (1 << 20):.1f} MiB. Firmware: {firmware}.")
    for name, what in python.left_out.items():
        out.say(f"Left out: {name}, which needs a compiled module here; {what} need it.", "yellow")
    return EXIT_OK
