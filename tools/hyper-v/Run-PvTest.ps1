# SPDX-License-Identifier: MIT
<#
.SYNOPSIS
Runs the pvIOMMU conformance suite in a generation 2 VM of Hyper-V and fetches the results.

.DESCRIPTION
Creates a VM around a copy of the disk that "./run.sh image --target hyper-v" writes, starts it, follows its COM1 into a
file until it is off or the time is over, copies the results from the disk, and judges them. docs/hyper-v.md explains
every step.

Exit codes: 0 all planned tests ran and none failed; 1 a test failed; 2 error (hang, crash, truncated output);
3 usage; 4 something needed is missing (Hyper-V, administrator rights).

.PARAMETER Disk
The VHDX. It is copied, so that the same file can be run again.

.PARAMETER Name
Name of the VM. There must be none of this name yet.

.PARAMETER Results
Folder that gets a new folder for this run.

.PARAMETER Processors
Number of virtual processors, 1 to 64.

.PARAMETER MemoryMB
Memory in MiB, all of it from the start, 1024 to 65536.

.PARAMETER TimeoutSeconds
When the VM is turned off, whatever it does; 10 to 86400.

.PARAMETER Device
Instance ids of PCI Express devices of this machine that the VM gets (Discrete Device Assignment). They go back to the
machine at the end.

.PARAMETER ForceDismount
Takes devices from the machine that do not promise to be safe in a VM. Only on a machine that nobody else uses.

.PARAMETER Remove
Removes the VM and its copy of the disk at the end. Results stay.

.PARAMETER ShowSerial
Shows COM1 while the suite runs.

.EXAMPLE
.\Run-PvTest.ps1 -Disk .\pvtest-hyper-v.vhdx -Remove

.EXAMPLE
.\Run-PvTest.ps1 -Disk .\pvtest-hyper-v.vhdx -Device 'PCI\VEN_8086&DEV_0A54\4&2A2D8C9B&0&00E0' -Remove
#>
[CmdletBinding()]
param(
    [string]$Disk = '',
    [string]$Name = 'pvtest',
    [string]$Results = 'pvtest-results',
    [int]$Processors = 2,
    [int]$MemoryMB = 2560,
    [int]$TimeoutSeconds = 1200,
    [string[]]$Device = @(),
    [switch]$ForceDismount,
    [switch]$Remove,
    [switch]$ShowSerial
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$ExitOk = 0
$ExitFail = 1
$ExitError = 2
$ExitUsage = 3
$ExitMissing = 4

function Stop-Script {
    param([int]$Code, [string]$Message)
    [Console]::Error.WriteLine("Run-PvTest: $Message")
    exit $Code
}

function Test-Range {
    param([string]$What, [int]$Value, [int]$Low, [int]$High)
    if ($Value -lt $Low -or $Value -gt $High) {
        Stop-Script $ExitUsage "-$What $Value is out of range; $Low to $High"
    }
}

function Test-Administrator {
    $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
    $principal = New-Object Security.Principal.WindowsPrincipal($identity)
    return $principal.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
}

function Test-Environment {
    if (-not (Get-Command -Name New-VM -ErrorAction SilentlyContinue)) {
        Stop-Script $ExitMissing 'the PowerShell module Hyper-V is not installed'
    }
    if (-not (Test-Administrator)) {
        Stop-Script $ExitMissing 'administrator rights are needed to make a VM and to mount its disk'
    }
}

function Test-Arguments {
    Test-Range 'Processors' $Processors 1 64
    Test-Range 'MemoryMB' $MemoryMB 1024 65536
    Test-Range 'TimeoutSeconds' $TimeoutSeconds 10 86400
    if ($Disk -eq '') {
        Stop-Script $ExitUsage '-Disk FILE is needed: the VHDX that ./run.sh image --target hyper-v writes'
    }
    if (-not (Test-Path -LiteralPath $Disk -PathType Leaf)) {
        Stop-Script $ExitUsage "${Disk}: no such file"
    }
    if ([IO.Path]::GetExtension($Disk) -ne '.vhdx') {
        Stop-Script $ExitUsage "${Disk}: this is no .vhdx file"
    }
}

function New-RunFolder {
    # A name of its own for each run, so that no result is ever overwritten.
    $stamp = (Get-Date).ToUniversalTime().ToString('yyyyMMdd-HHmmss')
    $base = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Results)
    $folder = Join-Path $base $stamp
    if (Test-Path -LiteralPath $folder) {
        Stop-Script $ExitError "${folder}: is there already"
    }
    $null = New-Item -ItemType Directory -Path $folder -Force
    return $folder
}

