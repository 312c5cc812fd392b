/* SPDX-License-Identifier: MIT */
/* Optional: what the reference host tells about itself (docs/oracle.md). Absent on real Hyper-V; no verdict needs it.
 */
#ifndef PVT_DRIVERS_ORACLE_H
#define PVT_DRIVERS_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/oracle.h"

bool oracle_present(void);
/* Last fault of the device, cleared by the read. False when there is no oracle. fault->valid tells whether there was
 * one. */
bool oracle_take_fault(uint64_t device_id, struct oracle_fault *fault);
bool oracle_counters(struct oracle_counters *counters);
bool oracle_info(struct oracle_info *info);

#endif
