/* SPDX-License-Identifier: MIT */
/*
 * Device domains of the one partition: the objects and the rules of the ABI, on top of a translation backend.
 *
 * A domain is created, configured, and then used by devices. A device is in the default domain (identity) from the
 * start until its first ATTACH, later in a domain of the guest, or, after DETACH, in none (blocked). Callers have
 * checked the wire format and hold the hypercall lock. Statuses: docs/host-choices.md.
 */
#ifndef PVT_HOST_DOMAINS_DOMAINS_H
#define PVT_HOST_DOMAINS_DOMAINS_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/status.h"
#include "host/iommu/backend.h"

#define DOMAIN_LIMIT     1024u
#define DOMAIN_LIMIT_FEW 64u /* what a guest is sure to need (DOM-7) */

/* Empties the table; `backend` must be initialised. Once, before launch. */
void domains_init(const struct iommu_backend *backend);
/* Puts a function of the PCI bus under the guest's control, in the default domain. */
void domains_add_device(uint64_t device_id, uint16_t bdf);
/* The device is given to another user: in the default domain, as at the start. Nothing when it is not managed. */
void domains_device_reset(uint64_t device_id);
/* The guest took its identity back: domains and devices stay as they are. */
void domains_guest_gone(void);
/* DEFECT_LIST_FLAGS_BLOCK: no device reaches memory until it is attached again. */
void domains_block_all(void);
/* DEFECT_TYPE_REFUSED_BLOCKS: the devices of a domain, where it exists, are in none. */
void domain_block(uint32_t id);
/* True for a device that was added. */
bool domains_manage(uint64_t device_id);

/* What calls on a domain or device that does not exist return. */
enum hv_status status_unknown_domain(void);
enum hv_status status_unknown_device(void);

/* `id`: any but the two reserved ones. */
enum hv_status domain_create(uint32_t id);
/* `flags`, `root`: as in struct hv_device_domain_settings. */
/* For DEFECT_DOUBLE_FETCH: another top table for a domain that was just configured, unchecked. */
void domain_change_root(uint32_t id, uint64_t root);
enum hv_status domain_configure(uint32_t id, uint64_t flags, uint64_t root);
enum hv_status domain_attach(uint32_t id, uint64_t device_id);
enum hv_status domain_detach(uint64_t device_id);
enum hv_status domain_delete(uint32_t id);
enum hv_status domain_flush(uint32_t id);
/* SUCCESS when the domain exists; for calls that act in several steps. */
enum hv_status domain_check(uint32_t id);
/* 2^shift pages of 4 KiB from IOVA page << 12, aligned to its size; shift 0..52. */
enum hv_status domain_flush_range(uint32_t id, uint64_t page, unsigned shift);

#endif
