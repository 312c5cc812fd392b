/* SPDX-License-Identifier: MIT */
/* Whole-driver scenarios: a DMA API in the modes of an operating system, under load, with every
 * IOVA checked after its unmap. */
#include "drivers/dma_api.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "dma-api"
#define FIRST      0x1000ull
#define LIMIT      0x100000000ull

/* Large, so from the test's memory: .bss is a part of the image file. */
static struct dma_api *new_api(struct test_run *t)
{
    struct dma_api *api = page_alloc((sizeof(*api) + PAGE_SIZE - 1) / PAGE_SIZE, PAGE_SIZE);

    REQUIRE(api, "no memory for a DMA API");
    return api;
}

static struct dma_api *start(struct test_run *t, enum dma_api_mode mode, struct dma_engine *e)
{
    struct dma_api *api = new_api(t);
    enum hv_status status;

    need_width(t, FIRST, SIZE_1G);
    CHECK(dma_api_start(api, mode, fresh_domain_id(t), FIRST, LIMIT, &status),
          "starting the DMA API: %s", hv_status_name(status));
    status = dma_api_attach(api, e->device_id);
    CHECK_SUCCESS(status, "attaching the device");
    return api;
}

static void stop(struct test_run *t, struct dma_api *api, struct dma_engine *e)
{
    attach(t, domain_blocked(t), e);
    CHECK_SUCCESS(dma_api_stop(api), "stopping the DMA API");
}

TEST(strict_unmap_is_final,
     PROMISE("Strict mode: 48 buffers of mixed sizes are mapped, used and unmapped, and none is "
             "reached after its unmap")
     COVERS("FL-1 LS-1 FL-3") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("Starts a DMA API that flushes at every unmap. 48 times, maps one to four pages of a "
           "buffer, lets the device write at the start and at the end, unmaps, and lets it write "
           "to the same places again.")
     EXPECTS("All writes before the unmap land; after it none does, and faults, where they are "
             "recorded, say not present.")
     IF_IT_FAILS("The list flush, one block that covers the mapping, misses a page of it, often "
                 "the last one, or it returns early. Drivers free the buffer right after the "
                 "unmap, so that the DMA hits memory of another owner."))
{
    struct dma_engine *e = device(t);
    struct dma_api *a = start(t, DMA_API_STRICT, e);
    struct buffer b = buffer(t, 4);

    for (unsigned i = 0; i < 48; i++) {
        uint64_t length = (1 + i % 4) * PAGE_SIZE, iova;

        REQUIRE(dma_api_map(a, gpa_of(b.data), length, RW, &iova), "no IOVA");
        expect_write(t, e, iova + i, &b, i, 64, "mapped");
        expect_write(t, e, iova + length - 8, &b, length - 8, 8, "end of the mapping");
        REQUIRE(dma_api_unmap(a, iova, length), "unmap of our own IOVA");
        expect_write_fault(t, e, iova + i, 64, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                           "after the unmap");
        expect_write_fault(t, e, iova + length - 8, 8, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                           "end, after the unmap");
    }
    stop(t, a, e);
}

TEST(strict_iova_reuse,
     PROMISE("Strict mode: an IOVA that is used again at once leads to its new page only")
     COVERS("FL-1 FL-2 LS-1") DEVICES(ALL) KINDS("dma flush")
     STEPS("64 times, maps one of eight pages with a DMA API that flushes at every unmap, lets the "
           "device write, and unmaps. The allocator hands out the same IOVA again and again.")
     EXPECTS("Each write is in the page of its round, and in no other.")
     IF_IT_FAILS("The list flush at the unmap leaves the old leaf cached, so that the next buffer "
                 "at this IOVA gets nothing and the last one is overwritten."))
{
    struct dma_engine *e = device(t);
    struct dma_api *a = start(t, DMA_API_STRICT, e);
    struct buffer b = buffer(t, 8);
    unsigned reused = 0;
    uint64_t last = 0;

    for (unsigned i = 0; i < 64; i++) {
        size_t page = i % 8 * PAGE_SIZE;
        uint64_t iova;

        REQUIRE(dma_api_map(a, gpa_of(b.data) + page, PAGE_SIZE, RW, &iova), "no IOVA");
        reused += iova == last;
        last = iova;
        expect_write(t, e, iova, &b, page, 32, "this round's page");
        REQUIRE(dma_api_unmap(a, iova, PAGE_SIZE), "unmap of our own IOVA");
    }
    REQUIRE(reused > 32, "the allocator reused an IOVA only %u times: the test shows nothing",
            reused);
    stop(t, a, e);
}

