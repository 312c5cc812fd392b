/* SPDX-License-Identifier: MIT */
/*
 * What a unit without a table walk of its own has been told of a domain: a list of mappings in the
 * order of their IOVAs. A walk of the stage-1 tables says what should be told now; the difference
 * is what has to be sent.
 */
#ifndef PVT_DRIVERS_UNITS_SHADOW_H
#define PVT_DRIVERS_UNITS_SHADOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shadow_mapping {
    uint64_t iova, gpa, size; /* bytes */
    bool writable;
};

struct shadow_list {
    struct shadow_mapping *mappings;
    size_t count, room;
};

/* Is there memory of the guest at that GPA, for a whole table? Others are not followed, as no host
 * would. */
typedef bool (*shadow_readable)(uint64_t gpa);

/* Fills the list from x86-64 tables of 4 levels: user entries that are present, leaves of 4 KiB, 2
 * MiB and 1 GiB; IOVAs of the upper half have bits 63:48 set. False: there are more mappings than
 * the list has room for. */
bool shadow_walk(struct shadow_list *list, uint64_t root, shadow_readable readable);

/* Does a flush name any byte from first to last? */
typedef bool (*shadow_named)(void *context, uint64_t first, uint64_t last);
/* The mappings to tell after a flush that names only some bytes: those of `now` that it names or
 * that fill a hole, and of `told` those that it does not name. False: `out` has no room for them.
 */
bool shadow_merge(struct shadow_list *out, const struct shadow_list *told,
                  const struct shadow_list *now, shadow_named named, void *context);

/* For each mapping of `old` that `new` does not hold alike: drop(); then for each of `new` that
 * `old` did not: add(). False at once when one of them returns false. */
bool shadow_differences(const struct shadow_list *old, const struct shadow_list *new,
                        bool (*drop)(void *context, const struct shadow_mapping *m),
                        bool (*add)(void *context, const struct shadow_mapping *m), void *context);

#endif
