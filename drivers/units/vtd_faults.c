/* SPDX-License-Identifier: MIT */
#include "drivers/units/vtd_faults.h"

#include <stddef.h>

#include "drivers/units/vtd_registers.h"
#include "lib/bits.h"
#include "lib/string.h"

#define TYPE(d)        ((d)[0] & 0xFull)
#define GRANULARITY(d) ((d)[0] & (3ull << 4))
#define ONE_DOMAIN     (1ull << VTD_DOMAIN_SHIFT)
#define NEXT_DEVICE    (BIT(3) << VTD_SOURCE_SHIFT)
#define ONE_PASID      (1ull << 32)
#define MASK_BITS      0x3Full /* AM */
#define F_DWORD        12u

static struct {
    unsigned record;
    uint64_t status_gpa; /* waits of the driver itself are never touched */
} unit;

static bool own_wait(const uint64_t d[4])
{
    return TYPE(d) == VTD_INVALIDATE_WAIT && d[1] == unit.status_gpa;
}

static bool is(const uint64_t d[4], uint64_t type, uint64_t granularity)
{
    return TYPE(d) == type && GRANULARITY(d) == granularity;
}

static bool context_lost(uint64_t d[4], unsigned place)
{
    (void)place;
    return TYPE(d) != VTD_INVALIDATE_CONTEXT;
}

static bool context_of_another(uint64_t d[4], unsigned place)
{
    (void)place;
    if (is(d, VTD_INVALIDATE_CONTEXT, VTD_CONTEXT_DEVICE))
        d[0] ^= NEXT_DEVICE;
    return true;
}

static bool iotlb_global_lost(uint64_t d[4], unsigned place)
{
    (void)place;
    return !is(d, VTD_INVALIDATE_IOTLB, VTD_GLOBAL);
}

static bool iotlb_domain_lost(uint64_t d[4], unsigned place)
{
    (void)place;
    return !is(d, VTD_INVALIDATE_IOTLB, VTD_DOMAIN);
}

static bool iotlb_pages_lost(uint64_t d[4], unsigned place)
{
    (void)place;
    return !is(d, VTD_INVALIDATE_IOTLB, VTD_PAGES);
}

static bool iotlb_other_domain(uint64_t d[4], unsigned place)
{
    (void)place;
    if (is(d, VTD_INVALIDATE_IOTLB, VTD_DOMAIN))
        d[0] += ONE_DOMAIN;
    return true;
}

static bool pasid_tlb_lost(uint64_t d[4], unsigned place)
{
    (void)place;
    return !is(d, VTD_INVALIDATE_PASID_TLB, VTD_TLB_ALL_OF_PASID);
}

static bool pasid_tlb_other_domain(uint64_t d[4], unsigned place)
{
    (void)place;
    if (is(d, VTD_INVALIDATE_PASID_TLB, VTD_TLB_ALL_OF_PASID))
        d[0] += ONE_DOMAIN;
    return true;
}

static bool pasid_tlb_other_pasid(uint64_t d[4], unsigned place)
{
    (void)place;
    if (TYPE(d) == VTD_INVALIDATE_PASID_TLB)
        d[0] ^= ONE_PASID;
    return true;
}

static bool pages_lost(uint64_t d[4], unsigned place)
{
    (void)place;
    return !is(d, VTD_INVALIDATE_PASID_TLB, VTD_TLB_PAGES_OF_PASID);
}

static bool pages_first_only(uint64_t d[4], unsigned place)
{
    (void)place;
    if (is(d, VTD_INVALIDATE_PASID_TLB, VTD_TLB_PAGES_OF_PASID))
        d[1] &= ~MASK_BITS;
    return true;
}

static bool pages_half(uint64_t d[4], unsigned place)
{
    (void)place;
    if (is(d, VTD_INVALIDATE_PASID_TLB, VTD_TLB_PAGES_OF_PASID) && (d[1] & MASK_BITS))
        d[1]--;
    return true;
}

