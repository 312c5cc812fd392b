/* SPDX-License-Identifier: MIT */
/*
 * What an editor made of an options file, before lib/options.h parses it: plain ASCII text, a byte
 * order mark of UTF-8 in front of it allowed. Anything else is refused with the line that has to
 * change.
 */
#ifndef PVT_LIB_OPTION_TEXT_H
#define PVT_LIB_OPTION_TEXT_H

#include "lib/options.h"

/* Removes a UTF-8 byte order mark; *length is in bytes. False with *error filled when the text is
 * UTF-16, or a line has a byte that is not printable ASCII, a tab or a line end. */
bool option_text_clean(char *text, size_t *length, struct option_error *error);

#endif
