/* SPDX-License-Identifier: MIT */
/* The objects: for the files of host/domains, and for defects, variants and hints. */
#ifndef PVT_HOST_DOMAINS_PRIVATE_H
#define PVT_HOST_DOMAINS_PRIVATE_H

#include "host/domains/domains.h"

#define DOMAIN_BUCKETS     256u
#define DOMAIN_DEVICES_MAX 1024u

struct domain {
    uint32_t id;
    bool configured;
    bool reserved;                  /* not the guest's: it cannot be configured or deleted */
    struct translation translation; /* blocked until configured; the DID from creation on */
    struct device *devices;         /* attached devices */
    struct domain *next;            /* in its bucket, or in the free list */
};

struct device {
    uint64_t id;
    uint16_t bdf;
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
};

extern struct domain_table domain_table;

/* Registers a domain that came from the free list. */
void domain_link(struct domain *domain);
/* Puts a domain back on the free list. */
void domain_unlink(struct domain *domain);
/* Makes the default and the null domain. */
void reserved_domains_create(void);
/* Makes `to` the translation of a device, as one step. */
void device_switch(struct device *device, const struct translation *to);
/* Changes the membership only. `domain` may be NULL. */
void device_move(struct device *device, struct domain *domain);
/* A translation of it can be cached. Entries that were not present never are, and identity and
 * blocked domains never change. */
bool domain_has_entries(const struct domain *domain);

/* Translation of a device in no domain. */
struct translation translation_blocked(void);

#endif
