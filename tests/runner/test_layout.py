# SPDX-License-Identifier: MIT
"""The packages of the runner: one direction between them, as docs/runner-layout.md states it, and small folders."""

from __future__ import annotations

import ast
import importlib.util
import re
import tomllib
from pathlib import Path

import pytest
from conftest import ROOT
from pvtest.cli import main
from pvtest.images.guest_options import GuestKey, HostKey

PACKAGE = ROOT / "tools" / "pvtest"
MOST_MODULES = 12
MOST_FOLDERS = 10


def layers() -> list[str]:
    """From the table of the document, lowest first."""
    text = (ROOT / "docs" / "runner-layout.md").read_text()
    return re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)


def layer_of(module: str) -> str:
    """pvtest.plan.shard -> plan; pvtest.errors -> pvtest"""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and (PACKAGE / parts[1]).is_dir() else "pvtest"


def imported(source: str) -> list[str]:
    """The modules of the package that a source imports, wherever in it."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom) and node.module:
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return [name for name in found if name.split(".")[0] == "pvtest"]


def upward(order: list[str], layer: str, source: str) -> list[str]:
    return [name for name in imported(source) if order.index(layer_of(name)) > order.index(layer)]


def test_the_document_names_every_folder() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert set(layers()) == folders | {"pvtest"} and len(layers()) <= MOST_FOLDERS
    for name in re.findall(r"`(\w+/\w+\.py)`", (ROOT / "docs" / "runner-layout.md").read_text()):
        assert (PACKAGE / name).is_file(), name


@pytest.mark.parametrize("layer", layers())
def test_no_import_goes_upwards(layer: str) -> None:
    folder = PACKAGE if layer == "pvtest" else PACKAGE / layer
    modules = sorted(folder.glob("*.py"))
    assert 0 < len([path for path in modules if path.name != "__init__.py"]) <= MOST_MODULES
    assert not [path for path in folder.rglob("*.py") if layer != "pvtest" and path.parent != folder]
    for path in modules:
        if path != PACKAGE / "__main__.py":  # where everything starts
            assert upward(layers(), layer, path.read_text()) == [], path


def test_an_upward_import_is_seen() -> None:
    assert upward(layers(), "plan", "from pvtest.report import html\n") == ["pvtest.report.html"]
    assert upward(layers(), "pvtest", "def late():\n    import pvtest.cli.main\n") == ["pvtest.cli.main"]
    assert upward(layers(), "gate", "from pvtest import errors\nfrom pvtest.images import pe\n") == []


@pytest.mark.parametrize("command", main.COMMANDS)
def test_every_command_has_a_module(command: str) -> None:
    assert importlib.util.find_spec(f"pvtest.{main.MODULES.get(command, f'cli.{command}')}")


def test_entry_point() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, _, function = project["scripts"]["pvtest"].partition(":")
    assert module == main.__name__ and callable(getattr(main, function))


@pytest.mark.parametrize(
    "keys, source", [(GuestKey, "tests/harness/options.c"), (HostKey, "host/launch/host_options.c")]
)
def test_keys_are_those_of_the_programs(keys: type[GuestKey] | type[HostKey], source: str) -> None:
    read = set(re.findall(r'strcmp\(key, "([\w-]+)"\)', (ROOT / Path(source)).read_text()))
    read -= {"alone"}  # of version 0.1.0, which the runner does not write
    assert sorted(key.value for key in keys) == sorted(read)
    for path in PACKAGE.rglob("*.py"):
        if path.name != "guest_options.py":
            assert not re.search(rf"""f?["']({'|'.join(read)})=""", path.read_text()), path
