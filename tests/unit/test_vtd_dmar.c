/* SPDX-License-Identifier: MIT */
/* Which VT-d unit has devices in its scope, by tables of firmware that is right, odd or wrong. */
#include "drivers/units/vtd_dmar.h"

#include <string.h>

#include "tests/unit/unit.h"

#define FIRST                      0xFED90000ull
#define SECOND                     0xFED91000ull
#define ROOM                       512
#define ALL                        1
#define ENDPOINT                   1
#define BRIDGE                     2
#define BDF(bus, device, function) ((uint16_t)((bus) << 8 | (device) << 3 | (function)))

static uint8_t table[ROOM];
static size_t used, unit;

static void put(size_t at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        table[at + i] = (uint8_t)(value >> 8 * i);
}

static void add_unit(uint64_t base, uint8_t flags, uint16_t segment)
{
    unit = used;
    put(unit + 2, 16, 2);
    table[unit + 4] = flags;
    put(unit + 6, segment, 2);
    put(unit + 8, base, 8);
    used += 16;
}

static void add_scope(uint8_t type, uint8_t bus, const uint8_t *path, uint8_t steps)
{
    table[used] = type;
    table[used + 1] = (uint8_t)(6 + 2 * steps);
    table[used + 5] = bus;
    memcpy(table + used + 6, path, (size_t)2 * steps);
    used += table[used + 1];
    put(unit + 2, used - unit, 2);
}

static void add_device(uint8_t type, uint8_t device, uint8_t function)
{
    add_scope(type, 0, (const uint8_t[]){device, function}, 1);
}

/* 00:1c.0 leads to bus 1 and 2, 01:00.0 to bus 2. */
static struct vtd_bridge bridge_at(uint16_t bdf)
{
    if (bdf == BDF(0, 0x1C, 0))
        return (struct vtd_bridge){1, 2};
    if (bdf == BDF(1, 0, 0))
        return (struct vtd_bridge){2, 2};
    return (struct vtd_bridge){0};
}

static int set_up(void **state)
{
    (void)state;
    memset(table, 0, sizeof(table));
    used = 48;
    return 0;
}

static uint64_t base;

static const char *find(uint16_t first, uint16_t second)
{
    const uint16_t bdfs[] = {first, second};

    base = 0;
    return vtd_dmar_find(table, used, bdfs, 2, bridge_at, &base);
}

static void expect_unit(uint16_t bdf, uint64_t expected)
{
    assert_null(find(bdf, bdf));
    assert_int_equal(base, expected);
}

static void expect_problem(const char *problem, const char *words)
{
    assert_non_null(problem);
    if (!strstr(problem, words))
        fail_msg("'%s' does not say '%s'", problem, words);
    assert_int_equal(base, 0);
}

static void test_scopes(void **state)
{
    (void)state;
    add_unit(FIRST, 0, 0);
    add_device(ENDPOINT, 2, 0);
    add_device(BRIDGE, 0x1C, 0);
    add_unit(SECOND, 0, 0);
    add_device(ENDPOINT, 3, 1);
    expect_unit(BDF(0, 2, 0), FIRST);
    expect_unit(BDF(0, 3, 1), SECOND);
    expect_unit(BDF(0, 0x1C, 0), FIRST);
    expect_unit(BDF(1, 4, 0), FIRST);
    expect_unit(BDF(2, 31, 7), FIRST);
    expect_problem(find(BDF(0, 2, 1), BDF(0, 2, 1)), "scope of no VT-d unit");
    expect_problem(find(BDF(3, 0, 0), BDF(3, 0, 0)), "scope of no VT-d unit");
    expect_problem(find(BDF(0, 2, 0), BDF(0, 3, 1)), "several VT-d units");
}

static void test_unit_of_all_others(void **state)
{
    (void)state;
    add_unit(FIRST, ALL, 0);
    add_unit(SECOND, 0, 0);
    add_device(ENDPOINT, 2, 0);
    expect_unit(BDF(0, 2, 0), SECOND);
    expect_unit(BDF(0, 5, 0), FIRST);
    expect_unit(BDF(7, 0, 0), FIRST);
}

