/* SPDX-License-Identifier: MIT */
#include "lib/tap.h"

#include <stdarg.h>

#include "lib/fmt.h"
#include "lib/string.h"

#define TEXT_MAX 512 /* longest formatted line; longer text is cut */

static void put(struct tap *t, const char *text)
{
    t->write(t->sink, text, strlen(text));
}

static void put_format(struct tap *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put_format(struct tap *t, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list args;

    va_start(args, format);
    fmt_vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    put(t, text);
}

/* Runs of harmless bytes go out as one write; `escape` says how the others look. */
static void put_escaped(struct tap *t, const char *text, bool (*escape)(char c, char escaped[8]))
{
    char escaped[8];
    const char *run = text;

    for (; *text != '\0'; text++) {
        if (!escape(*text, escaped))
            continue;
        if (text != run)
            t->write(t->sink, run, (size_t)(text - run));
        put(t, escaped);
        run = text + 1;
    }
    if (text != run)
        t->write(t->sink, run, (size_t)(text - run));
}

/* TAP 14, "Escaping": only '#' and '\' have a meaning in a description. Control bytes would tear
 * the line apart. */
static bool escape_description(char c, char escaped[8])
{
    if (c == '#' || c == '\\') {
        fmt_snprintf(escaped, 8, "\\%c", c);
        return true;
    }
    if ((unsigned char)c < ' ' || c == 0x7F) {
        fmt_snprintf(escaped, 8, " ");
        return true;
    }
    return false;
}

static bool escape_control(char c, char escaped[8])
{
    return c != '#' && c != '\\' && escape_description(c, escaped);
}

/* YAML 1.2, 5.7: a double-quoted scalar. Bytes outside ASCII have no known encoding here, so they
 * show as numbers. */
static bool escape_yaml(char c, char escaped[8])
{
    if (c == '"' || c == '\\')
        fmt_snprintf(escaped, 8, "\\%c", c);
    else if (c == '\n')
        fmt_snprintf(escaped, 8, "\\n");
    else if (c == '\t')
        fmt_snprintf(escaped, 8, "\\t");
    else if ((unsigned char)c < ' ' || (unsigned char)c >= 0x7F)
        fmt_snprintf(escaped, 8, "\\x%02x", (unsigned)(unsigned char)c);
    else
        return false;
    return true;
}

void tap_begin(struct tap *t, unsigned planned)
{
    t->planned = planned;
    t->written = 0;
    t->in_yaml = false;
    put_format(t, "TAP version 14\n1..%u\n", planned);
}

/* Inside a YAML block the indented form is a YAML comment, so the block stays whole. */
static void put_comment(struct tap *t, char *text)
{
    for (char *next; text; text = next) {
        next = strchr(text, '\n');
        if (next)
            *next++ = '\0';
        put(t, t->in_yaml ? "  # " : "# ");
        put_escaped(t, text, escape_control);
        put(t, "\n");
        if (next && *next == '\0')
            break;
    }
}

void tap_comment(struct tap *t, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list args;

    va_start(args, format);
    fmt_vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    put_comment(t, text);
}

void tap_point(struct tap *t, bool ok, const char *id, const char *directive, const char *reason)
{
    tap_yaml_end(t);
    /* A reason needs a directive to stand on the line, and a YAML block may only follow the point
     * directly. */
    if (!directive && reason)
        tap_comment(t, "%s", reason);
    put_format(t, "%s %u - ", ok ? "ok" : "not ok", ++t->written);
    put_escaped(t, id, escape_description);
    if (directive) {
        put_format(t, " # %s", directive);
        if (reason) {
            put(t, " ");
            put_escaped(t, reason, escape_control);
        }
    }
    put(t, "\n");
}

void tap_yaml_begin(struct tap *t)
{
    if (t->in_yaml)
        return;
    t->in_yaml = true;
    put(t, "  ---\n");
}

void tap_yaml_text(struct tap *t, const char *key, const char *value)
{
    put_format(t, "  %s: \"", key);
    put_escaped(t, value, escape_yaml);
    put(t, "\"\n");
}

void tap_yaml_number(struct tap *t, const char *key, uint64_t value)
{
    put_format(t, "  %s: %llu\n", key, (unsigned long long)value);
}

void tap_yaml_hex(struct tap *t, const char *key, uint64_t value)
{
    put_format(t, "  %s: 0x%llx\n", key, (unsigned long long)value);
}

void tap_yaml_end(struct tap *t)
{
    if (!t->in_yaml)
        return;
    t->in_yaml = false;
    put(t, "  ...\n");
}

void tap_bail_out(struct tap *t, const char *reason)
{
    tap_yaml_end(t);
    put(t, "Bail out! ");
    put_escaped(t, reason, escape_control);
    put(t, "\n");
}
