/* SPDX-License-Identifier: MIT */
#include "tests/harness/reused_tables.h"

#define ENTRIES (PAGE_SIZE / sizeof(uint64_t))

static void fill(uint64_t *page, uint64_t entry)
{
    for (unsigned i = 0; i < ENTRIES; i++)
        page[i] = entry;
}

static void move_in(void *owner, void *table)
{
    struct reused_tables *reused = owner;

    if (reused->count < REUSED_TABLES_MAX)
        reused->page[reused->count] = table;
    reused->count++;
    fill(table, gpa_of(reused->poison[0]) | reused->leaf_bits);
}

struct reused_tables reused_tables_new(struct test_run *t)
{
    struct reused_tables reused = {.trap = buffer(t, 1),
                                   .leaf_bits = stage1_format_x86_64.leaf_bits |
                                                stage1_format_x86_64.write_bits};
    uint64_t to = gpa_of(reused.trap.data);

    for (unsigned i = POISON_CHAIN; i-- > 0;) {
        reused.poison[i] = page_alloc(1, PAGE_SIZE);
        REQUIRE(reused.poison[i], "no memory for a page");
        fill(reused.poison[i], to | reused.leaf_bits);
        to = gpa_of(reused.poison[i]);
    }
    return reused;
}

void reused_tables_collect(struct reused_tables *reused, struct domain *d)
{
    d->table.memory.owner = reused; /* taking a page needs none */
    d->table.memory.free_table = move_in;
}

static void check_page(struct test_run *t, const uint64_t *page, uint64_t entry, const char *when,
                       const char *what)
{
    for (unsigned i = 0; i < ENTRIES; i++) {
        CHECK(page[i] == entry, "%s: %s was written: 0x%llx instead of 0x%llx at GPA 0x%llx", when,
              what, (unsigned long long)page[i], (unsigned long long)entry,
              (unsigned long long)gpa_of(&page[i]));
    }
}

void reused_tables_check(struct test_run *t, struct reused_tables *reused, unsigned expected,
                         const char *when)
{
    REQUIRE(reused->count == expected,
            "%u table pages changed hands instead of %u: the test shows nothing", reused->count,
            expected);
    for (unsigned i = 0; i < reused->count; i++) {
        check_page(t, reused->page[i], gpa_of(reused->poison[0]) | reused->leaf_bits, when,
                   "a page that was a table");
    }
    for (unsigned i = 0; i < POISON_CHAIN; i++) {
        uint64_t to =
            i + 1 < POISON_CHAIN ? gpa_of(reused->poison[i + 1]) : gpa_of(reused->trap.data);

        check_page(t, reused->poison[i], to | reused->leaf_bits, when,
                   "a page that only a former table leads to");
    }
    expect_untouched(t, &reused->trap, when);
}
