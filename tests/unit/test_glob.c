/* SPDX-License-Identifier: MIT */
#include "lib/glob.h"
#include "tests/unit/unit.h"

static void examples(void **state)
{
    (void)state;
    assert_true(glob_match("", ""));
    assert_false(glob_match("", "a"));
    assert_false(glob_match("a", ""));
    assert_true(glob_match("*", ""));
    assert_true(glob_match("***", "anything"));
    assert_false(glob_match("?", ""));
    assert_true(glob_match("flush.*", "flush.list"));
    assert_false(glob_match("flush.*", "aflush.list"));
    assert_false(glob_match("flush", "flush.list"));
    assert_true(glob_match("*.list", "flush.list.list"));
    assert_true(glob_match("a*b*c", "aXbYbZc"));
    assert_false(glob_match("a*b*c", "aXbYbZ"));
    assert_true(glob_match("a?c", "abc"));
    assert_false(glob_match("a?c", "ac"));
    assert_true(glob_match("[a]", "[a]"));
    assert_false(glob_match("[a]", "a"));
}

/* The definition, without any thought of speed. */
static bool naive_match(const char *pattern, const char *text)
{
    if (*pattern == '\0')
        return *text == '\0';
    if (*pattern == '*')
        return naive_match(pattern + 1, text) || (*text != '\0' && naive_match(pattern, text + 1));
    return *text != '\0' && (*pattern == '?' || *pattern == *text) &&
           naive_match(pattern + 1, text + 1);
}

static void random_patterns_match_as_defined(void **state)
{
    struct random r = unit_random();
    unsigned matches = 0;

    (void)state;
    for (int run = 0; run < 100000; run++) {
        char pattern[9], text[11];
        size_t p = random_below(&r, sizeof(pattern)), t = random_below(&r, sizeof(text));
        bool expected;

        for (size_t i = 0; i < p; i++)
            pattern[i] = "ab*?"[random_below(&r, 4)];
        for (size_t i = 0; i < t; i++)
            text[i] = "ab"[random_below(&r, 2)];
        pattern[p] = text[t] = '\0';

        expected = naive_match(pattern, text);

        if (glob_match(pattern, text) != expected)
            fail_msg("glob_match(\"%s\", \"%s\") is not %d", pattern, text, expected);
        matches += expected;
    }
    assert_in_range(matches, 1000, 99000); /* both answers were tested */
}

static void many_stars_do_not_explode(void **state)
{
    static char text[20001];

    (void)state;
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        text[i] = 'a';
    assert_false(glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
}

static void wildcards(void **state)
{
    (void)state;
    assert_false(glob_has_wildcard(""));
    assert_false(glob_has_wildcard("flush.one@rocker"));
    assert_true(glob_has_wildcard("*"));
    assert_true(glob_has_wildcard("flush.?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples),
        cmocka_unit_test(random_patterns_match_as_defined),
        cmocka_unit_test(many_stars_do_not_explode),
        cmocka_unit_test(wildcards),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
