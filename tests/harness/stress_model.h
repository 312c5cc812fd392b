/* SPDX-License-Identifier: MIT */
/*
 * A guest that makes random changes in random order, and a model of the pages that each DMA may
 * reach. For every page of every paging domain the model keeps the places where a write may land:
 * the target of the entry, and its targets since the page was last flushed (FL-5). A flush leaves
 * only the current target, and so does the DETACH of the only device that was in the domain since
 * (DET-4). An ATTACH elsewhere leaves all of them (ATT-4).
 */
#ifndef PVT_TESTS_HARNESS_STRESS_MODEL_H
#define PVT_TESTS_HARNESS_STRESS_MODEL_H

#include "tests/harness/fixture.h"
#include "tests/harness/operations.h"
#include "tests/harness/stress_numbers.h"

#define STRESS_LENGTH 64u

/* Places where a write may land, as a set: a target by its number, or one of these. */
#define STRESS_NOWHERE BIT(STRESS_TARGETS)
/* Dropped as well, but because of a read-only entry, which a host may have cached. */
#define STRESS_DENIED       BIT(STRESS_TARGETS + 1)
#define STRESS_UNTRANSLATED BIT(STRESS_TARGETS + 2)

struct stress_page {
    uint32_t allowed;
    uint8_t target;
    bool mapped, writable;
};

struct stress {
    struct test_run *t;
    struct domain domain[STRESS_HOMES];
    struct stress_page page[STRESS_HOMES][STRESS_PAGES];
    struct dma_engine *engine[STRESS_DEVICES];
    unsigned home[STRESS_DEVICES];
    uint32_t lived[STRESS_HOMES]; /* devices that were there since its last full flush, as a set */
    unsigned changed;             /* page that was changed last */
    struct buffer untranslated, target;
};

void stress_begin(struct stress *s, struct test_run *t);
/* The next thing that a guest does, by chance: map, unmap, move a leaf, change a permission, flush
 * in some way, move or detach a device, or replace a domain without devices. */
struct operation stress_chance(struct stress *s);
/* Does it, unless it makes no sense now. The writes are those of the test. */
void stress_do(struct stress *s, const struct operation *o);
/* Takes devices and domains back. */
void stress_end(struct stress *s);

uint64_t stress_iova(const struct stress *s, unsigned device, unsigned page);
uint8_t stress_value(unsigned device);
/* Places where a write of the device at that page may land now. */
uint32_t stress_allowed(const struct stress *s, unsigned device, unsigned page);
/* Places where writes of the device did land, by memory; forgets them. */
uint32_t stress_landed(struct stress *s, unsigned device, unsigned page);

#endif
