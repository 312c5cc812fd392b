# SPDX-License-Identifier: MIT
"""A machine whose firmware has come to the reference host, saved before the host has looked at anything.

The host waits there (host/launch/machine_options.h), and QEMU writes the state of the machine into a file, as for a
migration. Its memory is a file already. Any number of machines go on from both, each in a process of its own with
options of its own: it maps the memory privately, so that it reads what it needs of it, and what it writes is its own.
It reaches no other one, and a crash ends nothing but itself.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pvtest.errors import RunnerError, system_error
from pvtest.images import boot_volume
from pvtest.images.boot_volume import BootOptions, check_guest_text
from pvtest.images.guest_options import GUEST_FILE, HOST_FILE
from pvtest.machine import processes
from pvtest.machine.guardian import GUARDIAN, start_machine
from pvtest.machine.qemu import Qemu, command, escaped, option_file
from pvtest.plan.devices import Devices

HOLDS = b"refhost: holds\n"  # MACHINE_HOLDS of host/launch/machine_options.h
_FILES = "opt/pvtest/"  # names of its files begin so
_HOLD = _FILES + "hold"
_FIRMWARE_SECONDS = 120.0
_SAVE_SECONDS = 60.0
_TICK = 0.02
# Of QEMU, since 4.0: memory that another process may have mapped is not part of the state. On both sides.
_MEMORY_STAYS = {"capabilities": [{"capability": "x-ignore-shared", "state": True}]}


@dataclass(frozen=True)
class Saved:
    """All that machines need to go on from it."""

    qemu: Qemu
    volume: Path
    state: Path
    memory: Path

    def command(self, options: BootOptions, temporary: Path, host_log: Path, monitor: int) -> list[str]:
        """Of a machine that goes on, with files of its own in `temporary`. `monitor`: the descriptor of orders()."""
        texts = {
            _HOLD: "0",
            _FILES + HOST_FILE: options.host_text(),
            _FILES + GUEST_FILE: check_guest_text(options.guest_text()),
        }
        line = _on_memory(command(self.qemu, "tcg", self.volume, host_log), self.qemu, self.memory, "off")
        told = ("-chardev", f"socket,id=orders,fd={monitor}", "-mon", "chardev=orders,mode=control")
        return [*line, *_given(texts, temporary), "-incoming", "defer", *told]

    @property
    def ordered(self) -> str:
        """The orders, in QEMU's machine protocol, by which a machine goes on."""
        orders = [
            _order("qmp_capabilities"),
            _order("migrate-set-capabilities", **_MEMORY_STAYS),
            _order("migrate-incoming", uri=f"file:{self.state}"),
        ]
        return "".join(orders)

    @contextlib.contextmanager
    def orders(self) -> Iterator[int]:
        """The monitor of one machine that goes on, which finds its orders there when it starts; gives the descriptor
        that it has to inherit. The answers are not read: a machine that cannot obey does not begin."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with ours, theirs:
            ours.sendall(self.ordered.encode())
            yield theirs.fileno()


def _order(what: str, **arguments: Any) -> str:
    return json.dumps({"execute": what, **({"arguments": arguments} if arguments else {})}) + "\n"


def _on_memory(line: list[str], qemu: Qemu, path: Path, share: str) -> list[str]:
    """A machine whose memory is this file."""
    kind = line.index("-machine") + 1
    size = f"{qemu.hardware.memory_mib}M"
    memory = f"memory-backend-file,id=memory,size={size},mem-path={escaped(str(path))},share={share}"
    return [*line[:kind], f"{line[kind]},memory-backend=memory", *line[kind + 1 :], "-object", memory]


def _given(texts: dict[str, str], folder: Path) -> list[str]:
    """QEMU's options that give a machine these files. Two machines of one state need the same names."""
    words = []
    for name, text in texts.items():
        path = folder / name.rpartition("/")[2]
        try:
            path.write_text(text, encoding="ascii")
        except OSError as error:
            raise RunnerError(f"options of the machine: {system_error(error, path)}") from None
        words += ["-fw_cfg", option_file(name, path)]
    return words


def machine(qemu: Qemu) -> Qemu:
    """The one to save. QEMU saves neither rocker nor an external TPM, so it has the host's virtual functions alone."""
    return dataclasses.replace(
        qemu, iommu="", tpm=False, devices=Devices("a saved machine has no device of QEMU", forced=True)
    )


class _Monitor:
    """QEMU's machine protocol over a socket."""

    def __init__(self, path: Path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_SAVE_SECONDS)
        self._socket.connect(str(path))
        self._file = self._socket.makefile("rw", encoding="utf-8")
        self._file.readline()  # its greeting
        self.ask("qmp_capabilities")

    def ask(self, what: str, **arguments: Any) -> Any:
        """The answer; events in between are passed over."""
        self._file.write(_order(what, **arguments))
        self._file.flush()
        while line := self._file.readline():
            answer = json.loads(line)
            if "error" in answer:
                raise RunnerError(f"QEMU refuses {what}: {answer['error'].get('desc', '')}")
            if "return" in answer:
                return answer["return"]
        raise RunnerError(f"QEMU ended while it was asked for {what}")

    def close(self) -> None:
        """Of both ends."""
        self._file.close()
        self._socket.close()


def _wait_for_host(process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _FIRMWARE_SECONDS
    while HOLDS not in log.read_bytes():
        if process.poll() is not None:
            raise RunnerError(f"QEMU ended with exit code {process.returncode} before the host waited")
        if time.monotonic() > end:
            raise RunnerError(f"the host did not come to wait within {_FIRMWARE_SECONDS:.0f} s")
        time.sleep(_TICK)


def _save(monitor: Path, state: Path) -> None:
    qmp = _Monitor(monitor)
    try:
        qmp.ask("migrate-set-capabilities", **_MEMORY_STAYS)
        qmp.ask("migrate-set-parameters", **{"max-bandwidth": 1 << 40})  # not as careful as over a network
        qmp.ask("migrate", uri=f"file:{state}")
        end = time.monotonic() + _SAVE_SECONDS
        while (status := qmp.ask("query-migrate").get("status")) != "completed":
            if status == "failed" or time.monotonic() > end:
                raise RunnerError(f"QEMU did not save the machine: {status}")
            time.sleep(_TICK)
    finally:
        qmp.close()


def save(qemu: Qemu, folder: Path) -> Saved:
    """Boots once, and leaves all that `Saved` names in `folder`. Raises RunnerError where this QEMU cannot do it."""
    found = Saved(machine(qemu), folder / "volume", folder / "state", folder / "memory")
    monitor, log = folder / "monitor", folder / "host.log"
    log.touch()
    boot_volume.images(found.volume)
    texts = {_HOLD: "1", _FILES + HOST_FILE: "\n", _FILES + GUEST_FILE: "\n"}
    line = _on_memory(command(found.qemu, "tcg", found.volume, log), found.qemu, found.memory, "on")
    line += _given(texts, folder)
    line += ["-qmp", f"unix:{monitor},server=on,wait=off"]
    process, mark = start_machine(line, subprocess.DEVNULL, subprocess.DEVNULL)
    try:
        _wait_for_host(process, log)
        _save(monitor, found.state)
    except (OSError, ValueError) as error:
        raise RunnerError(f"QEMU's monitor: {error}") from None
    finally:
        processes.end(process.pid, mark)
        process.wait()
        GUARDIAN.is_over(process.pid, mark)
    return found
