# SPDX-License-Identifier: MIT
<#
.SYNOPSIS
Runs the pvIOMMU conformance suite in a generation 2 VM of Hyper-V and fetches the results.

.DESCRIPTION
Creates a VM around a copy of the disk that "./run.sh image --target hyper-v" writes, starts it, follows its COM1 into a
file until it is off or the time is over, copies the results from the disk, and hands on the exit code that the image
wrote there. A VM that is silent for too long is turned off and on again. docs/hyper-v.md explains every step.

Exit codes: 0 all planned tests ran and none failed; 1 a test failed; 2 error (hang, crash, truncated output);
3 usage; 4 something needed is missing (Hyper-V, administrator rights).

The script takes its arguments apart itself: PowerShell would end with 1 at a name or value that it cannot bind, and 1
means that a test failed.

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

.PARAMETER SilenceSeconds
The VM is turned off and on again when COM1 was silent for so long; 10 to 86400. Longer than the deadline of any test.

.PARAMETER Restarts
How often that is done; 0 to 1000. The run goes on after the test that hung.

.PARAMETER Profile
Who must be served: linux-merged, linux-v2 or strict. The exit code is then 1 as well when this profile is not kept.

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
.\Run-PvTest.ps1 -Disk .\pvtest-hyper-v.vhdx -Profile linux-merged -Remove

.EXAMPLE
.\Run-PvTest.ps1 -Disk .\pvtest-hyper-v.vhdx -Device 'PCI\VEN_8086&DEV_0A54\4&2A2D8C9B&0&00E0' -Remove
#>
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$ExitOk = 0
$ExitFail = 1
$ExitError = 2
$ExitUsage = 3
$ExitMissing = 4

# Name of each parameter, its kind, and its value where it is not given; numbers have bounds.
$Known = @(
    @{ Name = 'Disk'; Kind = 'text'; Value = '' }
    @{ Name = 'Name'; Kind = 'text'; Value = 'pvtest' }
    @{ Name = 'Results'; Kind = 'text'; Value = 'pvtest-results' }
    @{ Name = 'Processors'; Kind = 'number'; Value = 2; Low = 1; High = 64 }
    @{ Name = 'MemoryMB'; Kind = 'number'; Value = 6400; Low = 1024; High = 65536 }
    @{ Name = 'TimeoutSeconds'; Kind = 'number'; Value = 1200; Low = 10; High = 86400 }
    @{ Name = 'SilenceSeconds'; Kind = 'number'; Value = 180; Low = 10; High = 86400 }
    @{ Name = 'Restarts'; Kind = 'number'; Value = 3; Low = 0; High = 1000 }
    @{ Name = 'Profile'; Kind = 'text'; Value = '' }
    @{ Name = 'Device'; Kind = 'list'; Value = @() }
    @{ Name = 'ForceDismount'; Kind = 'switch'; Value = $false }
    @{ Name = 'Remove'; Kind = 'switch'; Value = $false }
    @{ Name = 'ShowSerial'; Kind = 'switch'; Value = $false }
)

function Stop-Script {
    param([int]$Code, [string]$Message)
    [Console]::Error.WriteLine("Run-PvTest: $Message")
    exit $Code
}

function Find-Parameter {
    # PowerShell passes on "-Name:value" as "-Name:" and the value.
    param([string]$Word)
    foreach ($one in $Known) {
        if ($Word.TrimEnd(':') -eq "-$($one.Name)") {
            return $one
        }
    }
    $names = @($Known | ForEach-Object { "-$($_.Name)" }) -join ' '
    Stop-Script $ExitUsage "unknown parameter '$Word'; known: $names"
}

function Resolve-Value {
    param([hashtable]$Parameter, [object]$Given)
    if ($Parameter.Kind -eq 'list') {
        # "powershell -File" hands over "a,b" as one text; no instance id has a comma.
        return , @((@($Given) -join ',').Split([char[]]',', [StringSplitOptions]::RemoveEmptyEntries))
    }
    if ($Parameter.Kind -eq 'text') {
        return "$Given"
    }
    $number = 0
    if (-not [int]::TryParse("$Given", [ref]$number)) {
        Stop-Script $ExitUsage "-$($Parameter.Name) '$Given' is not a number"
    }
    if ($number -lt $Parameter.Low -or $number -gt $Parameter.High) {
        Stop-Script $ExitUsage "-$($Parameter.Name) $number is out of range; $($Parameter.Low) to $($Parameter.High)"
    }
    return $number
}

function Read-Arguments {
    param([object[]]$Words)
    $options = @{}
    foreach ($one in $Known) {
        $options[$one.Name] = $one.Value
    }
    for ($at = 0; $at -lt $Words.Count; $at++) {
        $parameter = Find-Parameter "$($Words[$at])"
        if ($parameter.Kind -eq 'switch') {
            $options[$parameter.Name] = $true
            continue
        }
        $at++
        if ($at -ge $Words.Count) {
            Stop-Script $ExitUsage "-$($parameter.Name) needs a value"
        }
        $options[$parameter.Name] = Resolve-Value $parameter $Words[$at]
    }
    return $options
}