static bool pages_next(uint64_t d[4], unsigned place)
{
    (void)place;
    if (is(d, VTD_INVALIDATE_PASID_TLB, VTD_TLB_PAGES_OF_PASID))
        d[1] += PAGE_SIZE << (d[1] & MASK_BITS);
    return true;
}

static bool wait_other_data(uint64_t d[4], unsigned place)
{
    (void)place;
    if (TYPE(d) == VTD_INVALIDATE_WAIT && !own_wait(d))
        d[0] ^= 1ull << VTD_STATUS_SHIFT;
    return true;
}

static bool wait_other_address(uint64_t d[4], unsigned place)
{
    (void)place;
    if (TYPE(d) == VTD_INVALIDATE_WAIT && !own_wait(d))
        d[1] += sizeof(uint32_t);
    return true;
}

static bool wait_no_event(uint64_t d[4], unsigned place)
{
    (void)place;
    if (TYPE(d) == VTD_INVALIDATE_WAIT && !own_wait(d) && (d[0] & VTD_WAIT_EVENT))
        d[0] ^= VTD_WAIT_EVENT | VTD_WAIT_STATUS;
    return true;
}

/* The first place, which the unit gets to after its last one. */
static bool first_place_lost(uint64_t d[4], unsigned place)
{
    if (place == 0 && !own_wait(d)) {
        memset(d, 0, 4 * sizeof(*d));
        d[0] = VTD_INVALIDATE_IOTLB | VTD_GLOBAL;
    }
    return true;
}

/* A descriptor with a flaw does something all the same. */
static bool flaws_accepted(uint64_t d[4], unsigned place)
{
    (void)place;
    if (!own_wait(d)) {
        memset(d, 0, 4 * sizeof(*d));
        d[0] = VTD_INVALIDATE_IOTLB | VTD_GLOBAL;
    }
    return true;
}

static uint64_t status_without(unsigned offset, uint64_t value, uint64_t bits)
{
    return offset == VTD_FSTS ? value & ~bits : value;
}

static uint64_t queue_error_hidden(unsigned offset, uint64_t value)
{
    return status_without(offset, value, VTD_FSTS_QUEUE);
}

static uint64_t pending_hidden(unsigned offset, uint64_t value)
{
    return status_without(offset, value, VTD_FSTS_PENDING);
}

static uint64_t overflow_hidden(unsigned offset, uint64_t value)
{
    return status_without(offset, value, VTD_FSTS_OVERFLOW);
}

static uint64_t other_source(unsigned offset, uint64_t value)
{
    return offset == unit.record + 8 ? value ^ BIT(3) : value;
}

static uint64_t other_reason(unsigned offset, uint64_t value)
{
    return offset == unit.record + 8 ? value ^ BIT(33) : value;
}

static uint64_t other_direction(unsigned offset, uint64_t value)
{
    return offset == unit.record + 8 ? value ^ VTD_FAULT_READ : value;
}

static uint64_t other_address(unsigned offset, uint64_t value)
{
    return offset == unit.record ? value + PAGE_SIZE : value;
}

static uint64_t head_stuck(unsigned offset, uint64_t value)
{
    return offset == VTD_IQH ? 0 : value;
}

static uint64_t event_hidden(unsigned offset, uint64_t value)
{
    return offset == VTD_FECTL ? value & ~VTD_EVENT_PENDING : value;
}

static uint64_t no_queue_reported(unsigned offset, uint64_t value)
{
    return offset == VTD_ECAP ? value & ~VTD_ECAP_QI : value;
}

static uint64_t commands_unseen(unsigned offset, uint64_t value)
{
    return offset == VTD_GSTS ? value | VTD_COMMAND_TE : value;
}

static uint64_t queue_stays_on(unsigned offset, uint64_t value)
{
    return offset == VTD_GSTS ? value | VTD_COMMAND_QIE : value;
}

static bool record_stays(unsigned offset, uint64_t *value)
{
    (void)value;
    return offset != unit.record + F_DWORD;
}

static bool status_stays(unsigned offset, uint64_t *value)
{
    (void)value;
    return offset != VTD_FSTS;
}

