/* SPDX-License-Identifier: MIT */
/* One emulated DMA engine behind a software IOMMU, in front of a small guest memory. */
#ifndef PVT_TESTS_UNIT_DMAPROBE_FIXTURE_H
#define PVT_TESTS_UNIT_DMAPROBE_FIXTURE_H

#include "abi/dmaprobe.h"
#include "host/vdev/dmaprobe.h"
#include "tests/unit/unit.h"

/* Guest memory is [0, MACHINE_RAM); everything above it is refused. */
#define MACHINE_RAM 0x400000u

struct machine {
    uint8_t *ram;
    struct vdev_function function;
    struct config_space config;
    uint64_t now; /* reference time */
    unsigned messages;
    uint64_t message_address;
    uint32_t message_data;
};
extern struct machine machine;

/* Identity domain, bus master on, no request started. For cmocka's setup and teardown. */
int machine_reset(void **state);
int machine_free(void **state);

/* The request block of a slot, as the guest sees it. */
struct dmaprobe_request *machine_request(unsigned slot);
uint8_t *machine_buffer(void);
struct dmaprobe_element *machine_scatter(void);
/* Stores to and loads from the registers. */
void machine_write(unsigned offset, uint32_t value);
uint32_t machine_read(unsigned offset);
/* Blocks the device, or lets it through again. */
void machine_block(bool blocked);

#endif
