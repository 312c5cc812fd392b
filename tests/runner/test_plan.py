# SPDX-License-Identifier: MIT
"""The plan: which tests run, in which order, how often, and the terminal's view of it."""

from __future__ import annotations

import dataclasses
import json
import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import images
import pytest
from conftest import HERE, PVTEST, Runner, latest, runner_environment
from hypothesis import given, settings
from hypothesis import strategies as st
from pvtest.cli import listing
from pvtest.cli.campaign import CAMPAIGNS, _on_saved, own_first
from pvtest.errors import UsageError
from pvtest.gate import baseline, profiles
from pvtest.images import requirements
from pvtest.images.catalogue import Defect, Instance, Test, Variant, parse_host, parse_tests
from pvtest.machine.qemu import Qemu
from pvtest.machine.request import Request
from pvtest.plan.selection import Filters, find_switches, select, select_switches
from pvtest.plan.shown import soonest_first, spread, where_it_shows
from pvtest.stream.model import Run, TestResult, Verdict

KNOWN = requirements.load()
CATALOGUE = parse_tests(images.catalogue_section())
ALL = [instance.id for instance in CATALOGUE.instances]


def ids(*globs: str, **filters: list[str]) -> list[str]:
    return [instance.id for instance in select(CATALOGUE, KNOWN, globs, Filters(**filters))]


def test_negation() -> None:
    assert ids("!*@dmaprobe") == [name for name in ALL if not name.endswith("@dmaprobe")]
    assert ids("flush", "!flush.none") == ["flush.unmap@rocker", "flush.unmap@dmaprobe"]
    assert ids("flush", without=["fl-1"]) == ["flush.none@rocker"]


def test_filters_narrow_each_other() -> None:
    assert ids(classes=["dmaprobe"]) == ["flush.unmap@dmaprobe"]
    assert ids(classes=["none"]) == ["cap.page_sizes"]
    assert ids(classes=["none", "dmaprobe"]) == ["cap.page_sizes", "flush.unmap@dmaprobe"]
    assert ids(levels=["observe"]) == ["flush.none@rocker"]
    assert ids(kinds=["flush"], classes=["rocker"]) == ["flush.unmap@rocker"]
    assert ids(groups=["tr", "cap"]) == ["cap.page_sizes", "tr.leaf_4k@rocker"]
    assert ids(requirements=["gen-1"]) == ["flush.none@rocker"], "by the requirement of the alias GEN-3"
    assert ids("flush", requirements=["FL-*"], classes=["rocker"]) == ["flush.unmap@rocker"]


