/* SPDX-License-Identifier: MIT */
/*
 * The changes of the matrix. Edits that take a table out of the tree are made by hand: the page
 * stays the test's, so that it can be filled with hostile entries as soon as the flush has
 * returned.
 */
#include "lib/string.h"
#include "tests/flush/matrix.h"

#define PAGE_IOVA(page) (MATRIX_IOVA + (page)*PAGE_SIZE)
#define SMALL(page)     (s->small.data + (page)*PAGE_SIZE)
#define BIG(page)       (s->big.data + (page)*PAGE_SIZE)
#define WRITABLE(f)     ((f)->leaf_bits | (f)->write_bits)
#define TEST_LENGTH     8u
#define SMALL_PAGES     8u
#define LEVEL_4K        0u
#define LEVEL_2M        1u
#define DMA_IN_SPLIT                                                                               \
    7u /* page of the 2 MiB that has a target of its own while they are 4 KiB leaves */

static void probe(struct matrix_scene *s, uint64_t iova, uint8_t *before, uint8_t *after)
{
    s->probe[s->probes++] = (struct matrix_probe){.iova = iova, .before = before, .after = after};
}

static void map_page(struct matrix_scene *s, uint64_t iova, const uint8_t *at)
{
    map_gpa(s->t, s->domain, iova, gpa_of(at), PAGE_SIZE, RW);
}

static void neighbor(struct matrix_scene *s, uint64_t iova, uint8_t *at)
{
    s->neighbor = iova;
    s->neighbor_at = at;
    map_page(s, iova, at);
}

static struct stage1_walk walk_to(struct matrix_scene *s, uint64_t iova)
{
    struct test_run *t = s->t;
    struct stage1_walk w;

    REQUIRE(stage1_walk(&s->domain->table, iova, &w) == STAGE1_OK, "our own mapping is gone");
    return w;
}

/* The table that `entry` of `level` leads to: free from the flush on. */
static void orphan(struct matrix_scene *s, uint64_t entry, unsigned level)
{
    struct test_run *t = s->t;
    uint64_t *table = gpa_pointer(entry & s->domain->table.format->address_mask);

    for (unsigned i = 0; i < s->orphans; i++)
        if (s->orphan[i] == table)
            return;
    REQUIRE(s->orphans < MATRIX_ORPHANS, "more tables than the test keeps");
    s->orphan[s->orphans] = table;
    s->orphan_level[s->orphans++] = level - 1;
    STEP("the table at GPA 0x%llx leaves the tree", gpa_of(table));
}

static void build_unmapped(struct matrix_scene *s)
{
    for (unsigned i = 0; i < 4; i++)
        map_page(s, PAGE_IOVA(i), SMALL(i));
    neighbor(s, PAGE_IOVA(4), SMALL(4));
    for (unsigned i = 1; i < 4; i++)
        probe(s, PAGE_IOVA(i), SMALL(i), NULL);
    probe(s, PAGE_IOVA(0), SMALL(0), SMALL(0));
    s->first = PAGE_IOVA(1);
    s->length = 3 * PAGE_SIZE;
}

static void change_unmapped(struct matrix_scene *s)
{
    unmap(s->t, s->domain, s->first, s->length);
}

const struct matrix_change matrix_unmapped = {false, build_unmapped, change_unmapped};

static void build_downgraded(struct matrix_scene *s)
{
    for (unsigned i = 0; i < 3; i++) {
        map_page(s, PAGE_IOVA(i), SMALL(i));
        probe(s, PAGE_IOVA(i), SMALL(i), i < 2 ? NULL : SMALL(i));
    }
    neighbor(s, PAGE_IOVA(3), SMALL(3));
    s->refused = ORACLE_FAULT_CLASS_WRITE_DENIED;
    s->first = PAGE_IOVA(0);
    s->length = 2 * PAGE_SIZE;
}

static void change_downgraded(struct matrix_scene *s)
{
    struct test_run *t = s->t;

    REQUIRE(stage1_protect(&s->domain->table, s->first, s->length, STAGE1_READ) == STAGE1_OK,
            "protecting our own");
    STEP("make IOVA 0x%llx read-only, 0x%llx bytes", s->first, s->length);
}

const struct matrix_change matrix_downgraded = {false, build_downgraded, change_downgraded};

static void build_retargeted(struct matrix_scene *s)
{
    for (unsigned i = 0; i < 2; i++) {
        map_page(s, PAGE_IOVA(i), SMALL(i));
        probe(s, PAGE_IOVA(i), SMALL(i), SMALL(i + 2));
    }
    neighbor(s, PAGE_IOVA(2), SMALL(4));
    s->first = PAGE_IOVA(0);
    s->length = 2 * PAGE_SIZE;
}

