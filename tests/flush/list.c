/* SPDX-License-Identifier: MIT */
/* FLUSH_DEVICE_DOMAIN_LIST: blocks of 2^shift pages, one or many (LS-1 to LS-6, LS-9). */
#include "drivers/hypercall.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "flush-list"
struct stale_pages {
    struct dma_engine *engine;
    struct domain *domain;
    struct buffer buffer;
    unsigned count;
    uint64_t stride;
};

static struct stale_pages make_stale(struct test_run *t, unsigned count, uint64_t stride)
{
    struct stale_pages s = {.engine = device(t),
                            .domain = domain_paging(t),
                            .buffer = buffer(t, count),
                            .count = count,
                            .stride = stride};

    for (unsigned i = 0; i < count; i++) {
        map_gpa(t, s.domain, IOVA_1G + i * stride, gpa_of(s.buffer.data) + i * PAGE_SIZE, PAGE_SIZE,
                RW);
    }
    attach(t, s.domain, s.engine);
    for (unsigned i = 0; i < count; i++) {
        fill_by_device(t, s.engine, IOVA_1G + i * stride, 8, "DMA");
        CHECK_EQ(s.buffer.data[i * PAGE_SIZE], s.engine->ops->fill_value,
                 "first byte of a mapped page after the DMA");
    }
    buffer_refresh(&s.buffer);
    for (unsigned i = 0; i < count; i++)
        unmap(t, s.domain, IOVA_1G + i * stride, PAGE_SIZE);
    return s;
}

static void expect_flushed(struct test_run *t, struct stale_pages *s, unsigned i)
{
    expect_write_fault(t, s->engine, IOVA_1G + i * s->stride, 8, &s->buffer,
                       ORACLE_FAULT_CLASS_NOT_PRESENT, "page inside of a flushed block");
}

TEST(shift_0,
     PROMISE("A block of one page flushes that page")
     COVERS("LS-1 LS-9") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("Three pages that the device has used are unmapped. Each is flushed by a list of one "
           "element with shift 0, and tried right after it.")
     EXPECTS("Each page faults as not present after its own flush.")
     IF_IT_FAILS("A list element of one page is not carried out, or hits another page: look at the "
                 "split of the element into page number and shift."))
{
    struct stale_pages s = make_stale(t, 3, PAGE_SIZE);

    for (unsigned i = 0; i < 3; i++) {
        flush_block(t, s.domain, (IOVA_1G >> 12) + i, 0);
        expect_flushed(t, &s, i);
    }
}

TEST(shift_1,
     PROMISE("A block of two pages flushes both")
     COVERS("LS-1 LS-9") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("Two used pages are unmapped and flushed by one element with shift 1; the second page "
           "is tried first.")
     EXPECTS("Both fault as not present.")
     IF_IT_FAILS("Only the first page of a block is flushed: the shift is ignored."))
{
    struct stale_pages s = make_stale(t, 2, PAGE_SIZE);

    flush_block(t, s.domain, IOVA_1G >> 12, 1);
    expect_flushed(t, &s, 1);
    expect_flushed(t, &s, 0);
}

TEST(shift_2,
     PROMISE("A block of four pages flushes all four")
     COVERS("LS-1 LS-9") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("Four used pages are unmapped and flushed by one element with shift 2; they are tried "
           "from the last to the first.")
     EXPECTS("All four fault as not present.")
     IF_IT_FAILS("The size of a block is taken too small, or the address mask of the invalidation "
                 "is off by one."))
{
    struct stale_pages s = make_stale(t, 4, PAGE_SIZE);

    flush_block(t, s.domain, IOVA_1G >> 12, 2);
    for (unsigned i = 4; i-- > 0;)
        expect_flushed(t, &s, i);
}

TEST(shift_9,
     PROMISE("A block of 512 pages flushes its first, inner and last page")
     COVERS("LS-1 LS-9") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("Eight used pages, spread from the first to the last of 512, are unmapped and flushed "
           "by one element with shift 9.")
     EXPECTS("All eight fault as not present.")
     IF_IT_FAILS("Blocks that are larger than one leaf table are cut short."))
{
    struct stale_pages s = make_stale(t, 8, 73 * PAGE_SIZE); /* the last one is page 511 */

    flush_block(t, s.domain, IOVA_1G >> 12, 9);
    for (unsigned i = 8; i-- > 0;)
        expect_flushed(t, &s, i);
}

