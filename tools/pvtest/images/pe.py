# SPDX-License-Identifier: MIT
"""Reads one section of a PE32+ image (PE/COFF specification, sections 2 to 4), and signs images. Trusts no field of the
file. Sections of this project have text: strings with an end, and fields between tabs."""

from __future__ import annotations

import shutil
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pvtest import programs
from pvtest.errors import MissingError, RunnerError, UsageError

MAX_IMAGE = 16 << 20  # bytes; the images have limits far below
DOS_LFANEW = 0x3C
COFF_SIZE = 20
SECTION_SIZE = 40


class ImageError(RunnerError):
    """The file is not an image this runner can read."""


def text_fields(data: bytes) -> Iterator[list[str]]:
    """The NUL-terminated strings of a section as lists of fields; runs of NUL are padding."""
    if data and data[-1] != 0:
        raise ImageError("the last string has no end")
    for text in data.split(b"\0"):
        if not text:
            continue
        try:
            yield text.decode("utf-8").split("\t")
        except UnicodeDecodeError:
            raise ImageError(f"not UTF-8: {text[:60]!r}") from None


def _unpack(layout: str, data: bytes, offset: int, what: str) -> tuple[int, ...]:
    if offset < 0 or offset + struct.calcsize(layout) > len(data):
        raise ImageError(f"{what} lies outside the file")
    return struct.unpack_from(layout, data, offset)


def _sections_at(data: bytes) -> tuple[int, int]:
    """Offset of the section table, and the number of its entries."""
    if data[:2] != b"MZ":
        raise ImageError("not a PE image: it does not begin with MZ")
    (pe_offset,) = _unpack("<I", data, DOS_LFANEW, "the offset of the PE header")
    (signature,) = _unpack("<I", data, pe_offset, "the PE header")
    if signature != 0x00004550:
        raise ImageError("not a PE image: no PE signature where the header points")
    _machine, count, _time, _symbols, _symbol_count, optional, _flags = _unpack(
        "<HHIIIHH", data, pe_offset + 4, "the COFF header"
    )
    return pe_offset + 4 + COFF_SIZE + optional, count


def section(data: bytes, name: str) -> bytes:
    """The bytes of the named section as they are in the file, without the padding after its virtual size."""
    table, count = _sections_at(data)
    names = []
    for index in range(count):
        offset = table + index * SECTION_SIZE
        _unpack("<40B", data, offset, f"entry {index} of the section table")
        found = data[offset : offset + 8].rstrip(b"\0").decode("ascii", "replace")
        names.append(found)
        if found != name:
            continue
        virtual_size, _address, raw_size, raw_offset = _unpack("<IIII", data, offset + 8, f"section {name}")
        if raw_offset + raw_size > len(data):
            raise ImageError(f"section {name} ends after the end of the file")
        size = min(raw_size, virtual_size) if virtual_size else raw_size
        return data[raw_offset : raw_offset + size]
    raise ImageError(f"there is no section {name}; the image has {', '.join(names) or 'no sections'}")


def read_section(path: Path, name: str) -> bytes:
    """Reads the section of a file; errors name the file."""
    try:
        if path.stat().st_size > MAX_IMAGE:
            raise ImageError(f"larger than {MAX_IMAGE} bytes")
        return section(path.read_bytes(), name)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from None
    except FileNotFoundError:
        raise ImageError(f"{path} does not exist; build it with: make image") from None
    except OSError as error:
        raise ImageError(f"{path}: {error.strerror}") from None


SIGN_SECONDS = 60


@dataclass(frozen=True)
class Signer:
    """Signs images for Secure Boot (Authenticode) with a key and its certificate, both PEM files."""

    key: Path
    certificate: Path

    def check(self) -> None:
        """Raises where nothing could be signed, before anything is written."""
        for path in (self.key, self.certificate):
            if not path.is_file():
                raise UsageError(f"--sign {path}: no such file")
        if shutil.which("sbsign") is None:
            raise MissingError("--sign: sbsign is not installed (package sbsigntool)")

    def signed(self, image: bytes) -> bytes:
        """The image with a signature."""
        with tempfile.TemporaryDirectory(prefix="pvtest-sign-") as folder:
            plain, out = Path(folder) / "plain.efi", Path(folder) / "signed.efi"
            plain.write_bytes(image)
            command = ["sbsign", "--key", str(self.key), "--cert", str(self.certificate), "--output", str(out)]
            code, answer = programs.call("sbsign", [*command, str(plain)], SIGN_SECONDS)
            if code != 0 or not out.is_file():
                raise RunnerError(f"sbsign failed: {answer.strip()[-300:] or f'exit code {code}'}")
            return out.read_bytes()
