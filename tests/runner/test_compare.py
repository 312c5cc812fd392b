# SPDX-License-Identifier: MIT
"""compare and merge: results of several runs, hosts and machines, also when they are not what they should be."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import images
import pytest
from conftest import HERE, Runner, pvtest_call
from hypothesis import given, settings
from hypothesis import strategies as st
from pvtest import json_file
from pvtest.errors import UsageError
from pvtest.gate import compare
from pvtest.plan import shard
from pvtest.report import json_reader
from pvtest.report.behaviour import statuses
from pvtest.report.json_writer import document

from test_formats import compare_formats


@pytest.fixture(name="whole", scope="module")
def _whole(build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of one good run."""
    folder = tmp_path_factory.mktemp("whole")
    run_at(build, folder)
    return folder / "latest"


def run_at(build: Path, results: Path, *arguments: str, code: int = 0, **environment: str) -> str:
    """The runner without the fixture, for results that several tests share."""
    command = [*arguments, "--qemu", str(HERE / "fake_qemu.sh"), "--results", str(results)]
    done = pvtest_call(*command, build=build, **environment)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def behaviour(path: Path) -> dict:
    return compare.load(path)


def changed(whole: Path, **changes: object) -> list[tuple[str, str, str]]:
    before = behaviour(whole)
    after = copy.deepcopy(before)
    for path, value in changes.items():
        *keys, last = path.split("__")
        place = after
        for key in keys:
            place = place[key]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return [(c.kind, c.subject, c.effect) for c in compare.compare(before, after)]


def test_nothing_changed(runner: Runner, whole: Path) -> None:
    done = runner("compare", str(whole), str(whole / "profile.json"))
    assert (done.returncode, done.stdout) == (0, "no difference (exit code 0)\n")
    assert behaviour(whole / "results.json") == behaviour(whole / "profile.json") == behaviour(whole.parent)


def test_changes_of_verdicts(whole: Path) -> None:
    def verdicts(before: str, after: str) -> str:
        one = behaviour(whole)
        one["tests"]["cap.page_sizes"]["verdict"] = before
        two = copy.deepcopy(one)
        two["tests"]["cap.page_sizes"]["verdict"] = after
        (found,) = compare.compare(one, two)
        return found.effect

    order = ["pass", "skip", "fail", "error"]
    for i, before in enumerate(order):
        for j, after in enumerate(order):
            if i != j:
                assert verdicts(before, after) == ("regression" if j > i else "improvement")


def test_changes_of_all_kinds(whole: Path) -> None:
    name = "flush.none@rocker"
    found = changed(whole, **{f"tests__{name}__observation": "status SUCCESS"})
    assert found == [("observation", name, "change")]
    assert changed(whole, **{f"tests__{name}": None}) == [("vanished test", name, "regression")]
    new = {"verdict": "pass", "requirements": []}
    assert changed(whole, tests__new=new) == [("new test", "new", "change")]
    assert changed(whole, tests__new={**new, "verdict": "fail"}) == [("new test", "new", "regression")]
    assert changed(whole, capabilities__cap="0xd") == [("capability", "cap", "change")]
    assert changed(whole, capabilities__cap="0x4") == [("capability", "cap", "regression")]
    assert changed(whole, capabilities__iova_bits="46") == [("capability", "iova_bits", "regression")]
    assert changed(whole, capabilities__page_sizes=None) == [("capability", "page_sizes", "regression")]
    assert changed(whole, devices__edu=None) == [("device", "edu", "regression")]
    assert changed(whole, devices__edu=2) == [("device", "edu", "change")]
    assert changed(whole, host__backend="amd") == [("host", "backend", "change")]


def test_compare_command(runner: Runner, build: Path, whole: Path, tmp_path: Path) -> None:
    run_at(build, tmp_path / "broken", "--defect", "no-flush", code=1)
    done = runner("compare", str(whole), str(tmp_path / "broken"))
    assert done.returncode == 1
    assert "regression  verdict       flush.unmap@dmaprobe: pass -> fail (made to fail)" in done.stdout
    assert "2 regressions, 0 improvements, 1 changes" in done.stdout
    done = runner("compare", str(tmp_path / "broken"), str(whole), "--json")
    assert done.returncode == 0
    assert [c["effect"] for c in json.loads(done.stdout)["changes"]] == ["improvement", "improvement", "change"]


