/* SPDX-License-Identifier: MIT */
/*
 * A software IOMMU with two stages, the caches of real hardware, and requests in flight
 * (docs/software-iommu.md).
 *
 * It knows neither the machine nor the host: memory is reached through callbacks, storage is handed
 * in, and nothing here waits or allocates. The caller serializes all calls for one IOMMU.
 * Addresses: the device sends an IOVA, stage 1 makes a GPA of it, and stage 2 an SPA, which the
 * callbacks take.
 */
#ifndef PVT_HOST_SOFTIOMMU_SOFTIOMMU_H
#define PVT_HOST_SOFTIOMMU_SOFTIOMMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/oracle.h"
#include "host/softiommu/reason.h"
#include "host/softiommu/rules.h"

/* How much is remembered. All three are legal hosts. */
enum softiommu_policy {
    SOFTIOMMU_CACHE_NONE,        /* nothing, not even in device TLBs */
    SOFTIOMMU_CACHE_RANDOM,      /* fills, evicts and prefetches at random, repeatably for a seed */
    SOFTIOMMU_CACHE_ADVERSARIAL, /* everything that may be kept, for as long as it may */
};

/* Accessed and dirty bits of the guest's tables. */
enum softiommu_ad_mode {
    SOFTIOMMU_AD_SET,      /* by compare-exchange, before the translation is used */
    SOFTIOMMU_AD_IGNORED,  /* neither read nor written */
    SOFTIOMMU_AD_REQUIRED, /* never written; an entry without the bit that the access would set is a
                              fault */
};

struct softiommu_config {
    enum softiommu_policy policy;
    enum softiommu_ad_mode ad_mode;
    uint64_t seed;               /* of the RANDOM policy */
    unsigned devices;            /* 1..SOFTIOMMU_DEVICES_MAX; named 0 .. devices - 1 in all calls */
    unsigned iova_bits;          /* 12..57; a domain with four levels has at most 48 */
    unsigned physical_bits;      /* MAXPHYADDR, 32..52: entry bits from here to 51 are reserved */
    bool xd_reserved;            /* bit 63 of an entry is reserved; off: ignored */
    bool extended_accessed;      /* bit 10 is set wherever the accessed bit is, or would be */
    bool user_ignored;           /* the user bit (U/S) is not checked */
    uint64_t page_sizes;         /* bitmap: bit 12 must be set, bits 21 and 30 may be */
    unsigned iotlb_entries;      /* per page size; each of the three 1..SOFTIOMMU_ENTRIES_MAX */
    unsigned walk_cache_entries; /* per level */
    unsigned device_tlb_entries; /* per device and page size */
    /* A domain whose last device is attached elsewhere keeps its entries until it is flushed or
     * deleted (ATT-4). Off: they go with its last device, as they always do in a detach. */
    bool keep_idle_domains;
    const struct softiommu_rules *rules; /* NULL: those of the ABI; copied */
};

#define SOFTIOMMU_DEVICES_MAX 256u
#define SOFTIOMMU_ENTRIES_MAX 0x100000u

struct softiommu_translation;
/* A device's translation `t`, cached or not, has led from `iova` to `gpa`. Calls nothing of this
 * interface. */
typedef void softiommu_translated(void *owner, unsigned device,
                                  const struct softiommu_translation *t, uint64_t iova,
                                  enum oracle_access access, uint64_t gpa);

struct softiommu_callbacks {
    void *owner; /* first argument of every callback */
    /* Stage 2: true when the guest owns `gpa` for `access`; *spa, and *size bytes from there on
     * that are as good (at least up to the end of the 4 KiB page). Asked on every use of an
     * address: the answer may change at any time. */
    bool (*stage2)(void *owner, uint64_t gpa, enum oracle_access access, uint64_t *spa,
                   uint64_t *size);
    /* Table entries; aligned to 8 bytes, atomic for the guest's processors. */
    uint64_t (*read64)(void *owner, uint64_t spa);
    bool (*compare_exchange64)(void *owner, uint64_t spa, uint64_t expected, uint64_t desired);
    /* Bytes of a DMA. */
    void (*copy_from)(void *owner, void *to, uint64_t spa, size_t size);
    void (*copy_to)(void *owner, uint64_t spa, const void *from, size_t size);
    /* May be NULL. Called before and after a switch of a device, when it could do DMA on real
     * hardware. May start requests. */
    void (*on_switch_step)(void *owner, unsigned device);
    softiommu_translated *on_translation; /* may be NULL */
};