function Initialize-TestVM {
    param([object]$VM, [string]$Pipe)
    # No network boot to wait for, no other device that does DMA.
    Get-VMNetworkAdapter -VM $VM | Remove-VMNetworkAdapter
    # Devices can only be assigned to a VM that is turned off with its host, with memory that does not move.
    Set-VM -VM $VM -ProcessorCount $Processors -StaticMemory -AutomaticStopAction TurnOff -CheckpointType Disabled
    # The image is not signed.
    Set-VMFirmware -VM $VM -EnableSecureBoot Off -FirstBootDevice (Get-VMHardDiskDrive -VM $VM)
    Set-VMComPort -VM $VM -Number 1 -Path "\\.\pipe\$Pipe"
}

function Get-LocationPath {
    param([string]$InstanceId)
    $property = Get-PnpDeviceProperty -KeyName 'DEVPKEY_Device_LocationPaths' -InstanceId $InstanceId
    if ($null -eq $property.Data) {
        throw "${InstanceId}: has no location path, so it is no PCI Express device"
    }
    return @($property.Data)[0]
}

function Add-TestDevice {
    # Takes one device from the machine and gives it to the VM. Each step is noted, to be undone.
    param([string]$InstanceId, [hashtable]$Taken)
    $location = Get-LocationPath $InstanceId
    $Taken[$InstanceId] = @{ Location = $location; Dismounted = $false; Added = $false }
    Disable-PnpDevice -InstanceId $InstanceId -Confirm:$false
    Dismount-VMHostAssignableDevice -LocationPath $location -Force:$ForceDismount
    $Taken[$InstanceId].Dismounted = $true
    Add-VMAssignableDevice -VMName $Name -LocationPath $location
    $Taken[$InstanceId].Added = $true
}

function Restore-TestDevice {
    param([hashtable]$Taken)
    foreach ($instanceId in @($Taken.Keys)) {
        $state = $Taken[$instanceId]
        try {
            if ($state.Added) {
                Remove-VMAssignableDevice -VMName $Name -LocationPath $state.Location
            }
            if ($state.Dismounted) {
                Mount-VMHostAssignableDevice -LocationPath $state.Location
            }
            Enable-PnpDevice -InstanceId $instanceId -Confirm:$false
        }
        catch {
            Write-Warning "$instanceId did not go back to the machine: $($_.Exception.Message)"
        }
    }
}

function Test-Off {
    return "$((Get-VM -Name $Name).State)" -eq 'Off'
}

function Connect-Pipe {
    # Hyper-V makes the pipe when the VM starts. Returns $null while there is none.
    param([string]$Pipe)
    $direction = [IO.Pipes.PipeDirection]::InOut
    $options = [IO.Pipes.PipeOptions]::Asynchronous
    $stream = New-Object IO.Pipes.NamedPipeClientStream -ArgumentList '.', $Pipe, $direction, $options
    try {
        $stream.Connect(250)
        return $stream
    }
    catch {
        $stream.Dispose()
        return $null
    }
}

function Write-Serial {
    param([IO.Stream]$Log, [byte[]]$Bytes, [int]$Count)
    $Log.Write($Bytes, 0, $Count)
    $Log.Flush()
    if ($ShowSerial) {
        [Console]::Out.Write([Text.Encoding]::ASCII.GetString($Bytes, 0, $Count))
    }
}

