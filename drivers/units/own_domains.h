/* SPDX-License-Identifier: MIT */
/*
 * Device domains with the rules of the pvIOMMU, kept by this image for a unit that it drives
 * itself: which domains exist, how they are configured, which device is in which. A unit adds what
 * it has to do for each change.
 */
#ifndef PVT_DRIVERS_UNITS_OWN_DOMAINS_H
#define PVT_DRIVERS_UNITS_OWN_DOMAINS_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/device_domain.h"
#include "abi/device_property.h"
#include "abi/status.h"
#include "drivers/dma_engine.h"

#define OWN_DOMAINS_MAX 256u

enum own_kind { OWN_BLOCKED, OWN_IDENTITY, OWN_PAGING };

struct own_domain {
    bool used, configured;
    uint32_t id;
    enum own_kind kind;
    unsigned levels;  /* of a paging domain: 4 or 5 */
    uint64_t root;    /* GPA of its top table */
    unsigned devices; /* in it now */
    unsigned number;  /* of its entry, 0 to OWN_DOMAINS_MAX - 1 */
    void *mappings;   /* what the unit keeps of it; NULL at first */
};

/* The operations of a unit. False: it refused, or did not answer in time; the device's state is
 * then as before. */
struct own_unit {
    /* `e` leaves `from` (NULL: no domain) and is in `to` (NULL: blocked). No entry of `from` is
     * used afterwards. */
    bool (*move)(const struct dma_engine *e, struct own_domain *from, struct own_domain *to);
    /* Nothing that was cached of the domain is used afterwards. */
    bool (*flush)(struct own_domain *d);
    bool (*flush_list)(struct own_domain *d, const uint64_t *elements, unsigned count);
    /* Entries became present, and nothing else need be looked at. May be NULL. */
    bool (*mapped)(struct own_domain *d);
    /* No processor is in a call: undoes what a test of the unit itself has left. May be NULL. */
    void (*settle)(void);
    bool five_levels;
};

/* Before any of the others. */
void own_domains_init(const struct own_unit *unit);
/* As after own_domains_init(): there is no domain, and no device is in one. */
void own_domains_restart(void);
struct own_domain *own_domain_of(uint32_t domain_id);

/* The operations of struct iommu_backend. */
enum hv_status own_get_device_property(uint64_t device_id,
                                       struct hv_output_get_logical_device_property *out);
enum hv_status own_create(uint32_t domain_id);
enum hv_status own_configure(uint32_t domain_id, uint64_t flags, uint64_t root_gpa);
enum hv_status own_attach(uint32_t domain_id, uint64_t device_id);
enum hv_status own_detach(uint64_t device_id);
enum hv_status own_delete(uint32_t domain_id);
enum hv_status own_flush(uint32_t domain_id);
enum hv_status own_flush_list(uint32_t domain_id, const uint64_t *elements, unsigned count,
                              unsigned *done);

/* Entries of the domain's tables became present: a unit that reads no tables is told. */
void own_mapped(uint32_t domain_id);
/* No processor is in a call. */
void own_settle(void);

/* These, in the initializer of a struct iommu_backend. */
#define OWN_OPERATIONS                                                                             \
    .get_device_property = own_get_device_property, .create = own_create,                          \
    .configure = own_configure, .attach = own_attach, .detach = own_detach, .delete = own_delete,  \
    .flush = own_flush, .flush_list = own_flush_list

/* The engine whose requester id (bus, device, function) this is, or NULL. */
const struct dma_engine *own_engine_at(uint16_t bdf);

#endif
