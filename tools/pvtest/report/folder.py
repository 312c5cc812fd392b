# SPDX-License-Identifier: MIT
"""The results folder: every run gets one of its own, `latest` leads to the last that is whole."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pvtest import paths
from pvtest.json_file import LATEST, LATEST_TEXT
from pvtest.errors import RunnerError, UsageError, cannot_write, system_error
from pvtest.plan import replay
from pvtest.report import html, markdown, reproduce, tap_junit, transcript
from pvtest.report.behaviour import behaviour
from pvtest.report.json_writer import document
from pvtest.report.telling import operations
from pvtest.stream.model import Run

KEEP = 10
TRANSCRIPTS = "transcripts"
REPLAY = "replay"  # folder of the operations of random tests that failed
_MARK = ".pvtest-run"  # only folders with this file are ever deleted
_RUNNING, _DONE = "running\n", "done\n"  # what it says


def _finished(folder: Path) -> bool:
    """Runs of version 0.1.0 have an empty mark; they were done when their results were there."""
    try:
        told = (folder / _MARK).read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        return False
    return told == _DONE or not told and (folder / "results.json").is_file()


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
            raise cannot_write(error, f"results folder {self.base}") from None
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
            (path / _MARK).write_text(_RUNNING, encoding="utf-8")
            return path
        raise UsageError(f"results folder {self.base}: too many runs in one second")

    def folder(self, name: str) -> Path:
        """A folder inside the run's, for one of several boots."""
        path = self.path / name
        path.mkdir()
        return path

    def write_json(self, name: str, data: Any) -> None:
        """Writes one JSON file."""
        self.write_text(name, json.dumps(data, indent=2, ensure_ascii=False) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Writes one text file."""
        with self._writing(name):
            (self.path / name).write_text(text, encoding="utf-8")

    @contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        """Names the file in an error, which the system does not."""
        try:
            yield
        except OSError as error:
            raise RunnerError(system_error(error, self.path / name)) from None

    def write_run(self, run: Run) -> None:
        """Every format of a run; the logs are there already."""
        self._write_operations(run)
        self._write_transcripts(run)
        found = document(run)
        self.write_json("results.json", found)
        self.write_json("profile.json", behaviour(found))
        self.write_text("results.tap", tap_junit.tap(run))
        self.write_text("results.md", markdown.render(run))
        self.write_text("report.html", html.render(found, run.requirements.groups, run.trials, run.measured))
        with self._writing("junit.xml"):
            tap_junit.junit(run, self.path / "junit.xml")

    def _write_operations(self, run: Run) -> None:
        """A file for --replay for each random test that failed and was shrunk."""
        for result in run.results:
            found = operations(result.details)
            if not found or "replay" in result.details:
                continue
            if not (self.path / REPLAY).is_dir():
                self.folder(REPLAY)
            name = f"{REPLAY}/{result.instance.id}.txt"
            about = [" ".join(result.reason.split()), reproduce.one(run, result)]
            self.write_text(name, replay.text(result.instance.id, found, about))
            result.details["replay"] = reproduce.replay(run, result, paths.shown(self.path / name))

    def _write_transcripts(self, run: Run) -> None:
        """A file for each test that failed and told of its calls."""
        for result in run.results:
            if not result.transcript or "transcript" in result.details:
                continue
            try:
                text = transcript.write(run, result)
            except (KeyError, ValueError, IndexError) as error:
                run.problems.append(f"the transcript of {result.instance.id} is not what it should be: {error}")
                continue
            if not (self.path / TRANSCRIPTS).is_dir():
                self.folder(TRANSCRIPTS)
            name = f"{TRANSCRIPTS}/{result.instance.id}.jsonl"
            self.write_text(name, text)
            result.details["transcript"] = f"./run.sh transcript {shlex.quote(str(paths.shown(self.path / name)))}"

    def __enter__(self) -> ResultsFolder:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Results from before an error stay; an empty folder is removed."""
        if error is None or self.published:
            return
        if self._holds_something():
            error.add_note(f"Results from before are in {self.path}")
        else:
            shutil.rmtree(self.path, ignore_errors=True)

    def _holds_something(self) -> bool:
        files = (path for path in self.path.rglob("*") if path.name != _MARK)
        return any(path.is_file() and path.stat().st_size for path in files)

    def publish(self) -> Path:
        """Moves `latest` here in one step, drops old runs, and returns the path to show."""
        self.write_text(_MARK, _DONE)
        where = self._point()
        self.published = True
        runs = sorted(path for path in self.base.iterdir() if not path.is_symlink() and _finished(path))
        for old in [path for path in runs if path != self.path][: max(0, len(runs) - KEEP)]:
            shutil.rmtree(old, ignore_errors=True)
        return where

    def _point(self) -> Path:
        """A link, or where the file system has none (exFAT, CIFS) a file with the name of the folder."""
        new, text = self.base / f".{self.path.name}.link", self.base / LATEST_TEXT
        try:
            new.symlink_to(self.path.name)
        except OSError:
            with self._writing(f"../{LATEST_TEXT}"):
                new.write_text(f"{self.path.name}\n", encoding="utf-8")
                os.replace(new, text)
            return self.path
        os.replace(new, self.base / LATEST)
        text.unlink(missing_ok=True)
        return self.base / LATEST
