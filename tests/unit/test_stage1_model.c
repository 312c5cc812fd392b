/* SPDX-License-Identifier: MIT */
/*
 * Random operations on a tree and on a naive model of it: an array with one word per 4 KiB page, in
 * a few windows of the IOVA space that cross the borders of every table level. The model knows
 * translations only; leaf sizes, table counts and entry bits are checked in the tree itself.
 */
#include "lib/bits.h"
#include "tests/unit/stage1_fixture.h"

#define OPERATIONS  10000u
#define WINDOWS     3u
#define CHECK_EVERY 200u /* operations between two checks of the whole tree */

#define MODEL_MAPPED   1u
#define MODEL_WRITABLE 2u

struct window {
    uint64_t base;
    uint64_t *page; /* 0, or GPA and the two bits above */
};

struct run {
    struct random r;
    struct fixture f;
    struct stage1_freed freed;
    struct window window[WINDOWS];
    uint64_t pages;                          /* per window */
    unsigned done[5][STAGE1_ERR_FORMAT + 1]; /* per operation and status */
};

struct range {
    struct window *w;
    uint64_t first, count; /* pages */
    uint64_t iova, length;
};

enum operation { MAP, UNMAP, PROTECT, SPLIT, MERGE };

/* Any size from one page to a few superpages, edges aligned to a superpage or not. */
static struct range random_range(struct run *run)
{
    static const uint64_t grain[] = {1, 1, 1, 1, 512, 512, 512 * 512};
    struct random *r = &run->r;
    struct range range = {.w = &run->window[random_below(r, WINDOWS)]};
    uint64_t unit = grain[random_below(r, ARRAY_SIZE(grain))];

    /* Ranges of 1 GiB cost a second in all when they are as frequent as the others. */
    if (unit >= run->pages || (unit == 512 * 512 && random_below(r, 4) != 0))
        unit = 1;
    range.first = random_below(r, run->pages / unit) * unit;
    range.count = (1 + random_below(r, random_below(r, 2) == 0 ? 4 : unit == 1 ? 1500 : 8)) * unit;
    if (unit > 1 && random_below(r, 3) == 0)
        range.count += random_below(r, 600);
    if (range.count > run->pages - range.first)
        range.count = run->pages - range.first;
    range.iova = range.w->base + range.first * SIZE_4K;
    range.length = range.count * SIZE_4K;
    return range;
}

/* Often aligned like the IOVA, so that superpages are possible. */
static uint64_t random_gpa(struct run *run, uint64_t iova)
{
    static const uint64_t alike[] = {SIZE_4K, SIZE_2M, SIZE_1G, SIZE_1G};
    uint64_t size = alike[random_below(&run->r, ARRAY_SIZE(alike))];
    uint64_t high = random_below(&run->r, 1ull << 50) & ~(size - 1);

    return high | (iova & (size - 1));
}

static unsigned random_prot(struct run *run)
{
    return random_below(&run->r, 2) == 0 ? STAGE1_READ : RW;
}

static uint64_t count_mapped(const struct range *range)
{
    uint64_t mapped = 0;

    for (uint64_t i = 0; i < range->count; i++)
        mapped += range->w->page[range->first + i] != 0;
    return mapped;
}

/* The leaf over a page of a range that was mapped in one go is the largest that lies inside the
 * range. */
static void check_leaf_size(const struct run *run, const struct range *range, uint64_t gpa,
                            uint64_t iova)
{
    struct stage1_walk walk;
    uint64_t expected = SIZE_4K;

    for (uint64_t size = SIZE_2M; size <= SIZE_1G; size <<= 9) {
        uint64_t start = iova & ~(size - 1);

        if ((run->f.s.page_sizes & size) != 0 && start >= range->iova &&
            start + size <= range->iova + range->length && (gpa - range->iova) % size == 0)
            expected = size;
    }
    assert_int_equal(stage1_walk(&run->f.s, iova, &walk), STAGE1_OK);
    assert_true(walk.page_size == expected);
}

static enum stage1_status do_map(struct run *run, const struct range *range)
{
    uint64_t gpa = random_gpa(run, range->iova), before = 0;
    unsigned prot = random_prot(run);
    bool exists = count_mapped(range) > 0;
    bool may_fail = exists || run->f.limited;
    enum stage1_status status;

