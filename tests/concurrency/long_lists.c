/* SPDX-License-Identifier: MIT */
/* Lists that a host may carry out in parts, while and after another processor has one: each goes on
 * where it was itself. */
#define TEST_GROUP "concurrency"
#include "abi/hypercall.h"
#include "lib/string.h"
#include "tests/harness/second_processor.h"

#define LENGTH      8u
#define PAGES       8u
#define LIST_PAGES  508u
#define UNUSED_PAGE ((IOVA_1G + SIZE_1G) >> HV_PAGE_SHIFT)
#define BAD_ELEMENT (hv_iommu_range(UNUSED_PAGE, 0) | HV_IOMMU_RANGE_RESERVED)
#define LATE_START  64u
#define ROUNDS      24u
#define LISTS_MAX   4000u /* of the other processor, in which the first one's end */

/* A list that is ready in the input page of its processor. */
struct long_list {
    struct caller caller;
    unsigned count;
};

static struct hv_input_flush_device_domain_list *input_of(const struct long_list *list)
{
    return (void *)list->caller.input;
}

/* All elements name pages that no device has used. */
static void fill(struct long_list *list, uint32_t domain_id)
{
    struct hv_input_flush_device_domain_list *input = input_of(list);

    memset(input, 0, sizeof(*input));
    pviommu_fill_domain(&input->device_domain, domain_id);
    input->flags = HV_FLUSH_LIST_IOMMU_FORMAT;
    for (unsigned i = 0; i < LIST_PAGES; i++)
        input->range[i] = hv_iommu_range(UNUSED_PAGE + i, 0);
    list->count = LIST_PAGES;
}

/* From element `start` on. The host need not do all in one call. */
static uint64_t flush_from(const struct long_list *list, unsigned start)
{
    uint64_t result = hv_result(HV_STATUS_SUCCESS, start);

    for (unsigned calls = 0; hv_result_status(result) == HV_STATUS_SUCCESS &&
                             hv_result_reps(result) < list->count && calls < LIST_PAGES;
         calls++) {
        result = hypercall_raw(
            hv_control(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, list->count, hv_result_reps(result), 0),
            gpa_of(list->caller.input), 0);
    }
    return result;
}

/* Bits beside these two fields are to be ignored. */
static bool is_whole(uint64_t result, const struct long_list *list)
{
    return hv_result_status(result) == HV_STATUS_SUCCESS && hv_result_reps(result) == list->count;
}

struct lists_of_second {
    struct long_list list;
    uint32_t arrivals;
    bool stop;
    unsigned made, failed;
};

static void flush_once(void *argument)
{
    struct lists_of_second *s = argument;

    s->made++;
    s->failed += !is_whole(flush_from(&s->list, 0), &s->list);
}

static void flush_until_stop(void *argument)
{
    struct lists_of_second *s = argument;

    if (!rendezvous(&s->arrivals, 0))
        return;
    while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED) && s->made < LISTS_MAX) {
        flush_once(s);
        give_way();
    }
}

static struct lists_of_second *second_lists(struct test_run *t)
{
    struct lists_of_second *s = second_memory(t, sizeof(*s));

    need_second(t);
    s->list.caller = caller(t);
    fill(&s->list, domain_paging(t)->id);
    return s;
}

TEST(late_list_after_long_one,
     PROMISE("A list with rep start 64 does all elements from 64 on, wherever a long list of "
             "another processor has been")
     COVERS("LS-4 GEN-16 FL-1") ABI() DEVICES(ALL) KINDS("dma fault flush")
     STEPS("The device uses 8 pages, which are unmapped. The second processor flushes 508 pages of "
           "another domain. The first one sends a list of 508 elements with rep start 64, among "
           "which those of the 8 pages are spread. The device tries each page.")
     EXPECTS("All 508 elements count as done, and no page is reached.")
     IF_IT_FAILS("The host keeps the place where a list goes on for all processors, and takes a "
                 "list that starts late for the rest of another one."))
{
    struct dma_engine *e = device(t);
    const unsigned count = rounds_on(e, PAGES, 2);
    struct lists_of_second *s = second_lists(t);
    struct long_list list = {.caller = caller(t)};
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, PAGES);
    uint64_t result;

    fill(&list, d->id);
    attach(t, d, e);
    for (unsigned i = 0; i < count; i++) {
        uint64_t iova = IOVA_1G + i * PAGE_SIZE;

        map_gpa(t, d, iova, gpa_of(b.data) + i * PAGE_SIZE, PAGE_SIZE, RW);
        fill_by_device(t, e, iova, LENGTH, "mapped");
        input_of(&list)->range[LATE_START + i * 50] = hv_iommu_range(iova >> HV_PAGE_SHIFT, 0);
    }
    buffer_refresh(&b);
    for (unsigned i = 0; i < count; i++)
        unmap(t, d, IOVA_1G + i * PAGE_SIZE, PAGE_SIZE);
    on_second(t, flush_once, s);
    result = flush_from(&list, LATE_START);
    CHECK_EQ(s->failed, 0, "lists of the second processor that failed");
    CHECK_SUCCESS(hv_result_status(result), "a list with rep start 64");
    CHECK_EQ(hv_result_reps(result), list.count, "elements completed");
    for (unsigned i = 0; i < count; i++) {
        expect_write_fault(t, e, IOVA_1G + i * PAGE_SIZE, LENGTH, &b,
                           ORACLE_FAULT_CLASS_NOT_PRESENT, "a page of the list");
    }
}

static unsigned bad_place(unsigned round)
{
    return LATE_START + round % ROUNDS * 18;
}

TEST(lists_keep_their_places,
     PROMISE("While another processor makes long lists, each list ends at its own bad element")
     COVERS("GEN-16 CON-1 LS-4 LS-5") ABI() DEVICES(NONE) KINDS("flush bad-input")
     STEPS("The first processor makes a list of 508 elements with a bad one at 64, then others "
           "with a bad one at 64 to 478 while the second one makes lists of 508 good ones over and "
           "over.")
     EXPECTS("If the first list was refused, each ends at its bad element with an error; "
             "and the lists of the second processor are done as a whole.")
     IF_IT_FAILS("A list that is carried out in parts goes on where another processor's list is: "
                 "elements are left out, and their pages stay cached."))
{
    struct lists_of_second *s = second_lists(t);
    struct long_list list = {.caller = caller(t)};
    uint64_t result[ROUNDS + 1];

    fill(&list, domain_paging(t)->id);
    for (unsigned i = 0; i <= ROUNDS; i++) {
        if (i == 1) {
            second_begin(t, flush_until_stop, s);
            REQUIRE(rendezvous(&s->arrivals, 0), "the second processor does not come");
        }
        input_of(&list)->range[bad_place(i)] = BAD_ELEMENT;
        result[i] = flush_from(&list, 0);
        input_of(&list)->range[bad_place(i)] = hv_iommu_range(UNUSED_PAGE, 0);
    }
    __atomic_store_n(&s->stop, true, __ATOMIC_RELAXED);
    second_end(t);
    STEP("the second processor has made %llu lists", s->made);
    CHECK_EQ(s->failed, 0, "lists of the second processor that failed");
    if (hv_result_status(result[0]) == HV_STATUS_SUCCESS)
        SKIP("the host takes an element with reserved bits");
    for (unsigned i = 0; i <= ROUNDS; i++) {
        CHECK_REFUSED(hv_result_status(result[i]), "a list with a bad element");
        CHECK_EQ(hv_result_reps(result[i]), bad_place(i), "elements in front of the bad one");
    }
}
