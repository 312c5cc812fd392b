/* SPDX-License-Identifier: MIT */
/*
 * One processor makes a call while the other one changes a field of its input between a good and a
 * bad value (CON-3).
 *
 * The input of a call is memory of the guest. A host that reads a field once to check it and again
 * to use it can be made to check one value and to use another: the check sees an aligned top table
 * inside of the guest's memory, the use sees a different address. This is the double fetch, and it
 * is a way out of the partition, not only a wrong status.
 *
 * The second processor flips one 8-byte word without end, each time with one store, so that each
 * read of the host returns a whole good or a whole bad value. Either may be what the host sees
 * first: a refusal is as right as success. An accepted call must have the effect of the good value.
 * The two values are chosen so that their effects differ in memory: the bad list element names
 * another page, and the bad top table leads to other memory. Both have a reserved bit or a wrong
 * alignment in addition, which the check refuses. They differ in one byte, so that no copy can be a
 * mixture of them.
 *
 * Timing could hide the defect. The window between two reads is some nanoseconds long on real
 * hardware, and an emulator on one thread may never interrupt it. Forty rounds give a real host
 * forty chances; the defect in the reference host waits in the window until the word has changed. A
 * host that copies the list before it checks it passes each time.
 */
#define TEST_GROUP "concurrency"
#include "lib/string.h"
#include "tests/harness/second_processor.h"

#define BASE_IOVA  0x06000000ull
#define IOVA_OTHER 0x06001000ull
#define ROUNDS     40u
#define FEW_ROUNDS 3u /* with a slow device, as the second processor never rests */

/* Makes a value bad: a reserved bit of a list element, a misaligned top table. In the same byte as
 * bits 12 to 15. */
#define FLAW 0x800u

struct flipper {
    uint64_t *word;
    uint64_t good, bad;
    bool stop;
};

static void pause_a_while(void)
{
    for (unsigned i = 0; i < 20; i++)
        give_way();
}

static void flip(void *argument)
{
    struct flipper *f = argument;

    while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED)) {
        __atomic_store_n(f->word, f->bad, __ATOMIC_RELEASE);
        pause_a_while();
        __atomic_store_n(f->word, f->good, __ATOMIC_RELEASE);
        pause_a_while();
    }
}

static struct flipper *flipper(struct test_run *t, uint8_t *word, uint64_t good, uint64_t bad)
{
    struct flipper *f = second_memory(t, sizeof(*f));

    *f = (struct flipper){.word = (void *)word, .good = good, .bad = bad};
    STEP("the second processor changes a field between 0x%llx and 0x%llx", good, bad);
    second_begin(t, flip, f);
    return f;
}

static void stop(struct test_run *t, struct flipper *f)
{
    __atomic_store_n(&f->stop, true, __ATOMIC_RELAXED);
    second_end(t);
}

TEST(list_element_changes,
     PROMISE("A list flush whose element changes during the call flushes the page that was "
             "checked, or is refused")
     COVERS("CON-3") ABI() DEVICES(ALL) KINDS("dma bad-input fault flush")
     STEPS("A device uses a page, which is unmapped and flushed by a list of one element. The "
           "second processor changes the element all the while to a malformed one that names "
           "another page. 40 rounds.")
     EXPECTS("The call succeeds, and the page is out of reach; or the call is refused.")
     IF_IT_FAILS("The host reads the element twice, once to check it and once to use it."))
{
    struct dma_engine *e = device(t);
    const unsigned rounds = rounds_on(e, ROUNDS, FEW_ROUNDS);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 1);
    struct caller own = caller(t);
    const uint64_t good = hv_iommu_range(BASE_IOVA >> HV_PAGE_SHIFT, 0);
    const uint64_t bad = hv_iommu_range(IOVA_OTHER >> HV_PAGE_SHIFT, 0) | FLAW;
    struct flipper *f;
    unsigned refused = 0;

    need_second(t);
    attach(t, d, e);
    if (iommu_flush_list(d->id, &bad, 1, NULL) == HV_STATUS_SUCCESS)
        SKIP("this host accepts an element with a reserved bit: there is no bad value");
    f = flipper(t, own.input + sizeof(struct hv_input_flush_device_domain_list), good, bad);
    for (unsigned i = 0; i < rounds; i++) {
        enum hv_status status;
        unsigned done;

        map(t, d, BASE_IOVA, &b, RW);
        warm(t, e, BASE_IOVA, &b, "the page before it is unmapped");
        unmap(t, d, BASE_IOVA, PAGE_SIZE);
        status = caller_flush_page(&own, d->id, BASE_IOVA, 1, &done);
        STEP("list flush whose element changes: %s", hv_status_name(status));
        if (status == HV_STATUS_SUCCESS) {
            expect_write_fault(t, e, BASE_IOVA, 16, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                               "the page of an accepted list");
        }
        refused += status != HV_STATUS_SUCCESS;
        flush(t, d);
    }
    stop(t, f);
    STEP("%llu of %llu calls were refused", refused, rounds);
}