static void change_retargeted(struct matrix_scene *s)
{
    for (unsigned i = 0; i < 2; i++)
        retarget(s->t, s->domain, PAGE_IOVA(i), gpa_of(SMALL(i + 2)));
}

const struct matrix_change matrix_retargeted = {false, build_retargeted, change_retargeted};

static void build_split(struct matrix_scene *s)
{
    map(s->t, s->domain, MATRIX_IOVA, &s->big, RW);
    neighbor(s, MATRIX_IOVA + SIZE_2M, SMALL(1));
    probe(s, PAGE_IOVA(DMA_IN_SPLIT), BIG(DMA_IN_SPLIT), SMALL(0));
    probe(s, PAGE_IOVA(300), BIG(300), BIG(300));
    s->first = MATRIX_IOVA;
    s->length = SIZE_2M;
}

static void change_split(struct matrix_scene *s)
{
    struct test_run *t = s->t;

    REQUIRE(stage1_split(&s->domain->table, MATRIX_IOVA) == STAGE1_OK, "splitting our own leaf");
    STEP("split the 2 MiB leaf of IOVA 0x%llx", MATRIX_IOVA);
    retarget(t, s->domain, PAGE_IOVA(DMA_IN_SPLIT), gpa_of(SMALL(0)));
}

const struct matrix_change matrix_split = {true, build_split, change_split};

static void build_merged(struct matrix_scene *s)
{
    struct test_run *t = s->t;

    map(t, s->domain, MATRIX_IOVA, &s->big, RW);
    REQUIRE(stage1_split(&s->domain->table, MATRIX_IOVA) == STAGE1_OK, "splitting our own leaf");
    retarget(t, s->domain, PAGE_IOVA(DMA_IN_SPLIT), gpa_of(SMALL(0)));
    s->neighbor = PAGE_IOVA(100);
    s->neighbor_at = BIG(100);
    probe(s, PAGE_IOVA(DMA_IN_SPLIT), SMALL(0), BIG(DMA_IN_SPLIT));
    probe(s, PAGE_IOVA(511), BIG(511), BIG(511));
    s->first = MATRIX_IOVA;
    s->length = SIZE_2M;
}

static void change_merged(struct matrix_scene *s)
{
    struct test_run *t = s->t;
    const struct stage1_format *f = s->domain->table.format;
    struct stage1_walk w = walk_to(s, MATRIX_IOVA);

    orphan(s, *w.entry[LEVEL_2M], LEVEL_2M);
    *w.entry[LEVEL_2M] = gpa_of(s->big.data) | WRITABLE(f) | f->level[LEVEL_2M].leaf_bits;
    STEP("replace the 512 leaves of IOVA 0x%llx by one of 2 MiB", MATRIX_IOVA);
}

const struct matrix_change matrix_merged = {true, build_merged, change_merged};

static void build_table_replaced(struct matrix_scene *s)
{
    for (unsigned i = 0; i < 2; i++) {
        map_page(s, PAGE_IOVA(i), SMALL(i));
        probe(s, PAGE_IOVA(i), SMALL(i), SMALL(i + 2));
    }
    neighbor(s, PAGE_IOVA(2), SMALL(4));
    s->first = MATRIX_IOVA;
    s->length = SIZE_2M;
}

static void change_table_replaced(struct matrix_scene *s)
{
    const struct stage1_format *f = s->domain->table.format;
    struct stage1_walk w = walk_to(s, MATRIX_IOVA);
    uint64_t *new = page_alloc(1, PAGE_SIZE);
    struct test_run *t = s->t;

    REQUIRE(new, "no memory for a table");
    new[0] = gpa_of(SMALL(2)) | WRITABLE(f);
    new[1] = gpa_of(SMALL(3)) | WRITABLE(f);
    new[2] = gpa_of(SMALL(4)) | WRITABLE(f);
    orphan(s, *w.entry[LEVEL_2M], LEVEL_2M);
    *w.entry[LEVEL_2M] = gpa_of(new) | f->table_bits;
    STEP("the table at GPA 0x%llx takes its place for IOVA 0x%llx", gpa_of(new), MATRIX_IOVA);
}

const struct matrix_change matrix_table_replaced = {false, build_table_replaced,
                                                    change_table_replaced};

