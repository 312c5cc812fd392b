#!/bin/sh
# SPDX-License-Identifier: MIT
# QEMU whose NVMe disks let each command wait for ten milliseconds.
for word; do
    shift
    case $word in
    driver=raw,node-name=nvme*)
        rest=${word#driver=raw,}
        node=${rest%%,*}
        set -- "$@" "driver=throttle,throttle-group=slow,$node,file.driver=raw,file.file.driver=file,file.file.filename=${rest#*filename=}"
        ;;
    *) set -- "$@" "$word" ;;
    esac
done
exec qemu-system-x86_64 -object throttle-group,id=slow,x-iops-total=100 "$@"
