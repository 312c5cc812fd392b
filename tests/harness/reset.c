/* SPDX-License-Identifier: MIT */
/*
 * Between two tests: every device rests in a blocking domain, no domain of a test is left, no fault is recorded. Does
 * not look at what the test thinks it left behind: it may have died anywhere.
 */
#include "drivers/hypercall.h"
#include "tests/harness/suite.h"

static bool rest_ready(struct suite *s)
{
    if (!s->rest.live && pviommu_capabilities()) {
        domain_create(&s->rest, DOMAIN_BLOCKED, REST_DOMAIN_ID, 0, 0, NULL);
    }
    return s->rest.live;
}

const char *suite_reset(struct suite *s)
{
    const char *found = NULL;
    struct oracle_fault fault;
    struct dma_engine *e;
    size_t count;

    if (hypercall_init()->state != HYPERCALL_READY) {
        return NULL;
    }
    if (!hypercall_reenable()) {
        return "the hypercall page cannot be enabled again";
    }
    if (!rest_ready(s)) {
        return pviommu_capabilities() ? "the blocking domain of the harness cannot be created" : NULL;
    }
    e = dma_engines(&count);
    for (size_t i = 0; i < count; i++) {
        enum hv_status status = domain_attach(&s->rest, e[i].device_id);

        if (status != HV_STATUS_SUCCESS && status != HV_STATUS_DEVICE_ALREADY_IN_DOMAIN) {
            found = "a device cannot be attached to a blocking domain";
        }
        /* A transfer that the test started may still be under way: it must not land in the next test's memory. */
        if (!dma_reset(&e[i])) {
            found = "a device does not become quiet";
        }
    }
    while (oracle_take_fault(ORACLE_FAULT_ANY_DEVICE, &fault) && (fault.valid & ORACLE_FAULT_VALID)) {
        found = "the host recorded a fault that no step of the test explains";
    }
    for (uint32_t id = 1; id < s->run.next_domain_id; id++) {
        pviommu_delete(id);
    }
    for (unsigned i = 0; i < s->run.extra_id_count; i++) {
        pviommu_delete(s->run.extra_ids[i]);
    }
    return found;
}