    if (may_fail)
        before = fixture_fingerprint(&run->f);
    status = stage1_map(&run->f.s, range->iova, gpa, range->length, prot);
    if (exists)
        assert_int_equal(status, STAGE1_ERR_EXISTS);
    if (status != STAGE1_OK) {
        assert_true(may_fail && fixture_fingerprint(&run->f) == before);
        return status;
    }
    for (uint64_t i = 0; i < range->count; i++)
        range->w->page[range->first + i] =
            (gpa + i * SIZE_4K) | MODEL_MAPPED | (prot == RW ? MODEL_WRITABLE : 0);
    check_leaf_size(run, range, gpa, range->iova);
    check_leaf_size(run, range, gpa, range->iova + random_below(&run->r, range->length));
    check_leaf_size(run, range, gpa, range->iova + range->length - 1);
    return status;
}

static enum stage1_status do_unmap(struct run *run, const struct range *range)
{
    uint64_t expected = count_mapped(range) * SIZE_4K, unmapped = 1;
    enum stage1_status status =
        stage1_unmap(&run->f.s, range->iova, range->length, &run->freed, &unmapped);

    assert_true(unmapped == (status == STAGE1_OK ? expected : 0));
    for (uint64_t i = 0; status == STAGE1_OK && i < range->count; i++)
        range->w->page[range->first + i] = 0;
    return status;
}

static enum stage1_status do_protect(struct run *run, const struct range *range)
{
    unsigned prot = random_prot(run);
    enum stage1_status status = stage1_protect(&run->f.s, range->iova, range->length, prot);

    for (uint64_t i = 0; status == STAGE1_OK && i < range->count; i++) {
        uint64_t *page = &range->w->page[range->first + i];

        if (*page != 0)
            *page = (*page & ~(uint64_t)MODEL_WRITABLE) | (prot == RW ? MODEL_WRITABLE : 0);
    }
    return status;
}

static enum stage1_status do_split(struct run *run, uint64_t iova)
{
    uint64_t sizes = run->f.s.page_sizes;
    struct stage1_walk before, after;
    bool superpage =
        stage1_walk(&run->f.s, iova, &before) == STAGE1_OK && before.page_size > SIZE_4K;
    enum stage1_status status = stage1_split(&run->f.s, iova);

    if (!superpage)
        assert_int_equal(status, STAGE1_ERR_NOT_MAPPED);
    else if (!run->f.limited)
        assert_int_equal(status, STAGE1_OK);
    assert_int_equal(stage1_walk(&run->f.s, iova, &after) == STAGE1_OK, before.present);
    assert_true(after.gpa == before.gpa && after.writable == before.writable);
    if (status == STAGE1_OK)
        assert_true(after.page_size ==
                    (before.page_size == SIZE_1G && (sizes & SIZE_2M) != 0 ? SIZE_2M : SIZE_4K));
    else
        assert_true(after.page_size == before.page_size);
    return status;
}

/* By walks alone: 512 leaves of the next smaller level, one behind the other and alike. */
static bool can_merge(const struct run *run, uint64_t iova, uint64_t size)
{
    struct stage1_walk first, walk;

    iova &= ~(size - 1);
    if (stage1_walk(&run->f.s, iova, &first) != STAGE1_OK || first.page_size != size / 512 ||
        first.gpa % size != 0)
        return false;
    for (uint64_t i = 1; i < 512; i++)
        if (stage1_walk(&run->f.s, iova + i * (size / 512), &walk) != STAGE1_OK ||
            walk.page_size != first.page_size || walk.gpa != first.gpa + i * (size / 512) ||
            walk.writable != first.writable)
            return false;
    return true;
}

static enum stage1_status do_merge(struct run *run, uint64_t iova)
{
    unsigned level = 1 + (unsigned)random_below(&run->r, 2);
    uint64_t size = SIZE_4K << (9 * level);
    enum stage1_status expected = can_merge(run, iova, size) ? STAGE1_OK : STAGE1_ERR_NOT_MAPPED;
    struct stage1_walk walk;
    enum stage1_status status;

