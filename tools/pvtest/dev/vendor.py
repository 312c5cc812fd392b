# SPDX-License-Identifier: MIT
"""The Python packages that the runner uses, in pure Python and with their licenses, for machines that lack them."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from pvtest.errors import MissingError, RunnerError

NEEDED = ("rich", "jinja2", "elftools", "junitparser")
# Newer ones build on a compiled module, which fits one Python on one kind of machine. The commands that read results
# need it, those that boot do not.
OPTIONAL = {"jsonschema": "compare, merge and baseline"}
_SKIPPED = ("__pycache__", "tests", "test", "benchmarks")
_LICENCE_NAMES = ("LICENSE", "LICENCE", "COPYING", "NOTICE", "AUTHORS")
_SECONDS = 60
# Which modules come along with one, and where they lie; the library of Python is everywhere.
_CLOSURE = """
import json, sys
before = set(sys.modules)
__import__(sys.argv[1])
tops = {name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
found = {name: getattr(sys.modules[name], "__file__", None) for name in tops if name in sys.modules}
print(json.dumps({name: path for name, path in found.items() if path}))
"""
# Whether a module can do with a folder and Python's own library.
_ALONE = "import sys; sys.path.insert(0, sys.argv[1]); __import__(sys.argv[2])"


@dataclass
class Vendored:
    """Files of a bundle, by name."""

    files: dict[str, bytes] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)  # package -> what does not work without it


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def _closure(name: str) -> dict[str, Path]:
    done = _python("-c", _CLOSURE, name)
    if done.returncode != 0:
        raise MissingError(f"Python has no package {name}; tools/setup.sh installs it where it can")
    return {module: Path(path) for module, path in json.loads(done.stdout).items()}


@lru_cache(maxsize=None)  # dpkg-query reads the lists of all packages
def owner(path: Path) -> str:
    """The distribution's package that a file belongs to; empty where there is no dpkg, or it does not know."""
    try:
        done = subprocess.run(
            ["dpkg-query", "-S", str(path)], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except OSError:
        return ""
    return done.stdout.partition(":")[0].strip() if done.returncode == 0 else ""


def package_licence(path: Path) -> bytes:
    """The statement of the distribution's package about the license of this file; empty where there is none."""
    for name in filter(None, (owner(path), owner(path.resolve()))):
        text = Path("/usr/share/doc") / name / "copyright"
        if text.is_file():
            return text.read_bytes()
    return b""


@lru_cache(maxsize=None)  # reads the metadata of all packages
def _distributions() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


def _distribution(module: str) -> importlib.metadata.Distribution | None:
    names = _distributions().get(module, [])
    for name in (*names, module):
        try:
            return importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def _licence(module: str, path: Path) -> bytes:
    found = package_licence(path)
    distribution = _distribution(module)
    if not found and distribution is not None:
        texts = [
            Path(str(distribution.locate_file(file)))
            for file in distribution.files or ()
            if file.name.upper().startswith(_LICENCE_NAMES)
        ]
        found = b"\n\n".join(text.read_bytes() for text in texts if text.is_file())
    if not found:
        raise RunnerError(f"{path}: no license found for {module}, and a bundle must not go without")
    return found


def _files(module: str, path: Path) -> dict[str, bytes]:
    """In pure Python; a compiled module gives nothing."""
    if path.name != "__init__.py":
        return {path.name: path.read_bytes()} if path.suffix == ".py" else {}
    folder = path.parent
    found = {}
    for file in sorted(folder.rglob("*")):
        inside = file.relative_to(folder)
        data = file.suffix in (".py", ".json") and file.is_file()
        if data and not any(part in _SKIPPED for part in inside.parts):
            found[f"{module}/{inside.as_posix()}"] = file.read_bytes()
    return found


def _gather(name: str) -> Vendored:
    """A package with all that it imports."""
    found = Vendored()
    for module, path in sorted(_closure(name).items()):
        files = _files(module, path)
        if not files:
            continue
        found.files.update(files)
        distribution = _distribution(module)
        found.versions[module] = distribution.version if distribution else "unknown"
        found.files[f"licenses/{module}.txt"] = _licence(module, path)
    return found


def _works_alone(name: str, files: dict[str, bytes]) -> bool:
    with tempfile.TemporaryDirectory(prefix="pvtest-vendor-") as temporary:
        for inside, content in files.items():
            target = Path(temporary) / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return _python("-I", "-S", "-B", "-c", _ALONE, temporary, name).returncode == 0


def collect() -> Vendored:
    """All of them. Raises RunnerError where one that is needed cannot do without a compiled module."""
    whole = Vendored()
    for name in (*NEEDED, *OPTIONAL):
        found = _gather(name)
        if _works_alone(name, found.files):
            whole.files.update(found.files)
            whole.versions.update(found.versions)
        elif name in OPTIONAL:
            whole.left_out[name] = OPTIONAL[name]
        else:
            raise RunnerError(f"the Python package {name} of this machine needs a compiled module; a bundle has none")
    return whole
