/* SPDX-License-Identifier: MIT */
/*
 * Options text: one "key=value" per line or separated by spaces; '#' starts a comment line. The
 * same parser serves the guest (load options or \pvtest.opt) and the reference host (\refhost.opt);
 * each brings its own table of keys.
 */
#ifndef PVT_LIB_OPTIONS_H
#define PVT_LIB_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct option_error {
    unsigned line;
    char text[256]; /* what was wrong and what would be right */
};

/* Called per key; returns false (and fills error->text) when the key is unknown or the value is
 * bad. The parser puts "key: " in front of that text and fills in the line. Both strings are parts
 * of the parsed text and live as long as it. */
typedef bool (*option_handler)(void *context, const char *key, const char *value,
                               struct option_error *error);

/* Parses `length` bytes of text (modified in place). Stops at the first error and returns false
 * with *error filled. */
bool options_parse(char *text, size_t length, option_handler handler, void *context,
                   struct option_error *error);

/* Decimal or 0x hexadecimal; whole text must be a number in [min, max]. */
bool option_number(const char *value, uint64_t min, uint64_t max, uint64_t *number,
                   struct option_error *error);

#endif
