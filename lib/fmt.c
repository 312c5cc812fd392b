/* SPDX-License-Identifier: MIT */
#include "lib/fmt.h"

#include <stdbool.h>
#include <stdint.h>

/* Wider fields are a mistake of the caller; the limit keeps a wrong '*' argument from running for
 * seconds. */
#define FMT_WIDTH_MAX 4096

struct output {
    char *buffer;
    size_t size;   /* of buffer, terminator included */
    size_t length; /* of the whole text, written or not */
};

enum length_modifier { LENGTH_HH, LENGTH_H, LENGTH_INT, LENGTH_L, LENGTH_LL, LENGTH_Z };

struct conversion {
    bool left, zero, prefix;
    size_t width;
    bool has_precision;
    size_t precision;
    enum length_modifier length;
    char type;
};

static void put(struct output *out, char c)
{
    if (out->length < out->size) /* the terminator takes the last byte in the end */
        out->buffer[out->length] = c;
    out->length++;
}

static void put_repeated(struct output *out, char c, size_t count)
{
    while (count-- > 0)
        put(out, c);
}

static void put_text(struct output *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        put(out, text[i]);
}

/* `sign` (such as "-" or "0x") stays before zeros and after spaces. */
static void put_field(struct output *out, const struct conversion *c, const char *sign,
                      size_t sign_length, const char *text, size_t length)
{
    size_t used = sign_length + length;
    size_t padding = c->width > used ? c->width - used : 0;

    if (!c->left && !c->zero)
        put_repeated(out, ' ', padding);
    put_text(out, sign, sign_length);
    if (!c->left && c->zero)
        put_repeated(out, '0', padding);
    put_text(out, text, length);
    if (c->left)
        put_repeated(out, ' ', padding);
}

static void put_number(struct output *out, const struct conversion *c, uint64_t value,
                       const char *sign, size_t sign_length)
{
    const char *digits = c->type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    unsigned base = (c->type == 'x' || c->type == 'X' || c->type == 'p') ? 16 : 10;
    char text[20]; /* 2^64 - 1 has 20 decimal digits */
    size_t at = sizeof(text);

    do {
        text[--at] = digits[value % base];
        value /= base;
    } while (value != 0);
    put_field(out, c, sign, sign_length, text + at, sizeof(text) - at);
}

static void put_string(struct output *out, struct conversion c, const char *text)
{
    size_t length = 0;

    if (!text)
        text = "(null)";
    while ((!c.has_precision || length < c.precision) && text[length] != '\0')
        length++;
    c.zero = false;
    put_field(out, &c, "", 0, text, length);
}

static const char *parse_number(const char *at, size_t *number)
{
    *number = 0;
    for (; *at >= '0' && *at <= '9'; at++)
        if (*number <= FMT_WIDTH_MAX)
            *number = *number * 10 + (size_t)(*at - '0');
    if (*number > FMT_WIDTH_MAX)
        *number = FMT_WIDTH_MAX;
    return at;
}

/* va_list may be an array type, so it is passed on inside a struct: all readers advance the same
 * one. */
struct arguments {
    va_list list;
};

static size_t clamp_width(int64_t width)
{
    return width > FMT_WIDTH_MAX ? FMT_WIDTH_MAX : (size_t)width;
}

/* `at` is after the '%'. Returns the position after the conversion; c->type is 0 at the end of the
 * format. */
