/* SPDX-License-Identifier: MIT */
/*
 * A translation backend turns domains into what a device's DMA really sees. The front end
 * (host/domains) owns the objects and the rules of the ABI; a backend owns hardware tables, domain
 * ids and invalidation.
 */
#ifndef PVT_HOST_IOMMU_BACKEND_H
#define PVT_HOST_IOMMU_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/oracle.h"

enum translation_kind { TRANSLATION_BLOCKED, TRANSLATION_IDENTITY, TRANSLATION_PAGING };

/* Translation that a domain asks for. `did`, the domain id of the hardware, names the domain's
 * cached translations and is unique among all domains of a backend for as long as any cache may
 * hold it. */
struct translation {
    enum translation_kind kind;
    uint64_t root;   /* GPA of the guest's top table (PAGING) */
    unsigned levels; /* 4 or 5 (PAGING) */
    uint16_t did;
};

/* Pages of 4 KiB: their number is a power of two, to which the first is aligned. 2^52 pages from
 * page 0 are all. */
struct page_range {
    uint64_t first, count;
};

struct backend_limits {
    uint8_t iova_bits; /* input width */
    bool five_level;
    bool ats;            /* device TLBs are kept in step with flushes */
    uint64_t page_sizes; /* bitmap */
    uint32_t dids;       /* how many domain ids there are */
};

struct iommu_backend {
    const char *name; /* "vtd" */
    /* False when the machine has no such unit; says why in the log. */
    bool (*init)(void);
    const struct backend_limits *(*limits)(void);
    /* True when DMA of this requester goes through the backend and can be switched. */
    bool (*owns)(uint16_t bdf);
    /* True when the device can have this translation; NULL: every one within the limits. */
    bool (*supports)(uint16_t bdf, const struct translation *to);
    /* Switches a device from `from` to `to` as one step, then invalidates what was cached under
     * from->did for it. */
    void (*set_translation)(uint16_t bdf, const struct translation *from,
                            const struct translation *to);
    void (*flush_domain)(const struct translation *t);
    void (*flush_range)(const struct translation *t, struct page_range range);
    /* The tables or the whole domain are about to go, and no device has it: nothing of it may be
     * kept under its domain id. NULL: flush_domain does as much. */
    void (*forget_domain)(const struct translation *t);
    /* Oldest fault record; false when none. Drains the hardware's record into per-device storage.
     */
    bool (*take_fault)(uint64_t device_id, bool clear, struct oracle_fault *fault);
};

/* Written before launch only. */
extern struct iommu_backend backend_vtd;
extern struct iommu_backend backend_soft;

static inline void backend_forget_domain(const struct iommu_backend *backend,
                                         const struct translation *t)
{
    if (backend->forget_domain)
        backend->forget_domain(t);
    else
        backend->flush_domain(t);
}

#endif
