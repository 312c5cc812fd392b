/* SPDX-License-Identifier: MIT */
/* The versions of the interfaces beside the ABI, for the runner, which reads them from the image
 * without booting it. */
#include "abi/dmaprobe.h"
#include "abi/oracle.h"
#include "lib/text_of.h"

#define RECORD __attribute__((section(".pvtcat"), used))

RECORD static const char oracle[] = "interface\toracle\t" TEXT_OF(HV_ORACLE_VERSION);
RECORD static const char dmaprobe[] = "interface\tdmaprobe\t" TEXT_OF(DMAPROBE_VERSION_1);