static void build_emptied(struct matrix_scene *s)
{
    const uint64_t iova[] = {PAGE_IOVA(0), PAGE_IOVA(0) + SIZE_2M, PAGE_IOVA(0) + SIZE_1G};

    for (unsigned i = 0; i < 3; i++) {
        map_page(s, iova[i], SMALL(i));
        probe(s, iova[i], SMALL(i), NULL);
    }
    neighbor(s, PAGE_IOVA(1), SMALL(3));
    s->first = PAGE_IOVA(0);
    s->length = SIZE_1G + PAGE_SIZE;
}

static void change_emptied(struct matrix_scene *s)
{
    struct test_run *t = s->t;
    struct stage1 *table = &s->domain->table;

    for (unsigned i = 0; i < s->probes; i++) {
        struct stage1_walk w = walk_to(s, s->probe[i].iova);

        for (unsigned level = table->levels - 1; level > w.leaf_level; level--)
            orphan(s, *w.entry[level], level);
    }
    memset(table->root, 0, PAGE_SIZE);
    STEP("clear the top table");
}

const struct matrix_change matrix_emptied = {false, build_emptied, change_emptied};

void matrix_begin(struct matrix_scene *s, struct test_run *t, const struct matrix_change *change)
{
    *s = (struct matrix_scene){.t = t, .engine = device(t)};
    if (change->large)
        s->big = buffer_for_leaf(t, SIZE_2M);
    s->small = buffer(t, SMALL_PAGES);
    s->rest = domain_blocked(t);
    s->id = fresh_domain_id(t);
    s->domain = &s->own;
}

void matrix_build(struct matrix_scene *s, const struct matrix_change *change)
{
    struct test_run *t = s->t;
    enum hv_status status;

    if (s->own.live) {
        attach(t, s->rest, s->engine);
        delete_domain(t, &s->own);
    }
    CHECK(domain_create(&s->own, DOMAIN_PAGING, s->id, 0, 0, &status),
          "creating paging domain 0x%x: %s", s->id, hv_status_name(status));
    STEP("create and configure paging domain 0x%llx, root GPA 0x%llx", s->id,
         stage1_root_gpa(&s->own.table));
    s->probes = 0;
    s->orphans = 0;
    s->refused = ORACLE_FAULT_CLASS_NOT_PRESENT;
    change->build(s);
    attach(t, s->domain, s->engine);
}

/* The whole of 2 MiB is looked at once, by matrix_end(). */
static void expect_in_big(struct matrix_scene *s, uint64_t iova, uint8_t *at, const char *what)
{
    struct test_run *t = s->t;
    const uint8_t *bad;

    STEP("device 0x%llx writes %llu bytes at IOVA 0x%llx, expected at GPA 0x%llx",
         s->engine->device_id, TEST_LENGTH, iova, gpa_of(at));
    fill_by_device(t, s->engine, iova, TEST_LENGTH, what);
    drain_faults(t, s->engine);
    bad = memory_find_other(at, TEST_LENGTH, s->engine->ops->fill_value);
    CHECK(!bad, "%s: the device's write did not arrive; 0x%02x at GPA 0x%llx", what, *bad,
          (unsigned long long)gpa_of(bad));
    memset(at, POISON_FRESH, TEST_LENGTH);
    expect_untouched(t, &s->small, what);
}

void matrix_expect(struct matrix_scene *s, uint64_t iova, uint8_t *at, const char *what)
{
    if (!at) {
        expect_write_fault(s->t, s->engine, iova, TEST_LENGTH, &s->small, s->refused, what);
    } else if (at >= s->small.data && at < s->small.data + s->small.size) {
        expect_write(s->t, s->engine, iova, &s->small, (size_t)(at - s->small.data), TEST_LENGTH,
                     what);
    } else {
        expect_in_big(s, iova, at, what);
    }
}

void matrix_reuse_orphans(struct matrix_scene *s)
{
    struct test_run *t = s->t;
    const struct stage1_format *f = s->domain->table.format;

    for (unsigned i = 0; i < s->orphans; i++) {
        uint64_t entry = gpa_of(SMALL(MATRIX_TRAP)) | WRITABLE(f);

        for (unsigned k = 0; k < s->orphans && s->orphan_level[i] > LEVEL_4K; k++)
            if (s->orphan_level[k] + 1 == s->orphan_level[i])
                entry = gpa_of(s->orphan[k]) | f->table_bits;
        for (unsigned k = 0; k < PAGE_SIZE / sizeof(entry); k++)
            s->orphan[i][k] = entry;
        STEP("fill the table at GPA 0x%llx, free now, with entries that lead to a trap",
             gpa_of(s->orphan[i]));
    }
}

void matrix_end(const struct matrix_scene *s)
{
    expect_untouched(s->t, &s->small, "pages of the test, at the end");
    if (s->big.data)
        expect_untouched(s->t, &s->big, "large page of the test, at the end");
}
