/* SPDX-License-Identifier: MIT */
#include "lib/bits.h"
#include "lib/iova.h"

#include <string.h>

#include "tests/unit/unit.h"

#define WINDOW 2048u /* pages of the model */
#define RANGES 256u

/* One byte per page of a window: 0 free, 1 taken, 2 first page of a taken range, 3 reserved. */
struct model {
    uint64_t base;
    unsigned char page[WINDOW];
};

static bool model_is_free(const struct model *m, uint64_t first, uint64_t count)
{
    if (first + count > WINDOW)
        return false;
    for (uint64_t i = first; i < first + count; i++)
        if (m->page[i] != 0)
            return false;
    return true;
}

static uint64_t round_to_power(uint64_t pages)
{
    uint64_t power = 1;

    while (power < pages)
        power *= 2;
    return power;
}

/* Lowest page that fits, WINDOW when none does. */
static uint64_t model_find(const struct model *m, uint64_t count)
{
    for (uint64_t first = 0; first < WINDOW; first++)
        if ((m->base / PAGE_SIZE + first) % round_to_power(count) == 0 &&
            model_is_free(m, first, count))
            return first;
    return WINDOW;
}

static void model_take(struct model *m, uint64_t first, uint64_t count)
{
    memset(&m->page[first], 1, count);
    m->page[first] = 2;
}

static void model_free(struct model *m, uint64_t first)
{
    m->page[first++] = 0;
    while (first < WINDOW && m->page[first] == 1)
        m->page[first++] = 0;
}

static void run_against_model(struct random *r, uint64_t base)
{
    static struct iova_range storage[RANGES];
    struct iova_allocator a;
    struct model m = {.base = base};
    unsigned live = 0;

    for (unsigned i = 0; i < WINDOW; i++) {
        uint64_t at = base + i * PAGE_SIZE;

        if (at >= IOVA_MSI_FIRST && at <= IOVA_MSI_LAST)
            m.page[i] = 3;
    }
    iova_init(&a, base, base + WINDOW * PAGE_SIZE, storage, RANGES);
    for (int run = 0; run < 20000; run++) {
        uint64_t pages = 1 + random_below(r, 1ull << random_below(r, 9));
        uint64_t length = pages * PAGE_SIZE - random_below(r, PAGE_SIZE);
        uint64_t first = random_below(r, WINDOW), iova = 0;
        unsigned what = (unsigned)random_below(r, 4);
        bool ok, expected;

        if (what == 0) {
            expected = m.page[first] == 2;
            ok = iova_free(&a, base + first * PAGE_SIZE);
            if (ok && expected) {
                model_free(&m, first);
                live--;
            }
        } else if (what == 1) {
            expected = live < RANGES && model_is_free(&m, first, pages);
            ok = iova_alloc_at(&a, base + first * PAGE_SIZE, length);
        } else {
            first = model_find(&m, pages);
            expected = live < RANGES && first < WINDOW;
            ok = iova_alloc(&a, length, &iova);
            if (ok && expected)
                assert_true(iova == base + first * PAGE_SIZE);
        }
        assert_int_equal(ok, expected);
        if (ok && what != 0) {
            model_take(&m, first, pages);
            live++;
        }
        assert_int_equal(a.busy_count, live);
    }
}

static void random_operations_agree_with_a_page_map(void **state)
{
    struct random r = unit_random();

    (void)state;
    run_against_model(&r, 0);
    run_against_model(&r, 0x10000 * PAGE_SIZE);
    run_against_model(&r, IOVA_MSI_FIRST - 4 * (1ull << 20)); /* the MSI window in the middle */
    run_against_model(&r, IOVA_MSI_FIRST);
    run_against_model(&r, (1ull << 57) - WINDOW * PAGE_SIZE);
    run_against_model(&r, 77 * PAGE_SIZE); /* nothing in it is aligned */
}

