/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kernel/fill.h"
#include "kernel/memory.h"
#include "tests/unit/unit.h"

#define SIZE  600u
#define VALUE 0xA7u

/* The search works in bytes, words and blocks; each place is found from each start to each end. */
static void finds_the_first_other_byte(void **state)
{
    static _Alignas(16) uint8_t bytes[SIZE];

    (void)state;
    memset(bytes, VALUE, sizeof(bytes));
    for (size_t from = 0; from < 24; from++) {
        for (size_t to = from; to <= SIZE; to += to < from + 160 ? 1 : 37) {
            assert_null(memory_find_other(bytes + from, to - from, VALUE));
            for (size_t at = from > 0 ? from - 1 : 0; at < SIZE && at <= to; at++) {
                const uint8_t *found;

                bytes[at] ^= 0x80;
                found = memory_find_other(bytes + from, to - from, VALUE);
                assert_ptr_equal(found, at >= from && at < to ? bytes + at : NULL);
                bytes[at] ^= 0x80;
            }
        }
    }
}

static void finds_the_first_of_several(void **state)
{
    static _Alignas(16) uint8_t bytes[SIZE];

    (void)state;
    memset(bytes, VALUE, sizeof(bytes));
    bytes[300] = bytes[301] = bytes[599] = 0;
    assert_ptr_equal(memory_find_other(bytes, SIZE, VALUE), bytes + 300);
    assert_ptr_equal(memory_find_other(bytes + 301, SIZE - 301, VALUE), bytes + 301);
    assert_ptr_equal(memory_find_other(bytes + 302, SIZE - 302, VALUE), bytes + 599);
    assert_null(memory_find_other(bytes + 302, SIZE - 303, VALUE));
}

static void fills_just_what_is_asked_for(void **state)
{
    static _Alignas(16) uint8_t bytes[SIZE];

    (void)state;
    fill_bytes(bytes + 64, VALUE, 192);
    assert_ptr_equal(memory_find_other(bytes, SIZE, 0), bytes + 64);
    assert_null(memory_find_other(bytes + 64, 192, VALUE));
    assert_null(memory_find_other(bytes + 256, SIZE - 256, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_first_other_byte),
        cmocka_unit_test(finds_the_first_of_several),
        cmocka_unit_test(fills_just_what_is_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
