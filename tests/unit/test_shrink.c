/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "tests/harness/shrink.h"
#include "tests/unit/unit.h"

#define COUNT_MAX 64u

/* Operations that a made-up failure needs, in this order. */
struct need {
    struct operation list[8];
    unsigned count;
};

static unsigned has_all(void *context, const struct operation *list, unsigned count)
{
    const struct need *need = context;
    unsigned found = 0, i = 0;

    for (; i < count && found < need->count; i++)
        found += memcmp(&list[i], &need->list[found], sizeof(list[i])) == 0;
    return found == need->count ? i : 0;
}

static struct operation chance(struct random *r)
{
    return (struct operation){(uint8_t)random_below(r, OPERATION_KINDS),
                              {(uint8_t)random_below(r, 3), (uint8_t)random_below(r, 3)}};
}

/* Whatever the failure needs is left, and nothing else. */
static void nothing_is_left_that_is_not_needed(void **state)
{
    struct random r = unit_random();

    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        struct operation list[COUNT_MAX], room[COUNT_MAX];
        unsigned count = 1 + (unsigned)random_below(&r, COUNT_MAX);
        struct need need = {.count = 0};
        struct shrink s = {has_all, &need, room, 100000, 0};

        for (unsigned i = 0; i < count; i++) {
            list[i] = chance(&r);
            if (need.count < ARRAY_SIZE(need.list) && random_below(&r, 8) == 0)
                need.list[need.count++] = list[i];
        }
        if (need.count == 0)
            need.list[need.count++] = list[count - 1];
        assert_int_equal(shrink(&s, list, count), need.count);
        assert_memory_equal(list, need.list, need.count * sizeof(*list));
    }
}

static void few_calls_leave_a_list_that_shows_it(void **state)
{
    struct random r = unit_random();

    (void)state;
    for (unsigned most = 0; most < 40; most++) {
        struct operation list[COUNT_MAX], room[COUNT_MAX];
        struct need need = {.count = 2};
        struct shrink s = {has_all, &need, room, most, 0};
        unsigned left;

        for (unsigned i = 0; i < COUNT_MAX; i++)
            list[i] = chance(&r);
        need.list[0] = list[COUNT_MAX / 3];
        need.list[1] = list[COUNT_MAX - 1];
        left = shrink(&s, list, COUNT_MAX);
        assert_true(s.tried <= most && left <= COUNT_MAX);
        assert_true(has_all(&need, list, left) != 0);
        assert_true(most > 0 || left == COUNT_MAX);
    }
}

static void refuse(const char *words, const char *why)
{
    struct option_error error = {0};
    struct operation o;
    char text[2 * OPERATION_TEXT_MAX];

    strcpy(text, words);
    assert_false(operation_parse(text, &o, &error));
    assert_non_null(strstr(error.text, why));
}

static void bad_words_are_refused_with_the_reason(void **state)
{
    (void)state;
    refuse("mop,2,5,3,1", "unknown operation \"mop\"");
    refuse("", "unknown operation \"\"");
    refuse("map", "map has 4 arguments, not 0");
    refuse("map,2,5,3", "map has 4 arguments, not 3");
    refuse("map,2,5,3,1,", "map has 4 arguments, not 5");
    refuse("map,1,5,3,1", "domain: '1' is not a number from 2 to 4");
    refuse("map,2,8,3,1", "page: '8' is not a number from 0 to 7");
    refuse("map,2,5,x,1", "target: 'x' is not a number");
    refuse("map,2,5,,1", "target: '' is not a number");
    refuse("attach,3,0", "device: '3' is not a number from 0 to 2");
    refuse("attach,0,5", "domain: '5' is not a number from 0 to 4");
    refuse("flush-list,2,5,4", "the last page is before the first");
}

static void text_and_words_are_the_same(void **state)
{
    static const char *const examples[] = {"map 4 2 5 1",      "retarget 2 0 7",    "protect 3 7 0",
                                           "unmap 4 1",        "flush 2",           "flush-all 3",
                                           "flush-list 2 0 7", "flush-block 4 3 3", "attach 2 0",
                                           "detach 1",         "replace 4",         "write 0 7"};

    (void)state;
    assert_int_equal(ARRAY_SIZE(examples), OPERATION_KINDS);
    for (unsigned i = 0; i < ARRAY_SIZE(examples); i++) {
        char words[OPERATION_TEXT_MAX], text[OPERATION_TEXT_MAX];
        struct option_error error;
        struct operation o;

        strcpy(words, examples[i]);
        for (char *c = words; *c; c++)
            *c = *c == ' ' ? ',' : *c;
        assert_true(operation_parse(words, &o, &error));
        assert_int_equal(o.kind, i);
        operation_text(&o, text, sizeof(text));
        assert_string_equal(text, examples[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_left_that_is_not_needed),
        cmocka_unit_test(few_calls_leave_a_list_that_shows_it),
        cmocka_unit_test(bad_words_are_refused_with_the_reason),
        cmocka_unit_test(text_and_words_are_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
