/* SPDX-License-Identifier: MIT */
#include "lib/bits.h"
#include "lib/options.h"

#include <string.h>

#include "tests/unit/unit.h"

struct seen {
    unsigned count;
    char text[512]; /* "key=value;" of every call */
    const char *refuse;
};

static bool collect(void *context, const char *key, const char *value, struct option_error *error)
{
    struct seen *seen = context;
    size_t used = strlen(seen->text);

    seen->count++;
    snprintf(seen->text + used, sizeof(seen->text) - used, "%s=%s;", key, value);
    if (seen->refuse && strcmp(seen->refuse, key) == 0) {
        strcpy(error->text, value); /* says whatever the value is, or nothing */
        return false;
    }
    return true;
}

/* On the heap and without terminator, so that the sanitizer sees a byte too far. */
static bool parse_bytes(const char *bytes, size_t length, struct seen *seen,
                        struct option_error *error)
{
    char *copy = malloc(length > 0 ? length : 1);
    bool ok;

    assert_non_null(copy);
    memcpy(copy, bytes, length);
    ok = options_parse(copy, length, collect, seen, error);
    free(copy);
    return ok;
}

static void expect(const char *text, const char *calls)
{
    struct seen seen = {0};
    struct option_error error;

    assert_true(parse_bytes(text, strlen(text), &seen, &error));
    assert_string_equal(seen.text, calls);
}

static void expect_error(const char *text, unsigned line, const char *message)
{
    struct seen seen = {.refuse = "bad"};
    struct option_error error = {0};

    assert_false(parse_bytes(text, strlen(text), &seen, &error));
    assert_int_equal(error.line, line);
    assert_string_equal(error.text, message);
}

static void words_are_separated_by_blanks_or_lines(void **state)
{
    (void)state;
    expect("", "");
    expect(" \t\r\n\n ", "");
    expect("a=1", "a=1;");
    expect("a=1 b=2\r\nc=3\n", "a=1;b=2;c=3;");
    expect("a=", "a=;");
    expect("\n\n  a=b=c", "a=b=c;");
    expect("a==", "a==;");
}

static void comment_reaches_to_the_end_of_its_line(void **state)
{
    (void)state;
    expect("# a=1 b=2\nc=3", "c=3;");
    expect("  # x\n#\n#=\nd=4 # e=5\nf=#6", "d=4;f=#6;");
    expect("#", "");
}

static void trailing_terminators_are_ignored(void **state)
{
    struct seen seen = {0};
    struct option_error error;

    (void)state;
    assert_true(parse_bytes("a=1\0\0\0", 6, &seen, &error));
    assert_string_equal(seen.text, "a=1;");
}

static void errors_name_line_key_and_reason(void **state)
{
    struct seen seen = {0};
    struct option_error error;

    (void)state;
    expect_error("word", 1, "'word' is not key=value");
    expect_error("a=1\nb=2\n=3", 3, "'=3' is not key=value");
    expect_error("a=1 bad=no way=1", 1, "bad: no");
    expect_error("\n\nbad=", 3, "bad: unknown key or bad value");
    expect_error("a=b\x01", 1, "byte 0x01 after 'a=b': options are printable ASCII");
    expect_error("\xEF\xBB\xBF"
                 "a=b",
                 1, "byte 0xef after '': options are printable ASCII");
    expect_error("kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk=1", 1,
                 "key 'kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk...' is longer than 32 characters");
    assert_false(parse_bytes("a=1\0b=2", 7, &seen, &error));
    assert_string_equal(error.text, "byte 0x00 after 'a=1': options are printable ASCII");
}

static void parsing_stops_at_the_first_error(void **state)
{
    struct seen seen = {.refuse = "bad"};
    struct option_error error;
    const char *text = "a=1 bad=2 c=3";

    (void)state;
    assert_false(parse_bytes(text, strlen(text), &seen, &error));
    assert_string_equal(seen.text, "a=1;bad=2;");
}