static void msi_window_is_never_handed_out(void **state)
{
    struct iova_range storage[64];
    struct iova_allocator a;
    uint64_t iova;

    (void)state;
    iova_init(&a, IOVA_MSI_FIRST, IOVA_MSI_LAST + 1, storage, ARRAY_SIZE(storage));
    assert_false(iova_alloc(&a, PAGE_SIZE, &iova));
    assert_false(iova_alloc_at(&a, IOVA_MSI_FIRST, PAGE_SIZE));
    assert_false(iova_alloc_at(&a, IOVA_MSI_LAST + 1 - PAGE_SIZE, PAGE_SIZE));
    assert_false(iova_free(&a, IOVA_MSI_FIRST));

    iova_init(&a, 0, 1ull << 48, storage, ARRAY_SIZE(storage));
    assert_false(iova_alloc_at(&a, IOVA_MSI_FIRST - PAGE_SIZE, 2 * PAGE_SIZE));
    assert_false(iova_alloc_at(&a, IOVA_MSI_LAST + 1 - PAGE_SIZE, 2 * PAGE_SIZE));
    assert_false(iova_alloc_at(&a, 0, 1ull << 33)); /* swallows it whole */
    assert_true(iova_alloc_at(&a, IOVA_MSI_FIRST - PAGE_SIZE, PAGE_SIZE));
    assert_true(iova_alloc_at(&a, IOVA_MSI_LAST + 1, PAGE_SIZE));

    /* A range too large for the space below is placed above. */
    assert_true(iova_alloc(&a, 1ull << 32, &iova));
    assert_true(iova == 1ull << 32);
    for (unsigned i = 0; i < 60 && iova_alloc(&a, 1ull << 28, &iova); i++)
        assert_true(iova > IOVA_MSI_LAST || iova + (1ull << 28) <= IOVA_MSI_FIRST);
}

static void length_is_rounded_and_aligned_to_its_power_of_two(void **state)
{
    struct iova_range storage[8];
    struct iova_allocator a;
    uint64_t iova;

    (void)state;
    iova_init(&a, PAGE_SIZE, 1ull << 30, storage, ARRAY_SIZE(storage));
    assert_true(iova_alloc(&a, 1, &iova) && iova == 1 * PAGE_SIZE);
    assert_true(iova_alloc(&a, 3 * PAGE_SIZE, &iova) && iova == 4 * PAGE_SIZE);
    assert_true(iova_alloc(&a, PAGE_SIZE + 1, &iova) && iova == 2 * PAGE_SIZE);
    assert_true(iova_alloc(&a, PAGE_SIZE, &iova) &&
                iova == 7 * PAGE_SIZE); /* right after the three pages */
    assert_true(iova_alloc(&a, 1ull << 29, &iova) && iova == 1ull << 29);
    assert_false(iova_alloc(&a, 1ull << 29, &iova));
}

static void hostile_arguments_are_refused(void **state)
{
    struct iova_range storage[4];
    struct iova_allocator a;
    uint64_t iova;

    (void)state;
    iova_init(&a, 0, 1ull << 48, storage, ARRAY_SIZE(storage));
    assert_false(iova_alloc(&a, 0, &iova));
    assert_false(iova_alloc(&a, UINT64_MAX, &iova));
    assert_false(iova_alloc(&a, (1ull << 63) + 1, &iova));
    assert_false(iova_alloc(&a, 1ull << 63, &iova));
    assert_false(iova_alloc_at(&a, 0, 0));
    assert_false(iova_alloc_at(&a, 1, PAGE_SIZE));
    assert_false(iova_alloc_at(&a, 1ull << 48, PAGE_SIZE));
    assert_false(iova_alloc_at(&a, (1ull << 48) - PAGE_SIZE, 2 * PAGE_SIZE));
    assert_false(iova_alloc_at(&a, PAGE_SIZE, UINT64_MAX - 2 * PAGE_SIZE));
    assert_false(iova_alloc_at(&a, UINT64_MAX - PAGE_SIZE + 1, PAGE_SIZE));
    assert_false(iova_free(&a, 0));
    assert_true(iova_alloc_at(&a, 4 * PAGE_SIZE, 4 * PAGE_SIZE));
    assert_false(iova_free(&a, 5 * PAGE_SIZE)); /* inside, not the start */
    assert_false(iova_free(&a, 8 * PAGE_SIZE));
    assert_true(iova_free(&a, 4 * PAGE_SIZE));
    assert_false(iova_free(&a, 4 * PAGE_SIZE));
}