TEST(shift_18,
     PROMISE("A block of 2^18 pages (1 GiB) flushes its first, inner and last page")
     COVERS("LS-1 LS-9") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("Four used pages, spread from the first to the last of 2^18, are unmapped and flushed "
           "by one element with shift 18.")
     EXPECTS("All four fault as not present.")
     IF_IT_FAILS("Large blocks are cut to the limit of the hardware's address mask instead of "
                 "being split or widened."))
{
    struct stale_pages s = make_stale(t, 4, 87381 * PAGE_SIZE); /* the last one is page 2^18 - 1 */

    flush_block(t, s.domain, IOVA_1G >> 12, 18);
    for (unsigned i = 4; i-- > 0;)
        expect_flushed(t, &s, i);
}

TEST(shifts_between_19_and_35,
     PROMISE("Blocks larger than 1 GiB flush what lies in them")
     COVERS("LS-1 LS-9") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("For shifts 19, 23, 27, 31 and 35: two used pages are unmapped and flushed by one block "
           "of that size around them.")
     EXPECTS("Both pages fault as not present, for every shift.")
     IF_IT_FAILS("The host computes the size of a block in 32 bits, or ignores shifts that its "
                 "hardware has no mask for."))
{
    for (unsigned shift = 19; shift <= 35; shift += 4) {
        struct stale_pages s = make_stale(t, 2, 511 * PAGE_SIZE);

        flush_block(t, s.domain, (IOVA_1G >> 12) & ~((1ull << shift) - 1), shift);
        expect_flushed(t, &s, 0);
        expect_flushed(t, &s, 1);
    }
}

TEST(page_0_shift_52,
     PROMISE("Page 0 with shift 52 means everything: SUCCESS, and nothing old is left")
     COVERS("LS-2") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("Six used pages, far apart, are unmapped and flushed by the one element that means "
           "everything: page 0, shift 52.")
     EXPECTS("The call succeeds, and all six pages fault as not present.")
     IF_IT_FAILS("The full range is refused, overflows to nothing, or is taken for one page. Linux "
                 "sends it whenever a flush is large."))
{
    /* 22 GiB, or 1.1 GiB where IOVAs have fewer bits. */
    struct stale_pages s =
        make_stale(t, 6, (capabilities(t)->max_iova_width > 35 ? 0x123457 : 0x12345) * PAGE_SIZE);

    flush_block(t, s.domain, 0, HV_IOMMU_RANGE_SHIFT_ALL);
    for (unsigned i = 0; i < 6; i++)
        expect_flushed(t, &s, i);
}

/* One list with one block per stale page. */
static void flush_each(struct test_run *t, unsigned count)
{
    struct stale_pages s = make_stale(t, count, 3 * PAGE_SIZE);
    uint64_t *elements = page_alloc(1, PAGE_SIZE); /* HV_FLUSH_LIST_MAX of them */
    unsigned done = 0;

    REQUIRE(elements, "no memory for a list");
    for (unsigned i = 0; i < count; i++)
        elements[i] = hv_iommu_range((IOVA_1G >> 12) + i * 3, 0);
    CHECK_SUCCESS(iommu_flush_list(s.domain->id, elements, count, &done),
                  "flushing a list of blocks");
    CHECK_EQ(done, count, "elements completed");
    for (unsigned i = 0; i < count; i++)
        expect_flushed(t, &s, i);
}

TEST(two_elements,
     PROMISE("A list of two blocks flushes both")
     COVERS("LS-4 LS-1") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("Two used pages are unmapped and flushed by a list of two elements.")
     EXPECTS("The call reports two elements as done, and both pages fault.")
     IF_IT_FAILS("Only the first element is carried out."))
{
    flush_each(t, 2);
}

TEST(sixty_four_elements,
     PROMISE("A list of 64 blocks flushes every one and reports 64 elements done")
     COVERS("LS-4") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("64 used pages are unmapped and flushed by a list of 64 elements.")
     EXPECTS("The call reports 64 elements as done, and every page faults.")
     IF_IT_FAILS("The host stops at the end of an internal queue, or loses its place in the "
                 "continuation of a rep call."))
{
    flush_each(t, 64);
}

/* A full list in which only element `decisive` names the stale page; the others name pages that
 * were never mapped. */
