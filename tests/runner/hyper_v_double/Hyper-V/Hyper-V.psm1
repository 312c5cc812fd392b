# SPDX-License-Identifier: MIT
# A double of the cmdlets that tools/hyper-v/Run-PvTest.ps1 calls, for tests where there is no Hyper-V. It has one VM at
# most, and that does what the file in $env:PVTEST_DOUBLE says (JSON):
#   starts   for each start of the VM: "serial", what it writes to COM1, and "then": "off" (it powers itself off) or
#            "hang" (it is silent)
#   busy     how many calls of Mount-VHD fail at first, as while the file is still in use
#   results  the folder that the disk has as pvtest-results; "" for none
#   refuse   a cmdlet that fails; "" for none
#   there    a VM of this name is there before; "" for none
# Each call is a line of the file in $env:PVTEST_DOUBLE_CALLS. As with the cmdlets themselves, a call in an impossible
# state is an error: a start of a VM that runs, a removal of one that runs, a mount of the disk of one that runs.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$script:Plan = [IO.File]::ReadAllText($env:PVTEST_DOUBLE) | ConvertFrom-Json
$script:VM = $null
$script:Disk = ''
$script:Pipe = ''
$script:Server = $null
$script:Connected = $null
$script:Written = $false
$script:Starts = 0
$script:Mounts = 0
$script:Mounted = $false

function Add-Call {
    param([string]$Text)
    [IO.File]::AppendAllText($env:PVTEST_DOUBLE_CALLS, "$Text`n")
    $cmdlet = $Text.Split(' ')[0]
    if ($script:Plan.refuse -eq $cmdlet) {
        throw "$cmdlet was refused"
    }
}

function Close-Pipe {
    if ($null -ne $script:Server) {
        $script:Server.Dispose()
        $script:Server = $null
    }
}

function Step-VM {
    # What the guest did since the last look at it.
    if ($null -eq $script:Server -or -not $script:Connected.IsCompleted) {
        return
    }
    $start = $script:Plan.starts[$script:Starts - 1]
    if (-not $script:Written) {
        $bytes = [Text.Encoding]::UTF8.GetBytes($start.serial)
        $script:Server.Write($bytes, 0, $bytes.Length)
        $script:Server.Flush()
        $script:Written = $true
    }
    elseif ($start.then -eq 'off') {
        Close-Pipe
        $script:VM.State = 'Off'
    }
}

function New-VM {
    param([string]$Name, [int]$Generation, [int64]$MemoryStartupBytes, [string]$VHDPath, [string]$Path)
    Add-Call "New-VM $Name generation $Generation memory $MemoryStartupBytes"
    if (-not (Test-Path -LiteralPath $VHDPath) -or -not (Test-Path -LiteralPath $Path)) {
        throw 'no such disk or folder'
    }
    $script:Disk = $VHDPath
    $script:VM = [pscustomobject]@{ Name = $Name; State = 'Off' }
    return $script:VM
}

function Get-VM {
    [CmdletBinding()]
    param([string]$Name)
    if ($null -eq $script:VM -and $script:Plan.there -eq $Name) {
        return [pscustomobject]@{ Name = $Name; State = 'Running' }
    }
    if ($null -eq $script:VM -or $script:VM.Name -ne $Name) {
        Write-Error "no VM '$Name'"
        return
    }
    Step-VM
    return $script:VM
}

function Set-VM {
    param(
        [object]$VM,
        [int]$ProcessorCount,
        [switch]$StaticMemory,
        [string]$AutomaticStopAction,
        [string]$CheckpointType
    )
    Add-Call "Set-VM $ProcessorCount $StaticMemory $AutomaticStopAction $CheckpointType"
}

function Set-VMFirmware {
    param([object]$VM, [string]$EnableSecureBoot, [object]$FirstBootDevice)
    Add-Call "Set-VMFirmware secure $EnableSecureBoot first $FirstBootDevice"
}

