# SPDX-License-Identifier: MIT
"""report.html: one page with everything, which asks nothing of any other file or machine."""

from __future__ import annotations

import contextlib
import re
import shlex
import sys
from collections import Counter
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket, BytecodeCache
from markupsafe import Markup
from pvtest import new_file
from pvtest.errors import RunnerError
from pvtest.report.telling import bytes_text
from pvtest.stream import measurements
from pvtest.stream.counts import SLOWEST, sentence
from pvtest.stream.model import DID_NOT_RUN
from pvtest.stream.trials import Trials

FOLDER = Path(__file__).resolve().parent
_STEP = re.compile(r"step(\d{1,9})")
_FAULT = re.compile(r"fault\d{1,9}")
_WORD = {"caught": "pass", "missed": "fail"}  # verdicts of a campaign that have a color of their own
STATES = {
    "covered": "covered",
    "not-applicable": "not applicable on this host",
    "not-covered": "not covered",
    "not-run": "not run",
}


class _Compiled(BytecodeCache):
    """The template as code, beside that of this module: to compile it takes longer than all the rest of a report. A
    folder that cannot be written, or a file that is of something else, costs that time and nothing more."""

    @staticmethod
    def _path(bucket: Bucket) -> Path:
        return Path(cache_from_source(__file__)).with_name(f"template-{bucket.key}.bin")

    def load_bytecode(self, bucket: Bucket) -> None:
        """Nothing: the template is compiled."""
        with contextlib.suppress(OSError, EOFError):
            bucket.bytecode_from_string(self._path(bucket).read_bytes())

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Whole or not at all: other runs may read it now."""
        if sys.dont_write_bytecode:
            return
        path = self._path(bucket)
        with contextlib.suppress(OSError, RunnerError), new_file.scratch(path) as folder:
            made = folder / path.name
            made.write_bytes(bucket.bytecode_to_string())
            new_file.publish(made, path)


def _frames(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**frame, "here": frame["source"].rpartition(":")[2]} for frame in frames]


def _failure(test: dict[str, Any], known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    steps = [(int(match[1]), text) for key, text in test["details"].items() if (match := _STEP.fullmatch(key))]
    faults = [text for key, text in test["details"].items() if _FAULT.fullmatch(key)]
    other = [(k, text) for k, text in test["details"].items() if not _STEP.fullmatch(k) and not _FAULT.fullmatch(k)]
    items = {known[name]["id"]: known[name] for name in test["requirements"]}
    registers = [line for line in test["crash"] if not line.startswith("frame")]
    return {
        **test,
        "steps": steps,
        "faults": faults,
        "other": other,
        "items": list(items.values()),
        "registers": registers,
        "frames": _frames(test["frames"]),
        "bytes": bytes_text(test["kinds"], test["expected"], test["actual"]),
    }


def _blocks(run: dict[str, Any], known: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """One for each test that failed: the instance that is told in full, with what is known of the others."""
    tests = {test["id"]: test for test in run["tests"]}
    found = []
    for number, block in enumerate(run["failures"]["tests"], 1):
        told = _failure(tests[block["told"]], known)
        name = block["told"] if len(block["failing"]) == 1 else block["test"]
        classes = [tests[instance]["device"] or "no device" for instance in block["failing"]]
        source = told["where"]
        told.update(block, where=source, where_it=block["where"])
        found.append({**told, "name": name, "classes": classes, "anchor": f"failure-{number}"})
    return found


def _index(blocks: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """The blocks by the groups of their tests."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for block in blocks:
        groups.setdefault(block["group"], []).append(block)
    return list(groups.items())


