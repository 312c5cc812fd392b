/* SPDX-License-Identifier: MIT */
#include "drivers/iommu.h"

#include <stddef.h>

#include "drivers/pviommu.h"
#include "drivers/units/call_faults.h"
#include "lib/bits.h"
#include "lib/string.h"

static const struct iommu_backend *const backends[] = {&pviommu_backend, &virtio_iommu_backend,
                                                       &vtd_backend};

static struct {
    const struct iommu_backend *chosen, *right; /* with and without the chosen fault */
    const char *problem;
    bool started;
} state = {.chosen = &pviommu_backend};

const struct iommu_backend *iommu_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(backends); i++)
        if (strcmp(backends[i]->name, name) == 0)
            return backends[i];
    return NULL;
}

void iommu_choose(const struct iommu_backend *backend)
{
    state.chosen = backend;
    state.started = false;
}

const struct iommu_backend *iommu(void)
{
    return state.chosen;
}

const char *iommu_start(void)
{
    if (!state.started) {
        state.started = true; /* the start itself may ask for devices */
        state.right = state.chosen;
        state.problem = state.chosen->start();
        state.chosen = backend_with_fault(state.chosen);
    }
    return state.problem;
}

const char *iommu_restart(void)
{
    if (iommu_start())
        return state.problem;
    if (!state.right->restart)
        return "the unit is not driven by this image, which so cannot start it again";
    state.problem = state.right->restart();
    state.chosen = backend_with_fault(state.right);
    pviommu_forget_capabilities();
    return state.problem;
}

bool iommu_promises(unsigned promises)
{
    return (state.chosen->promises & promises) == promises;
}

enum hv_status iommu_get_capabilities(struct hv_output_get_iommu_capabilities *out)
{
    return iommu_start() ? HV_STATUS_FEATURE_UNAVAILABLE : state.chosen->get_capabilities(out);
}

enum hv_status iommu_get_device_property(uint64_t device_id,
                                         struct hv_output_get_logical_device_property *out)
{
    return iommu_start() ? HV_STATUS_FEATURE_UNAVAILABLE
                         : state.chosen->get_device_property(device_id, out);
}

enum hv_status iommu_create(uint32_t domain_id)
{
    return iommu_start() ? HV_STATUS_FEATURE_UNAVAILABLE : state.chosen->create(domain_id);
}

enum hv_status iommu_configure(uint32_t domain_id, uint64_t flags, uint64_t root_gpa)
{
    return iommu_start() ? HV_STATUS_FEATURE_UNAVAILABLE
                         : state.chosen->configure(domain_id, flags, root_gpa);
}

enum hv_status iommu_attach(uint32_t domain_id, uint64_t device_id)
{
    return iommu_start() ? HV_STATUS_FEATURE_UNAVAILABLE
                         : state.chosen->attach(domain_id, device_id);
}

enum hv_status iommu_detach(uint64_t device_id)
{
    return iommu_start() ? HV_STATUS_FEATURE_UNAVAILABLE : state.chosen->detach(device_id);
}

enum hv_status iommu_delete(uint32_t domain_id)
{
    return iommu_start() ? HV_STATUS_FEATURE_UNAVAILABLE : state.chosen->delete (domain_id);
}

enum hv_status iommu_flush(uint32_t domain_id)
{
    return iommu_start() ? HV_STATUS_FEATURE_UNAVAILABLE : state.chosen->flush(domain_id);
}

enum hv_status iommu_flush_list(uint32_t domain_id, const uint64_t *elements, unsigned count,
                                unsigned *done)
{
    if (iommu_start())
        return HV_STATUS_FEATURE_UNAVAILABLE;
    return state.chosen->flush_list(domain_id, elements, count, done);
}

void iommu_mapped(uint32_t domain_id)
{
    if (state.chosen->mapped)
        state.chosen->mapped(domain_id);
}

void iommu_settle(void)
{
    if (state.chosen->settle)
        state.chosen->settle();
}

const char *iommu_dead(void)
{
    return state.started && !state.problem && state.chosen->dead ? state.chosen->dead() : NULL;
}
