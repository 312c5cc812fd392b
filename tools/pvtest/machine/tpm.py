# SPDX-License-Identifier: MIT
"""A TPM that is there and refuses every command, so that the firmware does not wait for one that is not.

OVMF looks for a TPM at 0xFED40000. On a machine without one QEMU answers 0 there, where a real chipset answers 0xFF;
the firmware takes that for a TPM which is slow, and waits for it twice for 750 ms. With a TPM whose first command fails
it goes on at once, and measures nothing. The guest has no use for a TPM.

This speaks QEMU's protocol for external TPMs (docs/specs/tpm.rst of QEMU): commands of a control channel over a socket
that QEMU inherits, and TPM commands over another one that QEMU sends through the first.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

DEVICE, BACKEND = "tpm-tis", "emulator"  # QEMU's names for what this needs

# Commands of the control channel that QEMU sends, and the size of what follows the command word.
_GET_CAPABILITY, _INIT, _SHUTDOWN, _GET_ESTABLISHED, _SET_LOCALITY = 1, 2, 3, 4, 5
_CANCEL, _RESET_ESTABLISHED, _STOP, _SET_DATA_FD, _SET_BUFFER_SIZE = 9, 11, 14, 16, 17
_OPERANDS = {_INIT: 4, _SET_LOCALITY: 4, _RESET_ESTABLISHED: 4, _SET_BUFFER_SIZE: 4}
_SUCCESS, _FAILED = struct.pack(">I", 0), struct.pack(">I", 10)
# QEMU requires for TPM 2.0: INIT, SHUTDOWN, GET_ and RESET_TPMESTABLISHED, SET_LOCALITY, CANCEL, STOP, SET_DATAFD and
# SET_BUFFERSIZE, each as the bit of its number in the protocol.
_CAPABILITIES = struct.pack(">Q", 0x1 | 0x2 | 0x4 | 0x8 | 0x20 | 0x80 | 0x400 | 0x1000 | 0x2000)
_BUFFER = 4096
_TPM1_TAG, _TPM1_RESPONSE, _TPM2_RESPONSE = 0x00C1, 0x00C4, 0x8001
_TPM1_BAD_TAG, _TPM2_FAILURE = 0x1E, 0x101


def refusal(command: bytes) -> bytes:
    """The answer of a TPM 2.0 in failure mode."""
    if command[:2] == struct.pack(">H", _TPM1_TAG):
        return struct.pack(">HII", _TPM1_RESPONSE, 10, _TPM1_BAD_TAG)
    return struct.pack(">HII", _TPM2_RESPONSE, 10, _TPM2_FAILURE)


def _answer(code: int) -> bytes:
    if code == _GET_CAPABILITY:
        return _CAPABILITIES
    if code == _GET_ESTABLISHED:
        return _SUCCESS + bytes(4)
    if code == _SET_BUFFER_SIZE:
        return _SUCCESS + struct.pack(">III", _BUFFER, _BUFFER, _BUFFER)
    known = (_INIT, _SHUTDOWN, _SET_LOCALITY, _CANCEL, _RESET_ESTABLISHED, _STOP, _SET_DATA_FD)
    return _SUCCESS if code in known else _FAILED


def _serve_commands(data: socket.socket) -> None:
    with data, contextlib.suppress(OSError):
        while command := data.recv(_BUFFER):
            data.sendall(refusal(command))


def _serve_control(control: socket.socket) -> None:
    """Until QEMU closes its end."""
    with contextlib.suppress(OSError):
        while True:
            message, descriptors, _, _ = socket.recv_fds(control, 4096, 1)
            if len(message) < 4:
                return
            code = struct.unpack(">I", message[:4])[0]
            missing = 4 + _OPERANDS.get(code, 0) - len(message)
            if missing > 0 and not control.recv(missing, socket.MSG_WAITALL):
                return
            for descriptor in descriptors:
                data = socket.socket(fileno=descriptor)
                threading.Thread(target=_serve_commands, args=(data,), daemon=True).start()
            control.sendall(_answer(code))


@contextlib.contextmanager
def refusing() -> Iterator[int]:
    """Serves one QEMU; gives the descriptor that it has to inherit."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    thread = threading.Thread(target=_serve_control, args=(ours,), daemon=True)
    thread.start()
    try:
        yield theirs.fileno()
    finally:
        theirs.close()
        ours.close()


def arguments(descriptor: int) -> list[str]:
    """The arguments for QEMU."""
    return [
        *("-chardev", f"socket,id=tpm,fd={descriptor}"),
        *("-tpmdev", f"{BACKEND},id=refusing,chardev=tpm"),
        *("-device", f"{DEVICE},tpmdev=refusing"),
    ]