@pytest.mark.parametrize(
    ("globs", "filters", "words"),
    [
        (["!nothing"], {}, "no test matches 'nothing'"),
        (["flush", "!flush"], {}, "the selection is empty"),
        ([], {"classes": ["floppy"]}, "unknown device class 'floppy'"),
        ([], {"groups": ["flsh"]}, "Did you mean flush?"),
        ([], {"levels": ["hard"]}, "Known: test, observe, stress"),
        (["cap"], {"classes": ["dmaprobe"]}, "the selection is empty"),
    ],
)
def test_empty_selections_are_refused(globs: list[str], filters: dict, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        ids(*globs, **filters)
    assert words in str(caught.value)


HOST = parse_host(
    images.host_section(
        (("flush-lost", "GEN-3", "x"), ("flush-late", "FL-1", "x"), ("map-lost", "FL-1", "x")),
        (("flush-more", "GEN-3", "x"), ("other-status", "LS-1", "x")),
    )
)


def chosen(call: Callable[[], list[str]]) -> list[str] | None:
    """None: refused."""
    try:
        return call()
    except UsageError:
        return None


@pytest.mark.parametrize(
    ("globs", "defects", "variants"),
    [
        (["flush"], ["flush-late", "flush-lost"], ["flush-more"]),
        (["FLUSH"], ["flush-late", "flush-lost"], ["flush-more"]),
        (["Flush?L*"], ["flush-late", "flush-lost"], None),
        (["gen-3"], ["flush-lost"], ["flush-more"]),
        (["GEN-1"], ["flush-lost"], ["flush-more"]),
        (["flush", "!fl-1"], ["flush-lost"], None),
        (["!flush"], ["map-lost"], ["other-status"]),
        (["*l*", "!GEN-1"], ["flush-late", "map-lost"], ["other-status"]),
        (["lost"], None, None),
    ],
)
def test_a_glob_means_the_same_for_tests_defects_and_variants(
    globs: list[str], defects: list[str] | None, variants: list[str] | None
) -> None:
    """Name, group or requirement with its aliases, in whatever case; '!' takes away."""
    for word, known, wanted in (("defect", HOST.defects, defects), ("variant", HOST.variants, variants)):
        found = chosen(lambda: [s.name for s in select_switches(word, known, globs, KNOWN)])
        assert found == wanted, word
        rows = [(s.name.replace("-", ".", 1), " ".join(s.requirements), "-", "-", "test") for s in known]
        tests = parse_tests(images.catalogue_section(tuple(rows)))
        same = chosen(lambda: [i.id.replace(".", "-") for i in select(tests, KNOWN, globs)])
        assert (same and set(same)) == (wanted and set(wanted)), f"tests like the {word}s"


def test_an_option_takes_a_name_in_whatever_case() -> None:
    assert [found.name for found in find_switches("defect", HOST.defects, ["Map-Lost", "map-lost"])] == ["map-lost"]
    with pytest.raises(UsageError, match="Did you mean map-lost"):
        find_switches("defect", HOST.defects, ["map-lots"])


@given(
    st.lists(
        st.sampled_from(["flush", "!flush", "*@dmaprobe", "!*@dmaprobe", "cap", "!FL-1", "tr.*", "x", "!", "[", "*"])
    )
)
def test_selection_is_a_part_of_the_catalogue_in_its_order(globs: list[str]) -> None:
    try:
        found = ids(*globs)
    except UsageError:
        return
    assert found and found == [name for name in ALL if name in found]


def test_options_reach_the_run(runner: Runner, tmp_path: Path) -> None:
    assert runner("--class", "rocker", "--not", "tr", "--level", "test").returncode == 0
    assert [test["id"] for test in latest(tmp_path)["tests"]] == ["flush.unmap@rocker"]
    done = runner("list", "--json", "--kind", "flush", "!*@dmaprobe")
    assert [test["instances"] for test in json.loads(done.stdout)["tests"]] == [["flush.unmap@rocker"]]


def test_shuffle_is_another_order_that_the_seed_decides(runner: Runner, tmp_path: Path) -> None:
    orders = []
    for seed in ("3", "3", "4"):
        done = runner("--shuffle", "--seed", seed, "--repeat", "2")
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"./run.sh --shuffle --repeat 2 --qemu {HERE / 'fake_qemu.sh'} --seed {seed}" in done.stdout
        orders.append([test["id"] for test in latest(tmp_path)["tests"]])
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2]) == sorted(ALL) and ALL not in orders
    assert runner("--shuffle", "--seed", "3", FAKE_QEMU_FIXTURE="wrong-order").returncode == 2


def test_shuffled_runs_go_on_after_a_crash(runner: Runner, tmp_path: Path) -> None:
    assert runner("--shuffle", "--seed", "3").returncode == 0
    second = latest(tmp_path)["tests"][1]["id"]
    assert runner("--shuffle", "--seed", "3", FAKE_QEMU_DEADLY=f"{second}=stop").returncode == 2
    found = latest(tmp_path)
    assert found["summary"]["pass"] == 4 and found["summary"]["error"] == 1 and len(found["boots"]) == 2