function Wait-TestVM {
    # Follows COM1 until the VM is off. Returns $false when the time is over first.
    param([string]$Pipe, [IO.Stream]$Log)
    $deadline = (Get-Date).AddSeconds($TimeoutSeconds)
    $buffer = New-Object byte[] 65536
    $stream = $null
    $pending = $null
    try {
        while ((Get-Date) -lt $deadline) {
            if ($null -eq $stream) {
                $stream = Connect-Pipe $Pipe
                $pending = $null
            }
            $count = -1
            if ($null -eq $stream) {
                Start-Sleep -Milliseconds 100
            }
            else {
                try {
                    if ($null -eq $pending) {
                        $pending = $stream.ReadAsync($buffer, 0, $buffer.Length)
                    }
                    if ($pending.Wait(500)) {
                        $count = $pending.Result
                        $pending = $null
                    }
                }
                catch {
                    # The pipe broke: the VM was reset or is off.
                    $count = 0
                }
            }
            if ($count -gt 0) {
                Write-Serial $Log $buffer $count
                continue
            }
            if ($count -eq 0) {
                $stream.Dispose()
                $stream = $null
            }
            # Nothing is waiting in the pipe, so an end of the VM loses nothing.
            if (Test-Off) {
                return $true
            }
        }
        return (Test-Off)
    }
    finally {
        if ($null -ne $stream) {
            $stream.Dispose()
        }
    }
}

function Copy-Results {
    # An EFI system partition gets no drive letter, so it is mounted in a folder.
    param([string]$Copy, [string]$Folder)
    $mount = Join-Path $Folder 'mount'
    $null = New-Item -ItemType Directory -Path $mount
    $mounted = Mount-VHD -Path $Copy -ReadOnly -NoDriveLetter -Passthru | Get-Disk
    try {
        if ($mounted.IsOffline) {
            Set-Disk -Number $mounted.Number -IsOffline $false
        }
        Add-PartitionAccessPath -DiskNumber $mounted.Number -PartitionNumber 1 -AccessPath $mount
        try {
            $source = Join-Path $mount 'pvtest-results'
            if (Test-Path -LiteralPath $source) {
                Copy-Item -LiteralPath $source -Destination $Folder -Recurse
            }
        }
        finally {
            Remove-PartitionAccessPath -DiskNumber $mounted.Number -PartitionNumber 1 -AccessPath $mount
        }
    }
    finally {
        Dismount-VHD -Path $Copy
        Remove-Item -LiteralPath $mount
    }
}

function Find-Stream {
    # The newest results of the disk; COM1 where the suite came to no file.
    param([string]$Folder)
    $runs = Join-Path $Folder 'pvtest-results'
    if (Test-Path -LiteralPath $runs) {
        $all = @(Get-ChildItem -LiteralPath $runs -Directory -Filter 'run-*' | Sort-Object -Property Name)
        $newest = $all | Select-Object -Last 1
        if ($null -ne $newest) {
            $tap = Join-Path $newest.FullName 'results.tap'
            if (Test-Path -LiteralPath $tap) {
                return $tap
            }
        }
    }
    return (Join-Path $Folder 'serial.log')
}

function Measure-Stream {
    # Counts the last TAP stream of a file. Whatever is odd makes the verdict an error, see docs/output-format.md.
    param([string]$Path)
    $c = @{ Planned = -1; Pass = 0; Fail = 0; Error = 0; Skip = 0; End = $false; Bail = ''; Last = '' }
    foreach ($line in [IO.File]::ReadAllLines($Path, [Text.Encoding]::UTF8)) {
        if ($line -match '^TAP version 14') {
            $c = @{ Planned = -1; Pass = 0; Fail = 0; Error = 0; Skip = 0; End = $false; Bail = ''; Last = '' }
        }
        elseif ($line -match '^1\.\.(\d+)') {
            $c.Planned = [int]$Matches[1]
        }
        elseif ($line -match '^ok \d+ .* # SKIP') {
            $c.Skip++
            $c.Last = 'Skip'
        }
        elseif ($line -match '^ok \d+ ') {
            $c.Pass++
            $c.Last = 'Pass'
        }
        elseif ($line -match '^not ok \d+ ') {
            $c.Fail++
            $c.Last = 'Fail'
        }
        elseif ($line -match '^  verdict: "?error"?\s*$' -and $c.Last -eq 'Fail') {
            $c.Fail--
            $c.Error++
            $c.Last = 'Error'
        }
        elseif ($line -match '^Bail out!(.*)') {
            $c.Bail = $Matches[1].Trim() + ' '
        }
        elseif ($line -match '^# end:') {
            $c.End = $true
        }
    }
    return $c
}

