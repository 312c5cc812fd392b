#!/bin/sh
# SPDX-License-Identifier: MIT
# Starts QEMU with its NVMe controllers below an expander bridge with bus number 0x40, instead of on bus 0.
port=0
for word; do
    shift
    case $word in
    nvme,*)
        [ $port -ne 0 ] || set -- "$@" pxb-pcie,id=expander,bus_nr=64,bus=pcie.0 -device
        set -- "$@" "pcie-root-port,id=port$port,bus=expander,chassis=$port,slot=$port" -device
        set -- "$@" "${word%,addr=*},bus=port$port"
        port=$((port + 1))
        ;;
    *) set -- "$@" "$word" ;;
    esac
done
exec qemu-system-x86_64 "$@"
