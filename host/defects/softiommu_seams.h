/* SPDX-License-Identifier: MIT */
/*
 * The functions of the software IOMMU at which faults have their effect. The linker binds the calls
 * of FUNCTION from other files to __wrap_FUNCTION here, and __real_FUNCTION to the function itself
 * (ld --wrap; softiommu_seams.ld lists them). A seam does nothing but call the function while no
 * fault is injected. A call inside of one file is not bound: a seam and its callers must stand in
 * different files; the unit test of the faults shows when one does not.
 */
#ifndef PVT_HOST_DEFECTS_SOFTIOMMU_SEAMS_H
#define PVT_HOST_DEFECTS_SOFTIOMMU_SEAMS_H

#include "host/defects/softiommu_faults.h"
#include "host/defects/softiommu_memory.h"
#include "host/softiommu/invalidate.h"
#include "host/softiommu/prefetch.h"
#include "host/softiommu/private.h"
#include "host/softiommu/table_entry.h"
#include "host/softiommu/walk.h"

#define SEAM(type, function, ...)                                                                  \
    type __real_##function(__VA_ARGS__);                                                           \
    type __wrap_##function(__VA_ARGS__)

/* Accesses (softiommu_accesses.c). */
SEAM(bool, softiommu_request_begin, struct softiommu *iommu, unsigned device,
     struct softiommu_request *request);
SEAM(enum softiommu_reason, softiommu_translate, struct softiommu *iommu, unsigned device,
     uint64_t iova, enum oracle_access access, uint64_t *spa, uint64_t *size);
SEAM(bool, stage2, const struct softiommu *iommu, uint64_t gpa, enum oracle_access access,
     uint64_t *spa, uint64_t *size);

/* Look-ups (softiommu_lookups.c). */
SEAM(enum softiommu_reason, stage1_find, struct softiommu *iommu,
     const struct softiommu_translation *t, uint64_t iova, enum oracle_access access,
     struct leaf *leaf);
SEAM(bool, device_tlb_find, struct softiommu *iommu, unsigned device, uint64_t iova,
     enum oracle_access access, struct leaf *leaf);
SEAM(void, device_tlb_fill, struct softiommu *iommu, unsigned device, uint64_t iova,
     const struct leaf *leaf);

/* Tags (softiommu_tags.c). */
SEAM(struct cache_entry *, cache_find, const struct cache *cache, uint16_t did, uint64_t page);

/* Besides LEAF_WRITE and LEAF_DIRTY of a leaf in the IOTLB: the page was not present. */
#define LEAF_NOT_PRESENT 0x80u

/* Fills (softiommu_fills.c). */
SEAM(void, tlb_fill, struct tlb *tlb, uint16_t did, uint64_t iova, const struct leaf *leaf);
SEAM(void, walk_cache_fill, struct softiommu *iommu, const struct walk *walk, unsigned level,
     uint64_t iova, uint64_t table, uint8_t rights);
SEAM(enum softiommu_reason, walk_run, struct walk *walk, struct leaf *leaf);

/* Entries of one cache line (softiommu_lines.c). */
SEAM(void, prefetch_line, const struct walk *walk);

/* Walks (softiommu_walks.c). */
SEAM(void, walk_cache_start, struct softiommu *iommu, struct walk *walk);
SEAM(enum softiommu_reason, table_entry_read, const struct walk *walk, unsigned index,
     struct table_entry *entry);
SEAM(enum softiommu_reason, table_entry_mark, const struct walk *walk, struct table_entry *entry,
     uint64_t bits);
SEAM(uint8_t, table_entry_rights, const struct walk *walk, uint64_t entry);

/* Invalidations (softiommu_drops.c, softiommu_drains.c). */
SEAM(void, invalidate, struct softiommu *iommu, enum softiommu_event event,
     const struct scope *scope);
SEAM(void, tlb_drop_range, struct tlb *tlb, uint16_t did, struct page_span pages);
SEAM(void, walk_cache_drop_range, struct walk_cache *cache, unsigned level, uint16_t did,
     struct page_span pages);
SEAM(void, device_tlb_drop_range, struct softiommu *iommu, unsigned device, struct page_span pages);
SEAM(struct softiommu_request *, in_flight_find, const struct softiommu *iommu, unsigned device,
     uint64_t until, uint32_t did);
SEAM(void, in_flight_add, struct softiommu *iommu, unsigned device,
     struct softiommu_request *request);
SEAM(void, in_flight_remove, struct softiommu *iommu, const struct softiommu_request *request);

/* Switches and the end of a domain (softiommu_switches.c). */
SEAM(bool, softiommu_switch_device, struct softiommu *iommu, unsigned device,
     const struct softiommu_translation *to, enum softiommu_switch how);
SEAM(void, softiommu_delete_domain, struct softiommu *iommu,
     const struct softiommu_translation *domain);

/* The rights of the entry of the walk, changed by the one that was used before it in the same line.
 */
uint8_t line_rights(const struct walk *walk, uint64_t entry, uint8_t rights);
/* The entry of the walk counts as present because of its line. */
bool line_follows(const struct walk *walk, uint64_t entry);
/* A neighbor of the entry of the walk counts as present when it is prefetched. */
bool line_prefetches(const struct walk *walk, uint64_t entry);
/* The rights of a table for all that lead to it. */
uint8_t table_rights(uint64_t table, uint8_t rights);
/* The pages that a flush of a range reaches. */
struct page_span range_cut(struct page_span pages);
/* Whether anything in the range is in the IOTLB. */
bool iotlb_holds(const struct softiommu *iommu, uint16_t did, struct page_span pages);
/* At the start of an event: which requests in flight the IOTLB has forgotten; and whether the event
 * does not wait for requests, because the IOTLB holds nothing of its range. */
void drain_note_cached(const struct softiommu *iommu, bool flush);
bool drain_is_skipped(const struct softiommu *iommu, enum softiommu_event event,
                      const struct scope *scope);
/* A full cache takes a new entry in a wrong way (softiommu_full.c). */
bool full_tlb_takes(struct tlb *tlb, uint16_t did, uint64_t iova, const struct leaf *leaf);
bool full_walk_cache_takes(struct walk_cache *cache, uint16_t did, unsigned level, uint64_t iova,
                           uint64_t table);
/* The leaf table for one of another number. */
uint64_t numbered_table(uint16_t did, unsigned level, uint64_t iova, uint64_t table);
/* Goes through the list of a domain's group, and looks at some entries only. */
void drop_first_listed(struct cache *cache, uint16_t did, uint64_t first, uint64_t last,
                       unsigned limit);
/* Before and after the drop of a range: entries that stay nevertheless. */
void fills_save(const struct walk_cache *cache, unsigned level, uint16_t did,
                struct page_span pages);
void fills_restore(struct walk_cache *cache, unsigned level, uint16_t did);
void large_fills_save(const struct tlb *tlb, uint16_t did, struct page_span pages);
void large_fills_restore(struct tlb *tlb);

/* The did under which a domain's entries are cached. */
uint16_t softiommu_cached_did(uint16_t did);
/* Delayed write-back of A and D (softiommu_delayed_ad_writeback.c): a leaf was used; its table is
 * the guest's again; and some time has passed since. */
void delayed_ad_note(uint16_t did, const struct table_entry *entry);
void delayed_ad_release(uint16_t did);
void delayed_ad_write_back(const struct softiommu *iommu);

#endif
