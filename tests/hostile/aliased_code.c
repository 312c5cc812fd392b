/* SPDX-License-Identifier: MIT */
#include "tests/hostile/aliased_code.h"

#include "kernel/cpu.h"
#include "kernel/paging.h"
#include "lib/bits.h"
#include "lib/string.h"

#define OPCODE_RET    0xC3
#define ENTRY_PRESENT BIT(0)
#define ENTRY_TABLE   (BIT(0) | BIT(1))
#define ENTRY_LARGE   BIT(7)
#define ENTRY_ADDRESS BITS(51, 12)
#define ENTRIES       512u
#define LEVEL_BITS    9u
#define PAGE_BITS     12u

static uint64_t *new_table(struct test_run *t)
{
    uint64_t *table = page_alloc(1, PAGE_SIZE);

    REQUIRE(table, "no memory");
    return table;
}

/* The table that `entry` leads to, copied; a large leaf becomes a table of its pieces. */
static uint64_t *copy_below(struct test_run *t, uint64_t entry, unsigned shift)
{
    uint64_t *table = new_table(t);

    if (!(entry & ENTRY_PRESENT))
        return table;
    if (!(entry & ENTRY_LARGE)) {
        memcpy(table, gpa_pointer(entry & ENTRY_ADDRESS), PAGE_SIZE);
        return table;
    }
    for (unsigned i = 0; i < ENTRIES; i++) {
        table[i] = (entry + ((uint64_t)i << (shift - LEVEL_BITS))) &
                   (shift - LEVEL_BITS == PAGE_BITS ? ~ENTRY_LARGE : ~0ull);
    }
    return table;
}

struct aliased_code aliased_code(struct test_run *t, uint64_t address)
{
    unsigned levels;
    const uint64_t *kernel = paging_root(&levels);
    uint64_t *table = new_table(t), *root = table;
    uint8_t *page = page_alloc(1, PAGE_SIZE);

    REQUIRE(page, "no memory");
    memset(page, OPCODE_RET, PAGE_SIZE);
    memcpy(root, kernel, PAGE_SIZE);
    for (unsigned level = levels; level > 1; level--) {
        unsigned shift = PAGE_BITS + LEVEL_BITS * (level - 1);
        uint64_t *entry = &table[(address >> shift) % ENTRIES];

        table = copy_below(t, *entry, shift);
        *entry = gpa_of(table) | ENTRY_TABLE;
    }
    table[(address >> PAGE_BITS) % ENTRIES] = gpa_of(page) | ENTRY_TABLE;
    return (struct aliased_code){.root = gpa_of(root), .address = address, .page = page};
}

struct call {
    const struct aliased_code *code;
    uint64_t value;
};

static void call(void *argument)
{
    const struct call *c = argument;
    void (*code)(uint64_t value) = (void (*)(uint64_t))(uintptr_t)c->code->address;

    cr3_write(c->code->root);
    code(c->value);
}

enum trap_vector aliased_call(const struct aliased_code *code, uint64_t value, uint64_t *error)
{
    struct call c = {.code = code, .value = value};
    uint64_t cr3 = cr3_read();
    enum trap_vector vector = trap_catch(call, &c, error);

    cr3_write(cr3);
    return vector;
}
