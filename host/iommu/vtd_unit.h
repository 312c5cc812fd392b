/* SPDX-License-Identifier: MIT */
/* The one VT-d unit of the machine: its state and its registers. */
#ifndef PVT_HOST_IOMMU_VTD_UNIT_H
#define PVT_HOST_IOMMU_VTD_UNIT_H

#include "host/iommu/backend.h"
#include "host/iommu/vtd_regs.h"

/* The upper half of the canonical 48-bit space is no use to guests, whose IOVAs are not
 * sign-extended. */
#define VTD_IOVA_BITS 47u

/* A requester whose translation can be switched: its own directory, and two PASID tables of which
 * one is in use. */
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

#endif
