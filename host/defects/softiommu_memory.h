/* SPDX-License-Identifier: MIT */
/* State of the faults between two calls of seams. The caller that serializes the calls of the IOMMU
 * protects it, too.
 */
#ifndef PVT_HOST_DEFECTS_SOFTIOMMU_MEMORY_H
#define PVT_HOST_DEFECTS_SOFTIOMMU_MEMORY_H

#include "host/softiommu/request.h"

struct walk;

/* The access that is translated. */
struct access_under_way {
    unsigned device;
    unsigned level; /* of the leaf that stage 1 found */
    bool one_byte;  /* the leaf lies beside; only a byte of it is good */
};

/* How 2 MiB of a domain were mapped when they were met. */
struct met_size {
    uint16_t did;
    uint64_t page; /* IOVA >> 21 */
    bool is_leaf;
};
#define MET_SIZES 16u

/* A leaf entry that is written back with A and D some time after it was used. */
struct late_store {
    uint64_t spa, value;
    uint16_t did;
    bool used, released; /* released: the guest has taken the table back */
};
#define LATE_STORES 16u

#define DELETED_DOMAINS 16u

/* The entry of a level that was used last. */
struct used_entry {
    uint64_t gpa;
    uint8_t rights;
    bool used;
};
#define LEVELS 5u

/* A walk-cache entry with its origin. */
struct walk_fill {
    uint64_t page, table, filler; /* filler: the 4 KiB page of the access */
    uint16_t did;
    uint8_t level, rights;
    bool used, faulted, prefetched, saved;
};
#define WALK_FILLS 256u

/* A large page in a TLB with the 4 KiB page that filled it. */
struct large_fill {
    const struct tlb *tlb;
    uint64_t iova, gpa;
    uint16_t did;
    uint8_t level, flags;
    bool saved;
};
#define LARGE_FILLS 16u

/* Requests by the level of the last leaf that has translated them. */
struct level_of_request {
    const struct softiommu_request *request;
    uint8_t level;
    bool forgotten; /* a flush has begun, and no page of the request is in the IOTLB */
    bool lost;      /* of the requests of a drain */
};
#define REQUESTS_KNOWN 64u

struct known_table {
    uint64_t table;
    uint8_t rights;
};
#define KNOWN_TABLES 32u

/* Leaf tables of the domain that was walked last, told apart by the order of their IOVAs. */
struct numbered_tables {
    uint64_t first; /* table */
    uint64_t next;  /* line of 8 entries that lead to them, from which on they are new */
    uint16_t did;
    unsigned lines;
};

struct softiommu_memory {
    struct access_under_way access;
    const struct softiommu_request *beginning; /* being translated */
    const struct walk *walking;                /* an entry of its tables is read or marked */
    uint64_t allowed;   /* the page of the last access: its GPA plus its level */
    uint64_t pretended; /* bits that the entry of the walk has not in memory */
    struct met_size met[MET_SIZES];
    struct {
        struct softiommu *iommu;
        enum softiommu_event event;
        unsigned device_tlbs; /* dropped so far */
        bool idle;            /* a flush of a domain without devices */
        bool drained;
        unsigned drained_device; /* the last one */
    } invalidation;
    bool tables_kept;      /* a flush that is under way drops nothing of walk caches */
    bool leaving_identity; /* the device that is switched */
    struct late_store late[LATE_STORES];
    unsigned late_next;
    struct softiommu_translation deleted[DELETED_DOMAINS]; /* the last ones */
    unsigned deleted_next;
    struct softiommu *unit; /* of the access that is translated */
    struct used_entry used_entry[LEVELS];
    struct walk_fill walk_fill[WALK_FILLS];
    unsigned walk_fills; /* in all; the last WALK_FILLS are kept */
    struct large_fill large_fill[LARGE_FILLS];
    unsigned large_fills;
    struct known_table known_table[KNOWN_TABLES];
    unsigned known_tables;
    unsigned full_victims; /* entries that were overwritten */
    struct numbered_tables numbered;
    struct level_of_request level_of[REQUESTS_KNOWN];
    unsigned levels_known; /* in all; the last REQUESTS_KNOWN are kept */
    /* One of the requests in flight has ended: the newest of the device; of all devices; one that
     * was not the newest of the device. */
    bool newest_ended[SOFTIOMMU_DEVICES_MAX], newest_of_all_ended;
    unsigned others_ended[SOFTIOMMU_DEVICES_MAX];
    uint64_t
        youngest[SOFTIOMMU_DEVICES_MAX]; /* sequence of the last request in flight that began */
};

extern struct softiommu_memory softiommu_memory;

#endif