    if ((run->f.s.page_sizes & size) == 0)
        expected = STAGE1_ERR_FORMAT;
    else if (expected == STAGE1_OK && run->freed.merged_count == STAGE1_MERGED_MAX)
        expected = STAGE1_ERR_NO_MEMORY;
    status = stage1_merge(&run->f.s, iova, level, &run->freed);
    assert_int_equal(status, expected);
    if (status == STAGE1_OK) {
        assert_int_equal(stage1_walk(&run->f.s, iova, &walk), STAGE1_OK);
        assert_true(walk.page_size == size);
    }
    return status;
}

static void compare_leaf(void *context, uint64_t iova, uint64_t gpa, uint64_t size, bool writable)
{
    struct run *run = context;

    for (unsigned i = 0; i < WINDOWS; i++) {
        uint64_t first = (iova - run->window[i].base) / SIZE_4K;

        if (iova < run->window[i].base || first >= run->pages)
            continue;
        for (uint64_t n = 0; n < size / SIZE_4K; n++) {
            uint64_t expected =
                (gpa + n * SIZE_4K) | MODEL_MAPPED | (writable ? MODEL_WRITABLE : 0);

            if (run->window[i].page[first + n] != expected)
                fail_msg("IOVA 0x%llx: tree 0x%llx, model 0x%llx",
                         (unsigned long long)(iova + n * SIZE_4K), (unsigned long long)expected,
                         (unsigned long long)run->window[i].page[first + n]);
        }
        run->window[i].page[run->pages] +=
            size / SIZE_4K; /* word after the last page: pages seen in the tree */
        return;
    }
    fail_msg("leaf outside of all windows: IOVA 0x%llx", (unsigned long long)iova);
}

/* Tree and model agree on every page: each leaf is in the model, and the model has no page more. */
static void compare_all(struct run *run)
{
    for (unsigned i = 0; i < WINDOWS; i++)
        run->window[i].page[run->pages] = 0;
    fixture_check_tree(&run->f, compare_leaf, run);
    for (unsigned i = 0; i < WINDOWS; i++) {
        struct range all = {.w = &run->window[i], .count = run->pages};

        assert_true(count_mapped(&all) == run->window[i].page[run->pages]);
    }
    fixture_check_freed(&run->freed);
}

/* The walk of a page, with its permission, against the model. */
static void compare_walk(struct run *run)
{
    struct range range = random_range(run);
    uint64_t page = range.w->page[range.first], offset = random_below(&run->r, SIZE_4K);
    struct stage1_walk walk;

    assert_int_equal(stage1_walk(&run->f.s, range.iova + offset, &walk),
                     page != 0 ? STAGE1_OK : STAGE1_ERR_NOT_MAPPED);
    assert_int_equal(walk.present, page != 0);
    if (page != 0) {
        assert_true(walk.gpa == (page & ~(SIZE_4K - 1)) + offset);
        assert_int_equal(walk.writable, (page & MODEL_WRITABLE) != 0);
    }
}

static void operate(struct run *run)
{
    static const enum operation mix[] = {MAP,   MAP,   MAP,     MAP,   UNMAP,
                                         UNMAP, UNMAP, PROTECT, SPLIT, MERGE};
    enum operation operation = mix[random_below(&run->r, ARRAY_SIZE(mix))];
    struct range range = random_range(run);
    enum stage1_status status;

    run->f.limited = random_below(&run->r, 10) == 0;
    run->f.left = random_below(
        &run->r, 1 + random_below(&run->r, 6)); /* few: most operations need one or two */
    switch (operation) {
    case MAP:
        status = do_map(run, &range);
        break;
    case UNMAP:
        status = do_unmap(run, &range);
        break;
    case PROTECT:
        status = do_protect(run, &range);
        break;
    case SPLIT:
        status = do_split(run, range.iova);
        if (status == STAGE1_OK && random_below(&run->r, 2) == 0)
            run->done[MERGE][do_merge(run, range.iova)]++;
        break;
    default:
        status = do_merge(run, range.iova);
        break;
    }
    if (operation <= PROTECT && status != STAGE1_OK && status != STAGE1_ERR_EXISTS) {
        assert_int_equal(status, STAGE1_ERR_NO_MEMORY);
        assert_true(run->f.limited);
    }
    run->done[operation][status]++;
    run->f.limited = false;
}