def test_statuses_of_an_observation() -> None:
    text = "second detach: INVALID_DEVICE_STATE; GET_IOMMU_CAPABILITIES, PASID: SUCCESS (0x0) x5, SUCCESS"
    assert statuses(text) == ["INVALID_DEVICE_STATE", "SUCCESS"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("", "x"), ":1: not JSON"),
        (('"pass"', '"pass'), "not JSON"),
        (('"format_version": 1', '"format_version": 2'), "reads version 1"),
        (('"pvtest-results"', '"pvtest-other"'), "format is 'pvtest-other'"),
        (('"seed": 1,', '"seed": NaN,'), "not a number of JSON"),
        (('"seed": 1,', '"seed": "1",'), "seed"),
        (('"seed": 1,', '"seed": 1, "seed": 1,'), "given twice"),
        (('"seed": 1,', '"seed": ' + "[" * 100_000 + ","), "nested too deep"),
        (('"exit_code": 0', '"exit_code": 1'), "but its content means 0"),
        (('"planned": 5', '"planned": 4'), "but the tests say"),
        (('"id": "flush.none@rocker"', '"id": "tr.leaf_4k@rocker"'), "given twice"),
        (('"id": "cap.page_sizes"', '"id": "cap.page_sizes@dmaprobe"'), "does not run on device"),
    ],
)
def test_bad_results_are_refused(runner: Runner, whole: Path, tmp_path: Path, change: tuple, words: str) -> None:
    text = (whole / "results.json").read_text()
    path = tmp_path / "results.json"
    path.write_text(text.replace(*change, 1) if change[0] else change[1])
    assert path.read_text() != text
    done = runner("baseline", str(path))
    assert done.returncode == 3 and words in done.stderr and str(path) in done.stderr
    assert "Traceback" not in done.stderr


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.binary(max_size=30), st.integers(0, 40))
def test_damaged_results_are_read_or_refused(whole: Path, place: int, damage: bytes, cut: int) -> None:
    data = (whole / "results.json").read_bytes()
    place %= len(data)
    path = whole.parent / "damaged.json"
    path.write_bytes(data[:place] + damage + data[place + cut :])
    for load in (json_reader.load, compare.load):
        try:
            load(path)
        except UsageError as error:
            assert str(path) in str(error)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=40)
@given(st.data())
def test_any_value_anywhere_is_read_or_refused(whole: Path, data: st.DataObject) -> None:
    found = json.loads((whole / "results.json").read_text())
    place = found
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], (dict, list)) or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(JSON)
    path = whole.parent / "odd.json"
    path.write_text(json.dumps(found))
    try:
        run = json_reader.load(path)
    except UsageError:
        return
    assert document(run)["summary"] == found["summary"]


def test_results_come_back_whole(whole: Path) -> None:
    found = json.loads((whole / "results.json").read_text())
    again = document(json_reader.load(whole))
    assert again == found


@given(st.lists(st.integers(), max_size=40), st.integers(1, 12))
def test_shards_are_a_partition(items: list[int], count: int) -> None:
    parts = [shard.Shard(index, count).take(items) for index in range(1, count + 1)]
    assert shard.join(parts) == items
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/0", "a/b", "-1/2", "1/2/3", "1/9999", ""])
def test_no_shard(runner: Runner, text: str) -> None:
    done = runner(f"--shard={text}")
    assert done.returncode == 3 and "is no shard" in done.stderr


def shards(build: Path, folder: Path, count: int, *arguments: str, codes: tuple[int, ...] = ()) -> list[str]:
    paths = []
    for index in range(1, count + 1):
        path = folder / f"shard-{index}"
        run_at(build, path, *arguments, "--shard", f"{index}/{count}", code=codes[index - 1] if codes else 0)
        paths.append(str(path))
    return paths


def test_merge_of_a_run(runner: Runner, build: Path, whole: Path, tmp_path: Path) -> None:
    paths = shards(build, tmp_path, 3)
    done = runner("merge", *reversed(paths))
    assert done.returncode == 0, done.stdout + done.stderr
    found = compare_formats(tmp_path / "results" / "latest")
    alone = json.loads((whole / "results.json").read_text())
    assert found["tests"] == alone["tests"] and found["requirements"] == alone["requirements"]
    assert found["summary"] == alone["summary"] and found["coverage"] == alone["coverage"]
    assert runner("compare", str(whole), str(tmp_path / "results")).returncode == 0


