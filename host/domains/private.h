/* SPDX-License-Identifier: MIT */
/* Shared by the files of host/domains only. */
#ifndef PVT_HOST_DOMAINS_PRIVATE_H
#define PVT_HOST_DOMAINS_PRIVATE_H

#include "host/defects/defects.h"
#include "host/domains/domains.h"

#define DOMAIN_BUCKETS     256u
#define DOMAIN_DEVICES_MAX 256u
#define DOMAIN_ID_TOP_BIT  UINT32_C(0x80000000)

struct device;

struct domain {
    uint32_t id;
    bool configured;
    bool reserved;                  /* not the guest's: it cannot be configured or deleted */
    struct translation translation; /* valid when configured; the DID from creation on */
    bool phantom;                   /* two defects: counts a device that is not in it */
    struct device *devices;         /* attached devices */
    struct domain *next;            /* in its bucket, or in the free list */
};

struct device {
    uint64_t id;
    uint16_t bdf;
    bool detached_once;
    struct domain *domain; /* NULL: in no domain of the guest */
    struct translation translation;
    struct device *next; /* in the domain */
};

struct domain_table {
    const struct iommu_backend *backend;
    struct domain *bucket[DOMAIN_BUCKETS];
    struct domain *free;
    struct device *device; /* array */
    unsigned devices;
    struct translation default_translation;
    /* For defects only. */
    struct device *late;
    struct translation late_translation;
    struct translation last_configured;
    struct deleted_domain *deleted;
    unsigned domains;                 /* that exist */
    uint32_t last_id;                 /* created last, and how often in a row */
    unsigned last_count, last_unused; /* all; those since the last ATTACH */
};

/* What a deleted domain was; used by the defects around the reuse of ids. */
struct deleted_domain {
    uint32_t id;
    bool used;
    struct translation translation;
};

extern struct domain_table domain_table;

struct domain *domain_find(uint32_t id);
/* Registers a domain that came from the free list. */
void domain_link(struct domain *domain);
/* Puts a domain back on the free list. */
void domain_unlink(struct domain *domain);
/* Makes the default and the null domain (VARIANT_SPECIAL_DOMAINS). */
void reserved_domains_create(void);
/* DEFECT_..._NEIGHBOUR_BLOCKS: the devices of the domain whose id differs in the topmost bit are in none. */
void neighbour_block(enum defect defect, uint32_t id);
/* Drops everything that is cached of any domain. */
void domains_drop_all(void);
struct device *device_find(uint64_t device_id);
/* Makes `to` the translation of a device, as one step. */
void device_switch(struct device *device, const struct translation *to);
/* Changes the membership only. `domain` may be NULL. */
void device_move(struct device *device, struct domain *domain);

/* What a device in no domain sees. */
struct translation translation_blocked(void);

struct deleted_domain *deleted_domain_find(uint32_t id);
/* Its top table still looks like one. */
bool deleted_domain_holds_table(const struct deleted_domain *deleted);
/* The deleted whose top table a defective host brings back for the domain with this id, which was just made; else NULL.
 */
const struct deleted_domain *deleted_domain_revived(uint32_t id);
void deleted_domain_record(const struct domain *domain);

#endif
