# SPDX-License-Identifier: MIT
"""A guest in the made-up QEMU: prints what a real one would, well-behaved or not.

Behavior comes from pvtest.opt (fixture=NAME) and refhost.opt (defect=NAME, variant=NAME) on the boot volume, as for
the real guest. Some hundred of them start in a run of the tests, so it imports next to nothing.
"""

from __future__ import annotations

import os
import sys
import time

CLASSES = ("rocker", "edu", "dmaprobe", "dmaprobe+ats", "nvme", "ioat")
# No unit on the command line.
ALONE = not any(word.startswith(("intel-iommu,", "virtio-iommu-pci")) for word in sys.argv)
NOISE = "\x1b[2J\x1b[01;01H\x1b[=3hBdsDxe: loading Boot0001\r\n\r\n"

# Recorded from a reference host that was told to crash.
HOST_CRASH = """\
refhost: panic: exception 14, error code 0x2, at image offset 0x47e3
refhost: trap: vector=14 error=0x2 rip=0x990047e3 rsp=0x99053e78 cr2=0x7f0000000000 rflags=0x10002
refhost: regs: rax=0x7f0000000000 rbx=0x99053f78 rcx=0x0 rdx=0x9d7af000 rsi=0x99053f78 rdi=0x99053f10
refhost: frame: rip=0x990047e3 offset=0x47e3
refhost: frame: rip=0x99001518 offset=0x1518
refhost: an exception in the host
"""


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def hang() -> None:
    if "FAKE_QEMU_HANGS" in os.environ:
        write(os.environ["FAKE_QEMU_HANGS"])
    time.sleep(60)


