/* SPDX-License-Identifier: MIT */
#include "host/defects/softiommu_faults.h"

#include "host/defects/softiommu_memory.h"
#include "lib/bits.h"

bool softiommu_faulty;
static bool injected[SOFTIOMMU_FAULTS + 1];

#define EVENT(name) BIT(SOFTIOMMU_EVENT_##name)
#define DROPS(name) BIT(SOFTIOMMU_DROPS_##name)
#define DRAINS      BIT(SOFTIOMMU_DRAINS)
#define ATTACH      (EVENT(ATTACH) | EVENT(ATTACH_BLOCKING))
#define WALK        (DROPS(WALK_1) | DROPS(WALK_2) | DROPS(WALK_3) | DROPS(WALK_4))

/* Faults that are cleared cells of the rules. */
static const struct {
    enum softiommu_fault fault;
    uint64_t events, effects;
} cleared[] = {
    {SOFTIOMMU_FAULT_IOTLB_DOMAIN_FLUSH, EVENT(DOMAIN_FLUSH), DROPS(IOTLB)},
    {SOFTIOMMU_FAULT_IOTLB_RANGE_FLUSH, EVENT(RANGE_FLUSH), DROPS(IOTLB)},
    {SOFTIOMMU_FAULT_IOTLB_ATTACH, ATTACH, DROPS(IOTLB)},
    {SOFTIOMMU_FAULT_IOTLB_DETACH, EVENT(DETACH), DROPS(IOTLB)},
    {SOFTIOMMU_FAULT_WALK_DOMAIN_FLUSH_1, EVENT(DOMAIN_FLUSH), DROPS(WALK_1)},
    {SOFTIOMMU_FAULT_WALK_DOMAIN_FLUSH_2, EVENT(DOMAIN_FLUSH), DROPS(WALK_2)},
    {SOFTIOMMU_FAULT_WALK_DOMAIN_FLUSH_3, EVENT(DOMAIN_FLUSH), DROPS(WALK_3)},
    {SOFTIOMMU_FAULT_WALK_DOMAIN_FLUSH_4, EVENT(DOMAIN_FLUSH), DROPS(WALK_4)},
    {SOFTIOMMU_FAULT_WALK_RANGE_FLUSH_1, EVENT(RANGE_FLUSH), DROPS(WALK_1)},
    {SOFTIOMMU_FAULT_WALK_RANGE_FLUSH_2, EVENT(RANGE_FLUSH), DROPS(WALK_2)},
    {SOFTIOMMU_FAULT_WALK_RANGE_FLUSH_3, EVENT(RANGE_FLUSH), DROPS(WALK_3)},
    {SOFTIOMMU_FAULT_WALK_RANGE_FLUSH_4, EVENT(RANGE_FLUSH), DROPS(WALK_4)},
    {SOFTIOMMU_FAULT_WALK_ATTACH_1, ATTACH, DROPS(WALK_1)},
    {SOFTIOMMU_FAULT_WALK_ATTACH_2, ATTACH, DROPS(WALK_2)},
    {SOFTIOMMU_FAULT_WALK_ATTACH_3, ATTACH, DROPS(WALK_3)},
    {SOFTIOMMU_FAULT_WALK_ATTACH_4, ATTACH, DROPS(WALK_4)},
    {SOFTIOMMU_FAULT_WALK_DETACH, EVENT(DETACH), WALK},
    {SOFTIOMMU_FAULT_DEVICE_TLB_DOMAIN_FLUSH, EVENT(DOMAIN_FLUSH), DROPS(DEVICE_TLB)},
    {SOFTIOMMU_FAULT_DEVICE_TLB_RANGE_FLUSH, EVENT(RANGE_FLUSH), DROPS(DEVICE_TLB)},
    {SOFTIOMMU_FAULT_DEVICE_TLB_ATTACH, EVENT(ATTACH), DROPS(DEVICE_TLB)},
    {SOFTIOMMU_FAULT_DEVICE_TLB_DETACH, EVENT(DETACH), DROPS(DEVICE_TLB)},
    {SOFTIOMMU_FAULT_DEVICE_TLB_BLOCKING, EVENT(ATTACH_BLOCKING), DROPS(DEVICE_TLB)},
    {SOFTIOMMU_FAULT_DEVICE_TLB_ATS_OFF, EVENT(ATS_CHANGE), DROPS(DEVICE_TLB)},
    {SOFTIOMMU_FAULT_CONTEXT_ATTACH, ATTACH, DROPS(CONTEXT)},
    {SOFTIOMMU_FAULT_CONTEXT_DETACH, EVENT(DETACH), DROPS(CONTEXT)},
    {SOFTIOMMU_FAULT_DRAIN_DOMAIN_FLUSH, EVENT(DOMAIN_FLUSH), DRAINS},
    {SOFTIOMMU_FAULT_DRAIN_RANGE_FLUSH, EVENT(RANGE_FLUSH), DRAINS},
    {SOFTIOMMU_FAULT_DRAIN_ATTACH, ATTACH, DRAINS},
    {SOFTIOMMU_FAULT_DRAIN_DETACH, EVENT(DETACH), DRAINS},
    {SOFTIOMMU_FAULT_TAG_REUSED, ATTACH | EVENT(DETACH) | EVENT(DELETE), DROPS(IOTLB) | WALK},
};

static void clear(struct softiommu_rules *rules, uint64_t events, uint64_t effects)
{
    for (unsigned event = 0; event < SOFTIOMMU_EVENTS; event++) {
        for (unsigned effect = 0; effect < SOFTIOMMU_EFFECTS; effect++)
            if ((events & BIT(event)) != 0 && (effects & BIT(effect)) != 0)
                rules->has[event][effect] = false;
    }
}

void softiommu_inject(enum softiommu_fault fault, struct softiommu_rules *rules)
{
    softiommu_faulty = true;
    for (unsigned i = 0; i < ARRAY_SIZE(cleared); i++) {
        if (cleared[i].fault == fault) {
            clear(rules, cleared[i].events, cleared[i].effects);
            return;
        }
    }
    injected[fault] = true;
}

bool softiommu_injected(enum softiommu_fault fault)
{
    return injected[fault];
}

void softiommu_faults_reset(void)
{
    for (unsigned i = 0; i < SOFTIOMMU_FAULTS; i++)
        injected[i] = false;
    softiommu_faulty = false;
    softiommu_memory = (struct softiommu_memory){0};
}
