/* SPDX-License-Identifier: MIT */
#include "tests/harness/reused_tables.h"

#define ENTRIES (PAGE_SIZE / sizeof(uint64_t))

static void fill(uint64_t *page, uint64_t entry)
{
    for (unsigned i = 0; i < ENTRIES; i++) {
        page[i] = entry;
    }
}

static void move_in(void *owner, void *table)
{
    struct tenants *tenants = owner;

    if (tenants->count < TENANTS_MAX) {
        tenants->page[tenants->count] = table;
    }
    tenants->count++;
    fill(table, gpa_of(tenants->lure[0]) | tenants->leaf_bits);
}

struct tenants tenants_new(struct test_run *t)
{
    struct tenants tenants = {.trap = buffer(t, 1),
                              .leaf_bits = stage1_format_x86_64.leaf_bits | stage1_format_x86_64.write_bits};
    uint64_t to = gpa_of(tenants.trap.data);

    for (unsigned i = LURES; i-- > 0;) {
        tenants.lure[i] = page_alloc(1, PAGE_SIZE);
        REQUIRE(tenants.lure[i], "no memory for a page");
        fill(tenants.lure[i], to | tenants.leaf_bits);
        to = gpa_of(tenants.lure[i]);
    }
    return tenants;
}

void tenants_of(struct tenants *tenants, struct domain *d)
{
    d->table.memory.owner = tenants; /* taking a page needs none */
    d->table.memory.free_table = move_in;
}

static void check_page(struct test_run *t, const uint64_t *page, uint64_t entry, const char *when, const char *what)
{
    for (unsigned i = 0; i < ENTRIES; i++) {
        CHECK(page[i] == entry, "%s: %s was written: 0x%llx instead of 0x%llx at GPA 0x%llx", when, what,
              (unsigned long long)page[i], (unsigned long long)entry, (unsigned long long)gpa_of(&page[i]));
    }
}

void tenants_check(struct test_run *t, struct tenants *tenants, unsigned expected, const char *when)
{
    REQUIRE(tenants->count == expected, "%u table pages changed hands instead of %u: the test shows nothing",
            tenants->count, expected);
    for (unsigned i = 0; i < tenants->count; i++) {
        check_page(t, tenants->page[i], gpa_of(tenants->lure[0]) | tenants->leaf_bits, when, "a page that was a table");
    }
    for (unsigned i = 0; i < LURES; i++) {
        uint64_t to = i + 1 < LURES ? gpa_of(tenants->lure[i + 1]) : gpa_of(tenants->trap.data);

        check_page(t, tenants->lure[i], to | tenants->leaf_bits, when, "a page that only a former table leads to");
    }
    expect_untouched(t, &tenants->trap, when);
}
