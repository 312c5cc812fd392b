/* SPDX-License-Identifier: MIT */
#include "drivers/units/own_domains.h"

#include <stddef.h>

#include "drivers/units/unit_faults.h"
#include "kernel/cpu.h"
#include "kernel/memory.h"
#include "kernel/time.h"
#include "lib/string.h"

#define LOCK_US        1000000u
#define LEVELS_DEFAULT 4u
#define LEVELS_LARGE   5u

static struct {
    const struct own_unit *right, *unit; /* without and with the chosen fault */
    struct own_domain *domains;          /* OWN_DOMAINS_MAX */
    struct own_domain
        *domain_of[DMA_ENGINES_MAX]; /* by the place of the engine in the list; NULL: in none */
    uint64_t
        device_ids[DMA_ENGINES_MAX]; /* engines may be left out later: places are found by id */
    uint16_t bdfs[DMA_ENGINES_MAX];
    size_t devices;
    bool busy; /* a processor is in a call */
} own;

void own_domains_init(const struct own_unit *unit)
{
    size_t count;
    const struct dma_engine *e = dma_engines(&count);
    const size_t size = OWN_DOMAINS_MAX * sizeof(struct own_domain);

    own.right = unit;
    own.domains = memory_boot_pages((size + PAGE_SIZE - 1) / PAGE_SIZE);
    own.devices = count;
    for (size_t i = 0; i < count; i++) {
        own.device_ids[i] = e[i].device_id;
        own.bdfs[i] = e[i].function.bdf;
    }
    own_domains_restart();
}

void own_domains_restart(void)
{
    own.unit = unit_with_fault(own.right);
    for (unsigned i = 0; i < OWN_DOMAINS_MAX; i++)
        own.domains[i] = (struct own_domain){.number = i};
    memset(own.domain_of, 0, sizeof(own.domain_of));
    own.busy = false;
}

struct own_domain *own_domain_of(uint32_t domain_id)
{
    for (unsigned i = 0; i < OWN_DOMAINS_MAX; i++)
        if (own.domains[i].used && own.domains[i].id == domain_id)
            return &own.domains[i];
    return NULL;
}

static int place_of(uint64_t device_id)
{
    for (size_t i = 0; i < own.devices; i++)
        if (own.device_ids[i] == device_id)
            return (int)i;
    return -1;
}

static const struct dma_engine *engine_of(uint64_t device_id)
{
    size_t count;
    const struct dma_engine *e = dma_engines(&count);

    for (size_t i = 0; i < count; i++)
        if (e[i].device_id == device_id)
            return &e[i];
    return NULL;
}

const struct dma_engine *own_engine_at(uint16_t bdf)
{
    for (size_t i = 0; i < own.devices; i++)
        if (own.bdfs[i] == bdf)
            return engine_of(own.device_ids[i]);
    return NULL;
}

/* The image's own units take one call at a time, from whichever processor. */
static bool lock(void)
{
    uint64_t end = time_us() + LOCK_US;

    while (__atomic_exchange_n(&own.busy, true, __ATOMIC_ACQUIRE)) {
        if (time_us() > end)
            return false;
        cpu_pause();
    }
    return true;
}

static enum hv_status unlock(enum hv_status status)
{
    __atomic_store_n(&own.busy, false, __ATOMIC_RELEASE);
    return status;
}

void own_settle(void)
{
    (void)unlock(HV_STATUS_SUCCESS);
    if (own.unit && own.unit->settle)
        own.unit->settle();
}

enum hv_status own_get_device_property(uint64_t device_id,
                                       struct hv_output_get_logical_device_property *out)
{
    if (place_of(device_id) < 0)
        return HV_STATUS_INVALID_DEVICE_ID;
    *out = (struct hv_output_get_logical_device_property){.device_iommu = HV_DEVICE_IOMMU_ENABLED};
    return HV_STATUS_SUCCESS;
}

static enum hv_status create_locked(uint32_t domain_id)
{
    if (own_domain_of(domain_id))
        return HV_STATUS_KEY_ALREADY_EXISTS;
    for (unsigned i = 0; i < OWN_DOMAINS_MAX; i++) {
        if (!own.domains[i].used) {
            own.domains[i] = (struct own_domain){.used = true, .id = domain_id, .number = i};
            return HV_STATUS_SUCCESS;
        }
    }
    return HV_STATUS_INSUFFICIENT_DEVICE_DOMAINS;
}

static enum hv_status configure_locked(uint32_t domain_id, uint64_t flags, uint64_t root_gpa)
{
    struct own_domain *d = own_domain_of(domain_id);
    const bool five = (flags & HV_DEVICE_DOMAIN_FIRST_STAGE_5_LEVEL) != 0;

