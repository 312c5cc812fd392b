#!/bin/bash
# SPDX-License-Identifier: MIT
# Boots Debian's cloud kernel as a guest of the reference host and shows what it finds there.
#   tests/linux/boot.sh [option of the host]...     for example: bus=vpci log=2
#   IOMMU=amd-iommu tests/linux/boot.sh ...         another translation unit of the machine (-device of QEMU)
#   KERNEL=FILE tests/linux/boot.sh ...             another bzImage; modules of the package are not loaded then
# Needs built images (make image). Packages are fetched by apt-get into build/linux/ and unpacked there, not installed.
# Exit codes: 0 Linux came to its end, 1 it did not, 4 something is missing.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 4
root=$(cd "$here/../.." && pwd) || exit 4
work=$root/build/linux
limit=${LIMIT:-180} # seconds

say() { printf 'linux: %s\n' "$*" >&2; }

fail() { # code, text
    say "$2"
    exit "$1"
}

fetch() {
    local kernel package
    [ -e "$work/fetched" ] && return
    mkdir -p "$work/root" || fail 4 "cannot write to $work"
    cd "$work" || exit 4
    kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '$1 == "Depends:" { print $2; exit }')
    [ -n "$kernel" ] || fail 4 "the package sources have no linux-image-cloud-amd64"
    apt-get -q download "$kernel" busybox-static systemd-boot-efi >"$work/apt.log" 2>&1 ||
        fail 4 "apt-get download failed, see $work/apt.log"
    for package in ./*.deb; do
        dpkg-deb -x "$package" root || fail 4 "cannot unpack $package"
        rm "$package"
    done
    touch fetched
}

make_initrd() {
    local files=$work/initrd module
    rm -rf "$files"
    mkdir -p "$files/bin" "$files/modules"
    cp "$work/root/bin/busybox" "$files/bin/"
    cp "$here/init" "$files/init"
    chmod +x "$files/init"
    if [ -z "${KERNEL:-}" ]; then
        for module in hv_vmbus pci-hyperv-intf pci-hyperv; do
            find "$work/root/lib/modules" -name "$module.ko" -exec cp {} "$files/modules/" \;
        done
    fi
    (cd "$files" && find . | "$files/bin/busybox" cpio -o -H newc 2>/dev/null | gzip -1) >"$work/initrd.gz"
}

# One EFI program of kernel, initrd and command line, which the host starts as it starts \pvtest.efi.
make_image() {
    local stub=$work/root/usr/lib/systemd/boot/efi/linuxx64.efi.stub kernel=${KERNEL:-}
    [ -n "$kernel" ] || kernel=$(find "$work/root/boot" -name 'vmlinuz-*' | head -n 1)
    printf 'console=ttyS0 panic=-1 %s' "${APPEND:-}" >"$work/cmdline"
    objcopy --add-section .osrel="$work/root/etc-os-release" --change-section-vma .osrel=0x20000 \
        --add-section .cmdline="$work/cmdline" --change-section-vma .cmdline=0x30000 \
        --add-section .linux="$kernel" --change-section-vma .linux=0x2000000 \
        --add-section .initrd="$work/initrd.gz" --change-section-vma .initrd=0x4000000 \
        "$stub" "$work/linux.efi"
}

make_volume() {
    local volume=$work/volume
    rm -rf "$volume"
    mkdir -p "$volume/EFI/BOOT"
    cp "$root/build/refhost.efi" "$volume/EFI/BOOT/BOOTX64.EFI"
    cp "$work/linux.efi" "$volume/pvtest.efi"
    printf '%s\n' "$@" >"$volume/refhost.opt"
}

firmware() {
    local path
    for path in /usr/share/OVMF/OVMF_CODE.fd /usr/share/OVMF/OVMF_CODE_4M.fd; do
        [ ! -e "$path" ] || { echo "$path" && return; }
    done
    fail 4 "no OVMF firmware"
}

boot() {
    # shellcheck disable=SC2086  # QEMU_OPTIONS are words
    timeout "$limit" qemu-system-x86_64 -machine q35,smm=off,sata=off -accel tcg,thread=single \
        -cpu qemu64,+svm,+npt,+x2apic -smp 2 -m 2560 \
        -nodefaults -display none -monitor none -no-reboot -net none \
        -drive "if=pflash,format=raw,unit=0,readonly=on,file=$(firmware)" \
        -device "${IOMMU:-intel-iommu,x-scalable-mode=on,x-flts=on}" \
        -device rocker,name=r0 -device edu,dma_mask=0xffffffffffff ${QEMU_OPTIONS:-} \
        -blockdev "driver=file,node-name=disk,filename=$work/disk" -device nvme,serial=1,drive=disk \
        -blockdev "driver=vvfat,node-name=boot,read-only=on,dir=$work/volume" \
        -device virtio-blk-pci,drive=boot,bootindex=0 -device isa-debug-exit,iobase=0xf4,iosize=4 \
        -chardev "file,id=hostlog,path=$work/refhost.log" -device isa-debugcon,iobase=0xe9,chardev=hostlog \
        -serial stdio </dev/null >"$work/console.log" 2>"$work/qemu.log"
}

fetch
truncate -s 64M "$work/disk"
echo 'ID=linux' >"$work/root/etc-os-release"
make_initrd || fail 4 "cannot make the initrd"
make_image || fail 4 "cannot make the image"
make_volume "$@"
boot
tr -d '\r' <"$work/console.log" | sed -n 's/^.*\(linux: \)/\1/p'
if ! grep -q 'linux: done' "$work/console.log"; then
    cat "$work/qemu.log" >&2
    fail 1 "Linux did not come to its end; see console.log and refhost.log in $work"
fi
