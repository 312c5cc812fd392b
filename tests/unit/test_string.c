/* SPDX-License-Identifier: MIT */
/* lib/string.c against the build machine's libc. Its functions get other names here, so that both
 * exist. */
#include <string.h>

#include "lib/bits.h"
#include "tests/unit/unit.h"

#define memcpy  lib_memcpy
#define memmove lib_memmove
#define memset  lib_memset
#define memcmp  lib_memcmp
#define strlen  lib_strlen
#define strcmp  lib_strcmp
#define strncmp lib_strncmp
#define strchr  lib_strchr
#undef PVT_LIB_STRING_H
#include "lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen
#undef strcmp
#undef strncmp
#undef strchr

#define SIZE 160

static void fill(unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(i * 37 + 11);
}

/* Every size and every offset modulo a word, so that all loops and tails are entered. */
static void memcpy_and_memset_change_exactly_their_range(void **state)
{
    unsigned char source[SIZE], lib[SIZE], libc[SIZE];

    (void)state;
    fill(source, SIZE);
    for (size_t to = 0; to < 9; to++) {
        for (size_t from = 0; from < 9; from++) {
            for (size_t size = 0; size <= 100; size++) {
                memset(lib, 0xEE, SIZE);
                memset(libc, 0xEE, SIZE);
                assert_ptr_equal(lib_memcpy(lib + to, source + from, size), lib + to);
                memcpy(libc + to, source + from, size);
                assert_memory_equal(lib, libc, SIZE);
                assert_ptr_equal(lib_memset(lib + to, (int)(0x100 + from * 31), size), lib + to);
                memset(libc + to, (int)(0x100 + from * 31), size);
                assert_memory_equal(lib, libc, SIZE);
            }
        }
    }
}

static void memmove_copies_overlapping_ranges_in_both_directions(void **state)
{
    unsigned char lib[SIZE], libc[SIZE];

    (void)state;
    for (size_t to = 0; to < 40; to++) {
        for (size_t from = 0; from < 40; from++) {
            for (size_t size = 0; size <= 70; size++) {
                fill(lib, SIZE);
                fill(libc, SIZE);
                assert_ptr_equal(lib_memmove(lib + to, lib + from, size), lib + to);
                memmove(libc + to, libc + from, size);
                assert_memory_equal(lib, libc, SIZE);
            }
        }
    }
}

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

static void memcmp_orders_by_the_first_difference_as_unsigned_bytes(void **state)
{
    unsigned char a[40], b[40];

    (void)state;
    for (size_t size = 0; size <= sizeof(a); size++) {
        fill(a, sizeof(a));
        fill(b, sizeof(b));
        assert_int_equal(lib_memcmp(a, b, size), 0);
        for (size_t at = 0; at < size; at++) {
            fill(b, sizeof(b));
            b[at] ^= 0x80;
            if (at + 1 < size)
                b[at + 1] ^= 0xFF; /* a later difference decides nothing */
            assert_int_equal(sign(lib_memcmp(a, b, size)), sign(memcmp(a, b, size)));
            assert_int_equal(sign(lib_memcmp(b, a, size)), sign(memcmp(b, a, size)));
        }
    }
}

static void string_functions_agree_with_libc(void **state)
{
    static const char *const texts[] = {"",    "a",      "b",    "ab",    "abc",
                                        "abd", "abcabc", "\xff", "a\xff", "aaaa"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        assert_int_equal(lib_strlen(texts[i]), strlen(texts[i]));
        for (int c = -128; c < 256; c++)
            assert_ptr_equal(lib_strchr(texts[i], c), strchr(texts[i], c));
        for (size_t j = 0; j < ARRAY_SIZE(texts); j++) {
            assert_int_equal(sign(lib_strcmp(texts[i], texts[j])),
                             sign(strcmp(texts[i], texts[j])));
            for (size_t size = 0; size < 8; size++)
                assert_int_equal(sign(lib_strncmp(texts[i], texts[j], size)),
                                 sign(strncmp(texts[i], texts[j], size)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memcpy_and_memset_change_exactly_their_range),
        cmocka_unit_test(memmove_copies_overlapping_ranges_in_both_directions),
        cmocka_unit_test(memcmp_orders_by_the_first_difference_as_unsigned_bytes),
        cmocka_unit_test(string_functions_agree_with_libc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
