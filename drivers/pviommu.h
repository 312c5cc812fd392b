/* SPDX-License-Identifier: MIT */
/*
 * pvIOMMU driver (reference 3): the nine calls typed, and domains of three kinds with their stage-1
 * tables. Statuses are the host's, untouched; nothing here decides whether one is right.
 */
#ifndef PVT_DRIVERS_PVIOMMU_H
#define PVT_DRIVERS_PVIOMMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/device_domain.h"
#include "abi/device_property.h"
#include "abi/iommu_capabilities.h"
#include "abi/status.h"
#include "lib/flush_range.h"
#include "lib/stage1.h"

/* --- the calls, one function each, for partition SELF, VTL 0, type S1 --- */
enum hv_status pviommu_get_capabilities(struct hv_output_get_iommu_capabilities *out);
enum hv_status pviommu_get_device_property(uint64_t device_id,
                                           struct hv_output_get_logical_device_property *out);
enum hv_status pviommu_create(uint32_t domain_id);
enum hv_status pviommu_configure(uint32_t domain_id, uint64_t flags, uint64_t root_gpa);
enum hv_status pviommu_attach(uint32_t domain_id, uint64_t device_id);
enum hv_status pviommu_detach(uint64_t device_id);
enum hv_status pviommu_delete(uint32_t domain_id);
enum hv_status pviommu_flush(uint32_t domain_id);
/* *done (may be NULL): elements completed. */
enum hv_status pviommu_flush_list(uint32_t domain_id, const uint64_t *elements, unsigned count,
                                  unsigned *done);

/* Fills the common block as above, for callers that then change a field. */
void pviommu_fill_domain(struct hv_input_device_domain *d, uint32_t domain_id);

/* --- domains --- */
enum domain_kind { DOMAIN_IDENTITY, DOMAIN_BLOCKED, DOMAIN_PAGING };

/* The range that must be flushed before table pages may be given back. */
struct domain_unflushed {
    uint64_t first, last; /* IOVA pages, both included, of the unmaps that took tables out */
    size_t tables;        /* how many; 0 = nothing */
};

struct domain {
    enum domain_kind kind;
    uint32_t id;
    bool live;                 /* exists on the host */
    uint64_t shares;           /* IOVA of what domain_share() names, 0 = not mapped */
    struct stage1 table;       /* DOMAIN_PAGING */
    struct stage1_freed freed; /* table pages waiting for a flush */
    struct domain_unflushed unflushed;
};

/* Capabilities as this driver uses them: cached after the first success. NULL when the host has no
 * pvIOMMU. */
const struct hv_output_get_iommu_capabilities *pviommu_capabilities(void);
/* Why not: what the host answers instead. Valid until the next call. */
const char *pviommu_missing(void);
/* The next pviommu_capabilities() asks the unit again. */
void pviommu_forget_capabilities(void);

/*
 * Memory that every paging domain maps, readable and writable, for devices that take their commands
 * from there. Each range has a place of DOMAIN_SHARE_SIZE from d->shares on, in the order of the
 * calls: *offset. False when there are too many ranges. Domains that exist are left as they are.
 */
#define DOMAIN_SHARES_MAX 8
#define DOMAIN_SHARE_SIZE 0x10000ull
bool domain_share(uint64_t gpa, uint64_t length, uint64_t *offset);
/* Whether domains that are created from now on map them; at first they do. Tests count tables, so
 * those without such a device have domains that map nothing by themselves. */
void domain_share_on(bool on);
/* Calls map(argument, offset, gpa, length) for each range, until one returns false; then false. */
bool domain_shares(bool (*map)(void *argument, uint64_t offset, uint64_t gpa, uint64_t length),
                   void *argument);

/* Create + configure. levels 4 or 5 (0 = 4) and page_sizes are for DOMAIN_PAGING (0 = what the
 * capabilities allow). A failure of configure deletes the domain again. *status (may be NULL) is
 * the first status that was not SUCCESS; INSUFFICIENT_MEMORY before any call when this image has no
 * page for the root table. */
bool domain_create(struct domain *d, enum domain_kind kind, uint32_t id, unsigned levels,
                   uint64_t page_sizes, enum hv_status *status);
/* Deletes on the host; the tables are freed afterwards, whatever the status. A domain that is not
 * live: no call, SUCCESS. */
enum hv_status domain_delete(struct domain *d);
enum hv_status domain_attach(struct domain *d, uint64_t device_id);
/*
 * Flushes release d->freed when they succeed and what they flush covers everything that took tables
 * out of the tree; a flush of the whole domain always does.
 */
enum hv_status domain_flush(struct domain *d);
/* Flushes blocks of any ranges: list calls of up to HV_FLUSH_LIST_MAX elements; the whole domain
 * when there are none or more than DOMAIN_FLUSH_LISTS calls would be needed, or when a list call
 * fails. *flushed (may be NULL): all of it is out of the IOMMU, be it by the fallback. Returns the
 * first status that was not SUCCESS. */
#define DOMAIN_FLUSH_LISTS 4
enum hv_status domain_flush_blocks(struct domain *d, const struct flush_block *blocks, size_t count,
                                   bool *flushed);
/* The same for [iova, iova + length): its exact decomposition, or the one block that covers it. */
enum hv_status domain_flush_exact(struct domain *d, uint64_t iova, uint64_t length);
enum hv_status domain_flush_cover(struct domain *d, uint64_t iova, uint64_t length);

/* Map in the tables only (never a hypercall); unmap without a flush. */
enum stage1_status domain_map(struct domain *d, uint64_t iova, uint64_t gpa, uint64_t length,
                              unsigned prot);
enum stage1_status domain_unmap(struct domain *d, uint64_t iova, uint64_t length);
/* Also tells how many bytes were mapped there. */
enum stage1_status domain_unmap_count(struct domain *d, uint64_t iova, uint64_t length,
                                      uint64_t *unmapped);
/* Keeps tables that become empty, for callers that map again before they flush. */
enum stage1_status domain_unmap_keep(struct domain *d, uint64_t iova, uint64_t length,
                                     uint64_t *unmapped);

/* Table pages come from the test pool (kernel/memory.h). */
struct stage1_memory pviommu_table_memory(void);

#endif
