/* SPDX-License-Identifier: MIT */
/* The search for address space of vPCI, on made-up tables of each kind that hosts have. */
#include "drivers/vpci/mmio_window.h"

#include <string.h>

#include "tests/unit/unit.h"

#define GIB (UINT64_C(1) << 30)
#define MIB (UINT64_C(1) << 20)

static struct mmio_windows windows(uint64_t low, uint64_t low_length, uint64_t high,
                                   uint64_t high_length)
{
    return (struct mmio_windows){{low, low_length}, {high, high_length}};
}

static void expect(const struct mmio_windows *w, uint64_t low, uint64_t low_length, uint64_t high,
                   uint64_t high_length)
{
    assert_int_equal(w->low.base, low);
    assert_int_equal(w->low.length, low_length);
    assert_int_equal(w->high.base, high);
    assert_int_equal(w->high.length, high_length);
}

static void put32(uint8_t *at, uint32_t value)
{
    memcpy(at, &value, sizeof(value));
}

static void put64(uint8_t *at, uint64_t value)
{
    memcpy(at, &value, sizeof(value));
}

static void windows_are_cut_to_what_can_be(void **state)
{
    struct mmio_windows w = windows(0xF8000000, 128 * MIB, 64 * GIB, GIB);

    (void)state;
    assert_true(mmio_windows_check(&w, 40));
    expect(&w, 0xF8000000, 0xFEC00000 - 0xF8000000, 64 * GIB, GIB);
    w = windows(0, 4 * GIB, 0, 0);
    assert_true(mmio_windows_check(&w, 40));
    expect(&w, MIB, 0xFEC00000 - MIB, 0, 0);
    w = windows(0xF8000123, 0x2000, UINT64_C(1) << 40, GIB);
    assert_true(mmio_windows_check(&w, 40));
    expect(&w, 0xF8001000, 0x1000, 0, 0);
    w = windows(0, 0, UINT64_MAX - 5, 100);
    assert_false(mmio_windows_check(&w, 64));
    w = windows(0xFEC00000, 0x1000, 3 * GIB, GIB);
    assert_false(mmio_windows_check(&w, 48));
    w = windows(0, 0, 4 * GIB, UINT64_MAX - 4 * GIB);
    assert_true(mmio_windows_check(&w, 46));
    expect(&w, 0, 0, 4 * GIB, (UINT64_C(1) << 46) - 4 * GIB);
}

static void the_block_of_the_firmware_is_found(void **state)
{
    static const uint8_t region[] = {0x5B, 0x80, 'B',  'I',  'O',  'S',
                                     0x00, 0x0C, 0x00, 0x10, 0xEF, 0x7F};
    uint8_t dsdt[100], block[MMIO_BLOCK_SIZE];
    struct mmio_windows w;
    uint64_t gpa = 0;

    (void)state;
    for (size_t at = 36; at + sizeof(region) <= sizeof(dsdt); at++) {
        memset(dsdt, 0x5B, sizeof(dsdt));
        memcpy(dsdt + at, region, sizeof(region));
        assert_true(mmio_block_address(dsdt, sizeof(dsdt), &gpa));
        assert_int_equal(gpa, 0x7FEF1000);
        assert_false(mmio_block_address(dsdt, at + sizeof(region) - 1, &gpa));
    }
    memset(dsdt + sizeof(dsdt) - 4, 0, 4); /* address 0 */
    assert_false(mmio_block_address(dsdt, sizeof(dsdt), &gpa));
    put32(block, 0xF8000000);
    put32(block + 4, 0x04000000);
    put32(block + 8, 0x40000); /* MiB */
    put32(block + 12, 0x200);
    mmio_from_block(block, &w);
    expect(&w, 0xF8000000, 0x04000000, 256 * GIB, 512 * MIB);
}

static size_t dword(uint8_t *at, uint32_t first, uint32_t last)
{
    memset(at, 0, 26);
    at[0] = 0x87;
    at[1] = 23;
    put32(at + 10, first);
    put32(at + 14, last);
    return 26;
}

static size_t qword(uint8_t *at, uint64_t first, uint64_t last)
{
    memset(at, 0, 46);
    at[0] = 0x8A;
    at[1] = 43;
    put64(at + 14, first);
    put64(at + 22, last);
    return 46;
}

