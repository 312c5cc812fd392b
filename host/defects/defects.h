/* SPDX-License-Identifier: MIT */
/*
 * Named defects: violations of the ABI that are switched on by name before the guest starts. They
 * measure the test suite: it must fail under each of them.
 */
#ifndef PVT_HOST_DEFECTS_DEFECTS_H
#define PVT_HOST_DEFECTS_DEFECTS_H

#include <stdbool.h>
#include <stddef.h>

enum defect {
#define DEFECT(enumerator, name, requirements, sentence) DEFECT_##enumerator,
#define DEFECT_SOFT(fault, name, requirements, sentence) DEFECT_SOFT_##fault,
#include "host/defects/defects.def"
    DEFECT_COUNT
};

/* Switches a defect on; false when there is none of this name. Before launch only. */
bool defect_enable(const char *name);
bool defect_active(enum defect defect);
bool defect_any_active(const enum defect *list, size_t count);
#define ANY_DEFECT(...)                                                                            \
    defect_any_active((const enum defect[]){__VA_ARGS__},                                          \
                      sizeof((const enum defect[]){__VA_ARGS__}) / sizeof(enum defect))
/* Name of a defect, for example "flush-domain-ignored"; NULL after the last. */
const char *defect_name(enum defect defect);
/* Names of all defects that are on, separated by commas, cut to `size` bytes with the NUL; "" when
 * none is. */
void defect_active_names(char *text, size_t size);

#endif
