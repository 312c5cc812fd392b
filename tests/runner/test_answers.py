# SPDX-License-Identifier: MIT
"""How long the suite waits for a host that owes an answer, and for one that says its offers late."""

from __future__ import annotations

from pathlib import Path

import pytest
from pvtest import paths
from saved_machine import SavedMachine
from test_processors import boot

pytestmark = [
    pytest.mark.boots,
    pytest.mark.skipif(
        not paths.GUEST_IMAGE.exists() or not paths.HOST_IMAGE.exists(), reason="the images are not built"
    ),
]
ENDS = "bus.channels_end_alone"
LOST = "after the test: a bus that the test had taken away does not come back"


def test_waits_are_in_proportion_to_what_is_asked_for(saved: SavedMachine, tmp_path: Path) -> None:
    """The host ends all channels with the first one, so that one request is never answered: ten seconds of waiting."""
    tap, _ = boot(tmp_path, saved, ENDS, host="defect=list-teardown-all\nbus=vpci\n", guest="answer_ms=20\n")
    assert [point.ok for point in tap.points] == [False]
    assert int(tap.points[0].yaml["duration_us"]) < 5_000_000, "it waited as long as without the option"


def test_a_host_that_leaves_the_guest_without_buses_has_failed(saved: SavedMachine, tmp_path: Path) -> None:
    """The test itself cannot go on, which says nothing; the buses that stay away do."""
    tap, _ = boot(tmp_path, saved, ENDS, host="defect=vmbus-contact-once\nbus=vpci\n", guest="answer_ms=50\n")
    assert [(point.yaml["verdict"], point.yaml["message"]) for point in tap.points] == [("fail", LOST)]


def test_late_offers_are_awaited_no_longer_than_until_all_are_there(saved: SavedMachine, tmp_path: Path) -> None:
    """The first connection cannot know how many there are. At each later one the pause would be 0.8 s."""
    guest, host = "answer_ms=4000\n", "variant=vmbus-late-offers\nbus=vpci\n"
    tap, _ = boot(tmp_path, saved, "bus.d0_entered_and_left_again", host=host, guest=guest)
    assert [point.ok for point in tap.points] == [True]
    assert int(tap.points[0].yaml["duration_us"]) < 800_000


@pytest.mark.parametrize("value", ["9", "60001", "soon"])
def test_other_times_are_refused(saved: SavedMachine, tmp_path: Path, value: str) -> None:
    with pytest.raises(AssertionError, match="answer_ms"):
        boot(tmp_path, saved, ENDS, guest=f"answer_ms={value}\n")