static void flush_decisive(struct test_run *t, unsigned decisive)
{
    struct stale_pages s = make_stale(t, 1, PAGE_SIZE);
    uint64_t *elements = page_alloc(1, PAGE_SIZE); /* HV_FLUSH_LIST_MAX of them */
    unsigned done = 0;

    REQUIRE(elements, "no memory for a list");
    for (unsigned i = 0; i < HV_FLUSH_LIST_MAX; i++)
        elements[i] = hv_iommu_range(0x700000 + i * 2, 0);
    elements[decisive] = hv_iommu_range(IOVA_1G >> 12, 0);
    CHECK_SUCCESS(iommu_flush_list(s.domain->id, elements, HV_FLUSH_LIST_MAX, &done),
                  "flushing a list of 508 blocks");
    CHECK_EQ(done, HV_FLUSH_LIST_MAX, "elements completed");
    expect_flushed(t, &s, 0);
}

TEST(full_list_first_decides,
     PROMISE("In a list of 508 blocks the first one is done")
     COVERS("LS-4") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("A list of 508 elements, as many as fit; only element 0 names the page that was used "
           "and unmapped.")
     EXPECTS("All 508 are reported as done, and the page faults.")
     IF_IT_FAILS("The host starts after the first element, or replaces a long list by something "
                 "that does not cover it."))
{
    flush_decisive(t, 0);
}

TEST(full_list_middle_decides,
     PROMISE("In a list of 508 blocks one in the middle is done")
     COVERS("LS-4") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("A list of 508 elements; only element 255 names the page that was used and unmapped.")
     EXPECTS("All 508 are reported as done, and the page faults.")
     IF_IT_FAILS("Elements are lost where the host continues the call after an interruption."))
{
    flush_decisive(t, 255);
}

TEST(full_list_last_decides,
     PROMISE("In a list of 508 blocks the last one is done")
     COVERS("LS-4") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("A list of 508 elements; only the last one names the page that was used and unmapped.")
     EXPECTS("All 508 are reported as done, and the page faults.")
     IF_IT_FAILS("The last element is dropped, an off-by-one in the loop over the list."))
{
    flush_decisive(t, HV_FLUSH_LIST_MAX - 1);
}

/* A raw list call with everything under the test's control. */
static uint64_t raw_list(struct test_run *t, uint32_t domain_id, const uint64_t *elements,
                         unsigned count, unsigned start)
{
    struct hv_input_flush_device_domain_list *in = hypercall_input_page();

    (void)t;
    memset(in, 0, PAGE_SIZE);
    pviommu_fill_domain(&in->device_domain, domain_id);
    in->flags = HV_FLUSH_LIST_IOMMU_FORMAT;
    memcpy(in->range, elements, count * sizeof(*elements));
    return hypercall_raw(hv_control(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, count, start, 0), gpa_of(in),
                         0);
}

TEST(rep_start_skips_done_elements,
     PROMISE("A list call that starts at element 2 of 3 does that element and reports 3 done in "
             "all")
     COVERS("LS-4") ABI() DEVICES(ALL) KINDS("dma fault flush")
     STEPS("After a list of another domain, sends one of 3 elements with rep start 2. Element 2 "
           "names a used and unmapped page.")
     EXPECTS("The call succeeds, reports 3 elements in all as done, and the page faults.")
     IF_IT_FAILS("The host counts from zero, or takes elements or the domain from the wrong place "
                 "when a call continues."))
{
    struct stale_pages s = make_stale(t, 1, PAGE_SIZE);
    uint64_t elements[3] = {hv_iommu_range(1, 0), hv_iommu_range(2, 0),
                            hv_iommu_range(IOVA_1G >> 12, 0)};
    uint64_t result;

    raw_list(t, domain_paging(t)->id, elements, 3, 0);
    result = raw_list(t, s.domain->id, elements, 3, 2);
    CHECK_SUCCESS(hv_result_status(result), "list call with rep start 2");
    CHECK_EQ(hv_result_reps(result), 3, "elements completed, those before the start included");
    expect_flushed(t, &s, 0);
}