def write(path: str, text: str = "") -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def options(path: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    with open(path, encoding="utf-8") as file:
        for line in file.read().splitlines():
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def fits(name: str, glob: str) -> bool:
    if not any(character in glob for character in "*?["):
        return name == glob
    import fnmatch

    return fnmatch.fnmatchcase(name, glob)


def number(data: bytes, offset: int, size: int) -> int:
    return int.from_bytes(data[offset : offset + size], "little")


def tests(path: str) -> list[tuple[str, str, str]]:
    """Section .pvtcat of an image: id, device classes as a character, level and unit."""
    with open(path, "rb") as file:
        data = file.read()
    header = number(data, 0x3C, 4)
    table = header + 24 + number(data, header + 20, 2)
    entries = [data[table + i * 40 :][:40] for i in range(number(data, header + 6, 2))]
    entry = next(entry for entry in entries if entry.startswith(b".pvtcat\0"))
    records = data[number(entry, 20, 4) :][: number(entry, 8, 4)].decode().split("\0")
    found = [record.split("\t") for record in records]
    return sorted((one[0], one[1], one[2]) for one in found if len(one) in (3, 4) and "." in one[0])


def classes_of(digit: str) -> list[str]:
    return [name for bit, name in enumerate(CLASSES) if ord(digit) - ord("0") >> bit & 1]


class Guest:
    """Prints a stream."""

    def __init__(self, volume: str, options_in: str):
        self.options = options(f"{options_in}/pvtest.opt")
        # A machine without the reference host has no options for it.
        self.hostless = not os.path.exists(f"{options_in}/refhost.opt")
        host = {} if self.hostless else options(f"{options_in}/refhost.opt")
        self.defect = host.get("defect", ["none"])[0]
        self.variants = host.get("variant", [])
        self.host_crash = host.get("crash") == ["1"]
        self.fixture = self.options.get("fixture", [os.environ.get("FAKE_QEMU_FIXTURE", "pass")])[0]
        self.repeat = int(self.options.get("repeat", ["1"])[0])
        known = tests(f"{volume}/EFI/BOOT/BOOTX64.EFI" if self.hostless else f"{volume}/pvtest.efi")
        unit = {"virtio-iommu": "v", "vtd": "d"}.get(self.options.get("iommu", [""])[0], "p")
        known = [test for test in known if test[2][1] in ("-", "p", unit)]
        instances = [(name, c) for name, digit, _ in known for c in classes_of(digit) or ("",)]
        wanted = self.options.get("test")
        named = [(test, f"{test}@{c}" if c else test) for test, c in instances]
        self.ids = [name for test, name in named if wanted is None or any(fits(name, w) or test == w for w in wanted)]
        self.ids = [name for name in self.ids if not any(fits(name, w) for w in self.options.get("without", []))]
        if self.options.get("tier") == ["quick"]:
            self.ids = [name for name in self.ids if not name.endswith("@edu")]
        if self.options.get("order") == ["given"]:
            self.ids = list(dict.fromkeys(n for w in wanted or [] for n in self.ids if fits(n, w) or fits(n, f"{w}@*")))
        self.stop_at_fail = int(self.options.get("stop_at_fail", ["0"])[0])
        # Like a real test that takes the machine down, these do it on every boot: "ID=how ID=how".
        self.deadly = dict(pair.split("=") for pair in os.environ.get("FAKE_QEMU_DEADLY", "").split())
        if os.environ.get("FAKE_QEMU_DEADLY_WITH", self.defect) != self.defect:
            self.deadly = {}
        if os.environ.get("FAKE_QEMU_DEADLY_VARIANT", "") not in ("", *self.variants):
            self.deadly = {}
        self.counts = dict.fromkeys(("pass", "fail", "error", "skip"), 0)
        self.number = 0

    def point(self, name: str, verdict: str = "pass", reason: str = "") -> None:
        self.counts[verdict] += 1
        self.number += 1
        skip = f" # SKIP {reason}" if verdict == "skip" else ""
        say(f"{'ok' if verdict in ('pass', 'skip') else 'not ok'} {self.number} - {name}{skip}")
        say("  ---")
        if verdict in ("fail", "error"):
            say(f'  verdict: "{verdict}"')
            say(f'  message: "made to {verdict}"')
            say('  expected: "0xa7 (64 bytes)"')
            say('  actual: "0x96 at \\"offset\\" 0"')
            say('  where: "tests/flush/flush.c:120"')
        if name.startswith("flush.none"):
            say('  observation: "status INVALID_PARAMETER"')
        say("  duration_us: 812")
        say("  ...")

    def devices(self) -> list[str]:
        """Those of the command line, and the functions of the reference host, which are there on every machine."""
        attached = [word.partition(",")[0] for word in sys.argv]
        found = [name for name in attached if name in ("rocker", "edu", "nvme")]
        found = sorted(found, key=("rocker", "edu", "nvme").index)
        if self.fixture == "no-edu":
            found = [name for name in found if name != "edu"]
        if self.fixture == "with-edu":
            found.append("edu")
        if self.fixture == "lost-rocker":
            found.remove("rocker")
        if self.fixture == "no-functions" or self.hostless:
            return found
        lost = 1 if self.fixture == "lost-function" else 0
        return found + ["dmaprobe"] * (4 - lost) + ["dmaprobe+ats"] * 4 + ["ioat"] * 2

    def begin(self, planned: int) -> None:
        sys.stdout.write(NOISE)
        say("TAP version 14")
        say(f"1..{planned}")
        say(f"# pvtest: version=9.9 seed={self.options['seed'][0]} tsc_hz=1000 clock=tsc")
        say('# hypervisor: vendor="Microsoft Hv" max_leaf=0x40000005')
        if "FAKE_QEMU_PVIOMMU" not in os.environ:
            say("# pviommu: iova_bits=47 pasid_bits=0 cap=0x5 page_sizes=0x40201000")
        elif os.environ["FAKE_QEMU_PVIOMMU"]:
            say(f"# pviommu: {os.environ['FAKE_QEMU_PVIOMMU']}")
        defect = "none" if self.fixture == "wrong-defect" else self.defect
        variants = "none" if self.fixture == "wrong-variant" else ",".join(self.variants) or "none"
        if self.hostless and "iommu" in self.options and self.fixture != "other-unit":
            say(f"# iommu: name={self.options['iommu'][0]} requests=0")
        if self.fixture != "no-oracle" and not self.hostless:
            say(f"# host: name=refhost version=8.8 backend=vtd defect={defect} variant={variants}")
        say(f'# machine: pc="{os.environ.get("FAKE_QEMU_PC", "mcfg pic com1")}"')
        for number, name in enumerate(self.devices(), 1):
            say(f"# device: class={name} bdf=00:{number:02x}.0 id={number << 3:#x}")
        if self.fixture == "outside":
            say("# outside: class=rocker bdf=00:1e.0 id=0xf0")
        say("# timing: firmware_to_first_test_us=4200")

    def end(self) -> None:
        counts = " ".join(f"{key}={value}" for key, value in self.counts.items())
        say(f"# end: planned={self.number} {counts} duration_us=99")

    def run(self, log: str) -> int:
        if self.host_crash:
            self.half()
            say(f"# run: {self.ids[len(self.ids) // 2]}")
            with open(log, "a", encoding="utf-8") as file:
                file.write(HOST_CRASH)
            return 39
        behave = getattr(self, "do_" + self.fixture.replace("-", "_"), None)
        if self.options.get("bench"):
            return self.bench()
        if behave is not None:
            return int(behave() or 0)
        self.begin(len(self.ids) * self.repeat)
        for _ in range(self.repeat):
            for name in reversed(self.ids) if self.fixture == "wrong-order" else self.ids:
                if self.deadly:
                    say(f"# run: {name}")
                if name in self.deadly:
                    return self.die(self.deadly[name])
                verdict = self.verdict(name)
                self.point(name, verdict, "no reason but this")
                early = self.fixture == "stops-early"
                if early or verdict == "fail" and self.number <= self.stop_at_fail:
                    say(f"# stopped: test={name}")
                    self.end()
                    return 34
        self.end()
        return 33

    def die(self, how: str) -> int:
        if how == "hang":
            hang()
        elif how == "kill":
            os.kill(os.getpid(), 9)
        elif how == "restart":
            self.restart()
        elif how == "crash":
            say("# panic: page fault at 0x10")
            say("Bail out! panic: page fault at 0x10")
            return 3
        while how == "flood":
            sys.stdout.write(("# noise " + "y" * 100 + "\n") * 1000)
        return 0

    def verdict(self, name: str) -> str:
        seed = int(self.options["seed"][0]) + self.number // len(self.ids)
        if os.environ.get("FAKE_QEMU_FAIL_SEED") == str(seed) and name == self.ids[-1]:
            return "fail"
        if self.fixture in ("fail", "error", "skip") and name == self.ids[-1]:
            return self.fixture
        if self.fixture == "all-skip":
            return "skip"
        if "other-status" in self.variants and name == "cap.page_sizes":
            return "fail"
        if os.environ.get("FAKE_QEMU_SKIP_WITH") in self.variants and name == "cap.page_sizes":
            return "skip"
        return "fail" if self.defect == "no-flush" and name.startswith("flush.unmap") else "pass"

    @staticmethod
    def restart() -> None:
        """The firmware again, and a guest that would have it all pass."""
        sys.stdout.write(NOISE + 'BdsDxe: starting Boot0001 "UEFI Misc Device"\r\n')
        say("TAP version 14")
        hang()

    def half(self) -> None:
        self.begin(len(self.ids))
        for name in self.ids[: len(self.ids) // 2]:
            self.point(name)

    def bench(self) -> int:
        self.begin(0)
        say("# bench: name=map_4k ns=123.4 exits=0.000 ratio=1.21 baseline=store_loop")
        say("# bench: name=hypercall ns=10400.0 exits=1.000")
        if "FAKE_QEMU_BENCH" in os.environ:
            say(f'# bench: problem="{os.environ["FAKE_QEMU_BENCH"]}"')
        self.end()
        return 33

    def do_hang(self) -> None:
        self.half()
        hang()

    def do_no_power_off(self) -> None:
        self.begin(len(self.ids))
        for name in self.ids:
            self.point(name)
        self.end()
        time.sleep(60)

    def do_stop_half_way(self) -> None:
        self.half()

    def do_crash(self) -> int:
        self.half()
        say("# panic: page fault at 0x10")
        say("# frame: rip=0x1234 offset=0x234")
        say("Bail out! panic: page fault at 0x10")
        return 3

    def do_triple_fault(self) -> None:
        self.half()
        sys.stdout.write("not ok 9 - half a li")

    def do_garbage(self) -> None:
        self.half()
        sys.stdout.flush()
        sys.stdout.buffer.write(bytes(range(256)) * 64 + b"\n" + b"x" * 100_000)

    def do_flood(self) -> None:
        self.half()
        chunk = ("# noise " + "y" * 100 + "\n") * 1000
        while True:
            sys.stdout.write(chunk)

    def do_restart_early(self) -> None:
        for _ in range(2):
            sys.stdout.write(NOISE + 'BdsDxe: starting Boot0001 "UEFI Misc Device"\r\n')
            sys.stdout.flush()
        hang()

    def do_vanish(self) -> None:
        sys.stdout.write(NOISE)

    def do_silent(self) -> None:
        time.sleep(60)

    def do_refused(self) -> None:
        say(NOISE.strip())
        say('BdsDxe: failed to load Boot0001 "UEFI Misc Device" from PciRoot(0x0)/Pci(0x5,0x0): Access Denied')
        hang()

    def do_plan_mismatch(self) -> None:
        self.begin(len(self.ids) + 1)
        for name in self.ids:
            self.point(name)
        self.end()

    def do_duplicate(self) -> None:
        self.begin(len(self.ids))
        for name in [*self.ids[:-1], self.ids[0]]:
            self.point(name)
        self.end()

    def do_unknown(self) -> None:
        self.begin(len(self.ids))
        for name in [*self.ids[:-1], "no.such_test"]:
            self.point(name)
        self.end()

    def do_lost_line(self) -> None:
        self.begin(len(self.ids))
        for name in self.ids:
            self.point(name)
        self.counts["pass"] += 1
        self.end()


def be_saved(monitor: str, log: str) -> int:
    """A host that waits, and a monitor that writes the state of its machine."""
    import json
    import socket

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(monitor)
        server.listen()
        with open(log, "a", encoding="utf-8") as file:
            file.write("refhost: holds\n")
        client = server.accept()[0].makefile("rw")
        print('{"QMP": {}}', file=client, flush=True)
        for line in client:
            asked = json.loads(line)
            answer: dict[str, object] = {"return": {"status": os.environ.get("FAKE_QEMU_SAVES", "completed")}}
            if asked["execute"] == "migrate":
                if os.environ.get("FAKE_QEMU_SAVES") == "never":
                    answer = {"error": {"desc": "State blocked by non-migratable device"}}
                else:
                    write(asked["arguments"]["uri"].removeprefix("file:"), "state")
            print(json.dumps({"event": "STOP"}), json.dumps(answer), sep="\n", file=client, flush=True)
    return 0


def goes_on(descriptor: str) -> bool:
    """Has a machine that begins as a saved one its orders, and the state?"""
    import json
    import socket

    with socket.socket(fileno=int(descriptor or -1)) as monitor:
        orders = [json.loads(line) for line in monitor.recv(4096).splitlines()]
    whole = [order["execute"] for order in orders] == [
        "qmp_capabilities",
        "migrate-set-capabilities",
        "migrate-incoming",
    ]
    return whole and os.path.exists(orders[-1]["arguments"]["uri"].removeprefix("file:"))


def value_of(arguments: str, name: str) -> str:
    """The value after a name on the command line, up to a space."""
    return arguments.partition(name)[2].partition(" ")[0]


def main() -> int:
    arguments = " ".join(sys.argv[1:])
    log, volume = value_of(arguments, "id=hostlog,path="), value_of(arguments, "dir=")
    if not log or not volume:
        print("unexpected command line", file=sys.stderr)
        return 1
    write(log, "refhost: started\n" + os.environ.get("FAKE_QEMU_HOST_LOG", ""))
    print(os.environ.get("FAKE_QEMU_STDERR", ""), file=sys.stderr)
    if "FAKE_QEMU_PID" in os.environ:
        write(os.environ["FAKE_QEMU_PID"], str(os.getpid()))
    if monitor := value_of(arguments, "-qmp unix:").partition(",")[0]:
        return be_saved(monitor, log)
    given = value_of(arguments, "-fw_cfg name=opt/pvtest/refhost.opt,file=")
    if given and not goes_on(value_of(arguments, "socket,id=orders,fd=")):
        return 1
    return Guest(volume, os.path.dirname(given) if given else volume).run(log)