static void resources_beside_vmbus_are_found(void **state)
{
    uint8_t table[400] = {0};
    struct mmio_windows w;
    size_t used = 36;

    (void)state;
    used += dword(table + used, 0xF8000000, 0xFBFFFFFF);
    used += dword(table + used, 0xFD000000, 0xFD000FFF);
    used += qword(table + used, UINT64_C(0xFE00000000), UINT64_C(0xFEFFFFFFFF));
    used += dword(table + used, 0xFFFFFFFF, 0); /* a placeholder that nothing has filled in */
    used += qword(table + used, UINT64_MAX, 0);
    assert_false(mmio_from_aml(table, used, &w)); /* not a word about VMBus */
    memcpy(table + used, "VMBus", 5);
    used += 5;
    assert_true(mmio_from_aml(table, used, &w));
    expect(&w, 0xF8000000, 64 * MIB, UINT64_C(0xFE00000000), 4 * GIB);
    /* Cut anywhere, nothing is read beyond the end. */
    for (size_t length = 0; length < used; length++) {
        uint8_t *copy = malloc(length ? length : 1);

        assert_non_null(copy);
        memcpy(copy, table, length);
        assert_false(mmio_from_aml(copy, length, &w));
        free(copy);
    }
}

static void an_empty_resource_list_is_no_window(void **state)
{
    uint8_t table[] = "SSDT ... VMBUS";
    struct mmio_windows w;

    (void)state;
    assert_false(mmio_from_aml(table, sizeof(table), &w));
}

static void hints_are_of_one_source(void **state)
{
    const struct mmio_hint hints[] = {
        {MMIO_HINT_HOB, {0xF8000000, 64 * MIB}}, {MMIO_HINT_DXE_SERVICES, {0xE0000000, 256 * MIB}},
        {MMIO_HINT_HOB, {0xFED00000, 4096}},     {MMIO_HINT_HOB, {64 * GIB, GIB}},
        {MMIO_HINT_HOB, {128 * GIB, 2 * GIB}},
    };
    struct mmio_windows w;

    (void)state;
    mmio_from_hints(hints, 5, MMIO_HINT_HOB, &w);
    expect(&w, 0xF8000000, 64 * MIB, 128 * GIB, 2 * GIB);
    mmio_from_hints(hints, 5, MMIO_HINT_DXE_SERVICES, &w);
    expect(&w, 0xE0000000, 256 * MIB, 0, 0);
    mmio_from_hints(hints, 0, MMIO_HINT_HOB, &w);
    expect(&w, 0, 0, 0, 0);
}

static void holes_lie_beside_all_memory(void **state)
{
    const struct mmio_range used[] = {
        {0, 640 << 10}, {MIB, 2 * GIB}, {0xFEE00000, 4096}, {4 * GIB, 100 * GIB + 4096}};
    struct mmio_windows w;

    (void)state;
    mmio_from_holes(used, 4, 40, &w);
    expect(&w, 2 * GIB + MIB, 0xFEC00000 - 2 * GIB - MIB, 105 * GIB, 4 * GIB);
    mmio_from_holes(used, 3, 40, &w);
    expect(&w, 2 * GIB + MIB, 0xFEC00000 - 2 * GIB - MIB, 64 * GIB, 4 * GIB);
    /* 36 bits end at 64 GiB: nothing is left above. */
    mmio_from_holes(used, 3, 36, &w);
    assert_int_equal(w.high.length, 0);
}

static void pieces_are_aligned_and_apart(void **state)
{
    struct mmio_range range = {0xF8001000, 0x200000};
    const struct mmio_range none = {0, 0}, screen = {0xF8000000, 0x80000};
    uint64_t end = 0;

    (void)state;
    for (uint64_t length = 0x1000; length <= 0x80000; length *= 2) {
        const uint64_t at = mmio_take(&range, length, &none);

        assert_int_equal(at % length, 0);
        assert_true(at >= end);
        end = at + length;
    }
    assert_int_equal(mmio_take(&range, 0x200000, &none), 0);
    assert_int_equal(mmio_take(&range, 0, &none), 0);
    range = (struct mmio_range){0xF8000000, 0x100000};
    assert_int_equal(mmio_take(&range, 0x1000, &screen), 0xF8080000);
    range = (struct mmio_range){0xF8000000, 0x80000};
    assert_int_equal(mmio_take(&range, 0x1000, &screen), 0);
    range = (struct mmio_range){UINT64_MAX - 0x1000, 0x1000};
    assert_int_equal(mmio_take(&range, UINT64_C(1) << 63, &none), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_are_cut_to_what_can_be),
        cmocka_unit_test(the_block_of_the_firmware_is_found),
        cmocka_unit_test(resources_beside_vmbus_are_found),
        cmocka_unit_test(an_empty_resource_list_is_no_window),
        cmocka_unit_test(hints_are_of_one_source),
        cmocka_unit_test(holes_lie_beside_all_memory),
        cmocka_unit_test(pieces_are_aligned_and_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