function Set-VMComPort {
    param([object]$VM, [int]$Number, [string]$Path)
    Add-Call "Set-VMComPort $Number"
    if (-not $Path.StartsWith('\\.\pipe\')) {
        throw "$Path is no pipe"
    }
    $script:Pipe = $Path.Substring('\\.\pipe\'.Length)
}

function Get-VMHardDiskDrive {
    param([object]$VM)
    return 'disk'
}

function Get-VMNetworkAdapter {
    param([object]$VM)
    return 'adapter'
}

function Remove-VMNetworkAdapter {
    param([Parameter(ValueFromPipeline = $true)][object]$Adapter)
    process {
        Add-Call "Remove-VMNetworkAdapter $Adapter"
    }
}

function Start-VM {
    param([object]$VM)
    Add-Call 'Start-VM'
    if ($VM.State -ne 'Off') {
        throw 'the VM is not off'
    }
    $direction = [IO.Pipes.PipeDirection]::InOut
    $mode = [IO.Pipes.PipeTransmissionMode]::Byte
    $options = [IO.Pipes.PipeOptions]::Asynchronous
    $words = $script:Pipe, $direction, 1, $mode, $options
    $script:Server = New-Object IO.Pipes.NamedPipeServerStream -ArgumentList $words
    $script:Connected = $script:Server.WaitForConnectionAsync()
    $script:Written = $false
    $script:Starts++
    $VM.State = 'Running'
}

function Stop-VM {
    param([string]$Name, [switch]$TurnOff, [switch]$Force)
    Add-Call "Stop-VM $Name turn-off $TurnOff force $Force"
    Close-Pipe
    $script:VM.State = 'Off'
}

function Remove-VM {
    param([string]$Name, [switch]$Force)
    Add-Call "Remove-VM $Name force $Force"
    if ($script:VM.State -ne 'Off') {
        throw 'the VM is not off'
    }
    $script:VM = $null
}

function Add-VMAssignableDevice {
    param([string]$VMName, [string]$LocationPath)
    Add-Call "Add-VMAssignableDevice $VMName $LocationPath"
}

function Remove-VMAssignableDevice {
    param([string]$VMName, [string]$LocationPath)
    Add-Call "Remove-VMAssignableDevice $VMName $LocationPath"
}

function Dismount-VMHostAssignableDevice {
    param([string]$LocationPath, [switch]$Force)
    Add-Call "Dismount-VMHostAssignableDevice $LocationPath force $Force"
}

function Mount-VMHostAssignableDevice {
    param([string]$LocationPath)
    Add-Call "Mount-VMHostAssignableDevice $LocationPath"
}

function Get-PnpDeviceProperty {
    param([string]$KeyName, [string]$InstanceId)
    return [pscustomobject]@{ Data = @("PCIROOT($InstanceId)", 'ACPI(other)') }
}

function Disable-PnpDevice {
    param([string]$InstanceId, [switch]$Confirm)
    Add-Call "Disable-PnpDevice $InstanceId"
}

function Enable-PnpDevice {
    param([string]$InstanceId, [switch]$Confirm)
    Add-Call "Enable-PnpDevice $InstanceId"
}

function Mount-VHD {
    param([string]$Path, [switch]$ReadOnly, [switch]$NoDriveLetter, [switch]$Passthru)
    Add-Call "Mount-VHD read-only $ReadOnly no-letter $NoDriveLetter"
    $script:Mounts++
    if ($script:VM.State -ne 'Off' -or $script:Mounts -le $script:Plan.busy -or $Path -ne $script:Disk) {
        throw 'the file is in use'
    }
    $script:Mounted = $true
    return [pscustomobject]@{ Path = $Path }
}

function Dismount-VHD {
    param([string]$Path)
    Add-Call 'Dismount-VHD'
    if (-not $script:Mounted) {
        throw 'the file is not mounted'
    }
    $script:Mounted = $false
}

function Get-Disk {
    param([Parameter(ValueFromPipeline = $true)][object]$VHD)
    process {
        return [pscustomobject]@{ Number = 7; IsOffline = $true }
    }
}

function Set-Disk {
    param([int]$Number, [bool]$IsOffline)
    Add-Call "Set-Disk $Number offline $IsOffline"
}

function Add-PartitionAccessPath {
    param([int]$DiskNumber, [int]$PartitionNumber, [string]$AccessPath)
    Add-Call "Add-PartitionAccessPath $DiskNumber $PartitionNumber"
    if ($script:Plan.results -ne '') {
        Copy-Item -LiteralPath $script:Plan.results -Destination (Join-Path $AccessPath 'pvtest-results') -Recurse
    }
}

function Remove-PartitionAccessPath {
    param([int]$DiskNumber, [int]$PartitionNumber, [string]$AccessPath)
    Add-Call "Remove-PartitionAccessPath $DiskNumber $PartitionNumber"
    Get-ChildItem -LiteralPath $AccessPath | Remove-Item -Recurse -Force
}