struct softiommu; /* lives in the storage */

/* Bytes of storage that the configuration needs; 0 when a field is outside its range. */
size_t softiommu_storage_size(const struct softiommu_config *config);
/* All devices are blocked, all caches empty. `storage` is aligned to 16 bytes and stays the
 * IOMMU's. NULL when the configuration is not valid or the storage too small. Nothing needs to be
 * released. */
struct softiommu *softiommu_init(const struct softiommu_config *config,
                                 const struct softiommu_callbacks *callbacks, void *storage,
                                 size_t size);

enum softiommu_kind { SOFTIOMMU_BLOCKED, SOFTIOMMU_IDENTITY, SOFTIOMMU_PAGING };

/* The translation of a device. `did` names what is cached for a domain. Devices with one did have
 * one translation; the root of a did changes only while no device has it, after
 * softiommu_delete_domain(). */
struct softiommu_translation {
    enum softiommu_kind kind;
    uint64_t root;   /* GPA of the top table, aligned to 4 KiB, below 2^52 (PAGING) */
    unsigned levels; /* 4 or 5 (PAGING) */
    uint16_t did;
};

enum softiommu_switch { SOFTIOMMU_ATTACH, SOFTIOMMU_DETACH };

/*
 * Makes `to` the translation of a device in one step, drops what may not be used any more (context
 * entry, device TLB; IOTLB and walk caches of the old did when this was its last device), and
 * drains the device's requests. False, and nothing has changed, when the device or the translation
 * is not valid.
 */
bool softiommu_switch_device(struct softiommu *iommu, unsigned device,
                             const struct softiommu_translation *to, enum softiommu_switch how);
/* ATS in the device's configuration space. Either way its TLB is empty afterwards. */
void softiommu_set_ats(struct softiommu *iommu, unsigned device, bool on);

/* Both drop all that is cached of the domain's pages in every cache, and drain the domain's
 * requests. */
void softiommu_flush_domain(struct softiommu *iommu, uint16_t did);
/* 2^shift pages of 4 KiB from IOVA page << 12; any page, shift 0..63. Large pages that are touched
 * go as a whole, and so do the walk-cache entries on the way. */
void softiommu_flush_range(struct softiommu *iommu, uint16_t did, uint64_t page, unsigned shift);
/* Drops everything under the domain's did, which may then name another domain, and drains. Neither
 * reads nor writes the domain's tables. Devices that still have the did keep their translation:
 * switch them before. */
void softiommu_delete_domain(struct softiommu *iommu, const struct softiommu_translation *domain);

/* Translates one access: *spa, and the bytes from there on for which the answer holds, at most to
 * the end of the page. A refusal is recorded and leaves both untouched. `access`: READ or WRITE. */
enum softiommu_reason softiommu_translate(struct softiommu *iommu, unsigned device, uint64_t iova,
                                          enum oracle_access access, uint64_t *spa, uint64_t *size);

/* A leaf of a domain in the IOTLB. */
struct softiommu_leaf {
    uint64_t iova, gpa; /* of the page */
    bool write;         /* permitted */
};
typedef void softiommu_leaf_visitor(void *context, const struct softiommu_leaf *leaf);
/* Calls `visit` for each leaf that is cached under `did`, in no order. */
void softiommu_visit_leaves(const struct softiommu *iommu, uint16_t did,
                            softiommu_leaf_visitor *visit, void *context);

/* Oldest record of the device; always fills `fault`, false when there is none. `fault->lost` counts
 * the records dropped since the last call. device_id is the device's number, raw_reason an enum
 * softiommu_reason. */
bool softiommu_take_fault(struct softiommu *iommu, unsigned device, bool clear,
                          struct oracle_fault *fault);
/* The device with the oldest record of all; the number of devices when there is none. */
unsigned softiommu_oldest_fault(const struct softiommu *iommu);

#endif
