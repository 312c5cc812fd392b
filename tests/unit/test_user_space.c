/* SPDX-License-Identifier: MIT */
/* Page tables of programs at CPL 3, on a kernel that is made up here: where they find room, and
 * what they share. */
#include "kernel/user_space.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/memory.h"
#include "kernel/paging.h"
#include "kernel/paging_bits.h"
#include "lib/bits.h"
#include "tests/unit/unit.h"

#define ENTRIES  512u
#define TABLES   64u
#define LEAF_1G  2u
#define TOP_SLOT 0x7FFFC0000000ull

/* Tables from one block, so that a test can ask whether one is the kernel's. */
static struct {
    uint64_t *block;
    unsigned used, kernel; /* the first `kernel` ones are the kernel's */
    uint64_t *root;
    unsigned levels;
} world;

static void *new_table(void *owner)
{
    (void)owner;
    assert_true(world.used < TABLES);
    return world.block + ENTRIES * (size_t)world.used++;
}

static void free_table(void *owner, void *table)
{
    (void)owner;
    /* The tree of a program must not give back what is the kernel's. */
    assert_true((uint64_t *)table >= world.block + ENTRIES * (size_t)world.kernel);
}

static uint64_t table_gpa(void *owner, const void *table)
{
    (void)owner;
    return (uint64_t)(uintptr_t)table;
}

static void *table_at(void *owner, uint64_t gpa)
{
    (void)owner;
    return (void *)(uintptr_t)gpa;
}

const uint64_t *paging_root(unsigned *levels)
{
    *levels = world.levels;
    return world.root;
}

static const struct stage1_memory memory = {
    .alloc_table = new_table, .free_table = free_table, .gpa_of = table_gpa, .table_at = table_at};

static unsigned index_of(uint64_t address, unsigned level)
{
    return (unsigned)(address >> (12 + 9 * level)) % ENTRIES;
}

/* The kernel has a GiB at `address`: user-accessible by the upper levels, as the real one is. */
static void kernel_maps(uint64_t address)
{
    uint64_t *table = world.root;

    for (unsigned level = world.levels - 1; level > LEAF_1G; level--) {
        uint64_t *entry = &table[index_of(address, level)];

        if (!(*entry & PTE_PRESENT))
            *entry = (uintptr_t)new_table(NULL) | PTE_PRESENT | PTE_WRITABLE | PTE_USER;
        table = (uint64_t *)(uintptr_t)(*entry & PTE_ADDRESS);
    }
    table[index_of(address, LEAF_1G)] = address | PTE_PRESENT | PTE_WRITABLE | PTE_USER | PTE_LARGE;
    world.kernel = world.used;
}

static int setup(void **state)
{
    unsigned levels = *state ? 5 : 4;

    memset(&world, 0, sizeof(world));
    world.levels = levels;
    world.block = aligned_alloc(PAGE_SIZE, TABLES * PAGE_SIZE);
    memset(world.block, 0, TABLES * PAGE_SIZE);
    world.root = new_table(NULL);
    kernel_maps(0);
    kernel_maps(3 * SIZE_1G);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(world.block);
    return 0;
}

/* Access of a page: the bits of all levels together; 0 = not mapped. */
static uint64_t bits_of(const struct stage1 *s, uint64_t address, bool *shared)
{
    const uint64_t *table = s->root;
    uint64_t bits = PTE_PRESENT | PTE_WRITABLE | PTE_USER;

    *shared = false;
    for (unsigned level = s->levels - 1;; level--) {
        uint64_t entry = table[index_of(address, level)];

        if (!(entry & PTE_PRESENT))
            return 0;
        bits = (bits & entry & (PTE_PRESENT | PTE_WRITABLE | PTE_USER)) | ((bits | entry) & PTE_NX);
        if (level == 0 || (entry & PTE_LARGE))
            return bits;
        table = (const uint64_t *)(uintptr_t)(entry & PTE_ADDRESS);
        *shared |= table < world.block + ENTRIES * (size_t)world.kernel;
    }
}

/* A program with one page of each kind from its base on. */
static void build(struct user_space *u, struct stage1 *s, uint64_t limit)
{
    assert_true(user_space_place(u, limit));
    assert_int_equal(stage1_init(s, &u->format, u->levels, PAGE_SIZE, memory), STAGE1_OK);
    user_space_use(u, s);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(
            user_space_map(u, u->base + i * PAGE_SIZE, 0x5000, PAGE_SIZE, (enum user_access)i),
            STAGE1_OK);
    user_space_add_kernel(u);
}

