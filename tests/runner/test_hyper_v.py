# SPDX-License-Identifier: MIT
"""The script for Hyper-V. There is no Hyper-V here: what can be checked is its form, its words, and how it judges."""

from __future__ import annotations

import re

import powershell
import pytest
from conftest import ROOT

SCRIPT = ROOT / "tools" / "hyper-v" / "Run-PvTest.ps1"
TEXT = SCRIPT.read_text(encoding="utf-8")
DOCUMENT = (ROOT / "docs" / "hyper-v.md").read_text(encoding="utf-8")
# Cmdlets with the parameters that their reference pages list, as far as the script may use them.
CMDLETS = {
    "New-VM": "Name Generation MemoryStartupBytes VHDPath Path",
    "Get-VM": "Name ErrorAction",
    "Set-VM": "VM ProcessorCount StaticMemory AutomaticStopAction CheckpointType",
    "Start-VM": "VM",
    "Stop-VM": "Name TurnOff Force",
    "Remove-VM": "Name Force",
    "Set-VMFirmware": "VM EnableSecureBoot FirstBootDevice",
    "Set-VMComPort": "VM Number Path",
    "Get-VMHardDiskDrive": "VM",
    "Get-VMNetworkAdapter": "VM",
    "Remove-VMNetworkAdapter": "",
    "Add-VMAssignableDevice": "VMName LocationPath",
    "Remove-VMAssignableDevice": "VMName LocationPath",
    "Dismount-VMHostAssignableDevice": "LocationPath Force",
    "Mount-VMHostAssignableDevice": "LocationPath",
    "Get-PnpDeviceProperty": "KeyName InstanceId",
    "Disable-PnpDevice": "InstanceId Confirm",
    "Enable-PnpDevice": "InstanceId Confirm",
    "Mount-VHD": "Path ReadOnly NoDriveLetter Passthru",
    "Dismount-VHD": "Path",
    "Get-Disk": "",
    "Set-Disk": "Number IsOffline",
    "Add-PartitionAccessPath": "DiskNumber PartitionNumber AccessPath",
    "Remove-PartitionAccessPath": "DiskNumber PartitionNumber AccessPath",
    "Copy-Item": "LiteralPath Destination Recurse",
    "Remove-Item": "LiteralPath",
    "New-Item": "ItemType Path Force",
    "Set-ItemProperty": "LiteralPath Name Value",
    "Get-ChildItem": "LiteralPath Directory Filter",
    "Test-Path": "LiteralPath PathType",
    "Join-Path": "",
    "Sort-Object": "Property",
    "ForEach-Object": "",
    "New-Object": "ArgumentList",
    "Get-Module": "Name",
    "Import-Module": "Name ErrorAction",
    "Get-Date": "",
    "Start-Sleep": "Milliseconds",
    "Set-StrictMode": "Version",
    "Write-Host": "",
    "Write-Warning": "",
}
OPERATORS = {"-not", "-eq", "-ne", "-lt", "-gt", "-ge", "-or", "-and", "-match", "-join"}


def calls(text: str) -> list[tuple[str, list[str]]]:
    """Every Verb-Noun with its parameters."""
    found = []
    for words in powershell.read(text).statements:
        for place, word in enumerate(words):
            if re.fullmatch(r"[A-Z][a-z]+-[A-Z]\w+", word):
                rest = words[place + 1 :]
                found.append((word, [w for w in rest if w.startswith("-") and w not in OPERATORS]))
                break
    return found


def test_quotes_and_brackets_are_in_order() -> None:
    assert powershell.read(TEXT).problems == []


@pytest.mark.parametrize(
    "damage", [("{", ""), (')"', ")"), ("'run-*'", "'run-*"), ("[string]", "[string"), ("}\n", "\n")]
)
def test_damage_is_seen(damage: tuple[str, str]) -> None:
    assert damage[0] in TEXT
    assert powershell.read(TEXT.replace(*damage, 1)).problems


