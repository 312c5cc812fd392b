/* SPDX-License-Identifier: MIT */
#include "lib/glob.h"

#include <stddef.h>

bool glob_has_wildcard(const char *pattern)
{
    for (; *pattern != '\0'; pattern++)
        if (*pattern == '*' || *pattern == '?')
            return true;
    return false;
}

bool glob_match(const char *pattern, const char *text)
{
    /* Only the last '*' ever needs another try: whatever an earlier one could swallow, the later
     * one can swallow too.
     */
    const char *after_star = NULL, *retry = NULL;

    while (*text != '\0') {
        if (*pattern == '*') {
            after_star = ++pattern;
            retry = text;
        } else if (*pattern != '\0' && (*pattern == '?' || *pattern == *text)) {
            pattern++;
            text++;
        } else if (after_star) {
            pattern = after_star;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}
