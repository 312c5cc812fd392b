#!/bin/sh
# SPDX-License-Identifier: MIT
# QEMU with the device that PVTEST_TEST_UNIT names in the place of the VT-d unit.
for word; do
    shift
    case $word in
    intel-iommu,*=on*) set -- "$@" "$PVTEST_TEST_UNIT" ;;
    *) set -- "$@" "$word" ;;
    esac
done
exec qemu-system-x86_64 "$@"
