/* SPDX-License-Identifier: MIT */
#include "lib/bits.h"
#include "lib/tap.h"

#include <string.h>

#include "tests/unit/unit.h"

struct sink {
    char text[8192];
    size_t length;
};

static void write_sink(void *context, const char *text, size_t length)
{
    struct sink *sink = context;

    assert_true(length > 0 && sink->length + length < sizeof(sink->text));
    memcpy(sink->text + sink->length, text, length);
    sink->length += length;
    sink->text[sink->length] = '\0';
}

static struct tap start(struct sink *sink)
{
    memset(sink, 0, sizeof(*sink));
    return (struct tap){.write = write_sink, .sink = sink};
}

static void report_has_the_form_of_tap_14(void **state)
{
    struct sink sink;
    struct tap t = start(&sink);

    (void)state;
    tap_begin(&t, 4);
    tap_comment(&t, "seed %d", 7);
    tap_point(&t, true, "flush.one", NULL, NULL);
    tap_point(&t, false, "flush.two", NULL, NULL);
    tap_yaml_begin(&t);
    tap_yaml_text(&t, "message", "both");
    tap_yaml_number(&t, "count", 18446744073709551615ull);
    tap_yaml_hex(&t, "iova", 0xFEE00000);
    tap_yaml_end(&t);
    tap_point(&t, true, "flush.three", "SKIP", "no device");
    tap_point(&t, false, "flush.four", "TODO", NULL);
    assert_string_equal(sink.text, "TAP version 14\n"
                                   "1..4\n"
                                   "# seed 7\n"
                                   "ok 1 - flush.one\n"
                                   "not ok 2 - flush.two\n"
                                   "  ---\n"
                                   "  message: \"both\"\n"
                                   "  count: 18446744073709551615\n"
                                   "  iova: 0xfee00000\n"
                                   "  ...\n"
                                   "ok 3 - flush.three # SKIP no device\n"
                                   "not ok 4 - flush.four # TODO\n");
    assert_int_equal(t.planned, 4);
    assert_int_equal(t.written, 4);
}

static void description_and_reason_cannot_forge_structure(void **state)
{
    struct sink sink;
    struct tap t = start(&sink);

    (void)state;
    tap_point(&t, true, "a # SKIP \\ b\nnot ok 9", "SKIP", "one\r\nok 2 - two");
    tap_bail_out(&t, "gone\nok 3");
    assert_string_equal(sink.text, "ok 1 - a \\# SKIP \\\\ b not ok 9 # SKIP one  ok 2 - two\n"
                                   "Bail out! gone ok 3\n");
}

static void reason_without_directive_stands_before_the_point(void **state)
{
    struct sink sink;
    struct tap t = start(&sink);

    (void)state;
    tap_point(&t, false, "a", NULL, "why");
    assert_string_equal(sink.text, "# why\nnot ok 1 - a\n");
}

static void comment_lines_all_start_as_comments(void **state)
{
    struct sink sink;
    struct tap t = start(&sink);

    (void)state;
    tap_comment(&t, "one\n\n%s\n", "three");
    tap_comment(&t, "%s", "");
    tap_yaml_begin(&t);
    tap_comment(&t, "inside\nthe block");
    tap_yaml_end(&t);
    assert_string_equal(sink.text,
                        "# one\n# \n# three\n# \n  ---\n  # inside\n  # the block\n  ...\n");
}

static void yaml_text_is_escaped(void **state)
{
    struct sink sink;
    struct tap t = start(&sink);

    (void)state;
    tap_yaml_begin(&t);
    tap_yaml_begin(&t); /* twice is once */
    tap_yaml_text(&t, "k", "\"q\" \\ \n \t \x01 \x7f \xff # : {");
    tap_yaml_text(&t, "empty", "");
    tap_yaml_end(&t);
    tap_yaml_end(&t);
    assert_string_equal(sink.text, "  ---\n"
                                   "  k: \"\\\"q\\\" \\\\ \\n \\t \\x01 \\x7f \\xff # : {\"\n"
                                   "  empty: \"\"\n"
                                   "  ...\n");
}

static void next_point_and_bail_out_close_an_open_block(void **state)
{
    struct sink sink;
    struct tap t = start(&sink);

    (void)state;
    tap_yaml_begin(&t);
    tap_point(&t, true, "a", NULL, NULL);
    tap_yaml_begin(&t);
    tap_bail_out(&t, "panic");
    assert_string_equal(sink.text, "  ---\n  ...\nok 1 - a\n  ---\n  ...\nBail out! panic\n");
}

static void long_comments_are_cut(void **state)
{
    struct sink sink;
    struct tap t = start(&sink);
    char text[2000];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    tap_comment(&t, "%s", text);
    assert_int_equal(sink.length, 2 + 511 + 1);
    assert_int_equal(sink.text[sink.length - 1], '\n');
    tap_point(&t, true, text, NULL, NULL); /* ids are never cut */
    assert_non_null(strstr(sink.text, text));
}

static const char *const line_starts[] = {"ok ", "not ok ", "  ---",   "  ...",
                                          "# ",  "  # ",    "  key: ", "Bail out! "};

static void random_texts_never_leave_their_line(void **state)
{
    struct random r = unit_random();

    (void)state;
    for (int run = 0; run < 20000; run++) {
        struct sink sink;
        struct tap t = start(&sink);
        char text[40];

        for (size_t i = 0; i < sizeof(text) - 1; i++)
            text[i] = random_below(&r, 3) == 0 ? "\n\r#\\\"%"[random_below(&r, 6)]
                                               : (char)(1 + random_below(&r, 255));
        text[random_below(&r, sizeof(text))] = '\0';
        text[sizeof(text) - 1] = '\0';

        tap_comment(&t, "%s", text);
        tap_point(&t, false, text, random_below(&r, 2) ? "SKIP" : NULL, text);
        tap_yaml_begin(&t);
        tap_yaml_text(&t, "key", text);
        tap_comment(&t, "%s", text);
        tap_yaml_end(&t);
        tap_bail_out(&t, text);

        for (char *line = strtok(sink.text, "\n"); line; line = strtok(NULL, "\n")) {
            bool known = false;

            for (size_t i = 0; i < ARRAY_SIZE(line_starts); i++)
                known |= strncmp(line, line_starts[i], strlen(line_starts[i])) == 0;
            if (!known)
                fail_msg("line starts outside of the grammar: %s", line);
            assert_null(strchr(line, '\r'));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(report_has_the_form_of_tap_14),
        cmocka_unit_test(description_and_reason_cannot_forge_structure),
        cmocka_unit_test(reason_without_directive_stands_before_the_point),
        cmocka_unit_test(comment_lines_all_start_as_comments),
        cmocka_unit_test(yaml_text_is_escaped),
        cmocka_unit_test(next_point_and_bail_out_close_an_open_block),
        cmocka_unit_test(long_comments_are_cut),
        cmocka_unit_test(random_texts_never_leave_their_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
