/* SPDX-License-Identifier: MIT */
#include "lib/bits.h"
#include "lib/fmt.h"

#include <limits.h>
#include <string.h>

#include "tests/unit/unit.h"

/* Formats are built at run time here, and some are wrong on purpose. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"

#define FILL 0x7E

static int unchecked(char *buffer, size_t size, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = fmt_vsnprintf(buffer, size, format, args);
    va_end(args);
    return length;
}

/* Both functions with the same arguments into buffers of `size`: same text, same result, nothing
 * after the end. */
#define AGREE(size, format, ...)                                                                   \
    do {                                                                                           \
        char ours_[256], libc_[256];                                                               \
        int ours_length_, libc_length_;                                                            \
        memset(ours_, FILL, sizeof(ours_));                                                        \
        memset(libc_, FILL, sizeof(libc_));                                                        \
        ours_length_ = unchecked(ours_, size, format, __VA_ARGS__);                                \
        libc_length_ = snprintf(libc_, size, format, __VA_ARGS__);                                 \
        if (ours_length_ != libc_length_ || memcmp(ours_, libc_, sizeof(ours_)) != 0)              \
            fail_msg("format \"%s\" size %zu: ours %d \"%.80s\", libc %d \"%.80s\"", format,       \
                     (size_t)(size), ours_length_, ours_, libc_length_, libc_);                    \
    } while (0)

static uint64_t interesting_value(struct random *r)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     9,
                                     10,
                                     127,
                                     128,
                                     255,
                                     32767,
                                     32768,
                                     INT_MAX,
                                     (uint64_t)INT_MAX + 1,
                                     UINT_MAX,
                                     INT64_MAX,
                                     (uint64_t)INT64_MAX + 1,
                                     UINT64_MAX};
    uint64_t value = random_below(r, 3) == 0 ? edges[random_below(r, ARRAY_SIZE(edges))]
                                             : random_u64(r) >> random_below(r, 64);

    return random_below(r, 4) == 0 ? 0 - value : value;
}

struct random_format {
    char text[64];
    bool star_width;
    char length; /* 'H' = hh, 'h', 'l', 'L' = ll, 'z', ' ' = none */
    char type;
};

static struct random_format random_format(struct random *r, const char *types, bool precision)
{
    struct random_format f = {.type = types[random_below(r, strlen(types))], .length = ' '};
    char *at = f.text;
    bool number = strchr("diuxX", f.type);

    at += sprintf(at, "<%%");
    if (random_below(r, 3) == 0)
        *at++ = '-';
    if (number && random_below(r, 3) == 0)
        *at++ = '0';
    if ((f.type == 'x' || f.type == 'X') && random_below(r, 3) == 0)
        *at++ = '#';
    if (random_below(r, 4) == 0) {
        *at++ = '*';
        f.star_width = true;
    } else if (random_below(r, 2) == 0) {
        at += sprintf(at, "%d", 1 + (int)random_below(r, 30));
    }
    if (precision)
        at += sprintf(at, ".%d", (int)random_below(r, 12));
    if (number) {
        f.length = "Hh lLz"[random_below(r, 6)];
        at += sprintf(at, "%s",
                      f.length == 'H'   ? "hh"
                      : f.length == 'L' ? "ll"
                      : f.length == ' ' ? ""
                                        : (char[]){f.length, 0});
    }
    sprintf(at, "%c>", f.type);
    return f;
}

#define AGREE_STAR(size, f, width, value)                                                          \
    do {                                                                                           \
        if ((f)->star_width)                                                                       \
            AGREE(size, (f)->text, width, value);                                                  \
        else                                                                                       \
            AGREE(size, (f)->text, value);                                                         \
    } while (0)

static void random_numbers_print_as_in_libc(void **state)
{
    struct random r = unit_random();

    (void)state;
    for (int run = 0; run < 200000; run++) {
        struct random_format f = random_format(&r, "diuxX", false);
        uint64_t value = interesting_value(&r);
        int width = (int)random_below(&r, 60) - 30;
        size_t size = random_below(&r, 4) == 0 ? random_below(&r, 40) : 200;

        switch (f.length) {
        case 'l':
            AGREE_STAR(size, &f, width, (unsigned long)value);
            break;
        case 'L':
            AGREE_STAR(size, &f, width, (unsigned long long)value);
            break;
        case 'z':
            AGREE_STAR(size, &f, width, (size_t)value);
            break;
        default: /* hh and h take an int, too */
            AGREE_STAR(size, &f, width, (unsigned)value);
        }
    }
}