TEST(late_start_reads_its_own_header,
     PROMISE("A list call that starts at element 2 of 3 and names no domain is refused, whatever "
             "list came before it")
     COVERS("LS-4 FL-8") ABI() DEVICES(ALL) KINDS("flush bad-input")
     STEPS("After a list of a domain, sends one of 3 elements with rep start 2 that names no "
           "domain, and then one that names the domain.")
     EXPECTS("The second list is refused; the first and the third succeed.")
     IF_IT_FAILS("The host takes a list with a rep start above 0 for the rest of one whose header "
                 "it has seen."))
{
    uint32_t id = domain_paging(t)->id, none = fresh_domain_id(t);
    uint64_t elements[3] = {hv_iommu_range(1, 0), hv_iommu_range(2, 0), hv_iommu_range(3, 0)};
    enum hv_status before = hv_result_status(raw_list(t, id, elements, 3, 0));
    enum hv_status refused = hv_result_status(raw_list(t, none, elements, 3, 2));
    enum hv_status after = hv_result_status(raw_list(t, id, elements, 3, 2));

    CHECK_SUCCESS(before, "a list of a domain");
    CHECK(refused != HV_STATUS_SUCCESS, "a list of no domain with rep start 2 succeeds");
    CHECK_SUCCESS(after, "list call with rep start 2");
}

TEST(misaligned_page_never_flushes_less,
     PROMISE("A block whose page is not aligned to its size is refused, or flushes at least the "
             "pages it names")
     COVERS("LS-3") DEVICES(ALL) KINDS("dma fault flush bad-input")
     STEPS("Four used pages are unmapped. One element names page 1 with shift 1, which is not "
           "aligned to its size.")
     EXPECTS("The call is refused with no element done, or pages 1 and 2 both fault afterwards.")
     IF_IT_FAILS("The host rounds the page down and flushes pages 0 and 1: page 2, which was "
                 "named, stays reachable."))
{
    struct stale_pages s = make_stale(t, 4, PAGE_SIZE);
    uint64_t element = hv_iommu_range((IOVA_1G >> 12) + 1, 1); /* names pages 1 and 2 */
    unsigned done = 7;
    enum hv_status status = iommu_flush_list(s.domain->id, &element, 1, &done);

    OBSERVE("misaligned block: %s, %u done", hv_status_name(status), done);
    if (status != HV_STATUS_SUCCESS) {
        CHECK_EQ(done, 0, "elements completed by a refused list");
        return;
    }
    expect_flushed(t, &s, 1);
    expect_flushed(t, &s, 2);
}

TEST(error_at_an_element,
     PROMISE("When an element is refused, those before it are done and the count says how many")
     COVERS("LS-5") ABI() DEVICES(ALL) KINDS("dma fault flush bad-input")
     STEPS("Six used pages are unmapped. A list of five elements has a misaligned one in the "
           "fourth place.")
     EXPECTS("Either all is accepted, with 5 done and all pages unreachable; or the call fails "
             "with 3 done, and the three pages before the bad element fault.")
     IF_IT_FAILS("The host reports elements as done that it did not do, or undoes good ones. A "
                 "guest resumes after the count and so loses flushes."))
{
    struct stale_pages s = make_stale(t, 6, PAGE_SIZE);
    uint64_t page = IOVA_1G >> 12;
    /* The fourth names pages 3 and 4, but is not aligned to its size. */
    uint64_t elements[5] = {hv_iommu_range(page, 0), hv_iommu_range(page + 1, 0),
                            hv_iommu_range(page + 2, 0), hv_iommu_range(page + 3, 1),
                            hv_iommu_range(page + 5, 0)};
    uint64_t result = raw_list(t, s.domain->id, elements, 5, 0);
    unsigned flushed = 3;

    if (hv_result_status(result) == HV_STATUS_SUCCESS) {
        CHECK_EQ(hv_result_reps(result), 5, "elements completed by a list that succeeded");
        OBSERVE("the host accepts a misaligned block, so no element can be refused");
        flushed = 6;
    } else {
        CHECK_EQ(hv_result_reps(result), 3, "elements completed before the refused one");
    }
    for (unsigned i = 0; i < flushed; i++)
        expect_flushed(t, &s, i);
}

TEST(error_at_the_first_element,
     PROMISE("When the first element is refused, the count is 0")
     COVERS("LS-5") ABI() DEVICES(ALL) KINDS("bad-input flush")
     STEPS("A list of two elements has a misaligned one in the first place.")
     EXPECTS("Either both are accepted and 2 are done, or the call fails and 0 are done.")
     IF_IT_FAILS("A wrong count with an error: the guest would resume after an element that was "
                 "never flushed."))
{
    struct domain *d = (device(t), domain_paging(t));
    uint64_t elements[2] = {hv_iommu_range(1, 3), hv_iommu_range(8, 0)};
    uint64_t result = raw_list(t, d->id, elements, 2, 0);

    if (hv_result_status(result) == HV_STATUS_SUCCESS)
        CHECK_EQ(hv_result_reps(result), 2, "elements completed by a list that succeeded");
    else
        CHECK_EQ(hv_result_reps(result), 0, "elements completed before the refused one");
}

