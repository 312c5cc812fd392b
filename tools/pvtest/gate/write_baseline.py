# SPDX-License-Identifier: MIT
"""`./run.sh baseline DIR`: a baseline file from a run, to be edited by a person."""

from __future__ import annotations

import argparse

from pvtest.errors import EXIT_OK, UsageError, cannot_write
from pvtest.output import Output
from pvtest.gate import baseline
from pvtest.report import json_reader


def main(options: argparse.Namespace) -> int:
    """Prints the file, or writes it where none is yet."""
    text = baseline.write(json_reader.load(options.results_of))
    if options.output is None:
        print(text, end="", file=Output())
        return EXIT_OK
    try:
        with options.output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{options.output}: is there already, and a baseline holds what people wrote") from None
    except OSError as error:
        raise cannot_write(error, options.output) from None
    return EXIT_OK
