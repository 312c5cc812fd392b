#!/bin/sh
# SPDX-License-Identifier: MIT
# QEMU whose edu devices have the address lines that they have by default.
for word; do
    shift
    case $word in
    edu,*) set -- "$@" edu ;;
    *) set -- "$@" "$word" ;;
    esac
done
exec qemu-system-x86_64 "$@"