def test_windows_powershell_reads_it() -> None:
    assert TEXT.isascii(), "without a byte order mark, Windows PowerShell 5.1 takes other bytes for its own code page"
    assert all(len(line) <= 120 for line in TEXT.splitlines())
    # These came with PowerShell 7.
    assert not re.search(r"\?\?|&&|\|\||\?\.|-Parallel", re.sub(r"(?m)#.*$", "", TEXT))


def test_cmdlets_and_parameters_exist() -> None:
    own = set(re.findall(r"(?m)^function ([\w-]+)", TEXT))
    used = calls(TEXT)
    assert len(used) > 40
    for name, parameters in used:
        if name in own:
            assert parameters == [], f"{name}: the script's own functions take their arguments by position"
            continue
        assert name in CMDLETS, name
        for parameter in parameters:
            assert parameter.removeprefix("-") in CMDLETS[name].split(), f"{name} {parameter}"
    assert own <= {name for name, _ in used}, "a function that nobody calls"


def test_document_names_the_same_cmdlets() -> None:
    blocks = "\n".join(re.findall(r"```powershell\n(.*?)```", DOCUMENT, re.DOTALL))
    assert powershell.read(blocks).problems == []
    named = [call for call in calls(blocks) if "PvTest" not in call[0]]
    assert {"New-VM", "Set-VMFirmware", "Set-VMComPort", "Mount-VHD"} <= {name for name, _ in named}
    for name, parameters in named:
        assert name in CMDLETS and {p.removeprefix("-") for p in parameters} <= set(CMDLETS[name].split()), name


def known_parameters() -> dict[str, str]:
    """Name and kind of each."""
    block = TEXT.partition("$Known = @(\n")[2].partition("\n)")[0]
    return dict(re.findall(r"@\{ Name = '(\w+)'; Kind = '(\w+)'; Value = ", block))


def test_every_parameter_is_documented() -> None:
    parameters = known_parameters()
    assert len(parameters) >= 10
    for name in parameters:
        assert f".PARAMETER {name}\n" in TEXT
        assert f"`-{name}" in DOCUMENT
        assert re.search(rf"\$options\.{name}\b", TEXT), f"-{name} is read and not used"
    assert re.findall(r"(?m)^\.PARAMETER (\w+)$", TEXT) == list(parameters)


def test_powershell_binds_no_argument() -> None:
    """An argument that it cannot bind ends with its code 1, that of a failed test: the script takes $args apart."""
    outside = re.sub(r"(?ms)^function [\w-]+ \{.*?^\}$", "", TEXT.partition("#>")[2])
    assert "param(" not in outside and "CmdletBinding" not in outside
    assert outside.count("Read-Arguments $args") == 1
    body = TEXT.partition("function Find-Parameter")[2].partition("function Test-Administrator")[0]
    assert body.count("Stop-Script $ExitUsage") == len(re.findall("Stop-Script", body)) == 4
    # Number texts are tried, and not cast: a cast raises what ends with 1.
    assert "[int]::TryParse(" in body and "[int]$" not in body


def test_the_disk_is_mounted_below_the_system_folder() -> None:
    """Results may be on a share or on ReFS, where no partition can be mounted."""
    body = TEXT.partition("function Copy-Results")[2].partition("\n}")[0]
    (mount,) = re.findall(r"\$mount = (.*)", body)
    assert mount.startswith("Join-Path (Join-Path $env:SystemRoot 'Temp') ") and "NewGuid" in mount


def test_each_cmdlet_of_hyper_v_is_called_with_its_module() -> None:
    """VMware's module has a Get-VM, too, and the one that was loaded last is called."""
    code = re.sub(r"(?m)#.*$", "", TEXT.partition("#>")[2])
    own = [name for name in CMDLETS if re.search(r"-(VM|VHD)", name)]
    assert len(own) > 15
    for name in own:
        assert re.search(rf"Hyper-V\\{name}\b", code), name
        assert not re.search(rf"(?<!Hyper-V\\){name}\b", code), name