    if (!d)
        return HV_STATUS_NOT_FOUND;
    if (d->devices > 0)
        return HV_STATUS_INVALID_DEVICE_STATE;
    if ((flags & HV_DEVICE_DOMAIN_SETTINGS_RESERVED) || (root_gpa & ~HV_DEVICE_DOMAIN_ROOT_MASK) ||
        (five && !own.unit->five_levels))
        return HV_STATUS_INVALID_PARAMETER;
    d->kind = flags & HV_DEVICE_DOMAIN_BLOCKED               ? OWN_BLOCKED
              : flags & HV_DEVICE_DOMAIN_TRANSLATION_ENABLED ? OWN_PAGING
                                                             : OWN_IDENTITY;
    d->levels = five ? LEVELS_LARGE : LEVELS_DEFAULT;
    d->root = root_gpa;
    d->configured = true;
    return HV_STATUS_SUCCESS;
}

static enum hv_status move(int place, struct own_domain *to)
{
    struct own_domain *from = own.domain_of[place];
    const struct dma_engine *e = engine_of(own.device_ids[place]);

    if (!e)
        return HV_STATUS_INVALID_DEVICE_ID;
    if (to)
        to->devices++;
    if (from)
        from->devices--;
    if (!own.unit->move(e, from, to)) {
        if (to)
            to->devices--;
        if (from)
            from->devices++;
        return HV_STATUS_OPERATION_FAILED;
    }
    own.domain_of[place] = to;
    return HV_STATUS_SUCCESS;
}

static enum hv_status attach_locked(uint32_t domain_id, uint64_t device_id)
{
    struct own_domain *d = own_domain_of(domain_id);
    int place = place_of(device_id);

    if (place < 0)
        return HV_STATUS_INVALID_DEVICE_ID;
    if (!d)
        return HV_STATUS_NOT_FOUND;
    if (!d->configured)
        return HV_STATUS_INVALID_DEVICE_STATE;
    if (own.domain_of[place] == d)
        return HV_STATUS_DEVICE_ALREADY_IN_DOMAIN;
    return move(place, d);
}

static enum hv_status detach_locked(uint64_t device_id)
{
    int place = place_of(device_id);

    if (place < 0)
        return HV_STATUS_INVALID_DEVICE_ID;
    if (!own.domain_of[place])
        return HV_STATUS_INVALID_DEVICE_STATE;
    return move(place, NULL);
}

static enum hv_status delete_locked(uint32_t domain_id)
{
    struct own_domain *d = own_domain_of(domain_id);

    if (!d)
        return HV_STATUS_NOT_FOUND;
    if (d->devices > 0)
        return HV_STATUS_INVALID_DEVICE_STATE;
    d->used = false;
    return HV_STATUS_SUCCESS;
}

static enum hv_status flush_locked(uint32_t domain_id)
{
    struct own_domain *d = own_domain_of(domain_id);

    if (!d)
        return HV_STATUS_NOT_FOUND;
    return d->devices == 0 || d->kind != OWN_PAGING || own.unit->flush(d)
               ? HV_STATUS_SUCCESS
               : HV_STATUS_OPERATION_FAILED;
}

static enum hv_status flush_list_locked(uint32_t domain_id, const uint64_t *elements,
                                        unsigned count, unsigned *done)
{
    struct own_domain *d = own_domain_of(domain_id);
    bool all;

    if (done)
        *done = 0;
    if (!d)
        return HV_STATUS_NOT_FOUND;
    for (unsigned i = 0; i < count; i++)
        if ((elements[i] & HV_IOMMU_RANGE_SHIFT_MASK) > HV_IOMMU_RANGE_SHIFT_ALL)
            return HV_STATUS_INVALID_PARAMETER;
    all = d->devices == 0 || d->kind != OWN_PAGING || own.unit->flush_list(d, elements, count);
    if (done && all)
        *done = count;
    return all ? HV_STATUS_SUCCESS : HV_STATUS_OPERATION_FAILED;
}

#define LOCKED(call) (lock() ? unlock(call) : HV_STATUS_TIME_OUT)

enum hv_status own_create(uint32_t domain_id)
{
    return LOCKED(create_locked(domain_id));
}

enum hv_status own_configure(uint32_t domain_id, uint64_t flags, uint64_t root_gpa)
{
    return LOCKED(configure_locked(domain_id, flags, root_gpa));
}

enum hv_status own_attach(uint32_t domain_id, uint64_t device_id)
{
    return LOCKED(attach_locked(domain_id, device_id));
}

enum hv_status own_detach(uint64_t device_id)
{
    return LOCKED(detach_locked(device_id));
}

enum hv_status own_delete(uint32_t domain_id)
{
    return LOCKED(delete_locked(domain_id));
}

enum hv_status own_flush(uint32_t domain_id)
{
    return LOCKED(flush_locked(domain_id));
}

enum hv_status own_flush_list(uint32_t domain_id, const uint64_t *elements, unsigned count,
                              unsigned *done)
{
    return LOCKED(flush_list_locked(domain_id, elements, count, done));
}

void own_mapped(uint32_t domain_id)
{
    struct own_domain *d;

    if (!own.unit->mapped || !lock())
        return;
    d = own_domain_of(domain_id);
    if (d && d->devices > 0 && d->kind == OWN_PAGING)
        (void)own.unit->mapped(d); /* an entry that the unit refuses is missing at the next DMA */
    (void)unlock(HV_STATUS_SUCCESS);
}
