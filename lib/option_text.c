/* SPDX-License-Identifier: MIT */
#include "lib/option_text.h"

#include "lib/fmt.h"
#include "lib/string.h"

static bool is_text(unsigned char byte)
{
    return (byte >= ' ' && byte <= '~') || byte == '\t' || byte == '\n' || byte == '\r';
}

static bool refuse(struct option_error *error, unsigned line, const char *text)
{
    error->line = line;
    fmt_snprintf(error->text, sizeof(error->text), "%s", text);
    return false;
}

/* Editors of Windows save UTF-16 with a byte order mark; PowerShell's redirection does so without
 * being asked. Without the mark every second byte of such a text is zero. */
static bool is_utf16(const char *text, size_t length)
{
    const unsigned char *byte = (const unsigned char *)text;

    if (length < 2)
        return false;
    return (byte[0] == 0xFF && byte[1] == 0xFE) || (byte[0] == 0xFE && byte[1] == 0xFF) ||
           (byte[0] == 0) != (byte[1] == 0);
}

bool option_text_clean(char *text, size_t *length, struct option_error *error)
{
    static const char mark[] = "\xEF\xBB\xBF";
    const size_t mark_length = sizeof(mark) - 1;
    unsigned line = 1;

    if (*length >= mark_length && memcmp(text, mark, mark_length) == 0) {
        *length -= mark_length;
        memmove(text, text + mark_length, *length);
    }
    if (is_utf16(text, *length))
        return refuse(error, 1, "the file is UTF-16; save it as ASCII or UTF-8");
    for (size_t i = 0; i < *length; i++) {
        if (!is_text((unsigned char)text[i])) {
            error->line = line;
            fmt_snprintf(error->text, sizeof(error->text),
                         "byte 0x%02x is not ASCII text; save the file as ASCII or UTF-8",
                         (unsigned char)text[i]);
            return false;
        }
        if (text[i] == '\n')
            line++;
    }
    return true;
}