TEST(deferred_flush_is_final,
     PROMISE("Deferred mode: after the queue is flushed no unmapped IOVA is reached, and before it "
             "only the page that was mapped")
     COVERS("FL-1 FL-5") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("With a DMA API that collects unmaps, maps, uses and unmaps 32 pages and lets the "
           "device write to each after its unmap. Then flushes the domain once and lets it write "
           "to all of them again.")
     EXPECTS("Before the flush a write lands in the page that was mapped there, or nowhere. After "
             "it none lands.")
     IF_IT_FAILS("Before the flush, bytes elsewhere: the host uses a translation that never was "
                 "valid. After it, bytes at all: the domain flush misses entries when there are "
                 "many."))
{
    struct dma_engine *e = device(t);
    struct dma_api *a = start(t, DMA_API_DEFERRED, e);
    struct buffer b = buffer(t, 32);
    uint64_t iova[32];

    for (unsigned i = 0; i < 32; i++) {
        REQUIRE(dma_api_map(a, gpa_of(b.data) + i * PAGE_SIZE, PAGE_SIZE, RW, &iova[i]), "no IOVA");
        expect_write(t, e, iova[i], &b, i * PAGE_SIZE, 8, "mapped");
        REQUIRE(dma_api_unmap(a, iova[i], PAGE_SIZE), "unmap of our own IOVA");
        may_write(t, e, iova[i], &b, i * PAGE_SIZE, 8, "unmapped, still in the queue");
        for (unsigned j = 0; j < i; j++)
            REQUIRE(iova[i] != iova[j], "an IOVA was reused before the flush");
    }
    CHECK_SUCCESS(dma_api_flush_queue(a), "flushing the queue");
    for (unsigned i = 0; i < 32; i++) {
        expect_write_fault(t, e, iova[i], 8, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                           "after the queue was flushed");
    }
    stop(t, a, e);
}

TEST(deferred_under_load,
     PROMISE("Deferred mode: 600 buffers pass through the queue; each reaches its own page "
             "whichever IOVA it got")
     COVERS("FL-1 FL-3") DEVICES(ALL) KINDS("dma flush")
     STEPS("600 times, maps one of four pages with a DMA API that flushes once for 256 unmaps, "
           "lets the device write 16 bytes, and unmaps. IOVAs come back after each flush.")
     EXPECTS("Each write is in its page and changes no other byte, and the queue was flushed at "
             "least twice.")
     IF_IT_FAILS("An IOVA that came back still leads to an earlier page: the flush of the whole "
                 "domain is not complete when it returns."))
{
    struct dma_engine *e = device(t);
    struct dma_api *a = start(t, DMA_API_DEFERRED, e);
    struct buffer b = buffer(t, 4);
    const unsigned rounds = rounds_on(e, 600, 300);

    for (unsigned i = 0; i < rounds; i++) {
        /* At random, so that an IOVA that is used again leads to another page than before. */
        size_t page = random_below(&t->random, 4) * PAGE_SIZE;
        uint64_t iova;

        REQUIRE(dma_api_map(a, gpa_of(b.data) + page, PAGE_SIZE, RW, &iova), "no IOVA");
        fill_by_device(t, e, iova + i, 16, "DMA");
        CHECK(!memory_find_other(b.data + page + i, 16, e->ops->fill_value),
              "buffer %u did not get its bytes", i);
        memset(b.data + page + i, POISON_FRESH, 16);
        REQUIRE(dma_api_unmap(a, iova, PAGE_SIZE), "unmap of our own IOVA");
    }
    REQUIRE(a->flushes >= rounds / DMA_API_QUEUE,
            "the queue was flushed %llu times only: the test shows nothing",
            (unsigned long long)a->flushes);
    expect_untouched(t, &b, "bytes that no DMA was aimed at");
    stop(t, a, e);
}

TEST(identity_needs_no_mapping,
     PROMISE("Identity mode: the IOVA of a buffer is its address, and the device reaches it")
     COVERS("ID-1") DEVICES(ALL) KINDS("dma")
     STEPS("Starts a DMA API in an identity domain, asks it for the IOVA of a buffer of two pages, "
           "and lets the device write over the boundary between them.")
     EXPECTS("The IOVA is the address of the buffer, and exactly those bytes change.")
     IF_IT_FAILS("The identity domain does not map all of the guest's memory one to one, or splits "
                 "an access at a page boundary wrongly."))
{
    struct dma_engine *e = device(t);
    struct dma_api *a = start(t, DMA_API_IDENTITY, e);
    struct buffer b = buffer(t, 2);
    uint64_t iova;

    REQUIRE(dma_api_map(a, gpa_of(b.data), b.size, RW, &iova), "no mapping");
    REQUIRE(iova == gpa_of(b.data), "identity mode gave IOVA 0x%llx", (unsigned long long)iova);
    expect_write(t, e, iova + 4000, &b, 4000, 200, "over a page boundary");
    REQUIRE(dma_api_unmap(a, iova, b.size), "unmap");
    stop(t, a, e);
}