def test_merge_tells_the_truth(runner: Runner, build: Path, tmp_path: Path) -> None:
    failing = shards(build, tmp_path / "a", 2, "--defect", "no-flush", codes=(1, 1))
    assert runner("merge", *failing).returncode == 1
    broken = shards(build, tmp_path / "b", 1, "--fixture", "fail", codes=(1,))
    assert runner("merge", *broken).returncode == 1
    run_at(build, tmp_path / "c" / "1", "--shard", "1/2")
    run_at(build, tmp_path / "c" / "2", "--shard", "2/2", code=2, FAKE_QEMU_FIXTURE="crash")
    done = runner("merge", str(tmp_path / "c" / "1"), str(tmp_path / "c" / "2"))
    assert done.returncode == 2 and "shard 2/2: the guest gave up" in done.stdout
    compare_formats(tmp_path / "results" / "latest")


def test_merge_with_profile_and_baseline(runner: Runner, build: Path, tmp_path: Path) -> None:
    known = tmp_path / "known.toml"
    known.write_text(
        'format = "pvtest-baseline"\nformat_version = 1\n[[known]]\ntest = "flush.unmap"\nreason = "bug 7"\n'
    )
    gate = ("--profile", "strict", "--baseline", str(known))
    paths = shards(build, tmp_path, 2, "--defect", "no-flush", *gate)
    assert runner("merge", *paths).returncode == 0
    found = compare_formats(tmp_path / "results" / "latest")
    assert found["gate"]["profile"]["name"] == "strict" and found["gate"]["baseline"] == str(known)
    plain = shards(build, tmp_path / "plain", 2, "--defect", "no-flush", codes=(1, 1))
    assert runner("merge", *plain).returncode == 1
    assert runner("merge", *plain, *gate).returncode == 0, "the gate may be applied to the whole alone"


def test_merge_refuses_what_does_not_belong_together(runner: Runner, build: Path, whole: Path, tmp_path: Path) -> None:
    one, two, three = shards(build, tmp_path, 3)

    def refused(words: str, *paths: str) -> None:
        done = runner("merge", *paths)
        assert done.returncode == 3 and words in done.stderr, done.stdout + done.stderr
        assert not (tmp_path / "results").exists()

    refused("shard 2/3 is missing", one, three)
    refused("and so is", one, two, three, two)
    refused("was not made with --shard", str(whole))
    refused("No such file", one, two, str(tmp_path / "nowhere"))
    other = tmp_path / "other"
    run_at(build, other, "--shard", "3/3", "--seed", "2")
    refused("the seed is 2", one, two, str(other))
    run_at(build, other, "flush", "--shard", "3/3")
    refused("the digest of the plan is", one, two, str(other))
    run_at(build, other, "--shard", "3/3", "--defect", "lazy")
    refused("the list of options is", one, two, str(other))
    path = Path(three) / "latest" / "results.json"
    path.write_text(path.read_text().replace("flush.unmap@rocker", "flush.other@rocker"))
    refused("not what their plan says", one, two, three)


@pytest.mark.parametrize(("campaign", "count"), [("defects", len(images.DEFECTS)), ("variants", len(images.VARIANTS))])
def test_merge_of_campaigns(runner: Runner, tmp_path: Path, campaign: str, count: int) -> None:
    paths, codes = [], []
    for index in (1, 2):
        done = runner(campaign, "--shard", f"{index}/2", "--jobs", "1")
        codes.append(done.returncode)
        paths.append(str(tmp_path / f"shard-{index}"))
        (tmp_path / "results").rename(paths[-1])
    done = runner("merge", *paths)
    assert done.returncode == max(codes) and max(codes) < 2, done.stdout + done.stderr
    found = json_file.load(tmp_path / "results" / "latest" / f"{campaign}.json", f"pvtest-{campaign}")
    assert len(found[campaign]) == found["summary"][campaign] == count
    assert found["exit_code"] == max(codes) and found["shard"] == ""
    assert f"{count} {campaign}: " in done.stdout
    assert f'id="{campaign}"' in (tmp_path / "results" / "latest" / "report.html").read_text()
    done = runner("merge", paths[0])
    assert done.returncode == 3 and "shard 2/2 is missing" in done.stderr
