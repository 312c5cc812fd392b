/* SPDX-License-Identifier: MIT */
#include "tests/unit/stage1_fixture.h"

#include <string.h>

/* GPAs differ from pointers, so that a mix-up of the two shows. Bit 51 is the highest that an entry
 * can hold. */
#define GPA_OFFSET (1ull << 51)

/* Literal numbers of reference section 5: this file must not learn them from the code under test.
 */
#define ENTRY_TABLE       0x027u
#define ENTRY_4K_READ     0x025u
#define ENTRY_4K_WRITE    0x067u
#define ENTRY_SUPER_READ  0x0A5u
#define ENTRY_SUPER_WRITE 0x0E7u
#define ENTRY_ADDRESS     0x000FFFFFFFFFF000ull
#define ENTRIES           512u

static void *fixture_alloc(void *owner)
{
    struct fixture *f = owner;
    void *table;

    if (f->limited && f->left == 0)
        return NULL;
    f->left--;
    table = aligned_alloc(4096, 4096);
    assert_non_null(table);
    memset(table, 0xFF, 4096); /* every entry is one that the library must write */
    f->allocated++;
    return table;
}

static void fixture_free(void *owner, void *table)
{
    struct fixture *f = owner;

    f->freed++;
    free(table);
}

static uint64_t fixture_gpa(void *owner, const void *table)
{
    (void)owner;
    return (uint64_t)(uintptr_t)table + GPA_OFFSET;
}

static void *fixture_table(void *owner, uint64_t gpa)
{
    (void)owner;
    assert_true(gpa > GPA_OFFSET && gpa % 4096 == 0);
    return (void *)(uintptr_t)(gpa - GPA_OFFSET);
}

struct stage1_memory fixture_memory(struct fixture *f)
{
    return (struct stage1_memory){fixture_alloc, fixture_free, fixture_gpa, fixture_table, f};
}

void fixture_start(struct fixture *f, unsigned levels, uint64_t page_sizes)
{
    memset(f, 0, sizeof(*f));
    assert_int_equal(
        stage1_init(&f->s, &stage1_format_x86_64, levels, page_sizes, fixture_memory(f)),
        STAGE1_OK);
    assert_int_equal(f->allocated, 1);
}

void fixture_stop(struct fixture *f)
{
    fixture_check_accounting(f, NULL);
    stage1_destroy(&f->s);
    assert_int_equal(f->allocated, f->freed);
    assert_int_equal(f->s.tables, 0);
    assert_null(f->s.root);
}

void fixture_check_accounting(const struct fixture *f, const struct stage1_freed *freed)
{
    assert_int_equal(f->allocated - f->freed, f->s.tables + (freed ? freed->count : 0));
}

struct check {
    const struct fixture *f;
    leaf_visitor visit;
    void *context;
    size_t tables;
};

static void check_leaf(const struct check *check, uint64_t entry, unsigned level, uint64_t iova)
{
    uint64_t size = SIZE_4K << (9 * level);
    uint64_t low = entry & ~ENTRY_ADDRESS;
    bool writable = (entry & 2) != 0;
    uint64_t expected = level == 0 ? (writable ? ENTRY_4K_WRITE : ENTRY_4K_READ)
                                   : (writable ? ENTRY_SUPER_WRITE : ENTRY_SUPER_READ);

    assert_true(level <= 2 && (check->f->s.page_sizes & size) != 0);
    if (low != expected || (entry & ENTRY_ADDRESS) % size != 0)
        fail_msg("leaf of level %u at IOVA 0x%llx is 0x%llx", level, (unsigned long long)iova,
                 (unsigned long long)entry);
    if (check->visit)
        check->visit(check->context, iova, entry & ENTRY_ADDRESS, size, writable);
}

static void check_table(struct check *check, const uint64_t *table, unsigned level, uint64_t iova)
{
    unsigned used = 0;

    check->tables++;
    for (unsigned i = 0; i < ENTRIES; i++, iova += SIZE_4K << (9 * level)) {
        uint64_t entry = table[i];

        if (entry == 0)
            continue;
        used++;
        if ((entry & 1) == 0) {
            fail_msg("entry of level %u at IOVA 0x%llx is 0x%llx", level, (unsigned long long)iova,
                     (unsigned long long)entry);
        } else if (level == 0 || (entry & 0x80) != 0) {
            check_leaf(check, entry, level, iova);
        } else {
            if ((entry & ~ENTRY_ADDRESS) != ENTRY_TABLE)
                fail_msg("table entry of level %u at IOVA 0x%llx is 0x%llx", level,
                         (unsigned long long)iova, (unsigned long long)entry);
            check_table(check, fixture_table(NULL, entry & ENTRY_ADDRESS), level - 1, iova);
        }
    }
    if (used == 0 && table != check->f->s.root)
        fail_msg("table of level %u below IOVA 0x%llx is empty", level, (unsigned long long)iova);
}

void fixture_check_tree(const struct fixture *f, leaf_visitor visit, void *context)
{
    struct check check = {.f = f, .visit = visit, .context = context};

    check_table(&check, f->s.root, f->s.levels - 1u, 0);
    assert_int_equal(check.tables, f->s.tables);
}

static uint64_t fingerprint(const uint64_t *table, unsigned level)
{
    uint64_t sum = 0xCBF29CE484222325ull;

    for (unsigned i = 0; i < ENTRIES; i++) {
        uint64_t entry = table[i];

        sum = (sum ^ entry) * 0x100000001B3ull;
        if (level > 0 && (entry & 0x81) == 1)
            sum ^= fingerprint(fixture_table(NULL, entry & ENTRY_ADDRESS), level - 1);
    }
    return sum;
}

uint64_t fixture_fingerprint(const struct fixture *f)
{
    return fingerprint(f->s.root, f->s.levels - 1u);
}

void fixture_check_freed(const struct stage1_freed *freed)
{
    size_t count = freed->merged_count;

    for (const uint64_t *table = freed->head; table;
         table = (const uint64_t *)(uintptr_t)table[0], count++) {
        assert_int_equal(table[0] & 1, 0);
        for (unsigned i = 1; i < ENTRIES; i++)
            assert_true(table[i] == 0);
    }
    assert_int_equal(count, freed->count);
    for (size_t n = 0; n < freed->merged_count; n++) {
        const uint64_t *table = freed->merged[n];

        for (unsigned i = 1; i < ENTRIES; i++)
            assert_true(table[i] > table[i - 1] && table[i] - table[i - 1] == table[1] - table[0]);
        assert_int_equal(table[0] & 1, 1);
    }
}

uint64_t fixture_entry(const struct fixture *f, uint64_t iova, unsigned level)
{
    const uint64_t *table = f->s.root;

    for (unsigned at = f->s.levels - 1u;; at--) {
        uint64_t entry = table[(iova >> (12 + 9 * at)) % ENTRIES];

        if (at == level)
            return entry;
        if ((entry & 0x81) != 1)
            return 0;
        table = fixture_table(NULL, entry & ENTRY_ADDRESS);
    }
}
