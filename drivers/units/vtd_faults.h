/* SPDX-License-Identifier: MIT */
/*
 * What a wrong VT-d unit does, between this image and the unit (option unit-fault): a descriptor
 * that is lost or changed, a register that shows or takes something else, an entry that is read
 * differently.
 */
#ifndef PVT_DRIVERS_UNITS_VTD_FAULTS_H
#define PVT_DRIVERS_UNITS_VTD_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

/* In place of the one before; false for a name that no such fault has, and then none. */
bool vtd_fault_choose(const char *name);
/* The unit has been started: from now on it is wrong. `record` is the offset of its first fault
 * record; waits that report to `status_gpa` are those of the driver, and always work. */
void vtd_fault_begin(unsigned record, uint64_t status_gpa);
/* The unit is right again, until vtd_fault_begin(). */
void vtd_fault_end(void);

/* The descriptor that goes to that place of the queue; false: it is not handed over. */
bool vtd_fault_descriptor(uint64_t descriptor[4], unsigned place);
uint64_t vtd_fault_read(unsigned offset, uint64_t value);
/* False: the write is lost. */
bool vtd_fault_write(unsigned offset, uint64_t *value);
/* An entry in which `flaw` are the bits that make it another one. */
uint64_t vtd_fault_store(uint64_t value, uint64_t flaw);

#endif