static void run_configuration(unsigned levels, uint64_t page_sizes, uint64_t window_size)
{
    struct run *run = calloc(1, sizeof(*run));
    uint64_t border = levels == 5 ? 3ull << 48 : 3ull << 39;
    uint64_t align = window_size > SIZE_1G ? SIZE_1G : SIZE_2M;
    /* The lowest addresses, both sides of a border of the level below the top, and the highest. */
    uint64_t base[WINDOWS] = {0, border - align, 0};
    uint64_t limit;

    assert_non_null(run);
    run->r = unit_random();
    run->pages = window_size / SIZE_4K;
    fixture_start(&run->f, levels, page_sizes);
    limit = stage1_iova_limit(&run->f.s);
    base[WINDOWS - 1] = limit - window_size;
    for (unsigned i = 0; i < WINDOWS; i++) {
        run->window[i].base = base[i];
        run->window[i].page = calloc(run->pages + 1, sizeof(uint64_t));
        assert_non_null(run->window[i].page);
    }
    for (unsigned i = 1; i <= OPERATIONS; i++) {
        operate(run);
        compare_walk(run);
        fixture_check_accounting(&run->f, &run->freed);
        if (i % CHECK_EVERY == 0)
            compare_all(run);
        if (random_below(&run->r, 30) == 0) {
            fixture_check_freed(&run->freed);
            stage1_release(&run->f.s, &run->freed);
        }
    }
    compare_all(run);

    /* Each kind of event took place, or the mix above is wrong. */
    assert_true(run->done[MAP][STAGE1_OK] > 500 && run->done[MAP][STAGE1_ERR_EXISTS] > 500);
    assert_true(run->done[MAP][STAGE1_ERR_NO_MEMORY] > 5);
    assert_true(run->done[UNMAP][STAGE1_OK] > 500 && run->done[PROTECT][STAGE1_OK] > 500);
    if (page_sizes != PAGES_4K) {
        assert_true(run->done[UNMAP][STAGE1_ERR_NO_MEMORY] > 0);
        assert_true(run->done[SPLIT][STAGE1_OK] > 20 && run->done[MERGE][STAGE1_OK] > 5);
    }

    assert_int_equal(stage1_unmap(&run->f.s, 0, limit, &run->freed, NULL), STAGE1_OK);
    assert_int_equal(run->f.s.tables, 1);
    fixture_check_freed(&run->freed);
    stage1_release(&run->f.s, &run->freed);
    fixture_stop(&run->f);
    for (unsigned i = 0; i < WINDOWS; i++)
        free(run->window[i].page);
    free(run);
}

static void levels_4_pages_4k(void **state)
{
    (void)state;
    run_configuration(4, PAGES_4K, 16 * SIZE_2M);
}

static void levels_5_pages_4k(void **state)
{
    (void)state;
    run_configuration(5, PAGES_4K, 16 * SIZE_2M);
}

static void levels_4_pages_4k_2m(void **state)
{
    (void)state;
    run_configuration(4, PAGES_4K_2M, 32 * SIZE_2M);
}

static void levels_5_pages_4k_2m(void **state)
{
    (void)state;
    run_configuration(5, PAGES_4K_2M, 32 * SIZE_2M);
}

static void levels_4_pages_4k_2m_1g(void **state)
{
    (void)state;
    run_configuration(4, PAGES_4K_2M_1G, 2 * SIZE_1G);
}

static void levels_5_pages_4k_2m_1g(void **state)
{
    (void)state;
    run_configuration(5, PAGES_4K_2M_1G, 2 * SIZE_1G);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_4_pages_4k),       cmocka_unit_test(levels_5_pages_4k),
        cmocka_unit_test(levels_4_pages_4k_2m),    cmocka_unit_test(levels_5_pages_4k_2m),
        cmocka_unit_test(levels_4_pages_4k_2m_1g), cmocka_unit_test(levels_5_pages_4k_2m_1g),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