static void long_messages_are_cut_not_overrun(void **state)
{
    struct seen seen = {.refuse = "bad"};
    struct option_error error;
    char text[4 + 110 + 1] = "bad=";

    (void)state;
    memset(text + 4, 'x', 110);
    assert_false(parse_bytes(text, 114, &seen, &error));
    assert_memory_equal(error.text, "bad: xxxx", 9);
    assert_int_equal(strlen(error.text), 115);
}

static void numbers_are_whole_words_in_range(void **state)
{
    static const struct {
        const char *text;
        uint64_t min, max, number;
        bool ok;
    } cases[] = {
        {"0", 0, 0, 0, true},
        {"1", 0, 0, 0, false},
        {"007", 0, 10, 7, true}, /* decimal, not octal */
        {"18446744073709551615", 0, UINT64_MAX, UINT64_MAX, true},
        {"18446744073709551616", 0, UINT64_MAX, 0, false},
        {"99999999999999999999999", 0, UINT64_MAX, 0, false},
        {"0xffffffffffffffff", 0, UINT64_MAX, UINT64_MAX, true},
        {"0x10000000000000000", 0, UINT64_MAX, 0, false},
        {"0XaBc", 0, 0xABC, 0xABC, true},
        {"0x", 0, 9, 0, false},
        {"", 0, 9, 0, false},
        {"-1", 0, UINT64_MAX, 0, false},
        {"+1", 0, 9, 0, false},
        {"1 ", 0, 9, 0, false},
        {"a", 0, 99, 0, false},
        {"1x", 0, 99, 0, false},
        {"5", 6, 9, 0, false},
        {"10", 6, 9, 0, false},
    };
    struct option_error error;
    uint64_t number;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        error = (struct option_error){0};
        number = 12345;
        assert_int_equal(option_number(cases[i].text, cases[i].min, cases[i].max, &number, &error),
                         cases[i].ok);
        assert_true(number == (cases[i].ok ? cases[i].number : 12345));
        assert_int_equal(error.text[0] == '\0', cases[i].ok);
    }
    assert_false(option_number("x9", 1, 60, &number, &error));
    assert_string_equal(error.text, "'x9' is not a number from 1 to 60");
}

static bool check_words(void *context, const char *key, const char *value,
                        struct option_error *error)
{
    (void)error;
    (*(unsigned *)context)++;
    assert_true(key[0] != '\0' && strlen(key) <= 32);
    for (const char *at = key; *at != '\0'; at++)
        assert_true(*at > ' ' && *at < 0x7F && *at != '=');
    for (const char *at = value; *at != '\0'; at++)
        assert_true(*at > ' ' && *at < 0x7F);
    return true;
}

static void random_bytes_give_clean_words_or_an_error(void **state)
{
    struct random r = unit_random();
    unsigned words = 0, errors = 0;

    (void)state;
    for (int run = 0; run < 50000; run++) {
        size_t length = random_below(&r, 60);
        char *text = malloc(length + 1);
        struct option_error error = {0};

        assert_non_null(text);
        for (size_t i = 0; i < length; i++)
            text[i] = random_below(&r, 50) == 0 ? (char)random_u64(&r)
                                                : "ab==== \n\t#0x"[random_below(&r, 12)];
        text = realloc(text, length > 0 ? length : 1);
        if (!options_parse(text, length, check_words, &words, &error)) {
            errors++;
            assert_true(error.line >= 1 && error.line <= length + 1);
            assert_in_range(strnlen(error.text, sizeof(error.text)), 1, sizeof(error.text) - 1);
        }
        free(text);
    }
    assert_true(words > 1000 && errors > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_separated_by_blanks_or_lines),
        cmocka_unit_test(comment_reaches_to_the_end_of_its_line),
        cmocka_unit_test(trailing_terminators_are_ignored),
        cmocka_unit_test(errors_name_line_key_and_reason),
        cmocka_unit_test(parsing_stops_at_the_first_error),
        cmocka_unit_test(long_messages_are_cut_not_overrun),
        cmocka_unit_test(numbers_are_whole_words_in_range),
        cmocka_unit_test(random_bytes_give_clean_words_or_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
