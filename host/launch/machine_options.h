/* SPDX-License-Identifier: MIT */
/*
 * Options that QEMU's command line gives (-fw_cfg name=NAME,file=PATH) instead of the boot volume,
 * and a halt before anything depends on them: the state of a halted machine can be saved, and each
 * machine that goes on from it has options of its own. Names: opt/pvtest/refhost.opt: in the place
 * of \refhost.opt opt/pvtest/pvtest.opt: load options of \pvtest.efi, which that program prefers to
 * its file opt/pvtest/hold: "1": wait until this is something else
 */
#ifndef PVT_HOST_LAUNCH_MACHINE_OPTIONS_H
#define PVT_HOST_LAUNCH_MACHINE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "host/launch/firmware.h"

/* The line in the log of a machine that waits, for which the runner looks. */
#define MACHINE_HOLDS "refhost: holds\n"

/* Returns when the machine does not hold, or no longer. Looks every millisecond. Needs boot
 * services. */
void machine_hold(const struct firmware *firmware);

/* The length of the options for the host in `to`, which has room for `size` bytes; 0 where the
 * machine gives none. Halts when there are `size` or more. */
size_t machine_host_options(char *to, size_t size);

/* The options for the guest as load options, in memory of the firmware; NULL where the machine
 * gives none. *bytes is their length with the terminating zero. Needs boot services. */
CHAR16 *machine_guest_options(const struct firmware *firmware, size_t *bytes);

#endif
