# SPDX-License-Identifier: MIT
"""JSON files of earlier runs: they may be old, cut off or malicious."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

from pvtest import paths
from pvtest.clean import cleaned
from pvtest.errors import MissingError, UsageError
from pvtest.toml_file import read_text

MAX_BYTES = 64 << 20
MAX_NUMBER = 1e18
LATEST, LATEST_TEXT = "latest", "latest.txt"
# format -> schema file below docs/
SCHEMAS = {
    "pvtest-results": "results.schema.json",
    "pvtest-behaviour": "behaviour.schema.json",
    "pvtest-defects": "defects.schema.json",
    "pvtest-variants": "variants.schema.json",
    "pvtest-soak": "soak.schema.json",
    "pvtest-bench": "bench.schema.json",
}


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number of JSON")


def _integer(text: str) -> int:
    """Larger ones would be infinite where a format wants a fraction, and Python refuses to print the largest."""
    if len(text) > len(str(-(1 << 64))):
        raise ValueError(f"the number {text[:20]}... is out of range")
    return int(text)


def _fraction(text: str) -> float:
    value = float(text)
    if not abs(value) <= MAX_NUMBER:
        raise ValueError(f"the number {text[:20]} is out of range")
    return value


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A key that comes twice means two things to two readers."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r:.60} is given twice")
    return found


def parse(path: Path) -> dict[str, Any]:
    """Any JSON object."""
    text = read_text(path, MAX_BYTES)
    try:
        data = json.loads(
            text, parse_constant=_no_constant, parse_int=_integer, parse_float=_fraction, object_pairs_hook=_pairs
        )
        # Half of a character is none: no file could be written with it.
        json.dumps(data, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        cut = " (the file may be cut off)" if error.pos >= len(text.rstrip()) else ""
        raise UsageError(f"{path}:{error.lineno}: not JSON: {error.msg}{cut}") from None
    except RecursionError:
        raise UsageError(f"{path}: not JSON of this suite: nested too deep") from None
    except UnicodeEncodeError:
        raise UsageError(f"{path}: not JSON: a text has half of a surrogate pair") from None
    except ValueError as error:
        raise UsageError(f"{path}: not JSON: {error}") from None
    if not isinstance(data, dict):
        raise UsageError(f"{path}: holds no JSON object")
    found: dict[str, Any] = cleaned(data)
    return found


@lru_cache(maxsize=None)
def _validator(form: str) -> Any:
    try:
        import jsonschema  # pylint: disable=import-outside-toplevel  # slow, and most commands read no such file
    except ModuleNotFoundError as error:
        raise MissingError(f"Python has no package {error.name}; tools/setup.sh installs it where it can") from None
    schema = json.loads((paths.SCHEMAS / SCHEMAS[form]).read_text(encoding="utf-8"))
    checked = jsonschema.Draft202012Validator(schema)
    return checked, jsonschema.exceptions.best_match


def _line(path: Path, keys: list[str | int]) -> str:
    """':N' when the last key of the path occurs in one line alone."""
    words = [key for key in keys if isinstance(key, str)]
    if not words:
        return ""
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [number for number, line in enumerate(lines, 1) if f"{json.dumps(words[-1])}:" in line]
    return f":{found[0]}" if len(found) == 1 else ""


def load(path: Path, *forms: str) -> dict[str, Any]:
    """A document in one of these formats, in a version that this runner reads, and true to its schema."""
    data = parse(path)
    form = data.get("format")
    if form not in forms:
        raise UsageError(f"{path}: format is {form!r:.60}; this must be {' or '.join(forms)}")
    validator, best_match = _validator(form)
    version = validator.schema["properties"]["format_version"]["const"]
    if data.get("format_version") != version:
        raise UsageError(
            f"{path}: format_version is {data.get('format_version')!r:.60}; "
            f"this runner reads version {version} of {form}"
        )
    error = best_match(validator.iter_errors(data))
    if error is not None:
        keys = list(error.absolute_path)
        place = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")
        raise UsageError(f"{path}{_line(path, keys)}: {place or 'the document'}: {error.message:.200}")
    return data


def _latest(base: Path) -> list[Path]:
    """The folder of the last run in a results folder: a link leads there, or a file names it if there are no links."""
    text = base / LATEST_TEXT
    name = text.read_text(encoding="utf-8", errors="replace").strip() if text.is_file() else ""
    return [base / LATEST] + ([base / name] if name and "/" not in name and "\0" not in name else [])


def find(path: Path, *names: str) -> Path:
    """A file, or the first of these names in a results folder or in the `latest` below it."""
    try:
        if not path.is_dir():
            return path
        for folder in (path, *_latest(path)):
            for name in names:
                if (folder / name).is_file():
                    return folder / name
    except (OSError, ValueError) as error:
        raise UsageError(f"{str(path)!r}: {error}") from None
    raise UsageError(f"{path}: a folder without {' or '.join(names)}")
