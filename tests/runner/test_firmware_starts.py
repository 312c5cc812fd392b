# SPDX-License-Identifier: MIT
"""A second start of the firmware is seen at once, and nothing else is taken for one."""

from __future__ import annotations

import pytest
from pvtest.stream.lines import FirmwareStarts

LOADING = 'BdsDxe: loading Boot0001 "UEFI Misc Device" from PciRoot(0x0)/Pci(0x5,0x0)'
STARTING = 'BdsDxe: starting Boot0001 "UEFI Misc Device" from PciRoot(0x0)/Pci(0x5,0x0)'


@pytest.mark.parametrize(
    ("before", "after", "again"),
    [
        ([LOADING, STARTING], ["1..1", "# run: a.b"], False),
        ([LOADING, "BdsDxe: failed to load Boot0001", LOADING.replace("0001", "0002"), STARTING], [], False),
        ([STARTING, STARTING.replace("0001", "0002")], [], False),
        ([LOADING, STARTING, LOADING], [], False),
        ([LOADING, STARTING, LOADING, STARTING], [], True),
        ([STARTING], ["# run: a.b", "\x1b[2J\x1b[01;01H" + LOADING], True),
        ([], ["ok 1 - a.b", "half a liBdsDxe: starting Boot0001"], True),
        ([], ["# end: planned=1", LOADING], True),
    ],
)
def test_second_start(before: list[str], after: list[str], again: bool) -> None:
    starts = FirmwareStarts()
    for line in before:
        starts.feed(line, False)
    for line in after:
        starts.feed(line, True)
    assert starts.again == again
