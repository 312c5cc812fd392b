/* SPDX-License-Identifier: MIT */
/*
 * All translation units of the machine as one backend, so that one domain can have devices behind each: a switch goes
 * to the unit of the device, a flush to every unit.
 */
#include "host/iommu/iommu_mux.h"
#include "host/defects/defects.h"

#include "host/base/log.h"
#include "host/iommu/soft_backend.h"
#include "host/variants/variants.h"

#define UNITS_MAX     2
#define LEVELS_4_BITS 48u
#define LEVELS_5_BITS 57u

static struct {
    const struct iommu_backend *unit[UNITS_MAX];
    unsigned count;
    struct backend_limits limits;
} units;

static void add(const struct iommu_backend *unit)
{
    units.unit[units.count++] = unit;
}

/* What every unit can do. Tables of five levels are offered on request also where devices of another unit cannot use
 * them: these refuse the attach. */
static void combine(void)
{
    units.limits = *units.unit[0]->limits();
    for (unsigned i = 1; i < units.count; i++) {
        const struct backend_limits *other = units.unit[i]->limits();

        if (other->iova_bits < units.limits.iova_bits)
            units.limits.iova_bits = other->iova_bits;
        if (other->tags < units.limits.tags)
            units.limits.tags = other->tags;
        units.limits.page_sizes &= other->page_sizes;
        units.limits.five_level |= other->five_level;
        units.limits.ats |= other->ats;
    }
}

/* A width that QEMU's VT-d does not have; 0 = none is asked for. */
static uint8_t width_of_variant(void)
{
    if (variant_active(VARIANT_CAP_WIDTH_39))
        return 39;
    if (variant_active(VARIANT_CAP_WIDTH_48))
        return LEVELS_4_BITS;
    return variant_active(VARIANT_CAP_WIDTH_57) ? LEVELS_5_BITS : 0;
}

static bool units_init(void)
{
    uint8_t width = width_of_variant();
    /* With another width the unit runs as well, blocks all that is behind it, and is not a part of the pvIOMMU. */
    bool vtd = backend_vtd.init() && width == 0;
    bool five_level = soft_options.levels == 5 || (soft_options.levels == 0 && !vtd);

    if (width != 0)
        five_level = width > LEVELS_4_BITS;
    /* Nothing else could show these. */
    five_level = five_level || defect_active(DEFECT_SOFT_FIVE_AS_FOUR) ||
                 defect_active(DEFECT_SOFT_WALK_DOMAIN_FLUSH_4) || defect_active(DEFECT_SOFT_WALK_RANGE_FLUSH_4) ||
                 defect_active(DEFECT_SOFT_WALK_ATTACH_4);
    if (vtd)
        add(&backend_vtd);
    if (width == 0)
        width = vtd ? backend_vtd.limits()->iova_bits : (five_level ? LEVELS_5_BITS : LEVELS_4_BITS);
    soft_set_limits(width, five_level);
    if (backend_soft.init())
        add(&backend_soft);
    if (units.count == 0)
        return false;
    if (!vtd)
        host_log(LOG_ERROR, "no usable VT-d: the virtual functions are the only devices behind the pvIOMMU\n");
    combine();
    return true;
}

static const struct backend_limits *units_limits(void)
{
    return &units.limits;
}

static const struct iommu_backend *unit_of(uint16_t bdf)
{
    for (unsigned i = 0; i < units.count; i++) {
        if (units.unit[i]->owns(bdf))
            return units.unit[i];
    }
    return NULL;
}

static bool units_own(uint16_t bdf)
{
    return unit_of(bdf) != NULL;
}

static bool units_support(uint16_t bdf, const struct translation *to)
{
    const struct iommu_backend *unit = unit_of(bdf);

    return unit != NULL && (unit->supports == NULL || unit->supports(bdf, to));
}

static void units_set_translation(uint16_t bdf, const struct translation *from, const struct translation *to)
{
    const struct iommu_backend *unit = unit_of(bdf);

    if (unit == NULL)
        host_die("no unit translates for the function %04x", bdf);
    unit->set_translation(bdf, from, to);
}

static void units_flush_domain(const struct translation *t)
{
    for (unsigned i = 0; i < units.count; i++)
        units.unit[i]->flush_domain(t);
}

static void units_flush_range(const struct translation *t, uint64_t page, unsigned shift)
{
    for (unsigned i = 0; i < units.count; i++)
        units.unit[i]->flush_range(t, page, shift);
}

static void units_forget_domain(const struct translation *t)
{
    for (unsigned i = 0; i < units.count; i++)
        backend_forget_domain(units.unit[i], t);
}

/* Of any device: unit by unit, as there is no common clock. */
static bool units_take_fault(uint64_t device_id, bool clear, struct oracle_fault *fault)
{
    uint32_t lost = 0;
    bool found = false;

    for (unsigned i = 0; i < units.count && !found; i++) {
        found = units.unit[i]->take_fault(device_id, clear, fault);
        lost += fault->lost;
    }
    fault->lost = lost;
    return found;
}

static const struct iommu_backend vtd_and_software = {
    .name = "vtd+software",
    .init = units_init,
    .limits = units_limits,
    .owns = units_own,
    .supports = units_support,
    .set_translation = units_set_translation,
    .flush_domain = units_flush_domain,
    .flush_range = units_flush_range,
    .forget_domain = units_forget_domain,
    .take_fault = units_take_fault,
};

const struct iommu_backend *units_find(void)
{
    if (units.count == 0 && !units_init())
        return NULL;
    return units.count == 1 ? units.unit[0] : &vtd_and_software;
}
