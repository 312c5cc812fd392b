/* SPDX-License-Identifier: MIT */
#include "host/iommu/domain_id.h"

#include <stdbool.h>
#include <stddef.h>

#include "host/base/memory.h"
#include "lib/bits.h"

#define DIDS_MAX 65536u

static struct {
    bool *used; /* one byte for each id */
    uint32_t limit, next;
} domain_ids;

void domain_ids_init(uint32_t limit)
{
    domain_ids.limit = limit < DIDS_MAX ? limit : DIDS_MAX;
    domain_ids.next = DID_FIRST;
    domain_ids.used = host_pages((DIDS_MAX * sizeof(bool) + PAGE_SIZE - 1) / PAGE_SIZE);
}

uint16_t domain_id_alloc(void)
{
    for (uint32_t tried = DID_FIRST; tried < domain_ids.limit; tried++) {
        uint32_t did = domain_ids.next;

        domain_ids.next = did + 1 < domain_ids.limit ? did + 1 : DID_FIRST;
        if (!domain_ids.used[did]) {
            domain_ids.used[did] = true;
            return (uint16_t)did;
        }
    }
    return DID_NONE;
}

void domain_id_free(uint16_t did)
{
    domain_ids.used[did] = false;
}
