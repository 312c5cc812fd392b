/* SPDX-License-Identifier: MIT */
/* The mappings that a unit without a table walk gets from x86-64 tables, and the differences of two
 * such lists. */
#include "drivers/units/shadow.h"

#include <string.h>

#include "tests/unit/unit.h"

#define TABLES  8
#define ENTRIES 512
#define P       1ull
#define W       2ull
#define U       4ull
#define PS      0x80ull
#define ROOM    16

static uint64_t (*tables)[ENTRIES];
static const uint64_t *unreadable;
static struct shadow_mapping found[ROOM], others[ROOM];
static struct shadow_list list, other;

static bool readable(uint64_t gpa)
{
    return gpa != (uintptr_t)unreadable;
}

static int set_up(void **state)
{
    (void)state;
    tables = aligned_alloc(4096, sizeof(*tables) * TABLES);
    memset(tables, 0, sizeof(*tables) * TABLES);
    unreadable = NULL;
    list = (struct shadow_list){.mappings = found, .room = ROOM};
    other = (struct shadow_list){.mappings = others, .room = ROOM};
    /* 0 leads to 1 to 2 to 3, each by its entry 0. */
    for (unsigned i = 0; i < 3; i++)
        tables[i][0] = (uintptr_t)tables[i + 1] | P | W | U;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(tables);
    return 0;
}

static bool walk(void)
{
    return shadow_walk(&list, (uintptr_t)tables[0], readable);
}

static void assert_mapping(size_t n, uint64_t iova, uint64_t gpa, uint64_t size, bool writable)
{
    assert_int_equal(found[n].iova, iova);
    assert_int_equal(found[n].gpa, gpa);
    assert_int_equal(found[n].size, size);
    assert_int_equal(found[n].writable, writable);
}

static void leaves_of_each_size(void **state)
{
    (void)state;
    tables[3][5] = 0x7000 | P | W | U;
    tables[2][1] = 0x600000 | PS | P | U;
    tables[1][2] = 0x40000000 | PS | P | W | U;
    assert_true(walk());
    assert_int_equal(list.count, 3);
    assert_mapping(0, 0x5000, 0x7000, 0x1000, true);
    assert_mapping(1, 0x200000, 0x600000, 0x200000, false);
    assert_mapping(2, 0x80000000, 0x40000000, 0x40000000, true);
}

static void rights_of_upper_levels_count(void **state)
{
    (void)state;
    tables[3][0] = 0x7000 | P | W | U;
    tables[1][0] &= ~W;
    assert_true(walk());
    assert_mapping(0, 0, 0x7000, 0x1000, false);
    tables[1][0] &= ~U;
    assert_true(walk());
    assert_int_equal(list.count, 0);
}

static void absent_and_supervisor_leaves_are_left_out(void **state)
{
    (void)state;
    tables[3][0] = 0x7000 | W | U;
    tables[3][1] = 0x7000 | P | W;
    assert_true(walk());
    assert_int_equal(list.count, 0);
}

static void upper_half_is_canonical(void **state)
{
    (void)state;
    tables[3][0] = 0x7000 | P | U;
    tables[0][511] = tables[0][0];
    tables[0][0] = 0;
    assert_true(walk());
    assert_mapping(0, 0xFFFFFF8000000000ull, 0x7000, 0x1000, false);
}

static void large_bit_in_the_top_table_is_reserved(void **state)
{
    (void)state;
    tables[3][0] = 0x7000 | P | U;
    tables[0][0] |= PS;
    assert_true(walk());
    assert_int_equal(list.count, 0);
}

static void tables_outside_of_memory_are_not_followed(void **state)
{
    (void)state;
    tables[3][0] = 0x7000 | P | U;
    unreadable = tables[2];
    assert_true(walk());
    assert_int_equal(list.count, 0);
    unreadable = tables[0];
    assert_true(walk());
    assert_int_equal(list.count, 0);
}

static void more_than_fits_is_told(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ROOM; i++)
        tables[3][i] = 0x7000 | P | U;
    assert_true(walk());
    assert_int_equal(list.count, ROOM);
    tables[3][ROOM] = 0x7000 | P | U;
    assert_false(walk());
}

static char said[256];

static bool say(char sign, const struct shadow_mapping *m)
{
    size_t used = strlen(said);

    used += (size_t)snprintf(said + used, sizeof(said) - used, "%c%llx>%llx%s ", sign,
                             (unsigned long long)m->iova, (unsigned long long)m->gpa,
                             m->writable ? "w" : "");
    return m->iova != 0xBAD000;
}

static bool drop(void *context, const struct shadow_mapping *m)
{
    (void)context;
    return say('-', m);
}

static bool add(void *context, const struct shadow_mapping *m)
{
    (void)context;
    return say('+', m);
}

static void put(struct shadow_list *l, uint64_t iova, uint64_t gpa, bool writable)
{
    l->mappings[l->count++] =
        (struct shadow_mapping){.iova = iova, .gpa = gpa, .size = 0x1000, .writable = writable};
}

