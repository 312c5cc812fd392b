/* SPDX-License-Identifier: MIT */
/* Blocks that a user gave the suite to write to (option nvme-scratch) or to read (nvme-read), one
 * range for each line. */
#ifndef PVT_DRIVERS_NVME_OPTIONS_H
#define PVT_DRIVERS_NVME_OPTIONS_H

#include "drivers/nvme_scratch.h"

#define NVME_SCRATCHES_MAX 8

/* NULL, or what is wrong with the value. */
const char *nvme_scratch_add(const char *value);
/* The range for the controller of that serial number: one that names it goes before one for any
 * controller. */
bool nvme_scratch_for(const char *serial, struct nvme_scratch *scratch);
/* The same for ranges whose data may be seen, and are not written. */
const char *nvme_readable_add(const char *value);
bool nvme_readable_for(const char *serial, struct nvme_scratch *readable);

#endif
