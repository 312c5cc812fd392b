/* SPDX-License-Identifier: MIT */
#include "drivers/nvme_options.h"

#include "lib/string.h"

struct ranges {
    struct nvme_scratch range[NVME_SCRATCHES_MAX];
    unsigned count;
};

static struct ranges scratch_ranges, readable_ranges;

static const char *add(struct ranges *ranges, const char *value)
{
    struct nvme_scratch scratch;
    const char *problem;

    if (ranges->count == NVME_SCRATCHES_MAX)
        return "more than 8 ranges";
    problem = nvme_scratch_parse(value, &scratch);
    if (!problem)
        ranges->range[ranges->count++] = scratch;
    return problem;
}

static bool find(const struct ranges *ranges, const char *serial, struct nvme_scratch *scratch)
{
    const struct nvme_scratch *found = NULL;

    for (unsigned i = 0; i < ranges->count; i++) {
        const struct nvme_scratch *range = &ranges->range[i];

        if (strcmp(range->serial, serial) == 0 || (range->serial[0] == '\0' && !found))
            found = range;
    }
    if (found)
        *scratch = *found;
    return found;
}

const char *nvme_scratch_add(const char *value)
{
    return add(&scratch_ranges, value);
}

bool nvme_scratch_for(const char *serial, struct nvme_scratch *scratch)
{
    return find(&scratch_ranges, serial, scratch);
}

const char *nvme_readable_add(const char *value)
{
    return add(&readable_ranges, value);
}

bool nvme_readable_for(const char *serial, struct nvme_scratch *readable)
{
    return find(&readable_ranges, serial, readable);
}
