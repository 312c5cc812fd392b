/* SPDX-License-Identifier: MIT */
/* Words for tests of a VT-d unit that the image drives itself. */
#ifndef PVT_TESTS_VTD_VTD_TEST_H
#define PVT_TESTS_VTD_VTD_TEST_H

#include "drivers/units/vtd_unit.h"
#include "tests/harness/fixture.h"

#define DESCRIPTOR_WORDS 4u

/* The test works on the unit by hand; after it the driver's state is in force again. */
void take_unit(struct test_run *t);
/* The entries of a device, for changes by hand. */
struct vtd_place *place(struct test_run *t, const struct dma_engine *e);
/* The domain's tag, in its place of a descriptor. */
uint64_t tag_field(const struct domain *d);
uint64_t source_field(const struct dma_engine *e);

/* Hands over what was pushed and waits for its end; FAIL when the unit refuses it or does not end.
 */
void carry_out(struct test_run *t, const char *what);
/* Hands over what was pushed. True: the unit reports a queue error; false: the queue is empty. */
bool queue_fails(struct test_run *t);
/* After an error: `descriptor` in the place of the flawed one, and on with the queue. */
void mend_queue(struct test_run *t, unsigned at, const uint64_t descriptor[DESCRIPTOR_WORDS]);
/* The unit writes that value there within a moment. */
void expect_word(struct test_run *t, const volatile uint32_t *word, uint32_t value,
                 const char *what);
/* Global invalidation of all caches. */
void invalidate_all(struct test_run *t);

/* A domain whose IOVA is cached as leading to `old`, and by its table leads to `next`. */
struct stale {
    struct dma_engine *engine;
    struct domain *domain;
    struct buffer old, next;
};
struct stale stale(struct test_run *t, struct dma_engine *e);
/* The device reaches the table's page. */
void expect_fresh(struct test_run *t, struct stale *s, const char *what);

/* The fault record, as the device's failing write or read at IOVA leaves it. */
struct record {
    uint64_t low, high;
};
bool take_record(struct record *r);

#endif