def test_until_fail_stops_at_the_failing_rounds(runner: Runner, tmp_path: Path) -> None:
    done = runner("--until-fail", "--seed", "100", FAKE_QEMU_FAIL_SEED="107")
    assert done.returncode == 1, done.stdout + done.stderr
    found = latest(tmp_path)
    # Groups of 1, 4 and 16 rounds: the third one holds round 8, whose seed is 107.
    assert found["seed"] == 105 and found["repeat"] == 16
    (bad,) = [test for test in found["tests"] if test["verdict"] == "fail"]
    assert bad["seed"] == 107 and bad["again"] == "./run.sh tr.leaf_4k@rocker --seed 107"
    assert "1 of 16 rounds, first in round 3" in bad["reason"]
    assert "5 before these passed" in done.stdout


def test_until_fail_ends(runner: Runner, tmp_path: Path) -> None:
    assert runner("--until-fail", "--repeat", "3").returncode == 0
    assert latest(tmp_path)["repeat"] == 2, "one round, then two"


def test_quiet_says_only_what_matters(runner: Runner) -> None:
    done = runner("--quiet")
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 1 and "PASS" in done.stdout
    done = runner("--quiet", "--fixture", "fail")
    assert done.returncode == 1 and "made to fail" in done.stdout and "Tests by group" not in done.stdout


@pytest.mark.parametrize("words", [["--class", "rocker"], ["--kind", "flush"], ["flush"], ["--tier", "quick"]])
def test_a_narrowed_list_is_about_tests_alone(runner: Runner, words: list[str]) -> None:
    """The whole one has defects and variants after them."""
    whole, narrowed = runner("list"), runner("list", *words)
    assert "no-flush" in whole.stdout and narrowed.returncode == 0
    assert "no-flush" not in narrowed.stdout and " requirements covered" in narrowed.stdout.splitlines()[-1]


def test_a_list_tells_tests_of_other_units() -> None:
    found = [SimpleNamespace(unit=unit) for unit in ("", "vtd", "vtd", "virtio-iommu", "")]
    assert listing._of_units(found) == [  # type: ignore[arg-type]
        "1 of the tests run with --iommu virtio-iommu alone",
        "2 of the tests run with --iommu vtd alone",
    ]


@pytest.mark.parametrize("arguments", [[], ["--plain"], ["--quiet"], ["--verbose"], ["--no-color"]])
def test_verbosity_never_changes_a_verdict(runner: Runner, tmp_path: Path, arguments: list[str]) -> None:
    for fixture, code in (("pass", 0), ("fail", 1), ("crash", 2)):
        assert runner("--fixture", fixture, *arguments).returncode == code
        assert latest(tmp_path)["exit_code"] == code


def on_terminal(build: Path, tmp_path: Path, *arguments: str) -> str:
    """The output on a terminal."""
    master, slave = pty.openpty()
    command = [*PVTEST, *arguments, "--qemu", str(HERE / "fake_qemu.sh"), "--results", str(tmp_path / "results")]
    xterm = runner_environment(build, TERM="xterm-256color")
    with subprocess.Popen(command, env=xterm, stdin=slave, stdout=slave, stderr=slave) as process:
        os.close(slave)
        seen = b""
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:  # the other end is closed
                break
            if not data:
                break
            seen += data
        process.wait(30)
    os.close(master)
    return seen.decode("utf-8", "replace")


def test_progress_bar_on_a_terminal(build: Path, tmp_path: Path) -> None:
    seen = on_terminal(build, tmp_path)
    assert "\x1b[" in seen and "left" in seen and "Booting QEMU" in seen
    plain = on_terminal(build, tmp_path, "--plain")
    assert "\x1b" not in plain and "left" not in plain
    quiet = on_terminal(build, tmp_path, "--quiet")
    assert "Booting" not in quiet and "PASS" in quiet


