/* SPDX-License-Identifier: MIT */
/*
 * One table of operations in front of the units that can translate DMA. Tests say what they mean
 * (create a domain, attach a device, flush); a back end says it to its unit:
 *
 *   pviommu       the hypercalls of the host (drivers/pviommu_calls.c); chosen where nothing else
 * is asked for virtio-iommu  a unit of the OASIS virtio specification, told of each change of the
 * stage-1 tables by MAP and UNMAP vtd           a VT-d unit in scalable mode, which walks the
 * stage-1 tables itself
 *
 * The last two are used only on request (iommu= in the options), so that the units of a bare
 * machine stay as firmware left them. They share nothing with the reference host. Statuses are
 * those of the hypercall ABI.
 */
#ifndef PVT_DRIVERS_IOMMU_H
#define PVT_DRIVERS_IOMMU_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/device_property.h"
#include "abi/iommu_capabilities.h"
#include "abi/oracle.h"
#include "abi/status.h"

/* The promises of a unit beside translation. A test that needs a promise which is not made is left
 * out, or judges less. */
enum iommu_promise {
    IOMMU_HYPERCALLS = 1 << 0, /* the calls of the ABI themselves, with their statuses and forms */
    IOMMU_IDENTITY_IN_RAM =
        1 << 1, /* an identity domain reaches the guest's memory and nothing else */
    IOMMU_FAULT_CLASSES = 1 << 2,    /* a fault record names the cause, a blocked device included */
    IOMMU_FAULT_DIRECTIONS = 1 << 3, /* a fault record says whether it was a read or a write */
    IOMMU_SEES_EDITS_LATE = 1 << 4,  /* an entry that becomes present is seen without a call */
};

struct iommu_backend {
    const char *name; /* as iommu= spells it */
    unsigned promises;
    /* Finds the unit and takes it over. NULL, or why it cannot be used. Called once, before any
     * other operation. */
    const char *(*start)(void);
    /* Between two tests, with all devices quiet: as after start(), on the memory of the first time.
     * NULL, or why the unit cannot be used any more. NULL where the unit is not this image's. */
    const char *(*restart)(void);
    enum hv_status (*get_capabilities)(struct hv_output_get_iommu_capabilities *out);
    enum hv_status (*get_device_property)(uint64_t device_id,
                                          struct hv_output_get_logical_device_property *out);
    enum hv_status (*create)(uint32_t domain_id);
    enum hv_status (*configure)(uint32_t domain_id, uint64_t flags, uint64_t root_gpa);
    enum hv_status (*attach)(uint32_t domain_id, uint64_t device_id);
    enum hv_status (*detach)(uint64_t device_id);
    enum hv_status (*delete)(uint32_t domain_id);
    enum hv_status (*flush)(uint32_t domain_id);
    enum hv_status (*flush_list)(uint32_t domain_id, const uint64_t *elements, unsigned count,
                                 unsigned *done);
    /* A hint: entries of the domain's tables became present. May be NULL. */
    void (*mapped)(uint32_t domain_id);
    /* The oldest fault record of the device (or ORACLE_FAULT_ANY_DEVICE), cleared; fault->valid
     * tells whether there was one. False: the unit keeps no records. */
    bool (*take_fault)(uint64_t device_id, struct oracle_fault *fault);
    /* No processor is in a call: clears what a call has left that was given up half-way. May be
     * NULL. */
    void (*settle)(void);
    /* NULL, or why the unit does not do its work any more: nothing that follows says anything of
     * it. May be NULL. */
    const char *(*dead)(void);
    /* One line about the unit for the report. */
    void (*describe)(char *text, size_t size);
};

/* The back end by its name; NULL for a name that no back end has. */
const struct iommu_backend *iommu_find(const char *name);
/* Every name, separated by blanks. */
#define IOMMU_NAMES "pviommu virtio-iommu vtd"
/* From now on this back end is the one. Before the first operation. */
void iommu_choose(const struct iommu_backend *backend);
const struct iommu_backend *iommu(void);
/* Starts the chosen back end on first use. NULL, or why it cannot be used. */
const char *iommu_start(void);
/* Has the unit as after its start, with the fault that is chosen now; pviommu_capabilities() asks
 * again. NULL, or why it cannot be used any more. */
const char *iommu_restart(void);
bool iommu_promises(unsigned promises);

/* The operations of the chosen back end; FEATURE_UNAVAILABLE where it could not be started. */
enum hv_status iommu_get_capabilities(struct hv_output_get_iommu_capabilities *out);
enum hv_status iommu_get_device_property(uint64_t device_id,
                                         struct hv_output_get_logical_device_property *out);
enum hv_status iommu_create(uint32_t domain_id);
enum hv_status iommu_configure(uint32_t domain_id, uint64_t flags, uint64_t root_gpa);
enum hv_status iommu_attach(uint32_t domain_id, uint64_t device_id);
enum hv_status iommu_detach(uint64_t device_id);
enum hv_status iommu_delete(uint32_t domain_id);
enum hv_status iommu_flush(uint32_t domain_id);
/* *done (may be NULL): elements completed. */
enum hv_status iommu_flush_list(uint32_t domain_id, const uint64_t *elements, unsigned count,
                                unsigned *done);
void iommu_mapped(uint32_t domain_id);
void iommu_settle(void);
const char *iommu_dead(void);

extern const struct iommu_backend pviommu_backend, virtio_iommu_backend, vtd_backend;

#endif
