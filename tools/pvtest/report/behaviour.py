# SPDX-License-Identifier: MIT
"""profile.json: how one host behaves where the ABI leaves a choice, and what it offers. Made for comparing hosts."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import Any

from pvtest import paths

FORMAT = "pvtest-behaviour"
FORMAT_VERSION = 1
_STATUS = re.compile(r"\bX\(([A-Z0-9_]+), 0x")  # a line of the list in abi/status.h
_WORD = re.compile(r"\b[A-Z][A-Z0-9_]+\b")


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    try:
        return frozenset(_STATUS.findall(paths.STATUS_CODES.read_text(encoding="utf-8")))
    except OSError:
        return frozenset()


def statuses(observation: str) -> list[str]:
    """The status codes that an observation names."""
    return [name for name in dict.fromkeys(_WORD.findall(observation)) if name in _known()]


def _test(test: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"verdict": test["verdict"], "requirements": test["requirements"]}
    if test["observation"]:
        found.update(observation=test["observation"], statuses=statuses(test["observation"]))
    if test["verdict"] != "pass" and test["reason"]:
        found["reason"] = test["reason"]
    return found


def behaviour(results: dict[str, Any]) -> dict[str, Any]:
    """From results.json."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "suite": results["versions"]["guest"],
        "seed": results["seed"],
        "started": results["started"],
        "host": {**results["host"], "version": results["versions"]["host"]},
        **({"iommu": results["iommu"]} if "iommu" in results else {}),
        "capabilities": results["capabilities"],
        "devices": dict(sorted(Counter(device.get("class", "?") for device in results["devices"]).items())),
        "tests": {test["id"]: _test(test) for test in sorted(results["tests"], key=lambda test: str(test["id"]))},
    }
