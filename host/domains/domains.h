/* SPDX-License-Identifier: MIT */
/*
 * Device domains of the one partition: the objects and the rules of the ABI, on top of a
 * translation backend.
 *
 * A domain is created, configured, and then used by devices. A device is in the default domain
 * (identity) from the start until its first ATTACH, later in a domain of the guest, or, after
 * DETACH, in none (blocked). Callers have checked the wire format and hold the host's lock.
 * Statuses: docs/host-choices.md.
 */
#ifndef PVT_HOST_DOMAINS_DOMAINS_H
#define PVT_HOST_DOMAINS_DOMAINS_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/status.h"
#include "host/iommu/backend.h"

#define DOMAIN_LIMIT 1024u

struct domain;
struct device;

/* Empties the table; `backend` must be initialized. Once, before launch. */
void domains_init(const struct iommu_backend *backend);
/* Puts a function of the PCI bus under the guest's control, in the default domain. */
void domains_add_device(uint64_t device_id, uint16_t bdf);
/* The device is given to another user: in the default domain, as at the start. Nothing when it is
 * not managed. */
void domains_device_reset(uint64_t device_id);

/* NULL when there is none. A domain is valid until it is deleted, a device forever. */
struct domain *domain_find(uint32_t id);
struct device *device_find(uint64_t device_id);

/* `id`: any but the two reserved ones. */
enum hv_status domain_create(uint32_t id);
/* `flags`, `root`: as in struct hv_device_domain_settings. */
enum hv_status domain_configure(struct domain *domain, uint64_t flags, uint64_t root);
enum hv_status domain_attach(struct domain *domain, struct device *device);
enum hv_status domain_detach(struct device *device);
enum hv_status domain_delete(struct domain *domain);
/* On return nothing that was cached of the domain, or of these pages in it, is used any more. */
void domain_flush(const struct domain *domain);
void domain_flush_range(const struct domain *domain, struct page_range range);

#endif
