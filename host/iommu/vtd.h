/* SPDX-License-Identifier: MIT */
/* The one VT-d unit of the machine; shared by the files vtd_*.c. */
#ifndef PVT_HOST_IOMMU_VTD_H
#define PVT_HOST_IOMMU_VTD_H

#include "host/iommu/backend.h"
#include "host/iommu/vtd_regs.h"

/* The upper half of the canonical 48-bit space is no use to guests, whose IOVAs are not sign-extended. */
#define VTD_IOVA_BITS        47u
#define VTD_IOVA_BITS_NARROW 38u /* VARIANT_CAP_WIDTH_38: half of 39, as 47 is of 48 */

/* A requester whose translation can be switched: its own directory, and two PASID tables of which one is in use. */
struct vtd_function {
    uint16_t requester;
    unsigned current; /* which of the tables the directory names */
    uint64_t *directory;
    struct vtd_pasid_entry *table[2];
};

struct vtd_unit {
    volatile uint8_t *registers;
    uint64_t cap, ecap;
    struct backend_limits limits;

    struct vtd_descriptor *queue;
    uint32_t tail;
    volatile uint32_t *status; /* written by the unit at a wait descriptor */
    uint32_t sequence;

    struct vtd_root_entry *root;
    uint64_t identity; /* top table of guest RAM */
    uint64_t foreign;  /* top table of DEFECT_BLOCKED_READS */
    struct vtd_function *function;
    unsigned functions;
};

extern struct vtd_unit vtd_unit;

static inline uint32_t vtd_read32(uint32_t offset)
{
    return *(volatile uint32_t *)(vtd_unit.registers + offset);
}

static inline uint64_t vtd_read64(uint32_t offset)
{
    return *(volatile uint64_t *)(vtd_unit.registers + offset);
}

static inline void vtd_write32(uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)(vtd_unit.registers + offset) = value;
}

static inline void vtd_write64(uint32_t offset, uint64_t value)
{
    *(volatile uint64_t *)(vtd_unit.registers + offset) = value;
}

/* Makes stores visible to a unit that walks memory without snooping caches (ECAP.C clear). */
void vtd_publish(const void *start, size_t length);

/* vtd_setup.c: registers, capabilities, switching on. */
bool vtd_find(void);
void vtd_queue_start(void);
void vtd_translation_start(void);

/* vtd_queue.c: puts descriptors in the queue and waits until the unit has carried them out. */
void vtd_submit(const struct vtd_descriptor *descriptor, unsigned count);
void vtd_invalidate_all(void);
/* After a function's tables changed; `old_did` 0: nothing can be cached. */
void vtd_invalidate_function(uint16_t requester, uint16_t old_did, bool translations);

/* vtd_tables.c: builds root, context and PASID tables for the functions on the bus. */
void vtd_tables_build(void);
struct vtd_function *vtd_function_find(uint16_t requester);
/* Makes the spare table say `t` and switches to it by one store. */
void vtd_function_point(struct vtd_function *function, const struct translation *t);

/* vtd_fault.c */
void vtd_faults_drain(void);
bool vtd_take_fault(uint64_t device_id, bool clear, struct oracle_fault *fault);

/* vtd_flush.c */
void vtd_flush_domain(const struct translation *t);
void vtd_flush_range(const struct translation *t, uint64_t page, unsigned shift);

#endif
