/* SPDX-License-Identifier: MIT */
/*
 * Translation by an Intel VT-d unit with first-stage tables. GPA = SPA, and there is no second stage below: the unit
 * follows a guest's tables wherever they lead (docs/host-choices.md).
 */
#include "abi/device_id.h"
#include "host/base/memory.h"
#include "host/base/panic.h"
#include "host/defects/defects.h"
#include "host/iommu/domain_id.h"
#include "host/iommu/fault_queue.h"
#include "host/iommu/io_table.h"
#include "host/iommu/vtd_fault.h"
#include "host/iommu/vtd_flush.h"
#include "host/iommu/vtd_queue.h"
#include "host/iommu/vtd_setup.h"
#include "host/iommu/vtd_tables.h"
#include "host/iommu/vtd_unit.h"

struct vtd_unit vtd_unit;

static bool vtd_init(void)
{
    if (!vtd_find())
        return false;
    vtd_unit.identity =
        defect_active(DEFECT_IDENTITY_UNLIMITED) ? io_table_all(guest_gpa_limit()) : io_table_guest_ram(VTD_IOVA_BITS);
    if (defect_active(DEFECT_BLOCKED_READS))
        vtd_unit.foreign = io_table_foreign_page();
    vtd_tables_build();
    vtd_queue_start();
    vtd_translation_start();
    return true;
}

static const struct backend_limits *vtd_limits(void)
{
    return &vtd_unit.limits;
}

static bool vtd_owns(uint16_t bdf)
{
    return vtd_function_find(bdf) != NULL;
}

/* QEMU does not model tables of five levels. */
static bool vtd_supports(uint16_t bdf, const struct translation *to)
{
    (void)bdf;
    return to->kind != TRANSLATION_PAGING || to->levels == 4;
}

/* Nothing is cached for an entry of zeros. */
static bool leaves_entries(const struct translation *from)
{
    return from->kind != TRANSLATION_BLOCKED || defect_active(DEFECT_BLOCKED_IDENTITY) ||
           defect_active(DEFECT_BLOCKED_READS);
}

static void record_blocking(uint16_t bdf)
{
    fault_queue_add(&(struct oracle_fault){.device_id = hv_pci_logical_device_id(0, bdf),
                                           .access = ORACLE_ACCESS_WRITE,
                                           .reason_class = ORACLE_FAULT_CLASS_BLOCKED});
}

/*
 * New tables first, invalidation second: what is cached is the old translation as a whole until it is dropped. It must
 * go by its own DID; the invalidation of the context entry makes QEMU look at the tables again.
 */
static void vtd_set_translation(uint16_t bdf, const struct translation *from, const struct translation *to)
{
    struct vtd_function *function = vtd_function_find(bdf);
    uint16_t did = from->did != DID_NONE ? from->did : DID_HOST;
    bool detach = to->did == DID_NONE;
    bool flush = leaves_entries(from);

    if (function == NULL)
        host_panic("no tables for the function %04x", bdf);
    vtd_faults_drain();
    vtd_function_point(function, to);
    if (defect_active(DEFECT_ATTACH_FLUSHES_NEW) && !detach)
        did = to->did;
    if (defect_active(detach ? DEFECT_DETACH_NO_FLUSH : DEFECT_ATTACH_NO_FLUSH))
        flush = false;
    vtd_invalidate_function(bdf, did, flush);
    if (defect_active(DEFECT_BLOCKING_RECORDS) && to->kind == TRANSLATION_BLOCKED)
        record_blocking(bdf);
}

const struct iommu_backend backend_vtd = {
    .name = "vtd",
    .init = vtd_init,
    .limits = vtd_limits,
    .owns = vtd_owns,
    .supports = vtd_supports,
    .set_translation = vtd_set_translation,
    .flush_domain = vtd_flush_domain,
    .flush_range = vtd_flush_range,
    .take_fault = vtd_take_fault,
};
