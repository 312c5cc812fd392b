/* SPDX-License-Identifier: MIT */
/*
 * Translation by an Intel VT-d unit with first-stage tables. GPA = SPA, and there is no second
 * stage below: the unit follows a guest's tables wherever they lead (docs/host-choices.md).
 */
#include "host/base/panic.h"
#include "host/iommu/domain_id.h"
#include "host/iommu/io_table.h"
#include "host/iommu/vtd_fault.h"
#include "host/iommu/vtd_flush.h"
#include "host/iommu/vtd_queue.h"
#include "host/iommu/vtd_rules.h"
#include "host/iommu/vtd_setup.h"
#include "host/iommu/vtd_tables.h"
#include "host/iommu/vtd_unit.h"

struct vtd_unit vtd_unit;

static uint64_t identity_table(void)
{
    return io_table_guest_ram(VTD_IOVA_BITS);
}

struct vtd_rules vtd_rules = {
    .iova_bits = VTD_IOVA_BITS,
    .address_width = VTD_PASID_AW_48,
    .identity_table = identity_table,
};

static bool vtd_init(void)
{
    if (!vtd_find())
        return false;
    vtd_unit.identity = vtd_rules.identity_table();
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
    return vtd_function_find(bdf);
}

/* QEMU does not model tables of five levels. */
static bool vtd_supports(uint16_t bdf, const struct translation *to)
{
    (void)bdf;
    return to->kind != TRANSLATION_PAGING || to->levels == 4;
}

/*
 * New tables first, invalidation second: what is cached is the old translation as a whole until it
 * is dropped. It must go by its own DID; the invalidation of the context entry makes QEMU look at
 * the tables again.
 */
static void vtd_set_translation(uint16_t bdf, const struct translation *from,
                                const struct translation *to)
{
    struct vtd_function *function = vtd_function_find(bdf);
    uint16_t did = from->did != DID_NONE ? from->did : DID_HOST;

    if (!function)
        host_panic("no tables for the function %04x", bdf);
    vtd_faults_drain();
    vtd_function_point(function, to);
    /* Nothing is cached for an entry of zeros. */
    vtd_invalidate_function(bdf, did, from->kind != TRANSLATION_BLOCKED);
}

struct iommu_backend backend_vtd = {
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
