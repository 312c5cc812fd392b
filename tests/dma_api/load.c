/* SPDX-License-Identifier: MIT */
/*
 * The DMA API under load: buffers of random sizes come and go in random order, and so do their
 * IOVAs. The target of each IOVA is known at any time: the buffer that it was allocated for last;
 * after its unmap, nothing in strict mode; in deferred mode that buffer or nothing until the queue
 * is flushed, and nothing after the flush.
 */
#include "drivers/dma_api.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "dma-api"
#define FIRST      0x1000ull
#define LIMIT      0x100000000ull

#define SLOTS       16
#define SLOT_PAGES  4
#define SLOT_SIZE   (SLOT_PAGES * PAGE_SIZE)
#define DMA_BYTES   16 /* aligned, so that it is in one page: all of it arrives, or nothing */
#define DEVICES_MAX 2
#define HISTORY     1024 /* IOVAs that were in use once, by page number */
#define LOOK_EVERY  128  /* rounds between two looks at all memory */

/* Some pages of the buffer, and their IOVA while there is one. */
struct slot {
    enum { SLOT_FREE, SLOT_MAPPED, SLOT_QUEUED } state;
    uint64_t iova, length;
    uint64_t flushes; /* of the API when it was queued */
};

struct load {
    struct dma_api api;
    struct slot slots[SLOTS];
    struct dma_engine *engines[DEVICES_MAX];
    unsigned devices;
    struct buffer memory;
    uint64_t history[HISTORY];
    unsigned reused;
};

static struct load *start(struct test_run *t, enum dma_api_mode mode, unsigned devices)
{
    struct load *l = page_alloc((sizeof(*l) + PAGE_SIZE - 1) / PAGE_SIZE, PAGE_SIZE);
    enum hv_status status;

    REQUIRE(l, "no memory for a DMA API");
    l->devices = devices;
    l->memory = buffer(t, SLOTS * SLOT_PAGES);
    for (unsigned i = 0; i < devices; i++)
        l->engines[i] = device_n(t, i);
    need_width(t, FIRST, SIZE_1G);
    CHECK(dma_api_start(&l->api, mode, fresh_domain_id(t), FIRST, LIMIT, &status),
          "starting the DMA API: %s", hv_status_name(status));
    for (unsigned i = 0; i < devices; i++)
        CHECK_SUCCESS(dma_api_attach(&l->api, l->engines[i]->device_id), "attaching the device");
    return l;
}

/* The device writes somewhere in the slot's IOVAs. True when the bytes are in the slot's pages,
 * which then hold POISON_FRESH again; bytes anywhere else stay, and are found later. */
static bool write_arrives(struct test_run *t, struct load *l, struct slot *s, struct dma_engine *e)
{
    uint64_t offset = random_u64(&t->random) % (s->length / DMA_BYTES) * DMA_BYTES;
    uint8_t *at = l->memory.data + (size_t)(s - l->slots) * SLOT_SIZE + offset;

    fill_by_device(t, e, s->iova + offset, DMA_BYTES, "DMA");
    if (memory_find_other(at, DMA_BYTES, e->ops->fill_value))
        return false;
    memset(at, POISON_FRESH, DMA_BYTES);
    return true;
}

static void note_use(struct load *l, uint64_t iova)
{
    uint64_t *seen = &l->history[iova / PAGE_SIZE % HISTORY];

    l->reused += *seen == iova;
    *seen = iova;
}

static void map_slot(struct test_run *t, struct load *l, struct slot *s)
{
    uint64_t gpa = gpa_of(l->memory.data) + (size_t)(s - l->slots) * SLOT_SIZE;

    s->length = (1 + random_u64(&t->random) % SLOT_PAGES) * PAGE_SIZE;
    REQUIRE(dma_api_map(&l->api, gpa, s->length, RW, &s->iova), "no IOVA");
    note_use(l, s->iova);
    s->state = SLOT_MAPPED;
    STEP("slot %llu: IOVA 0x%llx, 0x%llx bytes", (uint64_t)(s - l->slots), s->iova, s->length);
}

/* Final: from here on no device of the domain may reach the slot by its old IOVA. */
static void expect_gone(struct test_run *t, struct load *l, struct slot *s)
{
    for (unsigned i = 0; i < l->devices; i++) {
        CHECK(!write_arrives(t, l, s, l->engines[i]),
              "IOVA 0x%llx still leads to its old buffer, device 0x%llx",
              (unsigned long long)s->iova, (unsigned long long)l->engines[i]->device_id);
    }
    s->state = SLOT_FREE;
}

/* The queue was flushed: whatever waited in it is gone, and before any of its IOVAs is handed out
 * again. */
static void settle(struct test_run *t, struct load *l)
{
    for (unsigned i = 0; i < SLOTS; i++)
        if (l->slots[i].state == SLOT_QUEUED && l->slots[i].flushes != l->api.flushes)
            expect_gone(t, l, &l->slots[i]);
}