/* Two top tables side by side, with what the tables of two domains have. */
static uint8_t *two_roots(struct test_run *t, const struct domain *first,
                          const struct domain *second)
{
    uint8_t *roots = page_alloc(2, 16 * PAGE_SIZE);

    REQUIRE(roots, "no memory for two top tables");
    memcpy(roots, first->table.root, PAGE_SIZE);
    memcpy(roots + PAGE_SIZE, second->table.root, PAGE_SIZE);
    return roots;
}

static enum hv_status configure(const struct caller *c, uint32_t id, uint64_t root)
{
    struct hv_input_configure_device_domain configure = {
        .settings = {.flags = HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL, .page_table_root = root}};

    pviommu_fill_domain(&configure.device_domain, id);
    return caller_call(c, HVCALL_CONFIGURE_DEVICE_DOMAIN, &configure, sizeof(configure));
}

TEST(root_changes,
     PROMISE("CONFIGURE whose top table changes during the call uses the table that was checked, "
             "or is refused")
     COVERS("CON-3") ABI() DEVICES(ALL) KINDS("dma bad-input")
     STEPS("Configures a domain with a top table, which the second processor changes all the while "
           "to a misaligned address in another top table. Then a device in the domain tries a page "
           "that both tables map, to different memory. 40 rounds.")
     EXPECTS("The call succeeds, and the device reaches the memory of the first table; or the call "
             "is refused.")
     IF_IT_FAILS("The host reads the address of the table twice, once to check it and once to use "
                 "it."))
{
    struct dma_engine *e = device(t);
    const unsigned rounds = rounds_on(e, ROUNDS, FEW_ROUNDS);
    struct buffer b = buffer(t, 1), decoy = buffer(t, 1);
    struct domain *park = domain_blocked(t);
    struct domain *wanted = domain_mapping(t, BASE_IOVA, &b),
                  *other = domain_mapping(t, BASE_IOVA, &decoy);
    struct caller own = caller(t);
    uint32_t id = fresh_domain_id(t);
    struct flipper *f;
    uint64_t good, bad;

    need_second(t);
    good = gpa_of(two_roots(t, wanted, other));
    bad = good + PAGE_SIZE + FLAW;
    CHECK_SUCCESS(iommu_create(id), "creating a domain");
    if (configure(&own, id, bad) == HV_STATUS_SUCCESS)
        SKIP("this host accepts a misaligned top table: there is no bad value");
    CHECK_SUCCESS(iommu_delete(id), "deleting it");
    f = flipper(
        t, own.input + offsetof(struct hv_input_configure_device_domain, settings.page_table_root),
        good, bad);
    for (unsigned i = 0; i < rounds; i++) {
        enum hv_status status;

        CHECK_SUCCESS(iommu_create(id), "creating a domain");
        status = configure(&own, id, good);
        STEP("configure the domain with a root that changes: %s", hv_status_name(status));
        if (status == HV_STATUS_SUCCESS) {
            CHECK_SUCCESS(iommu_attach(id, e->device_id), "ATTACH to the configured domain");
            expect_write(t, e, BASE_IOVA, &b, 0, 16, "DMA by the table that was checked");
            expect_untouched(t, &decoy, "memory of the table that was not checked");
            attach(t, park, e);
        }
        CHECK_SUCCESS(iommu_delete(id), "deleting it");
    }
    stop(t, f);
}