function Test-Administrator {
    $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
    $principal = New-Object Security.Principal.WindowsPrincipal($identity)
    return $principal.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
}

function Test-Environment {
    # Modules of other makers have a Get-VM and a New-VM of their own, so each cmdlet is called with its module.
    Import-Module -Name Hyper-V -ErrorAction SilentlyContinue
    if (-not (Get-Module -Name Hyper-V)) {
        Stop-Script $ExitMissing 'the PowerShell module Hyper-V is not installed'
    }
    if (-not (Test-Administrator)) {
        Stop-Script $ExitMissing 'administrator rights are needed to make a VM and to mount its disk'
    }
}

function Test-Arguments {
    if ($Name -eq '' -or $Name -match '[*?\[\]]') {
        Stop-Script $ExitUsage "-Name '$Name' is not a plain name: wildcards would mean other VMs, too"
    }
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
    Hyper-V\Get-VMNetworkAdapter -VM $VM | Hyper-V\Remove-VMNetworkAdapter
    # Devices can only be assigned to a VM that is turned off with its host, with memory that does not move.
    Hyper-V\Set-VM -VM $VM -ProcessorCount $Processors -StaticMemory
    Hyper-V\Set-VM -VM $VM -AutomaticStopAction TurnOff -CheckpointType Disabled
    # The image is not signed.
    Hyper-V\Set-VMFirmware -VM $VM -EnableSecureBoot Off -FirstBootDevice (Hyper-V\Get-VMHardDiskDrive -VM $VM)
    Hyper-V\Set-VMComPort -VM $VM -Number 1 -Path "\\.\pipe\$Pipe"
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
    Hyper-V\Dismount-VMHostAssignableDevice -LocationPath $location -Force:$ForceDismount
    $Taken[$InstanceId].Dismounted = $true
    Hyper-V\Add-VMAssignableDevice -VMName $Name -LocationPath $location
    $Taken[$InstanceId].Added = $true
}

function Restore-TestDevice {
    param([hashtable]$Taken)
    foreach ($instanceId in @($Taken.Keys)) {
        $state = $Taken[$instanceId]
        try {
            if ($state.Added) {
                Hyper-V\Remove-VMAssignableDevice -VMName $Name -LocationPath $state.Location
            }
            if ($state.Dismounted) {
                Hyper-V\Mount-VMHostAssignableDevice -LocationPath $state.Location
            }
            Enable-PnpDevice -InstanceId $instanceId -Confirm:$false
        }
        catch {
            Write-Warning "$instanceId did not go back to the machine: $($_.Exception.Message)"
        }
    }
}

function Test-Off {
    return "$((Hyper-V\Get-VM -Name $Name).State)" -eq 'Off'
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
    # Follows COM1 until the VM is off ('off'), the time is over ('time'), or nothing came for too long ('silent').
    param([string]$Pipe, [IO.Stream]$Log, [datetime]$Deadline)
    $heard = Get-Date
    $buffer = New-Object byte[] 65536
    $stream = $null
    $pending = $null
    try {
        while ((Get-Date) -lt $Deadline) {
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
                $heard = Get-Date
                continue
            }
            if ($count -eq 0) {
                $stream.Dispose()
                $stream = $null
            }
            # Nothing is waiting in the pipe, so an end of the VM loses nothing.
            if (Test-Off) {
                return 'off'
            }
            if ((Get-Date) -gt $heard.AddSeconds($SilenceSeconds)) {
                return 'silent'
            }
        }
        if (Test-Off) {
            return 'off'
        }
        return 'time'
    }
    finally {
        if ($null -ne $stream) {
            $stream.Dispose()
        }
    }
}

function Copy-Results {
    # An EFI system partition gets no drive letter, so it is mounted in a folder. That must be on a local NTFS volume,
    # as the system's is; results may go to a share or to ReFS.
    param([string]$Copy, [string]$Folder)
    $mount = Join-Path (Join-Path $env:SystemRoot 'Temp') "pvtest-$([Guid]::NewGuid().ToString('N'))"
    # Right after the power-off the file may still be in use.
    $attached = $null
    for ($try = 1; $null -eq $attached; $try++) {
        try {
            $attached = Hyper-V\Mount-VHD -Path $Copy -ReadOnly -NoDriveLetter -Passthru
        }
        catch {
            if ($try -ge 10) {
                throw
            }
            Start-Sleep -Milliseconds 1000
        }
    }
    try {
        $mounted = $attached | Get-Disk
        if ($mounted.IsOffline) {
            Set-Disk -Number $mounted.Number -IsOffline $false
        }
        $null = New-Item -ItemType Directory -Path $mount
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
        Hyper-V\Dismount-VHD -Path $Copy
        if (Test-Path -LiteralPath $mount) {
            # Never what is in it; and where there is something, this asks no question.
            [IO.Directory]::Delete($mount)
        }
    }
}

