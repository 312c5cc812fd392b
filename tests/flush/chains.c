/* SPDX-License-Identifier: MIT */
/*
 * A device that works through a long chain of its own, which was started by one doorbell (FL-10).
 * Hosts that translate for a device in advance, as a model of a device or a prefetching IOMMU may,
 * have looked up more of the chain than the requests that are in flight, and a flush knows of these
 * only.
 *
 * The guest takes the memory back while most of the chain is still to come: reads, writes, or the
 * descriptors themselves. Bytes that landed before the call returned are wiped directly after it. A
 * device that is through with its chain by then, or has halted, proves nothing and passes.
 */
#include "abi/ioat.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "flush"
#define LENGTH     64u
#define SECRET     0x3Cu /* what the page's next owner keeps there */

enum release { DOMAIN_FLUSH, LIST_FLUSH, REMAPPED, ELSEWHERE, BLOCKED, DETACHED, DELETED };

#define RELEASES(ROW, test)                                                                        \
    ROW(test, domain_flush, DOMAIN_FLUSH,                                                          \
        WORD(way, "unmaps the page and flushes the domain") COVERS("FL-1 FL-6"))                   \
    ROW(test, list_flush, LIST_FLUSH,                                                              \
        WORD(way, "unmaps the page and flushes it by a list") COVERS("FL-1 FL-6"))                 \
    ROW(test, remapped, REMAPPED,                                                                  \
        WORD(way, "points the leaf at another page and flushes the domain") COVERS("FL-2"))        \
    ROW(test, attach_elsewhere, ELSEWHERE,                                                         \
        WORD(way, "attaches the device to a domain that maps another page there")                  \
            COVERS("ATT-1 ATT-4"))                                                                 \
    ROW(test, attach_blocked, BLOCKED,                                                             \
        WORD(way, "attaches the device to a blocking domain") COVERS("ATT-4"))                     \
    ROW(test, detach, DETACHED, WORD(way, "detaches the device") COVERS("DET-4"))                  \
    ROW(test, delete, DELETED,                                                                     \
        WORD(way, "detaches the device and deletes the domain") COVERS("DET-4 DEL-4"))

VARIANTS(const enum release, releases, RELEASES);

static void start_chain(struct test_run *t, struct dma_engine *e, bool write)
{
    if (!e->ops->start_chain)
        SKIP("devices of class %s have no chains", e->ops->name);
    STEP("device 0x%llx begins %llu copies %s IOVA 0x%llx", e->device_id, DMA_CHAIN_LENGTH,
         write ? "to" : "from", IOVA);
    REQUIRE(dma_start_chain(e, IOVA, LENGTH, write), "device 0x%llx did not start its chain",
            (unsigned long long)e->device_id);
}

static void end_chain(struct test_run *t, struct dma_engine *e)
{
    REQUIRE(dma_finish(e), "device 0x%llx does not end its chain",
            (unsigned long long)e->device_id);
    drain_faults(t, e);
}

/* All else that the call needs was made before the chain began. */
static void release(struct test_run *t, struct domain *d, struct domain *other,
                    const struct buffer *next, struct dma_engine *e, enum release by)
{
    switch (by) {
    case DOMAIN_FLUSH:
        unmap(t, d, IOVA, PAGE_SIZE);
        flush(t, d);
        break;
    case LIST_FLUSH:
        unmap(t, d, IOVA, PAGE_SIZE);
        flush_list(t, d, IOVA, PAGE_SIZE);
        break;
    case REMAPPED:
        retarget(t, d, IOVA, gpa_of(next->data));
        flush(t, d);
        break;
    case ELSEWHERE:
    case BLOCKED:
        attach(t, other, e);
        break;
    default:
        CHECK_SUCCESS(iommu_detach(e->device_id), "DETACH of an attached device");
        if (by == DELETED)
            delete_domain(t, d);
        break;
    }
}

TEST_EACH(chain, RELEASES,
          PROMISE("Of a long chain that is under way neither reads nor writes reach a page from "
                  "the return of the call on by which the guest {way}")
          COVERS("FL-10") DEVICES(ioat) KINDS("dma flush")
          STEPS("The device begins a chain of 250 copies to one page. The guest {way}, and the "
                "page's next owner wipes it. The chain goes on to its end. The same with a chain "
                "of copies from the page, which the next owner fills with another byte.")
          EXPECTS("The page holds what its next owner wrote, and the device has seen none of it.")
          IF_IT_FAILS("The host, or a device that translates by itself, has looked up addresses of "
                      "the whole chain at its start, where no flush and no ATTACH finds them."))
{
    const enum release by = VARIANT(releases);
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1), next = buffer(t, 1);

    for (unsigned write = 0; write < 2; write++) {
        struct domain *d = domain_mapping(t, IOVA, &b);
        struct domain *other = by == ELSEWHERE ? domain_mapping(t, IOVA, &next) : domain_blocked(t);

        attach(t, d, e);
        warm(t, e, IOVA, &b, "before");
        start_chain(t, e, write);
        release(t, d, other, &next, e, by);
        memset(b.data, SECRET, b.size);
        if (!write)
            memset(dma_chain_seen(e), 0, PAGE_SIZE);
        end_chain(t, e);
        CHECK(!memory_find_other(b.data, b.size, SECRET),
              "the page was written after the guest had taken it back");
        for (unsigned i = 0; i < LENGTH && !write; i++)
            CHECK(dma_chain_seen(e)[i] != SECRET, "byte %u of the page's next owner was read", i);
        buffer_refresh(&b);
        buffer_refresh(&next);
    }
}

TEST(chain_of_other_descriptors,
     PROMISE("From the return of a flush on a long chain takes no descriptor from pages that were "
             "mapped there before")
     COVERS("FL-10 FL-2") DEVICES(ioat) KINDS("dma flush")
     STEPS("The device begins a chain of 250 copies to one page. The guest copies the descriptors "
           "to other memory, points the leaves of the chain there, and flushes the domain or just "
           "these pages. The next owner of the old memory leaves descriptors there that lead to "
           "another page, which is mapped. The chain goes on to its end.")
     EXPECTS("The other page stays as it is.")
     IF_IT_FAILS("The host keeps the address of a chain from its start: the device takes what the "
                 "next owner of the memory writes for commands."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 2), moved = buffer(t, DMA_CHAIN_PAGES);
    struct ioat_descriptor *old = e->scratch;

    for (unsigned by_list = 0; by_list < 2; by_list++) {
        struct domain *d = domain_mapping(t, IOVA, &b);

        attach(t, d, e);
        warm(t, e, IOVA, &b, "before");
        start_chain(t, e, true);
        memcpy(moved.data, old, moved.size);
        for (unsigned i = 0; i < DMA_CHAIN_PAGES; i++)
            retarget(t, d, e->staging_iova + i * PAGE_SIZE, gpa_of(moved.data) + i * PAGE_SIZE);
        if (by_list)
            flush_list(t, d, e->staging_iova, moved.size);
        else
            flush(t, d);
        for (unsigned i = 0; i < moved.size / sizeof(*old); i++)
            old[i].destination = IOVA + PAGE_SIZE;
        end_chain(t, e);
        CHECK(!memory_find_other(b.data + PAGE_SIZE, PAGE_SIZE, POISON_FRESH),
              "%s flush: descriptors were taken from a page after it", by_list ? "list" : "domain");
        buffer_refresh(&b);
    }
    buffer_refresh(&moved);
}
