/* SPDX-License-Identifier: MIT */
/* The test= lines of a run, against the plain way: every pattern, one after the other. */
#include <string.h>

#include "lib/glob.h"
#include "tests/harness/patterns.h"
#include "tests/unit/unit.h"

static struct patterns patterns;

static int start(void **state)
{
    (void)state;
    memset(&patterns, 0, sizeof(patterns));
    return 0;
}

static void without_patterns_nothing_matches(void **state)
{
    (void)state;
    assert_int_equal(patterns_find(&patterns, "flush.list"), PATTERNS_NONE);
    assert_int_equal(patterns_find(&patterns, ""), PATTERNS_NONE);
}

static void the_first_of_several_counts(void **state)
{
    (void)state;
    assert_true(patterns_add(&patterns, "a.b"));
    assert_true(patterns_add(&patterns, "c.*"));
    assert_true(patterns_add(&patterns, "c.d"));
    assert_true(patterns_add(&patterns, "a.b"));
    assert_true(patterns_add(&patterns, "*"));
    assert_int_equal(patterns_find(&patterns, "a.b"), 0);
    assert_int_equal(patterns_find(&patterns, "c.d"), 1);
    assert_int_equal(patterns_find(&patterns, "a.bc"), 4);
}

static void a_name_before_a_glob_counts(void **state)
{
    (void)state;
    assert_true(patterns_add(&patterns, "c.d"));
    assert_true(patterns_add(&patterns, "c.?"));
    assert_int_equal(patterns_find(&patterns, "c.d"), 0);
    assert_int_equal(patterns_find(&patterns, "c.e"), 1);
    assert_int_equal(patterns_find(&patterns, "c."), PATTERNS_NONE);
}

static void an_id_may_match_when_a_name_of_it_does(void **state)
{
    (void)state;
    assert_false(patterns_may_match(&patterns, "a.b"));
    assert_true(patterns_add(&patterns, "a.b@edu"));
    assert_true(patterns_may_match(&patterns, "a.b"));
    assert_false(patterns_may_match(&patterns, "a.c"));
    assert_int_equal(patterns_find(&patterns, "a.b"), PATTERNS_NONE);
    assert_int_equal(patterns_find(&patterns, "a.b@edu"), 0);
    assert_int_equal(patterns_find(&patterns, "a.b@nvme"), PATTERNS_NONE);
    assert_true(patterns_add(&patterns, "*@nvme"));
    assert_true(patterns_may_match(&patterns, "a.c"));
}

static void more_than_fit_are_refused(void **state)
{
    static char names[PATTERNS_MAX][8];

    (void)state;
    for (unsigned i = 0; i < PATTERNS_MAX; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "t.%u", i);
        assert_true(patterns_add(&patterns, names[i]));
    }
    assert_false(patterns_add(&patterns, "one.more"));
    assert_false(patterns_add(&patterns, "*"));
    for (unsigned i = 0; i < PATTERNS_MAX; i++)
        assert_int_equal(patterns_find(&patterns, names[i]), i);
    assert_int_equal(patterns_find(&patterns, "one.more"), PATTERNS_NONE);
}

static void random_text(struct random *r, char *text, size_t size, const char *letters,
                        size_t count)
{
    size_t length = random_below(r, size);

    for (size_t i = 0; i < length; i++)
        text[i] = letters[random_below(r, count)];
    text[length] = '\0';
}

static void random_lists_match_as_defined(void **state)
{
    struct random r = unit_random();
    unsigned hits = 0, misses = 0;

    for (int run = 0; run < 2000; run++) {
        static char texts[40][5];
        size_t count = random_below(&r, 40);

        start(state);
        for (size_t i = 0; i < count; i++) {
            random_text(&r, texts[i], sizeof(texts[i]), "abababab*?@", 11);
            assert_true(patterns_add(&patterns, texts[i]));
        }
        for (int name = 0; name < 20; name++) {
            char text[6];
            size_t expected = 0;

            random_text(&r, text, sizeof(text), "abab@", 5);
            while (expected < count && !glob_match(texts[expected], text))
                expected++;
            assert_int_equal(patterns_find(&patterns, text),
                             expected < count ? expected : PATTERNS_NONE);
            if (strchr(text, '@'))
                *strchr(text, '@') = '\0';
            assert_true(expected == count || patterns_may_match(&patterns, text));
            hits += expected < count;
            misses += expected == count;
        }
    }
    assert_true(hits > 1000 && misses > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_patterns_nothing_matches, start),
        cmocka_unit_test_setup(the_first_of_several_counts, start),
        cmocka_unit_test_setup(a_name_before_a_glob_counts, start),
        cmocka_unit_test_setup(an_id_may_match_when_a_name_of_it_does, start),
        cmocka_unit_test_setup(more_than_fit_are_refused, start),
        cmocka_unit_test(random_lists_match_as_defined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