function Read-Verdict {
    # The image judges its run (docs/unattended.md): one line on the disk, and on COM1 where the suite came to no file.
    # Later lines win: those of COM1 come from all starts of the VM. The image judges the profiles, too, each in a line
    # after that of the run, and on the disk alone.
    param([string]$Folder, [string]$Wanted)
    $runs = Join-Path $Folder 'pvtest-results'
    $sources = @(Join-Path $Folder 'serial.log')
    if (Test-Path -LiteralPath $runs) {
        $all = @(Get-ChildItem -LiteralPath $runs -Directory -Filter 'run-*' | Sort-Object -Property Name)
        foreach ($run in $all) {
            $sources += Join-Path $run.FullName 'verdict.txt'
        }
    }
    $found = @{ Code = $ExitError; Text = 'the suite wrote no verdict; error.txt in pvtest-results may say why' }
    $pattern = '^(?:pvtest: verdict: |# verdict: )?exit=([0-2]) planned=(\d+) (?:.* )?with_dma=(\d+) text="([^"]*)"'
    $profilePattern = '^profile=(\S+) version=\S+ exit=([0-2]) shortcomings=(\d+) text="([^"]*)"'
    $profiles = @{}
    $share = 'it is not known how many tests moved data'
    foreach ($source in $sources) {
        if (-not (Test-Path -LiteralPath $source)) {
            continue
        }
        foreach ($line in [IO.File]::ReadAllLines($source, [Text.Encoding]::UTF8)) {
            if ($line -match $pattern) {
                $share = "$($Matches[3]) of $($Matches[2]) planned tests moved data"
                $found = @{ Code = [int]$Matches[1]; Text = "$($Matches[4]); $share" }
                $profiles = @{}
            }
            elseif ($line -match $profilePattern) {
                $count = "$($Matches[3]) shortcomings, which summary.txt names"
                $text = "profile $($Matches[1]): $($Matches[4]); $count"
                $profiles[$Matches[1]] = @{ Code = [int]$Matches[2]; Text = "$text; $share" }
            }
        }
    }
    if ($Wanted -eq '') {
        return $found
    }
    if ($profiles.ContainsKey($Wanted)) {
        return $profiles[$Wanted]
    }
    $known = @($profiles.Keys | Sort-Object) -join ' '
    return @{ Code = $ExitError; Text = "no verdict on profile '$Wanted'; there is one on: $known; $($found.Text)" }
}

$options = Read-Arguments $args
$Disk = $options.Disk
$Name = $options.Name
$Results = $options.Results
$Processors = $options.Processors
$MemoryMB = $options.MemoryMB
$TimeoutSeconds = $options.TimeoutSeconds
$SilenceSeconds = $options.SilenceSeconds
$Restarts = $options.Restarts
$ForceDismount = $options.ForceDismount
$ShowSerial = $options.ShowSerial
Test-Arguments
Test-Environment
if (Hyper-V\Get-VM -Name $Name -ErrorAction SilentlyContinue) {
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
    $vm = Hyper-V\New-VM -Name $Name -Generation 2 -MemoryStartupBytes $bytes -VHDPath $copy -Path $folder
    Initialize-TestVM $vm $pipe
    foreach ($instanceId in $options.Device) {
        Add-TestDevice $instanceId $taken
    }
    $log = [IO.File]::Create($serial)
    Write-Host "Starting VM '$Name'; at most $TimeoutSeconds s"
    Hyper-V\Start-VM -VM $vm
    $deadline = (Get-Date).AddSeconds($TimeoutSeconds)
    $end = Wait-TestVM $pipe $log $deadline
    for ($left = $Restarts; $end -eq 'silent' -and $left -gt 0; $left--) {
        Write-Warning "COM1 was silent for $SilenceSeconds s: the VM is turned off and on again"
        Hyper-V\Stop-VM -Name $Name -TurnOff -Force
        Hyper-V\Start-VM -VM $vm
        $end = Wait-TestVM $pipe $log $deadline
    }
    $log.Dispose()
    if ($end -ne 'off') {
        Hyper-V\Stop-VM -Name $Name -TurnOff -Force
    }
    try {
        Copy-Results $copy $folder
    }
    catch {
        # COM1 told the same.
        Write-Warning "the disk cannot be read: $($_.Exception.Message)"
    }
    $verdict = Read-Verdict $folder $options.Profile
    $code = $verdict.Code
    $text = $verdict.Text
    if ($end -ne 'off') {
        $code = $ExitError
        $text = "the VM was not off after $TimeoutSeconds s, or silent for $SilenceSeconds s; $text"
    }
    Write-Host "Results: $folder"
    Write-Host "$text (exit code $code)"
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
        # Each of these is done whatever became of the one before it.
        try {
            if (-not (Test-Off)) {
                Hyper-V\Stop-VM -Name $Name -TurnOff -Force
            }
        }
        catch {
            Write-Warning "the VM '$Name' may still run: $($_.Exception.Message)"
        }
        Restore-TestDevice $taken
        try {
            if ($options.Remove) {
                Hyper-V\Remove-VM -Name $Name -Force
                Remove-Item -LiteralPath $copy
            }
        }
        catch {
            Write-Warning "the VM '$Name' or its disk may still be there: $($_.Exception.Message)"
        }
    }
}
exit $code