function Get-Verdict {
    param([hashtable]$Counts)
    $ran = $Counts.Pass + $Counts.Fail + $Counts.Error + $Counts.Skip
    if ($Counts.Planned -lt 1) {
        return @{ Code = $ExitError; Text = 'no test was planned: the suite did not start' }
    }
    if ($Counts.Bail -ne '') {
        return @{ Code = $ExitError; Text = "the suite gave up: $($Counts.Bail)" }
    }
    if (-not $Counts.End -or $ran -ne $Counts.Planned) {
        return @{ Code = $ExitError; Text = "the output is cut off: $ran of $($Counts.Planned) tests reported" }
    }
    if ($Counts.Error -gt 0) {
        return @{ Code = $ExitError; Text = 'tests could not be carried out' }
    }
    if ($Counts.Fail -gt 0) {
        return @{ Code = $ExitFail; Text = 'the host broke requirements' }
    }
    if ($Counts.Pass -eq 0) {
        return @{ Code = $ExitError; Text = 'every test was skipped' }
    }
    return @{ Code = $ExitOk; Text = 'all planned tests ran, and none failed' }
}

Test-Arguments
Test-Environment
if (Get-VM -Name $Name -ErrorAction SilentlyContinue) {
    Stop-Script $ExitUsage "there is a VM '$Name' already; -Name gives another name"
}

$code = $ExitError
$taken = @{}
$vm = $null
$log = $null
try {
    $folder = New-RunFolder
    $copy = Join-Path $folder 'disk.vhdx'
    $serial = Join-Path $folder 'serial.log'
    Copy-Item -LiteralPath $Disk -Destination $copy
    Set-ItemProperty -LiteralPath $copy -Name IsReadOnly -Value $false
    $pipe = "pvtest-$([Guid]::NewGuid().ToString('N'))"
    $bytes = [int64]$MemoryMB * 1048576
    $vm = New-VM -Name $Name -Generation 2 -MemoryStartupBytes $bytes -VHDPath $copy -Path $folder
    Initialize-TestVM $vm $pipe
    foreach ($instanceId in $Device) {
        Add-TestDevice $instanceId $taken
    }
    $log = [IO.File]::Create($serial)
    Write-Host "Starting VM '$Name'; at most $TimeoutSeconds s"
    Start-VM -VM $vm
    $ended = Wait-TestVM $pipe $log
    $log.Dispose()
    if (-not $ended) {
        Stop-VM -Name $Name -TurnOff -Force
    }
    try {
        Copy-Results $copy $folder
    }
    catch {
        # COM1 told the same.
        Write-Warning "the disk cannot be read: $($_.Exception.Message)"
    }
    $stream = Find-Stream $folder
    $counts = Measure-Stream $stream
    $verdict = Get-Verdict $counts
    $code = $verdict.Code
    $text = $verdict.Text
    if (-not $ended) {
        $code = $ExitError
        $text = "the VM was not off after $TimeoutSeconds s"
    }
    Write-Host "Results: $folder"
    $sums = "$($counts.Pass) pass, $($counts.Fail) fail, $($counts.Error) error, $($counts.Skip) skip"
    Write-Host "$($counts.Planned) planned: $sums; $text (exit code $code)"
}
catch {
    [Console]::Error.WriteLine("Run-PvTest: $($_.Exception.Message)")
    $code = $ExitError
}
finally {
    if ($null -ne $log) {
        $log.Dispose()
    }
    if ($null -ne $vm) {
        try {
            if (-not (Test-Off)) {
                Stop-VM -Name $Name -TurnOff -Force
            }
            Restore-TestDevice $taken
            if ($Remove) {
                Remove-VM -Name $Name -Force
                Remove-Item -LiteralPath $copy
            }
        }
        catch {
            Write-Warning "the VM '$Name' may still be there: $($_.Exception.Message)"
        }
    }
}
exit $code
