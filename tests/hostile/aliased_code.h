/* SPDX-License-Identifier: MIT */
/* Code of the guest at any linear address, in tables of its own that share all else with the
 * kernel's. */
#ifndef PVT_TESTS_HOSTILE_ALIASED_CODE_H
#define PVT_TESTS_HOSTILE_ALIASED_CODE_H

#include "tests/harness/fixture.h"

struct aliased_code {
    uint64_t root;    /* for CR3 */
    uint64_t address; /* linear, page-aligned */
    uint8_t *page;    /* what is there */
};

/* `address` is below 512 GiB and page-aligned. The page is full of RET. */
struct aliased_code aliased_code(struct test_run *t, uint64_t address);
/* Calls the page's first byte with `value` in RDI, on the tables of `code`; returns the exception,
 * or TRAP_NONE. */
enum trap_vector aliased_call(const struct aliased_code *code, uint64_t value, uint64_t *error);

#endif
