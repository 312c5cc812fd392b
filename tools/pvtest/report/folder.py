# SPDX-License-Identifier: MIT
"""The results folder: every run gets one of its own, `latest` leads to the last that is whole."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from pvtest import paths
from pvtest.errors import UsageError
from pvtest.report import html, markdown, tap_junit
from pvtest.report.behaviour import behaviour
from pvtest.report.json_writer import document
from pvtest.stream.model import Run

KEEP = 10
LATEST = "latest"
_MARK = ".pvtest-run"  # only folders with this file are ever deleted


class ResultsFolder:
    """A folder for one run inside `base`; it becomes `latest` when it is published."""

    def __init__(self, base: Path | None = None):
        self.base = base or paths.RESULTS
        self.published = False
        try:
            self.base.mkdir(parents=True, exist_ok=True)
            self.path = self._make()
        except FileExistsError:
            raise UsageError(f"results folder {self.base}: is not a folder") from None
        except NotADirectoryError as error:
            raise UsageError(f"results folder {self.base}: {error.filename} is not a folder") from None
        except OSError as error:
            raise UsageError(f"results folder {self.base}: {error.strerror}") from None
        if (self.base / LATEST).exists() and not (self.base / LATEST).is_symlink():
            shutil.rmtree(self.path)
            raise UsageError(
                f"results folder {self.base}: {LATEST} is in the way; it must be a link that runs may move"
            )

    def _make(self) -> Path:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        for number in range(1000):
            path = self.base / (stamp if number == 0 else f"{stamp}-{number}")
            try:
                path.mkdir()
            except FileExistsError:
                continue
            (path / _MARK).touch()
            return path
        raise UsageError(f"results folder {self.base}: too many runs in one second")

    def folder(self, name: str) -> Path:
        """A folder inside the run's, for one of several boots."""
        path = self.path / name
        path.mkdir()
        return path

    def write_json(self, name: str, data: Any) -> None:
        """Writes one JSON file."""
        (self.path / name).write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def write_text(self, name: str, text: str) -> None:
        """Writes one text file."""
        (self.path / name).write_text(text, encoding="utf-8")

    def write_run(self, run: Run) -> None:
        """Every format of a run; the logs are there already."""
        found = document(run)
        self.write_json("results.json", found)
        self.write_json("profile.json", behaviour(found))
        self.write_text("results.tap", tap_junit.tap(run))
        self.write_text("results.md", markdown.render(run))
        self.write_text("report.html", html.render(found, run.requirements.groups, run.trials))
        tap_junit.junit(run, self.path / "junit.xml")

    def __enter__(self) -> ResultsFolder:
        return self

    def __exit__(self, *error: object) -> None:
        # What was gained until something went wrong stays; a folder without anything in it is of no use.
        if error[0] is not None and not self.published and not self._holds_something():
            shutil.rmtree(self.path, ignore_errors=True)

    def _holds_something(self) -> bool:
        return any(path.is_file() and path.stat().st_size for path in self.path.rglob("*"))

    def publish(self) -> Path:
        """Moves `latest` here in one step, drops old runs, and returns the path to show."""
        link = self.base / f".{self.path.name}.link"
        link.symlink_to(self.path.name)
        os.replace(link, self.base / LATEST)
        self.published = True
        runs = sorted(path for path in self.base.iterdir() if not path.is_symlink() and (path / _MARK).is_file())
        for old in [path for path in runs if path != self.path][: max(0, len(runs) - KEEP)]:
            shutil.rmtree(old, ignore_errors=True)
        return self.base / LATEST