static const char *parse_conversion(const char *at, struct conversion *c, struct arguments *args)
{
    *c = (struct conversion){.length = LENGTH_INT};
    for (;; at++)
        if (*at == '-')
            c->left = true;
        else if (*at == '0')
            c->zero = true;
        else if (*at == '#')
            c->prefix = true;
        else
            break;
    if (*at == '*') {
        int64_t width = va_arg(args->list, int);

        c->left |= width < 0;
        c->width = clamp_width(width < 0 ? -width : width);
        at++;
    } else {
        at = parse_number(at, &c->width);
    }
    if (*at == '.') {
        c->has_precision = true;
        if (at[1] == '*') {
            int precision = va_arg(args->list, int);

            c->has_precision = precision >= 0; /* C: a negative one counts as none */
            c->precision = precision < 0 ? 0 : (size_t)precision;
            at += 2;
        } else {
            at = parse_number(at + 1, &c->precision);
        }
    }
    if (*at == 'z') {
        c->length = LENGTH_Z;
        at++;
    } else if (*at == 'l') {
        c->length = at[1] == 'l' ? LENGTH_LL : LENGTH_L;
        at += c->length == LENGTH_LL ? 2 : 1;
    } else if (*at == 'h') {
        c->length = at[1] == 'h' ? LENGTH_HH : LENGTH_H;
        at += c->length == LENGTH_HH ? 2 : 1;
    }
    c->type = *at;
    return *at == '\0' ? at : at + 1;
}

static uint64_t unsigned_argument(struct arguments *args, enum length_modifier length)
{
    switch (length) {
    case LENGTH_HH:
        return (unsigned char)va_arg(args->list, unsigned);
    case LENGTH_H:
        return (unsigned short)va_arg(args->list, unsigned);
    case LENGTH_L:
        return va_arg(args->list, unsigned long);
    case LENGTH_LL:
        return va_arg(args->list, unsigned long long);
    case LENGTH_Z:
        return va_arg(args->list, size_t);
    default:
        return va_arg(args->list, unsigned);
    }
}

static int64_t signed_argument(struct arguments *args, enum length_modifier length)
{
    uint64_t value = unsigned_argument(args, length);

    switch (length) {
    case LENGTH_HH:
        return (signed char)value;
    case LENGTH_H:
        return (short)value;
    case LENGTH_INT:
        return (int)value;
    default:
        return (int64_t)value;
    }
}

/* False when the conversion is not one of ours; it has taken no argument then. */
static bool convert(struct output *out, const struct conversion *c, struct arguments *args)
{
    int64_t number;
    char character;

    switch (c->type) {
    case 'd':
    case 'i':
        number = signed_argument(args, c->length);
        put_number(out, c, number < 0 ? 0 - (uint64_t)number : (uint64_t)number, "-", number < 0);
        return true;
    case 'u':
        put_number(out, c, unsigned_argument(args, c->length), "", 0);
        return true;
    case 'x':
    case 'X': {
        uint64_t value = unsigned_argument(args, c->length);

        put_number(out, c, value, c->type == 'x' ? "0x" : "0X", c->prefix && value != 0 ? 2 : 0);
        return true;
    }
    case 'p':
        put_number(out, c, (uintptr_t)va_arg(args->list, void *), "0x", 2);
        return true;
    case 's':
        put_string(out, *c, va_arg(args->list, const char *));
        return true;
    case 'c':
        character = (char)va_arg(args->list, int);
        put_field(out, &(struct conversion){.left = c->left, .width = c->width}, "", 0, &character,
                  1);
        return true;
    case '%':
        put(out, '%');
        return true;
    default:
        return false;
    }
}

int fmt_vsnprintf(char *buffer, size_t size, const char *format, va_list args)
{
    struct output out = {.buffer = buffer, .size = size};
    struct arguments arguments;

    va_copy(arguments.list, args);
    while (*format != '\0') {
        struct conversion c;
        const char *start = format;

        if (*format != '%') {
            put(&out, *format++);
            continue;
        }
        format = parse_conversion(format + 1, &c, &arguments);
        if (!convert(&out, &c, &arguments))
            put_text(&out, start, (size_t)(format - start)); /* visible, instead of silently gone */
    }
    va_end(arguments.list);
    if (size > 0)
        buffer[out.length < size ? out.length : size - 1] = '\0';
    return out.length > INT32_MAX ? INT32_MAX : (int)out.length;
}

int fmt_snprintf(char *buffer, size_t size, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = fmt_vsnprintf(buffer, size, format, args);
    va_end(args);
    return length;
}
