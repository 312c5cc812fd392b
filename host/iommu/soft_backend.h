/* SPDX-License-Identifier: MIT */
/* The software IOMMU of host/softiommu as a backend for the functions that the host emulates. */
#ifndef PVT_HOST_IOMMU_SOFT_BACKEND_H
#define PVT_HOST_IOMMU_SOFT_BACKEND_H

#include "host/iommu/backend.h"
#include "host/softiommu/softiommu.h"

/* Written before launch only. */
struct soft_options {
    /* From refhost.opt. */
    enum softiommu_policy caching;
    uint64_t seed;
    bool no_functions;                   /* the machine's own devices alone */
    unsigned levels;                     /* 4 or 5; 0: 5 */
    const struct softiommu_rules *rules; /* NULL: those of the ABI */
    /* Other legal hosts. */
    enum softiommu_ad_mode ad_mode;
    bool xd_reserved;       /* bit 63 of an entry is reserved */
    bool extended_accessed; /* bit 10 is set with the accessed bit */
    bool user_ignored;      /* U/S of an entry has no effect */
    bool keep_idle_domains; /* entries stay when the last device is attached elsewhere */
    uint8_t iova_bits;      /* 0: those of soft_set_limits() */
    uint64_t page_sizes;    /* bitmap of the leaves that are not refused; 0: all */
    uint32_t cache_entries; /* of each cache; 0: as many as usual */
    softiommu_translated *on_translation; /* an observer; NULL: none */
};
extern struct soft_options soft_options;

/* Input width and 5-level tables that the backend is to have; before its init().
 * `iova_bits` 12..57. */
void soft_set_limits(uint8_t iova_bits, bool five_level);

/* A point in the middle of a switch of the function's translation. Called with the lock held. */
typedef void soft_switch_step(void *function);
/* Puts a function behind the software IOMMU; before its init(). `function` stays the caller's, and
 * on_switch_step may be NULL. */
void soft_add_function(uint16_t bdf, soft_switch_step *on_switch_step, void *function);

/* One lock around the software IOMMU and the emulated functions: hypercalls take it inside the
 * front end's lock, accesses to registers and the passing of time on their own. Not recursive. */
void soft_lock(void);
void soft_unlock(void);

/* All below: with the lock held. */
struct softiommu *soft_iommu(void); /* NULL: no function uses it */
/* The number of an emulated function in calls of the software IOMMU. */
unsigned soft_device(uint16_t bdf);
/* The logical device id of such a number. */
uint64_t soft_device_id(unsigned device);
/* ATS was switched in the configuration space of a function. */
void soft_set_ats(uint16_t bdf, bool on);

#endif
