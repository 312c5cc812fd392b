#!/bin/sh
# SPDX-License-Identifier: MIT
# Stands in for QEMU: answers the probes here, and is a guest in fake_guest.py. A run asks five times, and starting
# Python takes longer than to answer.
case "$#:$*" in
"1:--version") echo "QEMU emulator version ${FAKE_QEMU_VERSION-10.0.2} (made up)" ;;
"2:-device help")
    for name in ${FAKE_QEMU_DEVICES-rocker edu nvme isa-debug-exit virtio-blk-pci tpm-tis}; do
        echo "name \"$name\", bus PCI"
    done
    ;;
"2:-tpmdev help")
    echo "Supported TPM types (choose only one):"
    echo "    emulator   TPM emulator backend driver"
    ;;
"2:-accel help")
    echo "Accelerators supported in QEMU binary:"
    echo "tcg"
    echo "kvm"
    ;;
"2:-cpu help")
    echo "Recognized CPUID flags:"
    echo "  ${FAKE_QEMU_FLAGS-nx svm npt}"
    ;;
"2:-device intel-iommu,help")
    echo "intel-iommu options:"
    for name in ${FAKE_QEMU_IOMMU-x-scalable-mode x-flts}; do
        echo "  $name=<bool> - on/off"
    done
    ;;
*)
    here=$0
    if [ -h "$here" ]; then here=$(readlink -f "$here"); fi
    exec /usr/bin/python3 -S "${here%/*}/fake_machine.py" "$@"
    ;;
esac
