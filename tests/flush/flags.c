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
#define DISTANCE 0x10000ull /* of the pages */

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

typedef enum hv_status flagged_flush(const struct domain *d, uint32_t flags);

#define FLAGGED_FLUSHES(ROW, test)                                                                 \
    ROW(test, flush, flush_with, WORD(call, "FLUSH") COVERS("FL-9"))                               \
    ROW(test, list, flush_list_with, WORD(call, "FLUSH_LIST") COVERS("FL-9 LS-7"))

VARIANTS(flagged_flush *const, flagged_flushes, FLAGGED_FLUSHES);

TEST_EACH(unknown_flag, FLAGGED_FLUSHES,
          PROMISE("{call} with a flag changed is refused, or drops all that it drops without it")
          ABI() DEVICES(ALL) KINDS("dma fault flush bad-input")
          STEPS("For each of the 32 flags: two pages are used and unmapped, and flushed by a "
                "{call} with that flag changed. If it succeeds, the device writes to both. "
                "Otherwise the domain is flushed, and the device writes then.")
          EXPECTS("After success and after the second flush both writes fault.")
          IF_IT_FAILS("The host takes the flag for one of another call or of a later version, and "
                      "leaves pages in its caches that the guest gives to another owner."))
{
    flagged_flush *call = VARIANT(flagged_flushes);
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, PAGES);
    struct domain *d = domain_paging(t);
    const unsigned count = rounds_on(e, 32, 3);
    uint64_t *leaf[PAGES], value[PAGES];
    unsigned refused = 0;

    for (unsigned i = 0; i < PAGES; i++) {
        map_gpa(t, d, page_at(i), gpa_of(b.data) + i * PAGE_SIZE, PAGE_SIZE, RW);
        leaf[i] = leaf_entry(t, d, page_at(i));
        value[i] = *leaf[i];
    }
    attach(t, d, e);
    for (unsigned flag = 0; flag < count; flag++) {
        enum hv_status status;

        for (unsigned i = 0; i < PAGES; i++) {
            *leaf[i] = value[i];
            expect_write(t, e, page_at(i), &b, i * PAGE_SIZE, 8, "mapped");
            *leaf[i] = 0;
        }
        status = call(d, 1u << flag);
        STEP("flush with flag %llu changed: %s", flag, hv_status_name(status));
        if (status != HV_STATUS_SUCCESS) {
            refused++;
            flush(t, d);
        }
        for (unsigned i = 0; i < PAGES; i++)
            expect_write_fault(t, e, page_at(i), 8, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                               "unmapped and flushed");
    }
    OBSERVE("%u of %u are refused", refused, count);
}