static void windows_round_inwards_and_may_be_empty(void **state)
{
    static const uint64_t empty[][2] = {{PAGE_SIZE, PAGE_SIZE},
                                        {2 * PAGE_SIZE, PAGE_SIZE},
                                        {1, PAGE_SIZE},
                                        {UINT64_MAX, UINT64_MAX},
                                        {0, 0}};
    struct iova_range storage[4];
    struct iova_allocator a;
    uint64_t iova;

    (void)state;
    iova_init(&a, 1, 3 * PAGE_SIZE - 1, storage, ARRAY_SIZE(storage));
    assert_true(a.first == PAGE_SIZE && a.limit == 2 * PAGE_SIZE);
    assert_true(iova_alloc(&a, PAGE_SIZE, &iova) && iova == PAGE_SIZE);
    assert_false(iova_alloc(&a, PAGE_SIZE, &iova));
    for (size_t i = 0; i < ARRAY_SIZE(empty); i++) {
        iova_init(&a, empty[i][0], empty[i][1], storage, ARRAY_SIZE(storage));
        assert_false(iova_alloc(&a, PAGE_SIZE, &iova));
        assert_false(iova_alloc_at(&a, PAGE_SIZE, PAGE_SIZE));
    }
    /* The top of the 64-bit space: arithmetic must not wrap. */
    iova_init(&a, UINT64_MAX - 4 * PAGE_SIZE, UINT64_MAX, storage, ARRAY_SIZE(storage));
    assert_true(iova_alloc(&a, PAGE_SIZE, &iova));
    assert_false(iova_alloc(&a, 4 * PAGE_SIZE, &iova));
    assert_false(iova_alloc(&a, 1ull << 40, &iova));
}

static void full_space_does_not_wrap_to_its_start(void **state)
{
    struct iova_range storage[4];
    struct iova_allocator a;
    uint64_t iova;

    (void)state;
    iova_init(&a, 0, UINT64_MAX, storage, ARRAY_SIZE(storage));
    assert_true(iova_alloc_at(&a, 0, IOVA_MSI_FIRST));
    assert_true(iova_alloc_at(&a, IOVA_MSI_LAST + 1, a.limit - (IOVA_MSI_LAST + 1)));
    assert_false(iova_alloc(&a, PAGE_SIZE, &iova));
    assert_false(iova_alloc(&a, 2 * PAGE_SIZE, &iova));
}

static void storage_limits_the_number_of_ranges(void **state)
{
    struct iova_range storage[2];
    struct iova_allocator a;
    uint64_t iova;

    (void)state;
    iova_init(&a, 0, 1ull << 30, storage, 2);
    assert_true(iova_alloc(&a, PAGE_SIZE, &iova));
    assert_true(iova_alloc(&a, PAGE_SIZE, &iova));
    assert_false(iova_alloc(&a, PAGE_SIZE, &iova));
    assert_false(iova_alloc_at(&a, 1ull << 20, PAGE_SIZE));
    assert_true(iova_free(&a, 0));
    assert_true(iova_alloc(&a, PAGE_SIZE, &iova) && iova == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_agree_with_a_page_map),
        cmocka_unit_test(msi_window_is_never_handed_out),
        cmocka_unit_test(length_is_rounded_and_aligned_to_its_power_of_two),
        cmocka_unit_test(hostile_arguments_are_refused),
        cmocka_unit_test(windows_round_inwards_and_may_be_empty),
        cmocka_unit_test(full_space_does_not_wrap_to_its_start),
        cmocka_unit_test(storage_limits_the_number_of_ranges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
