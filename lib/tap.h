/* SPDX-License-Identifier: MIT */
/* TAP 14 writer: plan first, one point per test, an optional YAML block of key/value pairs after a
 * point. */
#ifndef PVT_LIB_TAP_H
#define PVT_LIB_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tap {
    void (*write)(void *sink, const char *text, size_t length);
    void *sink;
    unsigned planned, written;
    bool in_yaml;
};

void tap_begin(struct tap *t, unsigned planned);
/* A "# text" line; newlines in text become further comment lines. */
void tap_comment(struct tap *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* directive: NULL, "SKIP" or "TODO"; reason may be NULL. id is escaped as TAP 14 demands ('#' and
 * '\\'). */
void tap_point(struct tap *t, bool ok, const char *id, const char *directive, const char *reason);
void tap_yaml_begin(struct tap *t);
void tap_yaml_text(struct tap *t, const char *key, const char *value); /* double-quoted, escaped */
void tap_yaml_number(struct tap *t, const char *key, uint64_t value);
void tap_yaml_hex(struct tap *t, const char *key, uint64_t value);
void tap_yaml_end(struct tap *t);
/* "Bail out! reason" */
void tap_bail_out(struct tap *t, const char *reason);

#endif
