/* SPDX-License-Identifier: MIT */
/* Host code on the build machine: a small guest memory, and a backend that writes down what it is
 * told. */
#ifndef PVT_TESTS_UNIT_HOST_FIXTURE_H
#define PVT_TESTS_UNIT_HOST_FIXTURE_H

#include "host/iommu/backend.h"
#include "tests/unit/unit.h"

/* Guest RAM is [0, GUEST_RAM_SIZE) with a hole of one page at GUEST_HOLE. */
#define GUEST_RAM_SIZE  0x10000u
#define GUEST_HOLE      0x8000u
#define GUEST_GPA_LIMIT (UINT64_C(1) << 40)

extern uint8_t guest_memory[GUEST_RAM_SIZE];
/* Lines of the log since fixture_reset(); later ones are lost when it is full. */
extern char fixture_log[16384];

#define FIXTURE_DEVICES 3u
#define FIXTURE_BDF(i)  ((uint16_t)(0x10 + 8 * (i)))

struct flushed {
    uint16_t did;
    struct page_range pages;
};

/* Calls of the backend since fixture_reset(). */
struct fixture {
    struct translation device[FIXTURE_DEVICES]; /* what each device sees */
    unsigned switches, domain_flushes, ranges;
    struct translation last_from;
    uint16_t last_flushed;
    struct flushed range[4096];
};
extern struct fixture fixture;
extern const struct iommu_backend backend_fake;

/* Empty guest memory, no domains, FIXTURE_DEVICES devices in the default domain. For cmocka's
 * setup. */
int fixture_reset(void **state);
int fixture_free(void **state);

#endif
