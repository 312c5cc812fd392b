/* SPDX-License-Identifier: MIT */
#include "lib/option_text.h"

#include <string.h>

#include "tests/unit/unit.h"

/* On the heap and without terminator, so that the sanitizer sees a byte too far. */
static bool clean(const char *bytes, size_t *length, char *out, struct option_error *error)
{
    char *copy = malloc(*length > 0 ? *length : 1);
    bool ok;

    assert_non_null(copy);
    memcpy(copy, bytes, *length);
    ok = option_text_clean(copy, length, error);
    memcpy(out, copy, *length);
    free(copy);
    return ok;
}

static void accepts(const char *bytes, size_t length, const char *expected)
{
    struct option_error error = {0};
    char out[64] = "";

    assert_true(clean(bytes, &length, out, &error));
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(out, expected, length);
}

static void refuses(const char *bytes, size_t length, unsigned line, const char *words)
{
    struct option_error error = {0};
    char out[64];

    assert_false(clean(bytes, &length, out, &error));
    assert_int_equal(error.line, line);
    assert_non_null(strstr(error.text, words));
}

static void plain_text_stays(void **state)
{
    (void)state;
    accepts("", 0, "");
    accepts("a", 1, "a");
    accepts("seed=1\r\n\ttest=x\n", 16, "seed=1\r\n\ttest=x\n");
}

static void a_utf8_mark_goes(void **state)
{
    (void)state;
    accepts("\xEF\xBB\xBFseed=1", 9, "seed=1");
    accepts("\xEF\xBB\xBF", 3, "");
    /* Two marks are one too many, and a part of one is none. */
    refuses("\xEF\xBB\xBF\xEF\xBB\xBFs", 7, 1, "0xef");
    refuses("\xEF\xBB", 2, 1, "0xef");
}

static void utf16_is_named(void **state)
{
    (void)state;
    refuses("\xFF\xFEs\0e\0", 6, 1, "UTF-16");
    refuses("\xFE\xFF\0s\0e", 6, 1, "UTF-16");
    refuses("s\0e\0e\0", 6, 1, "UTF-16");
    refuses("\0s\0e", 4, 1, "UTF-16");
    refuses("\xEF\xBB\xBF\xFF\xFE", 5, 1, "UTF-16");
}

static void a_bad_byte_names_its_line(void **state)
{
    (void)state;
    refuses("seed=1\n\n#\xE4\n", 11, 3, "0xe4");
    refuses("a\x1B[1m", 5, 1, "0x1b");
    refuses("ab\0", 3, 1, "0x00");
    refuses("a\n\x7F", 3, 2, "0x7f");
    refuses("\xC3", 1, 1, "0xc3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_stays),
        cmocka_unit_test(a_utf8_mark_goes),
        cmocka_unit_test(utf16_is_named),
        cmocka_unit_test(a_bad_byte_names_its_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
