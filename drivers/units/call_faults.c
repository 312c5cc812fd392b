/* SPDX-License-Identifier: MIT */
#include "drivers/units/call_faults.h"

#include <stddef.h>

#include "abi/device_domain.h"
#include "lib/bits.h"
#include "lib/string.h"

static const struct iommu_backend *real;
static struct iommu_backend faulty;

/* The old domain is left before the new one is looked at. */
static enum hv_status refusal_detaches(uint32_t domain_id, uint64_t device_id)
{
    enum hv_status status = real->attach(domain_id, device_id);

    if (status != HV_STATUS_SUCCESS)
        (void)real->detach(device_id);
    return status;
}

static enum hv_status configure_unchecked(uint32_t domain_id, uint64_t flags, uint64_t root_gpa)
{
    return real->configure(domain_id, flags & ~HV_DEVICE_DOMAIN_SETTINGS_RESERVED,
                           root_gpa & HV_DEVICE_DOMAIN_ROOT_MASK);
}

static enum hv_status unknown_domain_flushed(uint32_t domain_id)
{
    (void)real->flush(domain_id);
    return HV_STATUS_SUCCESS;
}

static enum hv_status unknown_domain_list_flushed(uint32_t domain_id, const uint64_t *elements,
                                                  unsigned count, unsigned *done)
{
    if (real->flush_list(domain_id, elements, count, done) != HV_STATUS_SUCCESS && done)
        *done = count;
    return HV_STATUS_SUCCESS;
}

static enum hv_status delete_lost(uint32_t domain_id)
{
    (void)domain_id;
    return HV_STATUS_SUCCESS;
}

/* Numbers of domains have 16 bits. */
static enum hv_status create_cut(uint32_t domain_id)
{
    return real->create(domain_id & UINT16_MAX);
}

/* NULL: the right one. */
static const struct {
    const char *name;
    enum hv_status (*create)(uint32_t domain_id);
    enum hv_status (*configure)(uint32_t domain_id, uint64_t flags, uint64_t root_gpa);
    enum hv_status (*attach)(uint32_t domain_id, uint64_t device_id);
    enum hv_status (*delete)(uint32_t domain_id);
    enum hv_status (*flush)(uint32_t domain_id);
    enum hv_status (*flush_list)(uint32_t domain_id, const uint64_t *elements, unsigned count,
                                 unsigned *done);
} faults[] = {
    {.name = "refusal-detaches", .attach = refusal_detaches},
    {.name = "configure-unchecked", .configure = configure_unchecked},
    {.name = "unknown-flushed",
     .flush = unknown_domain_flushed,
     .flush_list = unknown_domain_list_flushed},
    {.name = "delete-lost", .delete = delete_lost},
    {.name = "create-cut", .create = create_cut},
};
#define FAULTS ARRAY_SIZE(faults)

static size_t chosen = FAULTS;

bool call_fault_choose(const char *name)
{
    chosen = 0;
    while (chosen < FAULTS && strcmp(faults[chosen].name, name) != 0)
        chosen++;
    return chosen < FAULTS;
}

const struct iommu_backend *backend_with_fault(const struct iommu_backend *backend)
{
    if (chosen == FAULTS || (backend->promises & IOMMU_HYPERCALLS))
        return backend;
    real = backend;
    faulty = *backend;
    faulty.create = faults[chosen].create ? faults[chosen].create : backend->create;
    faulty.configure = faults[chosen].configure ? faults[chosen].configure : backend->configure;
    faulty.attach = faults[chosen].attach ? faults[chosen].attach : backend->attach;
    faulty.delete = faults[chosen].delete ? faults[chosen].delete : backend->delete;
    faulty.flush = faults[chosen].flush ? faults[chosen].flush : backend->flush;
    faulty.flush_list = faults[chosen].flush_list ? faults[chosen].flush_list : backend->flush_list;
    return &faulty;
}
