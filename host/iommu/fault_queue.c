/* SPDX-License-Identifier: MIT */
#include "host/iommu/fault_queue.h"

#include "lib/string.h"

#define QUEUE_LENGTH 64u

static struct {
    struct oracle_fault record[QUEUE_LENGTH]; /* oldest first */
    unsigned count;
    uint32_t lost;
} queue;

void fault_queue_add(const struct oracle_fault *fault)
{
    if (queue.count == QUEUE_LENGTH) {
        queue.lost++;
        return;
    }
    queue.record[queue.count] = *fault;
    queue.record[queue.count++].valid = ORACLE_FAULT_VALID;
}

void fault_queue_lose(uint32_t records)
{
    queue.lost += records;
}

bool fault_queue_take(uint64_t device_id, bool clear, struct oracle_fault *fault)
{
    unsigned i = 0;
    bool found;

    while (i < queue.count && device_id != ORACLE_FAULT_ANY_DEVICE &&
           queue.record[i].device_id != device_id)
        i++;
    found = i < queue.count;
    *fault = found ? queue.record[i] : (struct oracle_fault){0};
    fault->lost = queue.lost;
    queue.lost = 0;
    if (found && clear) {
        queue.count--;
        memmove(&queue.record[i], &queue.record[i + 1],
                (queue.count - i) * sizeof(queue.record[0]));
    }
    return found;
}
