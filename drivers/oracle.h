/* SPDX-License-Identifier: MIT */
/* Optional: what the reference host tells about itself (docs/oracle.md). Absent on real Hyper-V; no
 * verdict needs it.
 */
#ifndef PVT_DRIVERS_ORACLE_H
#define PVT_DRIVERS_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/oracle.h"

/* Its leaf has all twelve bytes of the name, its version is the one that is known here, and it
 * offers something. */
bool oracle_present(void);
/* Oldest fault record of the device, cleared by the read, from the unit in use (drivers/iommu.h).
 * False when it keeps no records. fault->valid tells whether there was one. */
bool oracle_take_fault(uint64_t device_id, struct oracle_fault *fault);
/* The same from the reference host. False when there is no oracle. */
bool oracle_read_fault(uint64_t device_id, struct oracle_fault *fault);

/* The records that were taken since the last oracle_faults_forget(), for the report of a failure:
 * *count is how many, the last ORACLE_FAULTS_KEPT of them are kept, record n (from 0) at [n %
 * ORACLE_FAULTS_KEPT]. */
#define ORACLE_FAULTS_KEPT 4u
void oracle_faults_forget(void);
const struct oracle_fault *oracle_faults_taken(unsigned *count);
/* A record in words; "no fault" where there is none. */
void oracle_fault_text(char *text, size_t size, const struct oracle_fault *fault);
const char *oracle_fault_class_name(uint32_t fault_class);

/* Exits and flushes since the host started, over all processors. False when there is no oracle,
 * when it has no counters, and when the host refuses the call. */
bool oracle_counters(struct oracle_counters *counters);
/* Identity of the host; every text ends with NUL, whatever the host wrote. False as above. */
bool oracle_info(struct oracle_info *info);

#endif
