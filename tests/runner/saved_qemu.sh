#!/bin/sh
# SPDX-License-Identifier: MIT
# QEMU that goes on from the machine in folder PVTEST_TEST_SAVED (saved_machine.py), where the firmware has done its part,
# with the options on the boot volume of its command line. Questions get the answers that QEMU gave the first time.
saved=$PVTEST_TEST_SAVED
case "$#:$*" in
"2:-tpmdev help") exit ;; # QEMU cannot save an external TPM, which the firmware alone looks for
1:--version | 2:*help)
    if ! [ -e "$saved/answer $*" ]; then
        qemu-system-x86_64 "$@" >"$saved/$$" || exit
        mv "$saved/$$" "$saved/answer $*"
    fi
    exec cat "$saved/answer $*"
    ;;
esac
for word; do
    shift
    case $word in
    q35,*) word=$word,memory-backend=memory ;;
    driver=vvfat,*)
        options=${word#*,dir=}
        word=${word%,dir=*},dir=$saved/volume
        ;;
    esac
    set -- "$@" "$word"
done
exec qemu-system-x86_64 "$@" \
    -fw_cfg name=opt/pvtest/hold,string=0 \
    -fw_cfg "name=opt/pvtest/refhost.opt,file=$options/refhost.opt" \
    -fw_cfg "name=opt/pvtest/pvtest.opt,file=$options/pvtest.opt" \
    -object "memory-backend-file,id=memory,size=$(cat "$saved/megabytes")M,mem-path=$saved/memory,share=off" \
    -incoming defer \
    -chardev "file,id=orders,path=/dev/null,input-path=$saved/orders" -mon chardev=orders,mode=control