OBSERVATION(shift_53_to_63_and_reserved_bits,
            PROMISE("Shifts above 52 and reserved bits of an element: refused, or at least the "
                    "block is flushed")
            COVERS("LS-6") ABI() DEVICES(ALL) KINDS("dma flush bad-input")
            STEPS("For shifts 53, 57 and 63 and for elements with reserved bits set: a used page "
                  "is unmapped, and the odd element is sent.")
            EXPECTS("The element is refused; or it is accepted and then the page it names faults. "
                    "How many are refused is recorded.")
            IF_IT_FAILS("The host reports success for an element that it does not understand, and "
                        "flushes nothing."))
{
    static const uint64_t odd[] = {53, 57, 63, 0x40, 0x800, 0xFC0};
    unsigned refused = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(odd); i++) {
        struct stale_pages s = make_stale(t, 1, PAGE_SIZE);
        uint64_t element = (odd[i] > 63 ? hv_iommu_range(IOVA_1G >> 12, 0) : 0) | odd[i];
        enum hv_status status = iommu_flush_list(s.domain->id, &element, 1, NULL);

        STEP("list flush of element 0x%llx: %s", element, hv_status_name(status));
        refused += status != HV_STATUS_SUCCESS;
        if (status == HV_STATUS_SUCCESS)
            expect_flushed(t, &s, 0);
    }
    OBSERVE("%u of %u odd elements are refused", refused, (unsigned)ARRAY_SIZE(odd));
}

OBSERVATION(flags_other_than_iommu_format,
            PROMISE("A list with bit 0 of the flags clear, or with other bits set")
            COVERS("LS-7") ABI() DEVICES(NONE) KINDS("flush bad-input")
            STEPS("Sends the list flush with flags 0, 2, 3 and 0x80000001, then flushes the domain "
                  "as a whole.")
            EXPECTS("Any status for the odd flags, which is recorded; the domain flush succeeds.")
            IF_IT_FAILS("A flag that the host does not define breaks the domain."))
{
    struct domain *d = domain_paging(t);
    struct hv_input_flush_device_domain_list *in = hypercall_input_page();
    static const uint32_t flags[] = {0, 2, 3, 0x80000001};
    unsigned status[4];

    for (unsigned i = 0; i < 4; i++) {
        memset(in, 0, PAGE_SIZE);
        pviommu_fill_domain(&in->device_domain, d->id);
        in->flags = flags[i];
        in->range[0] = hv_iommu_range(16, 0);
        status[i] = hv_result_status(
            hypercall_raw(hv_control(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, 1, 0, 0), gpa_of(in), 0));
    }
    CHECK_SUCCESS(iommu_flush(d->id), "the domain afterwards");
    OBSERVE("flags 0: %s, 2: %s, 3: %s, 0x80000001: %s", hv_status_name(status[0]),
            hv_status_name(status[1]), hv_status_name(status[2]), hv_status_name(status[3]));
}

OBSERVATION(neighbours_of_a_block,
            PROMISE("Pages right before and after a flushed block: kept or dropped, either is "
                    "legal")
            COVERS("LS-9 FL-4") DEVICES(ALL) KINDS("dma flush")
            STEPS("Four used pages are unmapped, the second one is flushed by a block of one page; "
                  "then the pages before and after it are tried.")
            EXPECTS("The flushed page faults. The neighbors may be reached or not; what was seen "
                    "is recorded.")
            IF_IT_FAILS("The flushed page is reached: the block was taken for another one."))
{
    struct stale_pages s = make_stale(t, 4, PAGE_SIZE);
    bool before, after;

    flush_block(t, s.domain, (IOVA_1G >> 12) + 1, 0);
    expect_flushed(t, &s, 1);
    before = may_write(t, s.engine, IOVA_1G, &s.buffer, 0, 8, "page before the block");
    after = may_write(t, s.engine, IOVA_1G + 2 * PAGE_SIZE, &s.buffer, 2 * PAGE_SIZE, 8,
                      "page after the block");
    OBSERVE("page before the block: %s; after: %s", before ? "kept" : "dropped",
            after ? "kept" : "dropped");
}
