# SPDX-License-Identifier: MIT
"""`./run.sh image`: a disk that boots the suite without a runner beside it."""

from __future__ import annotations

import argparse
from pathlib import Path

from pvtest import new_file, paths
from pvtest.cli import usage
from pvtest.cli.packing import TARGETS, Target
from pvtest.counted import counted
from pvtest.errors import EXIT_OK, RunnerError, UsageError
from pvtest.gate import profiles
from pvtest.images import boot_volume, catalogue, disk_image, requirements
from pvtest.images.boot_volume import BootOptions
from pvtest.images.catalogue import Catalogue
from pvtest.images.guest_options import GUEST_FILE, HOST_FILE
from pvtest.images.pe import Signer
from pvtest.machine.terminal import terminal
from pvtest.plan import combinations
from pvtest.plan.devices import OPTION, Devices
from pvtest.plan.ordering import Plan, plan
from pvtest.plan.selection import find_switches, told_tests

LOADER = "EFI/BOOT/BOOTX64.EFI"  # what firmware starts from a disk without a boot entry of its own


def _options(options: argparse.Namespace, target: Target, tests: Catalogue, chosen: Plan) -> BootOptions:
    host = catalogue.load_host() if target.host else None
    names = boot_volume.selection(tests, chosen.selected, chosen.shuffled)
    return BootOptions(
        seed=options.seed,
        repeat=options.repeat or 1,
        deadline_ms=options.deadline,
        answer_ms=options.answer,
        verbose=min(options.verbose, 2),
        host_log=min(1 + options.verbose, 2),
        given_order=chosen.shuffled,
        tests=names.tests,
        without=names.without,
        tier=names.tier,
        defects=[d.name for d in find_switches("defect", host.defects, options.defect)] if host else [],
        variants=[v.name for v in find_switches("variant", host.variants, options.variant)] if host else [],
        caching=options.caching,
        bus=combinations.bus(options),
        machine=options.machine,
        nvme_scratch=options.nvme_scratch or "",
        nvme_read=options.nvme_read or "",
        unattended=target.unattended,
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RunnerError(f"{path}: {error.strerror}; build the images with: make image") from None


def contents(target: Target, options: BootOptions, signer: Signer | None = None) -> dict[str, bytes]:
    """The files of the disk."""

    def image(path: Path) -> bytes:
        return signer.signed(_read(path)) if signer else _read(path)

    files = {GUEST_FILE: boot_volume.check_guest_text(options.guest_text()).encode("ascii")}
    if target.host:
        files[HOST_FILE] = options.host_text().encode("ascii")
    # The reference host starts the suite from the root of the volume.
    files[LOADER] = image(paths.HOST_IMAGE if target.host else paths.GUEST_IMAGE)
    if target.host:
        files["pvtest.efi"] = image(paths.GUEST_IMAGE)
    return files


def _check(options: argparse.Namespace, target: Target) -> None:
    """Options that would change nothing are refused."""
    if target.host:
        return
    asked = {
        "--defect": options.defect,
        "--variant": options.variant,
        "--caching": options.caching != "adversarial",
        "--bus": options.bus is not None,
        "--machine": options.machine != combinations.MACHINES[0],
        OPTION: options.functions_alone,
    }
    for name in (name for name, given in asked.items() if given):
        raise UsageError(f"{name} is for the reference host, which --target {options.target} leaves out")


def _output(options: argparse.Namespace, form: str) -> Path:
    name = f"pvtest-{options.target}{disk_image.FORMATS[form][0]}"
    return Path(options.output or paths.BUILD / "disks" / name)


def check(options: argparse.Namespace) -> str:
    """Raises where no disk could be made of this command line; else its format."""
    target = TARGETS[options.target]
    _check(options, target)
    form = disk_image.format_of(options.output, options.format, target.form)
    new_file.check(_output(options, form), options.force)
    if options.sign:
        Signer(*options.sign).check()
    return form


def main(options: argparse.Namespace) -> int:
    """Makes the disk and says where it is."""
    usage.check(options)
    form = check(options)
    target = TARGETS[options.target]
    signer = Signer(*options.sign) if options.sign else None
    output = _output(options, form)
    tests = catalogue.load_tests().of("")
    devices = Devices(f"option {OPTION}", forced=True) if options.functions_alone else Devices()
    options.shard = None
    known = requirements.load().of("")
    chosen = plan(options, tests, known, devices)
    if not options.globs and not options.device_class:
        chosen.selected = catalogue.without_slow_copies(chosen.selected)
    files = contents(target, _options(options, target, tests, chosen), signer)
    if target.unattended:
        files[profiles.DISK_FILE] = profiles.on_disk(tests, known).encode("ascii")
    disk_image.write(output, form, files, options.size, options.force)
    out = terminal(options)
    out.tell(told_tests(tests, known, options.globs))
    signed = ", signed" if signer else ""
    chosen_tests = counted(len(chosen.selected), "test")
    out.say(f"{output}: {form}, {options.size} MiB, {chosen_tests}, for {target.title}{signed}")
    return EXIT_OK
