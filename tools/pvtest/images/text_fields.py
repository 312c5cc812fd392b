# SPDX-License-Identifier: MIT
"""The encoding of the sections of images and debug files: strings with an end, and fields between tabs."""

from __future__ import annotations

from collections.abc import Iterator

from pvtest.images.pe import ImageError


def split(data: bytes) -> Iterator[list[str]]:
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