TEST(blocking_reaches_nothing,
     PROMISE("Blocking mode: no mapping is handed out, and the device reaches nothing")
     COVERS("ATT-7") DEVICES(ALL) KINDS("dma fault")
     STEPS("Starts a DMA API in a blocking domain, asks it for a mapping, which it must not give, "
           "and lets the device write to the address of the buffer.")
     EXPECTS("The write changes nothing; a fault record, where there is one, says blocked.")
     IF_IT_FAILS("A device that the guest has locked out reaches memory by its plain address."))
{
    struct dma_engine *e = device(t);
    struct dma_api *a = start(t, DMA_API_BLOCKING, e);
    struct buffer b = buffer(t, 1);
    uint64_t iova = 0;

    REQUIRE(!dma_api_map(a, gpa_of(b.data), b.size, RW, &iova), "blocking mode gave IOVA 0x%llx",
            (unsigned long long)iova);
    expect_write_fault(t, e, gpa_of(b.data), 64, &b, ORACLE_FAULT_CLASS_BLOCKED,
                       "the buffer's address");
    stop(t, a, e);
}

TEST(hostile_device_before_and_after,
     PROMISE("A device that writes all the time reaches memory only between its map and its unmap, "
             "from claim to release")
     COVERS("ATT-6 ATT-7 FL-1") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("The device writes to a buffer at each stage of the life of a driver: while it is "
           "blocked, when the driver has claimed it and mapped nothing, when the buffer is mapped, "
           "when it is unmapped, and when the device is blocked again.")
     EXPECTS("Only the write while the buffer is mapped lands. Faults, where they are recorded, "
             "say blocked or not present, as the stage asks for.")
     IF_IT_FAILS("The message names the stage. Before the mapping, the hand-over leaves a gap; "
                 "after the unmap or at the end, a flush or the switch to blocking leaves cached "
                 "translations."))
{
    struct dma_engine *e = device(t);
    struct domain *blocked = domain_blocked(t);
    struct buffer b = buffer(t, 1);
    struct dma_api *a;
    uint64_t iova;

    attach(t, blocked, e);
    expect_write_fault(t, e, gpa_of(b.data), 64, &b, ORACLE_FAULT_CLASS_BLOCKED,
                       "before a driver claims it");
    a = start(t, DMA_API_STRICT, e);
    expect_write_fault(t, e, gpa_of(b.data), 64, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "claimed, nothing mapped");
    REQUIRE(dma_api_map(a, gpa_of(b.data), b.size, RW, &iova), "no IOVA");
    expect_write(t, e, iova, &b, 0, 64, "mapped");
    REQUIRE(dma_api_unmap(a, iova, b.size), "unmap");
    expect_write_fault(t, e, iova, 64, &b, ORACLE_FAULT_CLASS_NOT_PRESENT, "unmapped");
    attach(t, blocked, e);
    CHECK_SUCCESS(dma_api_stop(a), "stopping the DMA API");
    expect_write_fault(t, e, iova, 64, &b, ORACLE_FAULT_CLASS_BLOCKED, "released");
    expect_write_fault(t, e, gpa_of(b.data), 64, &b, ORACLE_FAULT_CLASS_BLOCKED, "released");
}

TEST(interrupt_window_is_left_out,
     PROMISE("IOVAs handed out on both sides of the interrupt window never touch it, and each of "
             "them reaches its page")
     COVERS("TR-13 FL-3") DEVICES(ALL) KINDS("dma")
     STEPS("Starts a DMA API whose addresses lie on both sides of 0xFEE00000 to 0xFEEFFFFF, maps "
           "eight pages and lets the device write to each.")
     EXPECTS("No IOVA is inside of the window, and each write lands in its page.")
     IF_IT_FAILS("The host takes pages next to the window for interrupts. Guests leave out the "
                 "window alone, and would lose DMA to its neighbors."))
{
    struct dma_engine *e = device(t);
    struct dma_api *a = new_api(t);
    struct buffer b = buffer(t, 8);
    enum hv_status status;

    need_width(t, IOVA_MSI_LAST, 1 + 4 * PAGE_SIZE);
    CHECK(dma_api_start(a, DMA_API_STRICT, fresh_domain_id(t), IOVA_MSI_FIRST - 4 * PAGE_SIZE,
                        IOVA_MSI_LAST + 1 + 4 * PAGE_SIZE, &status),
          "starting the DMA API: %s", hv_status_name(status));
    CHECK_SUCCESS(dma_api_attach(a, e->device_id), "attaching the device");
    for (unsigned i = 0; i < 8; i++) {
        uint64_t iova;

        REQUIRE(dma_api_map(a, gpa_of(b.data) + i * PAGE_SIZE, PAGE_SIZE, RW, &iova),
                "only %u of 8 IOVAs", i);
        REQUIRE(iova + PAGE_SIZE <= IOVA_MSI_FIRST || iova > IOVA_MSI_LAST,
                "IOVA 0x%llx is in the window", (unsigned long long)iova);
        expect_write(t, e, iova, &b, i * PAGE_SIZE, 64, "next to the window");
    }
    stop(t, a, e);
}