def _known(run: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Requirements by id and by alias."""
    return {name: item for item in run["requirements"] for name in (item["id"], *item["aliases"])}


def real_ms(test: dict[str, Any]) -> float:
    """The time of a test in milliseconds of this machine; 0 if only the clock of the virtual machine knows."""
    return 0.0 if test.get("virtual_clock") else float(test["duration_ms"])


def _groups(tests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    groups = []
    for name in dict.fromkeys(test["group"] for test in tests):
        own = [test for test in tests if test["group"] == name]
        counts = Counter(test["verdict"] for test in own)
        tally = ", ".join(f"{counts[word]} {word}" for word in ("pass", "fail", "error", "skip") if counts[word])
        groups.append({"name": name, "tests": own, "tally": tally, "ms": sum(map(real_ms, own))})
    return groups


def _areas(run: dict[str, Any], about: dict[str, str]) -> list[dict[str, Any]]:
    areas = []
    order = ("pass", "observed", "fail", "error", "skip", "not-run", "not-covered")
    for name in dict.fromkeys(item["group"] for item in run["requirements"]):
        own = [item for item in run["requirements"] if item["group"] == name]
        counts = Counter(item["verdict"] for item in own)
        areas.append(
            {
                "name": name,
                "about": about.get(name, ""),
                "requirements": own,
                "parts": [(word, counts[word]) for word in order],
                "good": counts["pass"] + counts["observed"],
            }
        )
    return areas


def _unit(run: dict[str, Any]) -> str:
    found = run.get("iommu", {})
    if found.get("unit", "pviommu") == "pviommu":
        return ""
    counts = found["requirements"]
    return f"{found['unit']}; {counts['general']} general requirements, {counts['own']} of its own"


def _facts(run: dict[str, Any]) -> list[tuple[str, str]]:
    host, versions, profile = run["host"], run["versions"], run["gate"]["profile"]
    return [
        ("host", f"{host.get('name') or host.get('vendor', 'unknown')} {versions['host']}"),
        ("backend", host.get("backend", "")),
        ("defects", ", ".join(run["defects"])),
        ("variants", ", ".join(run["variants"])),
        ("suite", versions["guest"]),
        ("QEMU", versions["qemu"]),
        ("unit", _unit(run)),
        ("profile", f"{profile['name']}, version {profile['version']}" if profile else ""),
        ("baseline", run["gate"]["baseline"]),
        ("shard", run["shard"]),
        ("tier", run["tier"]),
        ("started", run["started"].replace("T", " ").replace("+00:00", " UTC")),
        ("duration", f"{run['timing']['boot_to_verdict_ms'] / 1000:.1f} s"),
        ("seed", str(run["seed"]) + (", shuffled" if run["shuffled"] else "")),
        ("exit code", str(run["exit_code"])),
    ]


def _phases(run: dict[str, Any]) -> list[tuple[str, float]]:
    timing = run["timing"]
    own, buses = timing["firmware_to_first_test_us"], timing.get("buses_up_us")
    found = [
        ("firmware and start", timing["power_on_to_first_line_ms"]),
        ("own code to first test", None if own is None else own / 1000),
        ("of it VMBus and vPCI", None if buses is None else buses / 1000),
        ("tests", timing["tests_ms"]),
        ("whole run", timing["boot_to_verdict_ms"]),
    ]
    return [(name, value) for name, value in found if value is not None]


def _cell(text: Any, badge: bool = False, more: str = "") -> dict[str, Any]:
    return {"text": str(text), "badge": badge, "more": more}


def _matrix(trials: Trials) -> dict[str, Any]:
    """Defects or variants by what the tests said."""
    word, plural = trials.word, trials.kind
    own = plural == "defects"
    rows = []
    for entry in trials.entries:
        names = entry["failing"] or entry["errors"] or entry["problems"]
        row = [_cell(entry[word], more=entry["title"]), _cell(" ".join(entry["requirements"]))]
        row += [_cell(entry["verdict"], badge=True)]
        row += [_cell("yes" if entry["own_requirement"] else "no")] if own else [_cell(entry["skipped"])]
        row += [_cell(len(entry["failing"]), more=", ".join(names[:3]) + (" ..." if len(names) > 3 else ""))]
        rows.append(row)
    must = "A defect must be caught." if own else "Under a variant every test must pass."
    means = ("breaks", "own requirement") if own else ("permitted by", "skipped")
    return {
        "anchor": plural,
        "title": plural.capitalize(),
        "about": " ".join([f"{trials.sentence}. {must}", *filter(None, [trials.single_tests_told])]),
        "columns": [word, means[0], "verdict", means[1], "failing"],
        "rows": rows,
        "counts": [(name, number, _WORD.get(name, name)) for name, number in trials.summary.items() if name != plural],
    }


def _wrong(trials: Trials, seed: int) -> list[dict[str, str]]:
    return [
        {"verdict": entry["verdict"], "why": trials.why(entry), "again": trials.again(entry, seed)}
        for entry in trials.wrong
    ]


def _offers(run: dict[str, Any]) -> list[tuple[str, str]]:
    classes = Counter(device.get("class", "?") for device in run["devices"])
    capabilities = run["capabilities"] or {"pvIOMMU": "absent"}
    return [
        *capabilities.items(),
        ("devices", ", ".join(f"{count} {name}" for name, count in classes.items()) or "none"),
        *((key, value) for key, value in run["host"].items() if key != "name"),
    ]


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        bytecode_cache=_Compiled(),
    )


def growth(lines: list[measurements.Line]) -> str:
    """The picture of how costs grow, as a file of its own."""
    text = _environment().get_template("growth.svg").render(**_growth(lines))
    return text.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)


PANEL_WIDTH, PANEL_HEIGHT, PANELS_WIDE = 320, 200, 3


def _growth(lines: list[measurements.Line]) -> dict[str, Any]:
    """A panel for each path: its points in the panel's units, with their words."""
    panels = []
    for number, series in enumerate(measurements.series(lines)):
        points = [
            {
                "x": 40 + x * (PANEL_WIDTH - 80),
                "y": PANEL_HEIGHT - 40 - y * (PANEL_HEIGHT - 95),
                "size": f"{line.size:,}",
                "times": f"{times:.2f}" if times < 10 else f"{times:.0f}",
                "cost": measurements.time_text(line.ns),
            }
            for (x, y), line, times in zip(series.points, series.lines, series.growth)
        ]
        left, top = number % PANELS_WIDE * PANEL_WIDTH, number // PANELS_WIDE * PANEL_HEIGHT
        panels.append({"left": left, "top": top, "name": series.name, "of": series.of, "points": points})
    high = -(-len(panels) // PANELS_WIDE) * PANEL_HEIGHT
    return {"panels": panels, "width": PANELS_WIDE * PANEL_WIDTH, "height": high, "panel_width": PANEL_WIDTH}


def render(
    run: dict[str, Any],
    about: dict[str, str],
    trials: Trials | None = None,
    measured: list[measurements.Line] | None = None,
) -> str:
    """The page for results.json, for the matrix of a campaign, and for benchmarks. `about`: one line for each group of
    requirements."""
    tests = run["tests"]
    known = _known(run)
    blocks = _blocks(run, known)
    groups = _groups(tests)
    return _environment().get_template("report.html").render(
        run=run,
        css=Markup((FOLDER / "report.css").read_text(encoding="utf-8")),
        js=Markup((FOLDER / "report.js").read_text(encoding="utf-8")),
        facts=_facts(run),
        blocks=blocks,
        index=_index(blocks),
        idle=sum(test["verdict"] == "error" and test["reason"].startswith(DID_NOT_RUN) for test in tests),
        links={instance: block["anchor"] for block in blocks for instance in block["failing"]},
        excused=sum(bool(test["excused"]) for test in tests),
        restarts=[{**boot, "number": n} for n, boot in enumerate(run["boots"], 1) if boot["interruption"]],
        groups=groups,
        tested=[item["id"] for item in run["requirements"] if item["tests"]],
        devices=sorted({test["device"] for test in tests if test["device"]}),
        slowest=max(map(real_ms, tests), default=0),
        states=STATES,
        uncovered=[item for item in run["requirements"] if item["state"] in ("not-applicable", "not-covered")],
        crashes=[{**crash, "frames": _frames(crash["frames"])} for crash in run["crashes"]],
        sentence=sentence(run["counts"]),
        areas=_areas(run, about),
        phases=_phases(run) or [("whole run", 0.0)],
        slow_groups=sorted(groups, key=lambda group: -float(group["ms"])) or [{"name": "none", "ms": 0}],
        slow_tests=sorted(tests, key=lambda test: -real_ms(test))[:SLOWEST],
        campaign=_matrix(trials) if trials else None,
        measured=measured or [],
        time_text=measurements.time_text,
        **_growth(measured or []),
        wrong=_wrong(trials, run["seed"]) if trials else [],
        offers=_offers(run),
        observations=[test for test in tests if test["observation"]],
        command=shlex.join(["./run.sh", *run["command"]]),
    )
