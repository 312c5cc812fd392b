/* SPDX-License-Identifier: MIT */
/* Memory as the software IOMMU reaches it: what struct softiommu_callbacks promises, for the
 * guest's RAM. `owner` is not used. */
#ifndef PVT_HOST_IOMMU_SOFT_MEMORY_H
#define PVT_HOST_IOMMU_SOFT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/oracle.h"

/* `spa` is what stage 2 gave, 8-byte aligned. */
uint64_t soft_memory_read64(void *owner, uint64_t spa);

/* Written before launch only. */
struct soft_memory {
    /* False when the GPA is no RAM of the guest; else *spa, and *size bytes from there on lie in
     * one piece. */
    bool (*stage2)(void *owner, uint64_t gpa, enum oracle_access access, uint64_t *spa,
                   uint64_t *size);
    /* False when the word was not `expected`; `spa` as above. */
    bool (*compare_exchange64)(void *owner, uint64_t spa, uint64_t expected, uint64_t desired);
    /* Bytes of a DMA; `size` in bytes. An address that is not memory answers like an empty bus. */
    void (*copy_from)(void *owner, void *to, uint64_t spa, size_t size);
    void (*copy_to)(void *owner, uint64_t spa, const void *from, size_t size);
    void (*fill)(uint64_t spa, uint8_t byte, size_t size);
};
extern struct soft_memory soft_memory;

#endif
