# SPDX-License-Identifier: MIT
"""The TPM that refuses: the control channel as QEMU uses it, and what a firmware gets for a command."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

import pytest

from pvtest.machine import tpm

TIMEOUT = 10.0
GET_CAPABILITY, INIT, STOP, GET_ESTABLISHED, SET_DATA_FD, SET_BUFFER_SIZE, HASH_START = 1, 2, 14, 4, 16, 17, 6
# Capabilities that QEMU demands of a TPM 2.0 before it starts.
NEEDED = 0x1 | 0x2 | 0x4 | 0x8 | 0x80 | 0x400 | 0x1000 | 0x2000


@pytest.fixture(name="control")
def _control() -> Iterator[socket.socket]:
    with tpm.refusing() as descriptor, socket.socket(fileno=os.dup(descriptor)) as end:
        end.settimeout(TIMEOUT)
        yield end


def ask(control: socket.socket, code: int, operands: bytes = b"", size: int = 4) -> bytes:
    control.sendall(struct.pack(">I", code) + operands)
    answer = b""
    while len(answer) < size:
        part = control.recv(size - len(answer))
        assert part, "the channel was closed"
        answer += part
    return answer


def test_has_what_qemu_needs(control: socket.socket) -> None:
    (capabilities,) = struct.unpack(">Q", ask(control, GET_CAPABILITY, size=8))
    assert capabilities & NEEDED == NEEDED


def test_starts_and_stops(control: socket.socket) -> None:
    assert ask(control, STOP) == bytes(4)
    assert ask(control, INIT, bytes(4)) == bytes(4)
    assert ask(control, GET_ESTABLISHED, size=8) == bytes(8)
    result, size, least, most = struct.unpack(">IIII", ask(control, SET_BUFFER_SIZE, bytes(4), size=16))
    assert result == 0 and least <= size <= most


def test_operands_may_come_late(control: socket.socket) -> None:
    control.sendall(struct.pack(">I", INIT))
    control.sendall(bytes(4))
    assert control.recv(4) == bytes(4)


def test_an_unknown_command_fails_and_the_next_one_works(control: socket.socket) -> None:
    assert ask(control, HASH_START) != bytes(4)
    assert ask(control, STOP) == bytes(4)


def test_refuses_every_tpm_command(control: socket.socket) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(TIMEOUT)
        socket.send_fds(control, [struct.pack(">I", SET_DATA_FD)], [theirs.fileno()])
        assert control.recv(4) == bytes(4)
        for tag, answer_tag in ((0x8001, 0x8001), (0x8002, 0x8001), (0x00C1, 0x00C4)):
            ours.sendall(struct.pack(">HII", tag, 10, 0x144))
            got_tag, size, code = struct.unpack(">HII", ours.recv(64))
            assert (got_tag, size) == (answer_tag, 10) and code != 0


def test_the_command_line_names_the_descriptor() -> None:
    assert "socket,id=tpm,fd=7" in tpm.arguments(7)
