/* SPDX-License-Identifier: MIT */
/*
 * All translation units of the machine as one backend, so that one domain can have devices behind
 * several units: a switch goes to the unit of the device, a flush to every unit.
 */
#include "host/iommu/iommu_mux.h"

#include "host/base/log.h"
#include "host/base/panic.h"
#include "host/iommu/soft_backend.h"

#define UNITS_MAX     2
#define LEVELS_4_BITS 48u
#define LEVELS_5_BITS 57u

static struct {
    const struct iommu_backend *unit[UNITS_MAX];
    unsigned count;
    struct backend_limits limits;
} mux;

static void add(const struct iommu_backend *unit)
{
    mux.unit[mux.count++] = unit;
}

/* Capabilities that all units have. Tables of five levels are offered also where devices of another
 * unit cannot use them: these refuse the attach. */
static void combine(void)
{
    mux.limits = *mux.unit[0]->limits();
    for (unsigned i = 1; i < mux.count; i++) {
        const struct backend_limits *other = mux.unit[i]->limits();

        if (other->iova_bits < mux.limits.iova_bits)
            mux.limits.iova_bits = other->iova_bits;
        if (other->dids < mux.limits.dids)
            mux.limits.dids = other->dids;
        mux.limits.page_sizes &= other->page_sizes;
        mux.limits.five_level |= other->five_level;
        mux.limits.ats |= other->ats;
    }
}

struct mux_rules mux_rules;

static bool mux_init(void)
{
    uint8_t width = mux_rules.iova_bits;
    /* With another width the unit runs as well, blocks all devices behind VT-d, and is not a part
     * of the pvIOMMU. */
    bool vtd = backend_vtd.init() && width == 0;
    bool five_level = soft_options.levels != 4;

    if (width != 0)
        five_level = width > LEVELS_4_BITS;
    if (vtd)
        add(&backend_vtd);
    if (width == 0)
        width =
            vtd ? backend_vtd.limits()->iova_bits : (five_level ? LEVELS_5_BITS : LEVELS_4_BITS);
    soft_set_limits(width, five_level);
    if (backend_soft.init())
        add(&backend_soft);
    if (mux.count == 0)
        return false;
    if (!vtd)
        host_log(LOG_ERROR,
                 "no usable VT-d: the virtual functions are the only devices behind the pvIOMMU\n");
    combine();
    return true;
}

static const struct backend_limits *mux_limits(void)
{
    return &mux.limits;
}

static const struct iommu_backend *unit_of(uint16_t bdf)
{
    for (unsigned i = 0; i < mux.count; i++)
        if (mux.unit[i]->owns(bdf))
            return mux.unit[i];
    return NULL;
}

static bool mux_owns(uint16_t bdf)
{
    return unit_of(bdf);
}

static bool mux_supports(uint16_t bdf, const struct translation *to)
{
    const struct iommu_backend *unit = unit_of(bdf);

    return unit && (!unit->supports || unit->supports(bdf, to));
}

static void mux_set_translation(uint16_t bdf, const struct translation *from,
                                const struct translation *to)
{
    const struct iommu_backend *unit = unit_of(bdf);

    if (!unit)
        host_panic("no unit translates for the function %04x", bdf);
    unit->set_translation(bdf, from, to);
}

static void mux_flush_domain(const struct translation *t)
{
    for (unsigned i = 0; i < mux.count; i++)
        mux.unit[i]->flush_domain(t);
}

static void mux_flush_range(const struct translation *t, struct page_range range)
{
    for (unsigned i = 0; i < mux.count; i++)
        mux.unit[i]->flush_range(t, range);
}

static void mux_forget_domain(const struct translation *t)
{
    for (unsigned i = 0; i < mux.count; i++)
        backend_forget_domain(mux.unit[i], t);
}

/* Of any device: unit by unit, as there is no common clock. */
static bool mux_take_fault(uint64_t device_id, bool clear, struct oracle_fault *fault)
{
    uint32_t lost = 0;
    bool found = false;

    for (unsigned i = 0; i < mux.count && !found; i++) {
        found = mux.unit[i]->take_fault(device_id, clear, fault);
        lost += fault->lost;
    }
    fault->lost = lost;
    return found;
}

static const struct iommu_backend vtd_and_software = {
    .name = "vtd+software",
    .init = mux_init,
    .limits = mux_limits,
    .owns = mux_owns,
    .supports = mux_supports,
    .set_translation = mux_set_translation,
    .flush_domain = mux_flush_domain,
    .flush_range = mux_flush_range,
    .forget_domain = mux_forget_domain,
    .take_fault = mux_take_fault,
};

const struct iommu_backend *iommu_mux_find(void)
{
    if (mux.count == 0 && !mux_init())
        return NULL;
    return mux.count == 1 ? mux.unit[0] : &vtd_and_software;
}
