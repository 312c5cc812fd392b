/* SPDX-License-Identifier: MIT */
#include "tests/harness/patterns.h"

#include "lib/glob.h"
#include "lib/string.h"
#include "tests/harness/journal.h"

/* One bucket for an id and all names with that id. */
static unsigned bucket_of(const char *name)
{
    size_t length = 0;

    while (name[length] != '\0' && name[length] != '@')
        length++;
    return journal_digest(0, name, length) % PATTERNS_BUCKETS;
}

bool patterns_add(struct patterns *p, const char *text)
{
    if (p->count == PATTERNS_MAX)
        return false;
    if (glob_has_wildcard(text)) {
        p->globs[p->glob_count++] = (uint16_t)p->count;
    } else {
        uint16_t *bucket = &p->buckets[bucket_of(text)];

        p->older[p->count] = *bucket;
        *bucket = (uint16_t)(p->count + 1);
    }
    p->texts[p->count++] = text;
    return true;
}

/* From the newest to the oldest, so the last hit is the first pattern. */
static unsigned find_name(const struct patterns *p, const char *name)
{
    unsigned found = PATTERNS_NONE;

    for (unsigned link = p->buckets[bucket_of(name)]; link != 0; link = p->older[link - 1])
        if (strcmp(p->texts[link - 1], name) == 0)
            found = link - 1;
    return found;
}

unsigned patterns_find(const struct patterns *p, const char *name)
{
    unsigned found = p->count > p->glob_count ? find_name(p, name) : PATTERNS_NONE;

    for (size_t i = 0; i < p->glob_count && p->globs[i] < found; i++)
        if (glob_match(p->texts[p->globs[i]], name))
            return p->globs[i];
    return found;
}

bool patterns_may_match(const struct patterns *p, const char *id)
{
    return p->glob_count > 0 || p->buckets[bucket_of(id)] != 0;
}
