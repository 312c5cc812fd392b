/* SPDX-License-Identifier: MIT */
/* Entries that a flush of a range leaves in the caches of the software IOMMU. */
#include "lib/bits.h"
#include "tests/unit/softiommu_cached.h"

static void flush_of_a_page_leaves_the_rest(void **state)
{
    struct machine *m = machine_with(SOFTIOMMU_CACHE_ADVERSARIAL);
    struct softiommu_translation a = mapped(m, DID, IOVA, RW), b = domain_new(m, 4, DID + 1);

    (void)state;
    map(m, &a, IOVA + PAGE_SIZE, DATA, RW);
    map(m, &b, IOVA, DATA, RW);
    attach(m, 1, &b);
    target(m, 0, IOVA, WRITE);
    target(m, 0, IOVA + PAGE_SIZE, WRITE);
    target(m, 1, IOVA, WRITE);
    map(m, &a, IOVA, NEW, RW);
    map(m, &a, IOVA + PAGE_SIZE, NEW, RW);
    map(m, &b, IOVA, NEW, RW);
    softiommu_flush_range(m->iommu, DID, IOVA >> 12, 0);
    assert_int_equal(target(m, 0, IOVA, READ), NEW);
    assert_int_equal(target(m, 0, IOVA + PAGE_SIZE, READ), DATA);
    assert_int_equal(target(m, 1, IOVA, READ), DATA);
    softiommu_flush_domain(m->iommu, DID);
    assert_int_equal(target(m, 0, IOVA + PAGE_SIZE, READ), NEW);
    assert_int_equal(target(m, 1, IOVA, READ), DATA);
    machine_free(m);
}

static void whole_range_elements_flush_everything(void **state)
{
    static const struct {
        uint64_t page;
        unsigned shift;
    } element[] = {{0, 45}, {0, 52}, {0, 63}, {0, 64}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(element); i++) {
        struct machine *m = machine_with(SOFTIOMMU_CACHE_ADVERSARIAL);
        struct softiommu_translation t = domain_new(m, 5, DID);

        map(m, &t, 0, DATA, RW);
        map(m, &t, BITS(56, 12), DATA, RW);
        attach(m, 0, &t);
        target(m, 0, 0, READ);
        target(m, 0, BITS(56, 12), READ);
        softiommu_flush_range(m->iommu, DID, element[i].page, element[i].shift);
        assert_int_equal(all_entries(m), 0);
        machine_free(m);
    }
}

/* The end of a range that would be after the last page. */
static void ranges_do_not_wrap(void **state)
{
    struct machine *m = machine_with(SOFTIOMMU_CACHE_ADVERSARIAL);
    struct softiommu_translation t = domain_new(m, 5, DID);

    (void)state;
    map(m, &t, 0, DATA, RW);
    map(m, &t, BITS(56, 12), DATA, RW);
    attach(m, 0, &t);
    target(m, 0, 0, READ);
    target(m, 0, BITS(56, 12), READ);
    softiommu_flush_range(m->iommu, DID, BITS(56, 12) >> 12, 63);
    map(m, &t, 0, NEW, RW);
    map(m, &t, BITS(56, 12), NEW, RW);
    assert_int_equal(target(m, 0, BITS(56, 12), READ), NEW);
    assert_int_equal(target(m, 0, 0, READ), DATA);
    machine_free(m);
}

/* No matter which 4 KiB page of it the guest names. */
static void any_part_of_a_large_page_drops_it(void **state)
{
    static const unsigned level[] = {1, 2};
    static const uint64_t part[] = {0, 1, 511};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(level) * ARRAY_SIZE(part); i++) {
        struct machine *m = machine_with(SOFTIOMMU_CACHE_ADVERSARIAL);
        struct softiommu_translation t = domain_new(m, 4, DID);
        uint64_t page = part[i % 3] << (9 * (level[i / 3] - 1));

        *entry_of(m, &t, BIT(40), level[i / 3]) = RAM | RW | PS;
        attach(m, 0, &t);
        softiommu_set_ats(m->iommu, 0, true);
        assert_int_equal(target(m, 0, BIT(40) + 7 * PAGE_SIZE, WRITE), RAM + 7 * PAGE_SIZE);
        assert_int_equal(cache_of(m, SOFTIOMMU_IOTLB, 0).entries, 1);
        *entry_of(m, &t, BIT(40), level[i / 3]) = 0;
        softiommu_flush_range(m->iommu, DID, (BIT(40) >> 12) + page, 0);
        assert_int_equal(target(m, 0, BIT(40) + 7 * PAGE_SIZE, READ), REFUSED);
        machine_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flush_of_a_page_leaves_the_rest),
        cmocka_unit_test(whole_range_elements_flush_everything),
        cmocka_unit_test(ranges_do_not_wrap),
        cmocka_unit_test(any_part_of_a_large_page_drops_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
