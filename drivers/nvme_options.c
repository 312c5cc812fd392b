/* SPDX-License-Identifier: MIT */
#include "drivers/nvme_options.h"

#include "lib/string.h"

static struct {
    struct nvme_scratch ranges[NVME_SCRATCHES_MAX];
    unsigned count;
} nvme_options;

const char *nvme_scratch_add(const char *value)
{
    struct nvme_scratch scratch;
    const char *problem;

    if (nvme_options.count == NVME_SCRATCHES_MAX)
        return "more than 8 ranges";
    problem = nvme_scratch_parse(value, &scratch);
    if (!problem)
        nvme_options.ranges[nvme_options.count++] = scratch;
    return problem;
}

bool nvme_scratch_for(const char *serial, struct nvme_scratch *scratch)
{
    const struct nvme_scratch *found = NULL;

    for (unsigned i = 0; i < nvme_options.count; i++) {
        const struct nvme_scratch *range = &nvme_options.ranges[i];

        if (strcmp(range->serial, serial) == 0 || (range->serial[0] == '\0' && !found))
            found = range;
    }
    if (found)
        *scratch = *found;
    return found;
}