static void test_other_segments_and_structures(void **state)
{
    (void)state;
    add_unit(FIRST, ALL, 1);
    put(used, 2, 2); /* ATSR */
    put(used + 2, 8, 2);
    used += 8;
    add_unit(SECOND, ALL, 0);
    expect_unit(BDF(0, 2, 0), SECOND);
}

static void test_paths_through_bridges(void **state)
{
    (void)state;
    add_unit(FIRST, 0, 0);
    add_scope(ENDPOINT, 0, (const uint8_t[]){0x1C, 0, 0, 0, 5, 1}, 3);
    add_scope(ENDPOINT, 0, (const uint8_t[]){0x1D, 0, 6, 0}, 2); /* 00:1d.0 is no bridge */
    add_device(4, 7, 0);                                         /* HPET */
    expect_unit(BDF(2, 5, 1), FIRST);
    expect_problem(find(BDF(0, 6, 0), BDF(0, 6, 0)), "scope of no VT-d unit");
    expect_problem(find(BDF(0, 7, 0), BDF(0, 7, 0)), "scope of no VT-d unit");
}

static void test_no_table_or_devices(void **state)
{
    const uint16_t bdf = 0;

    (void)state;
    base = 0;
    expect_problem(vtd_dmar_find(NULL, 0, &bdf, 1, bridge_at, &base), "no ACPI table DMAR");
    expect_problem(find(0, 0), "describes none");
    used = 20;
    expect_problem(find(0, 0), "describes none");
    used = 48;
    add_unit(FIRST, ALL, 0);
    expect_problem(vtd_dmar_find(table, used, &bdf, 0, bridge_at, &base), "no device");
}

static void test_wrong_tables(void **state)
{
    (void)state;
    add_unit(FIRST + 8, ALL, 0);
    expect_problem(find(0, 0), "address that cannot be");
    set_up(NULL);
    add_unit(0, ALL, 0);
    expect_problem(find(0, 0), "address that cannot be");
    for (unsigned length = 0; length < 64; length++) {
        if (length == 16)
            continue;
        set_up(NULL);
        add_unit(FIRST, ALL, 0);
        put(unit + 2, length, 2);
        assert_non_null(find(0, 0));
    }
    set_up(NULL);
    add_unit(FIRST, 0, 0);
    add_device(ENDPOINT, 2, 0);
    for (unsigned length = 0; length < 256; length++) {
        table[unit + 17] = (uint8_t)length;
        assert_true(!find(BDF(0, 2, 0), BDF(0, 2, 0)) == (length == 8));
    }
    table[unit + 17] = 8;
    used -= 2;
    expect_problem(find(0, 0), "length that cannot be");
    used = unit + 3;
    expect_problem(find(0, 0), "ends within a structure");
}

/* Any bytes: never a read beyond the table, which the sanitizer would see, and never a loop. */
static void test_random_tables(void **state)
{
    struct random r = unit_random();

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        size_t length = 48 + random_below(&r, 80);
        uint8_t *bytes = malloc(length);
        const uint16_t bdf = BDF(0, 2, 0);

        for (size_t i = 0; i < length; i++)
            bytes[i] =
                (uint8_t)(random_below(&r, 4) ? random_below(&r, 10) : random_below(&r, 256));
        (void)vtd_dmar_find(bytes, length, &bdf, 1, bridge_at, &base);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_scopes, set_up),
        cmocka_unit_test_setup(test_unit_of_all_others, set_up),
        cmocka_unit_test_setup(test_other_segments_and_structures, set_up),
        cmocka_unit_test_setup(test_paths_through_bridges, set_up),
        cmocka_unit_test_setup(test_no_table_or_devices, set_up),
        cmocka_unit_test_setup(test_wrong_tables, set_up),
        cmocka_unit_test_setup(test_random_tables, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
