# SPDX-License-Identifier: MIT
"""The keys of \\pvtest.opt and \\refhost.opt, one `key=value` per line, as tests/harness/options.c and
host/launch/host_options.c read them. Nothing else in the runner spells one."""

from __future__ import annotations

from enum import Enum

GUEST_FILE = "pvtest.opt"
HOST_FILE = "refhost.opt"
GUEST_OPTIONS_MAX = 262144  # bytes, BOOT_OPTIONS_MAX of kernel/boot_info.h


class GuestKey(Enum):
    """Options of the suite."""

    SEED = "seed"
    REPEAT = "repeat"
    DEADLINE_MS = "deadline_ms"
    ANSWER_MS = "answer_ms"
    VERBOSE = "verbose"
    CALLS_FROM = "calls_from"
    BENCH = "bench"
    ORDER = "order"
    STOP_AT_FAIL = "stop_at_fail"
    UNATTENDED = "unattended"
    RESTARTS = "restarts"
    CHECKPOINT = "checkpoint"
    FIXTURE = "fixture"
    FIXTURE_TEST = "fixture_test"
    MMIO = "mmio"
    NVME_SCRATCH = "nvme-scratch"
    NVME_READ = "nvme-read"
    IOMMU = "iommu"
    UNIT_FAULT = "unit-fault"
    REPLAY = "replay"
    SHRINK = "shrink"
    TRANSCRIPT = "transcript"
    TEST = "test"
    WITHOUT = "without"
    TIER = "tier"


class HostKey(Enum):
    """Options of the reference host."""

    DEFECT = "defect"
    VARIANT = "variant"
    CACHING = "caching"
    SEED = "seed"
    LEVELS = "levels"
    FUNCTIONS = "functions"
    BENCH = "bench"
    CRASH = "crash"
    LOG = "log"
    BUS = "bus"
    MACHINE = "machine"
    COM1 = "com1"


ORDER_GIVEN = "given"  # of GuestKey.ORDER: run in the order of the test= lines


def line(key: GuestKey | HostKey, value: str | int) -> str:
    """One line of an options file, without its end."""
    return f"{key.value}={value}"


def text(lines: list[str]) -> str:
    """The options file."""
    return "\n".join(lines) + "\n"