static void differences_drop_first(void **state)
{
    (void)state;
    said[0] = '\0';
    put(&list, 0x1000, 0x1000, true); /* stays */
    put(&list, 0x2000, 0x2000, true); /* gone */
    put(&list, 0x3000, 0x3000, true); /* other memory */
    put(&list, 0x4000, 0x4000, true); /* other rights */
    put(&other, 0x0000, 0x9000, true);
    put(&other, 0x1000, 0x1000, true);
    put(&other, 0x3000, 0x5000, true);
    put(&other, 0x4000, 0x4000, false);
    assert_true(shadow_differences(&list, &other, drop, add, NULL));
    assert_string_equal(said,
                        "-2000>2000w -3000>3000w -4000>4000w +0>9000w +3000>5000w +4000>4000 ");
}

static void a_refusal_ends_it(void **state)
{
    (void)state;
    said[0] = '\0';
    put(&list, 0xBAD000, 0x1000, true);
    put(&other, 0x1000, 0x1000, true);
    assert_false(shadow_differences(&list, &other, drop, add, NULL));
    assert_string_equal(said, "-bad000>1000w ");
}

struct range {
    uint64_t first, last;
};

static bool in_range(void *context, uint64_t first, uint64_t last)
{
    const struct range *r = context;

    return first <= r->last && last >= r->first;
}

static struct shadow_mapping room[ROOM];
static struct shadow_list merged;

static void assert_merged(uint64_t first, uint64_t last, const char *expected)
{
    struct range r = {first, last};

    merged = (struct shadow_list){.mappings = room, .room = ROOM};
    assert_true(shadow_merge(&merged, &list, &other, in_range, &r));
    said[0] = '\0';
    for (size_t i = 0; i < merged.count; i++)
        (void)say('=', &room[i]);
    assert_string_equal(said, expected);
}

static void a_flush_changes_what_it_names(void **state)
{
    (void)state;
    put(&list, 0x1000, 0x1000, true);
    put(&list, 0x2000, 0x2000, true);
    put(&list, 0x3000, 0x3000, true);
    put(&other, 0x2000, 0x8000, true); /* the others are gone */
    assert_merged(0x2000, 0x2FFF, "=1000>1000w =2000>8000w =3000>3000w ");
    assert_merged(0x3000, 0x3FFF, "=1000>1000w =2000>2000w ");
    assert_merged(0x1FFF, 0x2000, "=2000>8000w =3000>3000w ");
    assert_merged(0, ~0ull, "=2000>8000w ");
    assert_merged(0x9000, 0x9000, "=1000>1000w =2000>2000w =3000>3000w ");
}

static void holes_are_filled_without_a_flush(void **state)
{
    (void)state;
    put(&list, 0x2000, 0x2000, true);
    put(&other, 0x1000, 0x7000, true);
    put(&other, 0x2000, 0x8000, true);
    put(&other, 0x3000, 0x9000, true);
    assert_merged(0x9000, 0x9000, "=1000>7000w =2000>2000w =3000>9000w ");
}

static void a_large_leaf_in_the_place_of_small_ones(void **state)
{
    (void)state;
    put(&list, 0x1000, 0x1000, true);
    put(&list, 0x3000, 0x3000, true);
    other.mappings[other.count++] =
        (struct shadow_mapping){.iova = 0, .gpa = 0x600000, .size = 0x200000};
    assert_merged(0x1000, 0x1FFF, "=0>600000 ");
    assert_merged(0x300000, 0x300FFF, "=1000>1000w =3000>3000w ");
}

static void small_leaves_in_the_place_of_a_large_one(void **state)
{
    (void)state;
    list.mappings[list.count++] =
        (struct shadow_mapping){.iova = 0, .gpa = 0x600000, .size = 0x200000};
    put(&other, 0x1000, 0x1000, true);
    put(&other, 0x3000, 0x3000, true);
    assert_merged(0x5000, 0x5FFF, "=1000>1000w =3000>3000w ");
    assert_merged(0x300000, 0x300FFF, "=0>600000 ");
}

static void what_was_told_and_stays_hides_a_large_leaf(void **state)
{
    (void)state;
    other.mappings[other.count++] =
        (struct shadow_mapping){.iova = 0, .gpa = 0x600000, .size = 0x200000};
    put(&other, 0x200000, 0x9000, true);
    put(&list, 0x1000, 0x1000, true);
    assert_merged(0x400000, 0x400FFF, "=1000>1000w =200000>9000w ");
}

int main(void)
{
#define UNIT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        UNIT_TEST(leaves_of_each_size),
        UNIT_TEST(rights_of_upper_levels_count),
        UNIT_TEST(absent_and_supervisor_leaves_are_left_out),
        UNIT_TEST(upper_half_is_canonical),
        UNIT_TEST(large_bit_in_the_top_table_is_reserved),
        UNIT_TEST(tables_outside_of_memory_are_not_followed),
        UNIT_TEST(more_than_fits_is_told),
        UNIT_TEST(differences_drop_first),
        UNIT_TEST(a_refusal_ends_it),
        UNIT_TEST(a_flush_changes_what_it_names),
        UNIT_TEST(holes_are_filled_without_a_flush),
        UNIT_TEST(a_large_leaf_in_the_place_of_small_ones),
        UNIT_TEST(small_leaves_in_the_place_of_a_large_one),
        UNIT_TEST(what_was_told_and_stays_hides_a_large_leaf),
    };

    return cmocka_run_group_tests_name("shadow", tests, NULL, NULL);
}