static void random_texts_print_as_in_libc(void **state)
{
    struct random r = unit_random();

    (void)state;
    for (int run = 0; run < 50000; run++) {
        struct random_format f = random_format(&r, "s", random_below(&r, 2) == 0);
        int width = (int)random_below(&r, 60) - 30;
        size_t length = random_below(&r, 40);
        char *text = malloc(length + 1); /* on the heap, where the sanitizer sees a read too far */

        assert_non_null(text);
        for (size_t i = 0; i < length; i++)
            text[i] = (char)(1 + random_below(&r, 255));
        text[length] = '\0';
        AGREE_STAR(200, &f, width, text);
        free(text);
    }
}

static void precision_ends_a_text_without_terminator(void **state)
{
    char *text = malloc(4);
    char result[32];

    (void)state;
    assert_non_null(text);
    memcpy(text, "abcd", 4);
    assert_int_equal(
        fmt_snprintf(result, sizeof(result), "<%6.4s|%.*s|%-5.2s>", text, 3, text, text), 18);
    assert_string_equal(result, "<  abcd|abc|ab   >");
    free(text);
}

static void characters_and_plain_text_print_as_in_libc(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        AGREE(64, "%c", c);
        AGREE(64, "[%5c|%-5c]", c, c);
    }
    AGREE(64, "100%% of %s", "it");
    AGREE(64, "%.*s|%.*s", 2, "abcdef", -1, "abcdef");
    AGREE(64, "%.s|", "abcdef");
    AGREE(64, "%p", (void *)(uintptr_t)0x1234abcd);
    AGREE(64, "%20p|%-20p|", (void *)(uintptr_t)0xffffffffffffffff, (void *)(uintptr_t)1);
}

static void size_limits_what_is_written_but_not_the_result(void **state)
{
    char byte = FILL;

    (void)state;
    assert_int_equal(fmt_snprintf(NULL, 0, "%s %d", "twelve", 12345), 12);
    assert_int_equal(fmt_snprintf(&byte, 0, "abc"), 3);
    assert_int_equal(byte, FILL);
    assert_int_equal(fmt_snprintf(&byte, 1, "abc"), 3);
    assert_int_equal(byte, '\0');
}

static void what_libc_leaves_open_is_defined_here(void **state)
{
    char text[64];
    const char *no_text = NULL;

    (void)state;
    unchecked(text, sizeof(text), "%s|%p", no_text, (void *)0);
    assert_string_equal(text, "(null)|0x0");
    assert_int_equal(unchecked(text, sizeof(text), "a%"), 2);
    assert_string_equal(text, "a%");
    unchecked(text, sizeof(text), "%-08q|%5", 1);
    assert_string_equal(text, "%-08q|%5");
    unchecked(text, sizeof(text), "%05s|", "ab");
    assert_string_equal(text, "   ab|");
    assert_int_equal(unchecked(text, sizeof(text), "%99999999999999999999d", 1), 4096);
    assert_int_equal(unchecked(text, sizeof(text), "%*d", INT_MIN, 1), 4096);
    assert_int_equal(unchecked(text, sizeof(text), "%*d", INT_MAX, 1), 4096);
}

/* Random bytes as a format; the arguments are readable as number and as text, whatever is asked
 * for. */
static void hostile_formats_stay_inside_the_buffer(void **state)
{
    struct random r = unit_random();
    static const char argument[] = "argument";

    (void)state;
    for (int run = 0; run < 100000; run++) {
        char format[24], text[32];
        size_t length = random_below(&r, sizeof(format) - 1),
               size = random_below(&r, sizeof(text) - 1);
        unsigned conversions = 0;
        int result;

        for (size_t i = 0; i < length; i++) {
            format[i] = random_below(&r, 2) == 0 ? "%-0#.9lhzdiuxXcsp"[random_below(&r, 17)]
                                                 : (char)(1 + random_below(&r, 255));
            if (format[i] == '*')
                format[i] =
                    '+'; /* would take a pointer for a width: fine for us, but prints 4096 blanks */
            conversions += format[i] == '%';
        }
        format[length] = '\0';
        if (conversions > 8)
            continue; /* not more than the arguments below */
        memset(text, FILL, sizeof(text));
        result = unchecked(text, size, format, argument, argument, argument, argument, argument,
                           argument, argument, argument);

        assert_true(result >= 0);
        if (size > 0)
            assert_int_equal(text[(size_t)result < size ? (size_t)result : size - 1], '\0');
        for (size_t i = size; i < sizeof(text); i++)
            assert_int_equal(text[i], FILL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_numbers_print_as_in_libc),
        cmocka_unit_test(random_texts_print_as_in_libc),
        cmocka_unit_test(precision_ends_a_text_without_terminator),
        cmocka_unit_test(characters_and_plain_text_print_as_in_libc),
        cmocka_unit_test(size_limits_what_is_written_but_not_the_result),
        cmocka_unit_test(what_libc_leaves_open_is_defined_here),
        cmocka_unit_test(hostile_formats_stay_inside_the_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
