# SPDX-License-Identifier: MIT
"""The runner as a process of its own, without the start of Python and the imports: forked from one that has both.

The tests call the runner some hundred times, and half of the time of a call with a made-up QEMU would be imports. The
server here has imported the runner's modules, read the requirements, which no build has of its own, and done nothing
else. For each call it forks; the child gets the descriptors, the environment and the folder of the caller, and from
there on it is what `python3 -m pvtest` is: it ends with an exit code of its own, its output goes through its own
descriptors, and what it changes is gone with it.

`call()` is for the tests; as a program this file is the server, with the descriptor of its socket as the argument.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

PACKAGE = Path(__file__).resolve().parents[2] / "tools" / "pvtest"
FOLDERS = ("cli", "gate", "report", "machine", "images", "plan", "stream")
BYTES_MOST = 1 << 20  # of a request
DESCRIPTORS = 4  # of a request: stdin, stdout, stderr, and where the answer goes
# What Python itself looks at when it starts: a call with another value than the server's needs a start of its own.
AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_")


def _modules() -> Iterator[str]:
    for folder in FOLDERS:
        for path in sorted((PACKAGE / folder).glob("*.py")):
            yield f"pvtest.{folder}" if path.stem == "__init__" else f"pvtest.{folder}.{path.stem}"


def _check() -> None:
    """No module may keep a path of the build that it took when it was imported: a call may be for another build."""
    from pvtest import paths

    for name, module in list(sys.modules.items()):
        for variable, value in vars(module).items() if name.startswith("pvtest.") else ():
            if module is not paths and isinstance(value, Path) and value.is_relative_to(paths.BUILD):
                raise RuntimeError(f"{name}.{variable} is a path of the build from the time of the import")


def _run(asked: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """The child: a call of the runner to its end, as the interpreter does it."""
    from pvtest import paths
    from pvtest.cli.main import main

    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
    for descriptor in descriptors:
        os.close(descriptor)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    importlib.reload(paths)  # the modules use it by its name
    sys.argv = [str(PACKAGE / "__main__.py"), *asked["words"]]
    code: Any = 1
    try:
        code = main(sys.argv[1:])
    except SystemExit as error:
        code = error.code
    except BaseException:  # pylint: disable=broad-except  # the interpreter shows it, too
        traceback.print_exc()
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads
    atexit._run_exitfuncs()
    code = int(code or 0)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = 120
    os._exit(code & 0xFF)


# MADV_POPULATE_WRITE of asm-generic/mman-common.h, since Linux 5.14; an older one refuses it.
_POPULATE_WRITE = 23


def _own_memory() -> list[tuple[int, int]]:
    """Address and size of each part of the memory in which Python has its objects."""
    found = []
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        place, access, *rest = line.split()
        if access == "rw-p" and (len(rest) == 3 or rest[3] == "[heap]"):
            begin, _, end = place.partition("-")
            found.append((int(begin, 16), int(end, 16) - int(begin, 16)))
    return found


class _Server:
    """Forks for each request, and answers with the process id, and with the status when it has ended."""

    def __init__(self, requests: socket.socket):
        self._requests = requests
        self._advise = ctypes.CDLL(None).madvise
        self._advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        self._memory = _own_memory()
        self._selector = selectors.DefaultSelector()
        self._selector.register(requests, selectors.EVENT_READ)

    def serve(self) -> None:
        """Until the tests are over."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._requests:
                    if not self._begin():
                        return
                else:
                    self._end(key.fd, *key.data)

    def _begin(self) -> bool:
        message, found, _, _ = self._requests.recvmsg(BYTES_MOST, socket.CMSG_SPACE(DESCRIPTORS * 4))
        if not message:
            return False
        descriptors = array.array("i", found[0][2])
        process = os.fork()
        if process == 0:
            try:
                self._copy()
                self._forget()
                _run(json.loads(message), list(descriptors))
            finally:
                os._exit(125)
        for descriptor in descriptors[:3]:
            os.close(descriptor)
        os.write(descriptors[3], f"{process}\n".encode())
        self._selector.register(os.pidfd_open(process), selectors.EVENT_READ, (process, descriptors[3]))
        return True

    def _copy(self) -> None:
        """In the child: gets pages of its own at once. It would write to half of them one by one, and each exception
        takes longer than to copy some pages."""
        for address, size in self._memory:
            self._advise(address, size, _POPULATE_WRITE)

    def _forget(self) -> None:
        """In the child, of which nothing of the server is: a call ends when nothing can write its answer any more."""
        for key in list(self._selector.get_map().values()):
            if key.data:
                os.close(key.fd)
                os.close(key.data[1])
        self._selector.close()
        self._requests.close()

    def _end(self, handle: int, process: int, answer: int) -> None:
        self._selector.unregister(handle)
        os.close(handle)
        _, status = os.waitpid(process, 0)
        with contextlib.suppress(OSError):
            os.write(answer, f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os.close(answer)


class Forked:
    """The server, as the tests see it."""

    def __init__(self, environment: Mapping[str, str]):
        self._environment = dict(environment)
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # pylint: disable=consider-using-with  # close() ends it
                [sys.executable, str(Path(__file__).resolve()), str(theirs.fileno())],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,  # of the kind that calls have: Python's streams know whether they can seek
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
            )

    def fits(self, environment: Mapping[str, str]) -> bool:
        """Can a call with this environment be forked?"""
        names = {name for name in {*environment, *self._environment} if name.startswith(AT_START)}
        return all(environment.get(name) == self._environment.get(name) for name in names)

    def call(
        self, words: list[str], environment: Mapping[str, str], seconds: float
    ) -> subprocess.CompletedProcess[str]:
        """One call of the runner; its output is read to its end, like that of subprocess.run()."""
        asked = {"words": words, "environment": dict(environment), "folder": os.getcwd()}
        ends = [os.pipe() for _ in range(3)]  # of stdout, stderr and the answer
        given = [os.open(os.devnull, os.O_RDONLY), *(write for _, write in ends)]
        try:
            socket.send_fds(self._socket, [json.dumps(asked).encode()], given)
            for descriptor in given:
                os.close(descriptor)
            given = []
            texts = _read([read for read, _ in ends], seconds)
        finally:
            for descriptor in (*given, *(read for read, _ in ends)):
                os.close(descriptor)
        answer = texts[2].split()
        if len(answer) < 2:
            if answer:
                os.kill(int(answer[0]), signal.SIGKILL)
            raise subprocess.TimeoutExpired(words, seconds, texts[0], texts[1])
        out, err = (text.decode().replace("\r\n", "\n").replace("\r", "\n") for text in texts[:2])
        return subprocess.CompletedProcess(words, int(answer[1]), out, err)

    def close(self) -> None:
        """Ends the server, which has no calls any more."""
        self._socket.close()
        self._process.wait(30)


def _read(descriptors: list[int], seconds: float) -> list[bytes]:
    """All that comes, until every writer has closed it or the time is over."""
    found = {descriptor: b"" for descriptor in descriptors}
    end = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for descriptor in descriptors:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map() and (left := end - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                if data := os.read(key.fd, 1 << 16):
                    found[key.fd] += data
                else:
                    selector.unregister(key.fd)
        whole = not selector.get_map()
    if not whole:  # a process that still has the output is a call that has not ended
        found[descriptors[2]] = found[descriptors[2]].split(b"\n")[0]
    return [found[descriptor] for descriptor in descriptors]


if __name__ == "__main__":
    del sys.path[0]  # the tests' own modules; `python3 -m pvtest` does not see them either
    for module in _modules():
        importlib.import_module(module)
    importlib.import_module("pvtest.images.requirements").load()
    _check()
    gc.collect()
    gc.freeze()
    _Server(socket.socket(fileno=int(sys.argv[1]))).serve()