static void unmap_slot(struct test_run *t, struct load *l, struct slot *s)
{
    s->flushes = l->api.flushes;
    s->state = SLOT_QUEUED;
    REQUIRE(dma_api_unmap(&l->api, s->iova, s->length), "unmap of our own IOVA");
    STEP("slot %llu: IOVA 0x%llx is unmapped", (uint64_t)(s - l->slots), s->iova);
    if (l->api.flushes == s->flushes)
        (void)write_arrives(t, l, s, l->engines[0]); /* in its buffer, or dropped */
    settle(t, l);
}

static void look_at_everything(struct test_run *t, struct load *l)
{
    for (unsigned i = 0; i < l->devices; i++)
        drain_faults(t, l->engines[i]);
    expect_untouched(t, &l->memory, "memory that no DMA was aimed at");
}

static void run(struct test_run *t, enum dma_api_mode mode, unsigned devices, unsigned rounds)
{
    struct load *l = start(t, mode, devices);
    struct domain *blocked;

    for (unsigned round = 1; round <= rounds; round++) {
        struct slot *s = &l->slots[random_u64(&t->random) % SLOTS];
        struct dma_engine *e = l->engines[round % devices];

        if (s->state == SLOT_FREE) {
            map_slot(t, l, s);
        } else if (s->state == SLOT_MAPPED && round % 2) {
            unmap_slot(t, l, s);
        } else if (s->state == SLOT_QUEUED && round % 8 == 0) {
            CHECK_SUCCESS(dma_api_flush_queue(&l->api), "flushing the queue");
            settle(t, l);
        }
        CHECK(s->state != SLOT_MAPPED || write_arrives(t, l, s, e),
              "IOVA 0x%llx does not lead to its buffer", (unsigned long long)s->iova);
        if (round % LOOK_EVERY == 0)
            look_at_everything(t, l);
    }
    look_at_everything(t, l);
    REQUIRE(l->reused > rounds / 48, "only %u IOVAs were reused: the test shows nothing",
            l->reused);
    blocked = domain_blocked(t);
    for (unsigned i = 0; i < devices; i++)
        attach(t, blocked, l->engines[i]);
    CHECK_SUCCESS(dma_api_stop(&l->api), "stopping the DMA API");
}

TEST(strict_two_devices,
     PROMISE("Strict mode with two devices: an IOVA that is used again leads both to its new "
             "buffer, never to an old one")
     COVERS("FL-1 FL-2 ATT-9 LS-1") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("Two devices are in one strict DMA API. In 96 rounds buffers of one to four pages are "
           "mapped and unmapped at random; a device writes to each that is mapped, and both try "
           "each that was unmapped.")
     EXPECTS("Writes arrive while the buffer is mapped, and from its unmap on neither device "
             "reaches it, although its IOVA is soon used for another.")
     IF_IT_FAILS("A list flush reached one device of the domain only, or not the whole of its "
                 "range."))
{
    run(t, DMA_API_STRICT, 2, 96);
}

TEST(deferred_two_devices,
     PROMISE("Deferred mode with two devices: after the flush of the queue neither of them reaches "
             "what was in it")
     COVERS("FL-1 FL-5 ATT-9") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("Two devices are in one deferred DMA API. In 96 rounds buffers of one to four pages are "
           "mapped and unmapped at random, and the queue is flushed now and then; then both "
           "devices try everything that was in it.")
     EXPECTS("A buffer in the queue may still be reached by its IOVA, but no other, and from the "
             "flush on none.")
     IF_IT_FAILS("FLUSH_DEVICE_DOMAIN reached one device of the domain only, or left something in "
                 "a cache."))
{
    run(t, DMA_API_DEFERRED, 2, 96);
}

STRESS(strict_under_load,
       PROMISE("Strict mode under load: every IOVA that is used again leads to its new buffer, and "
               "to nothing after its unmap")
       COVERS("FL-1 FL-2 LS-1 LS-9") DEVICES(ALL) KINDS("dma fault flush")
       STEPS("800 rounds of random maps and unmaps of one to four pages in strict mode, with a "
             "write to each buffer that is mapped and one to each that was unmapped. All memory is "
             "checked many times.")
       EXPECTS("Each IOVA leads to the buffer that it was handed out for last, and to nothing once "
               "it is unmapped.")
       IF_IT_FAILS("A list flush fails under circumstances that a short test does not meet: when "
                   "caches are full, when entries are evicted, or when ranges of several sizes "
                   "overlap one that was used before."))
{
    run(t, DMA_API_STRICT, 1, rounds_on(device(t), 800, 200));
}

STRESS(deferred_random_load,
       PROMISE("Deferred mode under load: every IOVA that is used again leads to its new buffer, "
               "and to nothing after the flush")
       COVERS("FL-1 FL-2 FL-5") DEVICES(ALL) KINDS("dma fault flush")
       STEPS("1200 rounds of random maps and unmaps of one to four pages in deferred mode, with "
             "flushes of the queue now and then. After each flush the device tries everything that "
             "was in the queue. All memory is looked at again and again.")
       EXPECTS("Each IOVA leads to the buffer that it was handed out for last, and from the flush "
               "on to nothing.")
       IF_IT_FAILS("A flush of the domain fails under circumstances that a short test does not "
                   "meet: when caches are full or when much was used since the last flush."))
{
    run(t, DMA_API_DEFERRED, 1, rounds_on(device(t), 1200, 300));
}