static void expect_program_and_kernel(const struct user_space *u, const struct stage1 *s)
{
    static const uint64_t expected[] = {
        [USER_READ] = PTE_PRESENT | PTE_USER | PTE_NX,
        [USER_READ_WRITE] = PTE_PRESENT | PTE_USER | PTE_NX | PTE_WRITABLE,
        [USER_EXECUTE] = PTE_PRESENT | PTE_USER,
        [USER_MMIO] = PTE_PRESENT | PTE_USER | PTE_NX | PTE_WRITABLE,
    };
    bool shared;

    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(bits_of(s, u->base + i * PAGE_SIZE, &shared), expected[i]);
        assert_false(shared);
    }
    assert_int_equal(bits_of(s, 0x1234, &shared), PTE_PRESENT | PTE_WRITABLE);
    assert_int_equal(bits_of(s, 3 * SIZE_1G, &shared), PTE_PRESENT | PTE_WRITABLE);
    assert_int_equal(bits_of(s, 2 * SIZE_1G, &shared), 0);
}

static void highest_place_and_shared_kernel(void **state)
{
    struct user_space u;
    struct stage1 s;

    (void)state;
    build(&u, &s, UINT64_MAX);
    assert_int_equal(u.base, TOP_SLOT);
    expect_program_and_kernel(&u, &s);
}

static void place_next_to_the_kernel(void **state)
{
    struct user_space u;
    struct stage1 s;

    (void)state;
    /* The GiB below the limit is the kernel's; the next one is in the same tables as the kernel. */
    kernel_maps(63 * SIZE_1G);
    build(&u, &s, 64 * SIZE_1G);
    assert_int_equal(u.base, 62 * SIZE_1G);
    expect_program_and_kernel(&u, &s);
}

static void five_levels(void **state)
{
    struct user_space u;
    struct stage1 s;

    (void)state;
    build(&u, &s, UINT64_MAX);
    assert_int_equal(u.base, (1ull << 56) - SIZE_1G);
    expect_program_and_kernel(&u, &s);
}

static void no_place(void **state)
{
    struct user_space u;

    (void)state;
    for (uint64_t gib = 0; gib < 8; gib++)
        kernel_maps(gib * SIZE_1G);
    assert_false(user_space_place(&u, 8 * SIZE_1G));
    assert_false(user_space_place(&u, SIZE_1G));
    assert_false(user_space_place(&u, 0));
    assert_true(user_space_place(&u, 10 * SIZE_1G));
    assert_int_equal(u.base, 9 * SIZE_1G);
}

static void outside_of_the_gib(void **state)
{
    struct user_space u;
    struct stage1 s;

    (void)state;
    build(&u, &s, UINT64_MAX);
    assert_int_equal(user_space_map(&u, u.base - PAGE_SIZE, 0, PAGE_SIZE, USER_READ),
                     STAGE1_ERR_RANGE);
    assert_int_equal(user_space_map(&u, u.base + USER_SPACE_SIZE, 0, PAGE_SIZE, USER_READ),
                     STAGE1_ERR_RANGE);
    assert_int_equal(
        user_space_map(&u, u.base + USER_SPACE_SIZE - PAGE_SIZE, 0, 2 * PAGE_SIZE, USER_READ),
        STAGE1_ERR_RANGE);
    assert_int_equal(user_space_map(&u, u.base, 0, UINT64_MAX - PAGE_SIZE + 1, USER_READ),
                     STAGE1_ERR_RANGE);
    assert_int_equal(user_space_map(&u, u.base, 0x5000, PAGE_SIZE, USER_READ), STAGE1_ERR_EXISTS);
}

/* Whether the kernel's tables are in the same table as the program's or not, what is left is the
 * program's alone. */
static void taken_apart(void **state)
{
    static const uint64_t limits[] = {UINT64_MAX, 64 * SIZE_1G};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(limits); i++) {
        struct user_space u;
        struct stage1 s;
        bool shared;

        build(&u, &s, limits[i]);
        user_space_remove_kernel(&u);
        assert_int_equal(bits_of(&s, 0x1234, &shared), 0);
        assert_int_equal(bits_of(&s, u.base, &shared), PTE_PRESENT | PTE_USER | PTE_NX);
        stage1_destroy(&s); /* free_table() looks */
    }
}

int main(void)
{
    static int five = 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(highest_place_and_shared_kernel, setup, teardown),
        cmocka_unit_test_setup_teardown(place_next_to_the_kernel, setup, teardown),
        cmocka_unit_test_prestate_setup_teardown(five_levels, setup, teardown, &five),
        cmocka_unit_test_setup_teardown(no_place, setup, teardown),
        cmocka_unit_test_setup_teardown(outside_of_the_gib, setup, teardown),
        cmocka_unit_test_setup_teardown(taken_apart, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
