#!/bin/sh
# SPDX-License-Identifier: MIT
# Starts QEMU with its NVMe controllers below root ports; the first one can make two virtual functions.
port=0
for word; do
    shift
    case $word in
    nvme,*)
        place=$(printf '0x%x' $((0x18 + port)))
        set -- "$@" "pcie-root-port,id=port$port,bus=pcie.0,chassis=$((port + 1)),slot=$((port + 1)),addr=$place" -device
        if [ $port -eq 0 ]; then
            drive=${word#*drive=}
            rest=${word%%,drive=*}
            resources=sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2,msix_qsize=10,max_ioqpairs=8
            set -- "$@" nvme-subsys,id=subsystem -device "$rest,id=physical,bus=port$port,subsys=subsystem,$resources" -device
            set -- "$@" "nvme-ns,drive=${drive%%,*},bus=physical,nsid=1,shared=on"
        else
            set -- "$@" "${word%,addr=*},bus=port$port"
        fi
        port=$((port + 1))
        ;;
    *) set -- "$@" "$word" ;;
    esac
done
exec qemu-system-x86_64 "$@"