static bool tail_unheard(unsigned offset, uint64_t *value)
{
    (void)value;
    return offset != VTD_IQT;
}

static const struct fault {
    const char *name;
    bool (*descriptor)(uint64_t d[4], unsigned place);
    uint64_t (*read)(unsigned offset, uint64_t value);
    bool (*write)(unsigned offset, uint64_t *value);
    bool flaws_unseen;
} faults[] = {
    {.name = "vtd-context-lost", .descriptor = context_lost},
    {.name = "vtd-context-of-another", .descriptor = context_of_another},
    {.name = "vtd-iotlb-global-lost", .descriptor = iotlb_global_lost},
    {.name = "vtd-iotlb-domain-lost", .descriptor = iotlb_domain_lost},
    {.name = "vtd-iotlb-pages-lost", .descriptor = iotlb_pages_lost},
    {.name = "vtd-iotlb-other-domain", .descriptor = iotlb_other_domain},
    {.name = "vtd-pasid-lost", .descriptor = pasid_tlb_lost},
    {.name = "vtd-pasid-other-domain", .descriptor = pasid_tlb_other_domain},
    {.name = "vtd-pasid-other-pasid", .descriptor = pasid_tlb_other_pasid},
    {.name = "vtd-pages-lost", .descriptor = pages_lost},
    {.name = "vtd-pages-first-only", .descriptor = pages_first_only},
    {.name = "vtd-pages-half", .descriptor = pages_half},
    {.name = "vtd-pages-next", .descriptor = pages_next},
    {.name = "vtd-wait-other-data", .descriptor = wait_other_data},
    {.name = "vtd-wait-other-address", .descriptor = wait_other_address},
    {.name = "vtd-wait-no-event", .descriptor = wait_no_event},
    {.name = "vtd-queue-first-lost", .descriptor = first_place_lost},
    {.name = "vtd-queue-flaws-accepted", .descriptor = flaws_accepted},
    {.name = "vtd-queue-error-hidden", .read = queue_error_hidden},
    {.name = "vtd-queue-error-stays", .write = status_stays},
    {.name = "vtd-queue-head-stuck", .read = head_stuck},
    {.name = "vtd-fault-pending-hidden", .read = pending_hidden},
    {.name = "vtd-fault-overflow-hidden", .read = overflow_hidden},
    {.name = "vtd-fault-other-source", .read = other_source},
    {.name = "vtd-fault-other-reason", .read = other_reason},
    {.name = "vtd-fault-other-direction", .read = other_direction},
    {.name = "vtd-fault-other-address", .read = other_address},
    {.name = "vtd-fault-event-hidden", .read = event_hidden},
    {.name = "vtd-fault-record-stays", .write = record_stays},
    {.name = "vtd-entry-flaws-unseen", .flaws_unseen = true},
    {.name = "vtd-no-queue-reported", .read = no_queue_reported},
    {.name = "vtd-commands-unseen", .read = commands_unseen},
    {.name = "vtd-queue-stays-on", .read = queue_stays_on},
    {.name = "vtd-queue-silent", .write = tail_unheard},
};

static const struct fault right, *chosen = &right, *now = &right;

bool vtd_fault_choose(const char *name)
{
    chosen = &right;
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
        if (strcmp(faults[i].name, name) == 0)
            chosen = &faults[i];
    return chosen != &right;
}

void vtd_fault_begin(unsigned record, uint64_t status_gpa)
{
    unit.record = record;
    unit.status_gpa = status_gpa;
    now = chosen;
}

void vtd_fault_end(void)
{
    now = &right;
}

bool vtd_fault_descriptor(uint64_t descriptor[4], unsigned place)
{
    return !now->descriptor || now->descriptor(descriptor, place);
}

uint64_t vtd_fault_read(unsigned offset, uint64_t value)
{
    return now->read ? now->read(offset, value) : value;
}

bool vtd_fault_write(unsigned offset, uint64_t *value)
{
    return !now->write || now->write(offset, value);
}

uint64_t vtd_fault_store(uint64_t value, uint64_t flaw)
{
    return now->flaws_unseen ? value ^ flaw : value;
}
