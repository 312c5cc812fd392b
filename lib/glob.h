/* SPDX-License-Identifier: MIT */
#ifndef PVT_LIB_GLOB_H
#define PVT_LIB_GLOB_H

#include <stdbool.h>

/* Shell-style match of the whole text: '*' any run, '?' one character, everything else itself. */
bool glob_match(const char *pattern, const char *text);

/* The pattern has '*' or '?'; any other matches one text alone. */
bool glob_has_wildcard(const char *pattern);

#endif