TOML = st.text(st.sampled_from("[]{}\"'=.,#\\\n abknowtests0129-:") | st.characters(), max_size=80)
PIECES = st.lists(
    st.sampled_from(
        ['format = "pvtest-baseline"', 'format = "pvtest-profile"', "format_version = 1", "[[known]]", 'test = "a.b"']
        + [
            'reason = "x"',
            "until = 2027-01-01",
            "until = 2027-01-01T00:00:00",
            "tests = [[]]",
            "[levels]",
            'must = "mandatory"',
        ]
        + [
            'name = "n"',
            "[capabilities]",
            "cap = {bits = 99999999999999999999}",
            "known = 1",
            "[known]",
            "x.y.z = 1",
            "[[]]",
        ]
    ),
    max_size=12,
).map("\n".join)


@settings(max_examples=200)
@given(st.one_of(TOML, PIECES, st.binary(max_size=60)))
def test_any_baseline_or_profile_is_read_or_refused_with_its_name(
    tmp_path_factory: pytest.TempPathFactory, content: str | bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    for load in (baseline.load, lambda path: profiles.load(str(path), KNOWN)):
        try:
            load(path)
        except UsageError as error:
            assert str(path) in str(error)


@pytest.mark.parametrize(
    ("unit", "devices", "kept"),
    [
        ("any", "rocker dmaprobe dmaprobe+ats edu", "- rocker"),
        ("any", "dmaprobe dmaprobe+ats", "- dmaprobe"),
        ("any", "dmaprobe+ats", "- dmaprobe+ats"),
        ("any", "edu", "-"),
        ("vtd", "rocker dmaprobe dmaprobe+ats edu", "rocker edu"),
        ("soft", "rocker dmaprobe dmaprobe+ats edu", "dmaprobe dmaprobe+ats"),
        ("vpci", "rocker dmaprobe dmaprobe+ats edu", "rocker dmaprobe"),
    ],
)
def test_a_defect_is_shown_to_the_classes_that_can_tell(unit: str, devices: str, kept: str) -> None:
    test = CATALOGUE.tests[0]
    selected = [Instance(test, None), *(Instance(test, name) for name in devices.split())]
    assert [instance.device or "-" for instance in where_it_shows(unit, selected)] == kept.split()


EVERY_CLASS = "rocker edu dmaprobe dmaprobe+ats nvme ioat".split()


def classes_under(variant: Variant, *names: str, passed: str = "", kinds: tuple[str, ...] = ()) -> list[str]:
    test = dataclasses.replace(CATALOGUE.tests[0], kinds=kinds)
    selected = [Instance(test, name) for name in names] or [Instance(test, None)]
    ids = {f"{test.id}@{name}" for name in (passed.split() if passed else names)}
    return [instance.device or "-" for instance in spread(variant, selected, ids, 1)]


@pytest.mark.parametrize(
    ("unit", "groups"),
    [
        ("any", [{"rocker", "nvme", "dmaprobe", "dmaprobe+ats", "ioat"}]),
        ("both", [{"rocker", "nvme"}, {"dmaprobe", "dmaprobe+ats", "ioat"}]),
        ("soft", [{"dmaprobe", "dmaprobe+ats", "ioat"}]),
        ("vpci", [{"rocker", "nvme", "dmaprobe", "dmaprobe+ats", "ioat"}]),
    ],
)
def test_under_many_variants_a_test_meets_every_class_of_their_unit(unit: str, groups: list[set[str]]) -> None:
    found = [classes_under(Variant(f"v{number}", (), "", unit), *EVERY_CLASS) for number in range(100)]
    assert all(sorted(len(group & set(one)) for group in groups) == [1] * len(groups) for one in found)
    assert {name for one in found for name in one} == set.union(*groups)


def test_a_test_runs_under_a_variant_where_it_can_pass() -> None:
    for number in range(20):
        one, both = Variant(f"v{number}", (), ""), Variant(f"v{number}", (), "", "both")
        assert classes_under(one, *EVERY_CLASS, passed="nvme") == ["nvme"]
        assert classes_under(one, "edu") == ["edu"], "the slow class alone has it"
        assert classes_under(both, "edu", "ioat") == ["edu", "ioat"]
        assert classes_under(Variant("soft", (), "", "soft"), "edu", "rocker") == []
        assert classes_under(one) == ["-"]
    bus = Variant("bus", (), "", "vpci")
    assert (classes_under(bus), classes_under(bus, kinds=("device",))) == ([], ["-"])


def test_tests_come_by_their_time_and_by_what_they_share_with_the_defect() -> None:
    def instance(name: str, title: str, *covers: str) -> Instance:
        return Instance(Test(name, "g", title, covers, (), (), "stress", "", tier="stress"), None)

    both = ("GEN-10", "DOM-7")
    longer = [
        instance("g.numbers", "65,536 domains come and go", "DOM-7"),
        instance("g.attach", "After 65,536 times ATTACH to an unknown domain, new domains are made", *both),
        instance("g.full", "After 65,536 times CREATE beyond the limit, new domains are made", *both),
        instance("g.existing", "After 65,536 times CREATE of an id that exists, new domains are made", *both),
    ]
    defect = Defect("tag", both, "takes a tag for each CREATE of an id that exists, and refuses every CREATE")

    def order(took: dict[str, float]) -> list[str]:
        return [one.id for one in soonest_first(KNOWN, defect, longer, took)]

    assert order({}) == ["g.existing", "g.full", "g.attach", "g.numbers"]
    assert order({"g.numbers": 5.0})[0] == "g.numbers", "a known time comes before an unknown one"
    assert order({one.id: 5.0 for one in longer})[0] == "g.existing"
    assert order({"g.existing": 9.0, "g.numbers": 5.0})[0] == "g.existing", "it is nearer, and not much longer"
    assert order({"g.existing": 900.0, "g.numbers": 5.0})[0] == "g.numbers", "a quick one is worth a try"


def test_a_defect_of_a_bus_has_that_bus() -> None:
    request = Request(CATALOGUE, KNOWN, CATALOGUE.instances, Qemu("qemu", "10.0.2", "", "code", ""), bus="pci")
    bus, other = Defect("bus", (), "", "vpci"), Defect("no-flush", (), "")
    assert [CAMPAIGNS["defects"].switched_on(request, one, None).bus for one in (bus, other)] == ["vpci", "pci"]
    assert [_on_saved(one) for one in (bus, other)] == [True, True]
    assert not _on_saved(Defect("unit-only", (), "", "vtd")), "it has no VT-d"
    shown, plain = Variant("vpci-1-1", (), "", "vpci"), Variant("slow", (), "")
    found = [CAMPAIGNS["variants"].switched_on(request, one, None) for one in (shown, plain)]
    assert [one.bus for one in found] == ["vpci", "pci"]
    assert all(one.selected == request.selected for one in found), "with --matrix, everything runs under a variant"


def test_tests_of_the_broken_requirement_come_first_and_the_quickest_of_them_before() -> None:
    request = Request(CATALOGUE, KNOWN, CATALOGUE.instances, Qemu("qemu", "10.0.2", "", "code", ""))
    took = {"flush.unmap@rocker": 20, "flush.unmap@dmaprobe": 10}
    results = [TestResult(one, Verdict.PASS, duration_us=took.get(one.id, 1)) for one in CATALOGUE.instances]
    plain = Run(CATALOGUE, KNOWN, CATALOGUE.instances, results, [])
    ordered = own_first(request, Defect("no-flush", ("FL-1",), ""), plain)
    own = ["flush.unmap@dmaprobe", "flush.unmap@rocker"]
    assert [one.id for one in ordered.selected] == [*own, *(name for name in ALL if name not in own)]
    assert ordered.stop_at == frozenset(own)
    options = ordered.options()
    assert (options.tests, options.stop_at_fail, options.given_order) == ([*own, "*"], 2, True)
    # An alias is the same requirement; after a restart, those of it that are left count.
    assert own_first(request, Defect("lost", ("GEN-1",), ""), plain).stop_at == {"flush.none@rocker"}
    left = dataclasses.replace(ordered, selected=ordered.selected[1:]).options()
    assert (left.tests[0], left.stop_at_fail) == ("flush.unmap@rocker", 1)
