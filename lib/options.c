/* SPDX-License-Identifier: MIT */
#include "lib/options.h"

#include "lib/fmt.h"
#include "lib/string.h"

#define KEY_MAX 32 /* longer than any key that makes sense */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool is_printable(char c)
{
    return c > ' ' && c < 0x7F;
}

/* Text shown in a message: what precedes the first byte that would garble it. */
static int shown_length(const char *text, size_t length)
{
    size_t n = 0;

    while (n < length && n < 40 && is_printable(text[n]))
        n++;
    return (int)n;
}

static bool check_bytes(const char *word, size_t length, struct option_error *error)
{
    for (size_t i = 0; i < length; i++) {
        if (!is_printable(word[i])) {
            fmt_snprintf(error->text, sizeof(error->text),
                         "byte 0x%02x after '%.*s': options are printable ASCII",
                         (unsigned)(unsigned char)word[i], shown_length(word, i), word);
            return false;
        }
    }
    return true;
}

/* Puts the key in front of what the handler said, so that no handler has to. */
static void name_key(const char *key, struct option_error *error)
{
    char said[sizeof(error->text)];

    memcpy(said, error->text, sizeof(said));
    said[sizeof(said) - 1] = '\0';
    fmt_snprintf(error->text, sizeof(error->text), "%s: %s", key,
                 said[0] != '\0' ? said : "unknown key or bad value");
}

static bool parse_word(char *word, size_t length, option_handler handler, void *context,
                       struct option_error *error)
{
    char key[KEY_MAX + 1];
    size_t key_length = 0;
    size_t value_length;
    char *value;

    if (!check_bytes(word, length, error))
        return false;
    while (key_length < length && word[key_length] != '=')
        key_length++;
    if (key_length == length || key_length == 0) {
        fmt_snprintf(error->text, sizeof(error->text), "'%.*s' is not key=value",
                     shown_length(word, length), word);
        return false;
    }
    if (key_length > KEY_MAX) {
        fmt_snprintf(error->text, sizeof(error->text), "key '%.*s...' is longer than %d characters",
                     KEY_MAX, word, KEY_MAX);
        return false;
    }
    memcpy(key, word, key_length);
    key[key_length] = '\0';

    /* There may be no byte after the last value: one step to the left makes room for its
     * terminator. */
    value_length = length - key_length - 1;
    value = word + key_length;

    memmove(value, value + 1, value_length);
    value[value_length] = '\0';
    if (handler(context, key, value, error))
        return true;
    name_key(key, error);
    return false;
}

bool options_parse(char *text, size_t length, option_handler handler, void *context,
                   struct option_error *error)
{
    size_t at = 0;
    unsigned line = 1;

    while (length > 0 && text[length - 1] == '\0') /* load options are a terminated string */
        length--;
    while (at < length) {
        size_t start = at;

        if (text[at] == '\n') {
            line++;
            at++;
        } else if (is_blank(text[at])) {
            at++;
        } else if (text[at] == '#') {
            while (at < length && text[at] != '\n')
                at++;
        } else {
            while (at < length && text[at] != '\n' && !is_blank(text[at]))
                at++;
            *error = (struct option_error){.line = line};
            if (!parse_word(text + start, at - start, handler, context, error)) {
                error->line = line;
                return false;
            }
        }
    }
    return true;
}

static bool digit_value(char c, unsigned base, unsigned *digit)
{
    if (c >= '0' && c <= '9')
        *digit = (unsigned)(c - '0');
    else if (c >= 'a' && c <= 'f')
        *digit = (unsigned)(c - 'a') + 10;
    else if (c >= 'A' && c <= 'F')
        *digit = (unsigned)(c - 'A') + 10;
    else
        return false;
    return *digit < base;
}

static bool parse_u64(const char *at, uint64_t *number)
{
    unsigned base = 10, digit;
    uint64_t result = 0;

    if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) {
        base = 16;
        at += 2;
    }
    if (*at == '\0')
        return false;
    for (; *at != '\0'; at++) {
        if (!digit_value(*at, base, &digit) || result > (UINT64_MAX - digit) / base)
            return false;
        result = result * base + digit;
    }
    *number = result;
    return true;
}

bool option_number(const char *value, uint64_t min, uint64_t max, uint64_t *number,
                   struct option_error *error)
{
    uint64_t result = 0;

    if (parse_u64(value, &result) && result >= min && result <= max) {
        *number = result;
        return true;
    }
    fmt_snprintf(error->text, sizeof(error->text), "'%.*s' is not a number from %llu to %llu",
                 shown_length(value, strlen(value)), value, (unsigned long long)min,
                 (unsigned long long)max);
    return false;
}