def test_the_double_has_these_cmdlets_alone() -> None:
    """Each with the parameters that the script gives it."""
    double = (ROOT / "tests" / "runner" / "hyper_v_double" / "Hyper-V" / "Hyper-V.psm1").read_text(encoding="utf-8")
    assert double.isascii() and powershell.read(double).problems == []
    there = re.findall(r"(?ms)^function ([\w-]+) \{\n(?: +\[CmdletBinding\(\)\]\n)? +param\((.*?)\)\n", double)
    taken = {name: set(re.findall(r"\$(\w+)(?=[,)\s]|$)", words)) for name, words in there}
    used = {name: parameters for name, parameters in CMDLETS.items() if re.search(r"VM|VHD|Pnp|Disk|Partition", name)}
    assert set(taken) == {*used, "Add-Call"}  # and functions without parameters
    for name, parameters in used.items():
        assert set(parameters.split()) - {"ErrorAction"} <= taken[name], name


def test_exit_codes_are_those_of_the_runner() -> None:
    from pvtest import errors

    codes = dict(re.findall(r"(?m)^\$Exit(\w+) = (\d)$", TEXT))
    names = {"Ok": "OK", "Fail": "FAIL", "Error": "ERROR", "Usage": "USAGE", "Missing": "MISSING"}
    assert codes == {name: str(getattr(errors, f"EXIT_{word}")) for name, word in names.items()}


VERDICTS = {
    'exit=0 planned=6 pass=3 fail=0 error=0 skip=3 with_dma=2 text="PASS"': ("0", "6", "2"),
    'pvtest: verdict: exit=2 planned=2 with_dma=0 text="PASS WITHOUT DMA, which was not asked for"': ("2", "2", "0"),
    '# verdict: exit=1 planned=2 with_dma=1 text="FAIL"': ("1", "2", "1"),
    "# end: planned=4 pass=1 fail=1 error=1 skip=1 duration_us=2500 moved=1": (),
    'message: "exit=0 planned=1 text=\\"PASS\\""': (),
}


@pytest.mark.parametrize("line", VERDICTS)
def test_the_verdict_is_the_one_that_the_image_wrote(line: str) -> None:
    """The script judges nothing: it has one pattern, for the line of the image, with the share that moved data."""
    body = TEXT.partition("function Read-Verdict")[2].partition("\n}")[0]
    (pattern,) = re.findall(r"\$pattern = '([^']+)'", body)
    match = re.match(pattern, line)
    assert (match.groups()[:3] if match else ()) == VERDICTS[line]


def test_the_image_writes_such_lines() -> None:
    """In each of the three places where it does."""
    written = "".join(
        (ROOT / "tests" / "harness" / name).read_text(encoding="utf-8")
        for name in ("unattended_files.c", "unattended_boot.c", "suite.c")
    )
    for beginning in ('"exit=%u planned=%u ', '"pvtest: verdict: exit=%u planned=%u ', '"verdict: exit=%u planned=%u '):
        assert beginning in written, beginning


def test_the_verdict_on_a_profile_is_the_one_that_the_image_wrote() -> None:
    """The last run counts, and no line of an earlier one."""
    body = TEXT.partition("function Read-Verdict")[2].partition("\n}")[0]
    (pattern,) = re.findall(r"\$profilePattern = '([^']+)'", body)
    line = 'profile=linux-merged version=3 exit=1 shortcomings=2 text="FAIL: the profile is not kept"'
    match = re.match(pattern, line)
    assert match is not None and match.groups() == ("linux-merged", "1", "2", "FAIL: the profile is not kept")
    assert body.count("$profiles = @{}") == 2, "at first, and with the line of each run"
    assert body.count("$share = ") == 2, "strict mode refuses a variable without a value"
    assert "$verdict = Read-Verdict $folder $options.Profile" in TEXT
    written = (ROOT / "tests" / "harness" / "unattended_files.c").read_text(encoding="utf-8")
    assert '"profile=%.*s version=%.*s exit=%u shortcomings=%u text=' in written


@pytest.mark.parametrize(("name", "refused"), [("pvtest", False), ("pv*", True), ("a?", True), ("[ab]", True)])
def test_a_name_with_wildcards_is_refused(name: str, refused: bool) -> None:
    (pattern,) = re.findall(r"\$Name -match '([^']+)'", TEXT)
    assert bool(re.search(pattern, name)) == refused
