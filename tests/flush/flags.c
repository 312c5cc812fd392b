/* SPDX-License-Identifier: MIT */
/*
 * Flags that the flushes do not have (FL-9). A host may refuse a flush with one; if it reports
 * success, a caller takes its pages for out of reach, so no less may be dropped than without it.
 */
#define TEST_GROUP "flush"
#include "abi/hypercall.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"

#define PAGES    2u
#define DISTANCE 0x200000ull /* of the pages: each has a leaf table of its own */
#define LEVELS   3u /* of the entry that is cleared: leaves, and tables up to that of both */
#define LEAVES   1u

static uint64_t page_at(unsigned i)
{
    return IOVA + i * DISTANCE;
}

static enum hv_status flush_with(const struct domain *d, uint32_t flags)
{
    struct hv_input_flush_device_domain *in = hypercall_input_page();

    memset(in, 0, PAGE_SIZE);
    pviommu_fill_domain(&in->device_domain, d->id);
    in->flags = flags;
    return hv_result_status(
        hypercall_raw(hv_control(HVCALL_FLUSH_DEVICE_DOMAIN, 0, 0, 0), gpa_of(in), 0));
}

static enum hv_status flush_list_with(const struct domain *d, uint32_t flags)
{
    struct hv_input_flush_device_domain_list *in = hypercall_input_page();
    unsigned done = 0;

    memset(in, 0, PAGE_SIZE);
    pviommu_fill_domain(&in->device_domain, d->id);
    in->flags = flags ^ HV_FLUSH_LIST_IOMMU_FORMAT;
    for (unsigned i = 0; i < PAGES; i++)
        in->range[i] = hv_iommu_range(page_at(i) >> HV_PAGE_SHIFT, 0);
    /* A host need not do the whole list in one call. */
    for (unsigned calls = 0; done < PAGES && calls < 2 * PAGES; calls++) {
        uint64_t result = hypercall_raw(hv_control(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, PAGES, done, 0),
                                        gpa_of(in), 0);

        if (hv_result_status(result) != HV_STATUS_SUCCESS)
            return hv_result_status(result);
        done = hv_result_reps(result);
    }
    return done < PAGES ? HV_STATUS_TIME_OUT : HV_STATUS_SUCCESS;
}

/* A list may have a flag for callers that have changed leaves alone: Windows documents a flush of
 * the last level (reference 8). */
struct flagged_flush {
    enum hv_status (*call)(const struct domain *d, uint32_t flags);
    unsigned levels;
};

#define FLAGGED_FLUSHES(ROW, test)                                                                 \
    ROW(test, flush, ((struct flagged_flush){flush_with, LEVELS}),                                 \
        WORD(call, "FLUSH") WORD(entries, "leaves and the entries of two levels above")            \
            COVERS("FL-9"))                                                                        \
    ROW(test, list, ((struct flagged_flush){flush_list_with, LEAVES}),                             \
        WORD(call, "FLUSH_LIST") WORD(entries, "leaves") COVERS("FL-9 LS-7"))

VARIANTS(const struct flagged_flush, flagged_flushes, FLAGGED_FLUSHES);

TEST_EACH(unknown_flag, FLAGGED_FLUSHES,
          PROMISE("{call} with a flag changed is refused, or drops {entries} as without it")
          ABI() DEVICES(ALL) KINDS("dma fault flush bad-input")
          STEPS("For each of the 32 flags, and for {entries}: two pages are used, their entries "
                "are cleared, and they are flushed by a {call} with that flag changed. If it "
                "succeeds, the device writes to both. Otherwise the domain is flushed, and the "
                "device writes then.")
          EXPECTS("After success and after the second flush both writes fault.")
          IF_IT_FAILS("The host takes the flag for one of another call or of a later version, and "
                      "leaves pages or tables in its caches that the guest gives to another "
                      "owner."))
{
    const struct flagged_flush *flagged = &VARIANT(flagged_flushes);
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, PAGES);
    struct domain *d = domain_paging(t);
    const unsigned count = rounds_on(e, 32 * flagged->levels, flagged->levels);
    uint64_t *entry[LEVELS][PAGES], value[LEVELS][PAGES];
    unsigned refused = 0;

    for (unsigned i = 0; i < PAGES; i++)
        map_gpa(t, d, page_at(i), gpa_of(b.data) + i * PAGE_SIZE, PAGE_SIZE, RW);
    for (unsigned i = 0; i < PAGES * LEVELS; i++) {
        struct stage1_walk walk;
        unsigned level = i / PAGES, page = i % PAGES;

        REQUIRE(stage1_walk(&d->table, page_at(page), &walk) == STAGE1_OK && walk.present,
                "page %u is not mapped by our own tables", page);
        entry[level][page] = walk.entry[level];
        value[level][page] = *walk.entry[level];
    }
    attach(t, d, e);
    for (unsigned i = 0; i < count; i++) {
        unsigned level = i % flagged->levels, flag = i / flagged->levels;
        enum hv_status status;

        for (unsigned page = 0; page < PAGES; page++)
            expect_write(t, e, page_at(page), &b, page * PAGE_SIZE, 8, "mapped");
        for (unsigned page = 0; page < PAGES; page++)
            *entry[level][page] = 0;
        status = flagged->call(d, 1u << flag);
        STEP("flush with flag %llu changed, entries of level %llu cleared: %s", flag, level,
             hv_status_name(status));
        if (status != HV_STATUS_SUCCESS) {
            refused++;
            flush(t, d);
        }
        for (unsigned page = 0; page < PAGES; page++)
            expect_write_fault(t, e, page_at(page), 8, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                               "unmapped and flushed");
        for (unsigned page = 0; page < PAGES; page++)
            *entry[level][page] = value[level][page];
    }
    OBSERVE("%u of %u are refused", refused, count);
}
