/* SPDX-License-Identifier: MIT */
/* Queued invalidation (VT-d 6.5.2). Every batch ends with a wait, so the queue is empty between two
 * calls. */
#include "host/iommu/vtd_queue.h"

#include "host/base/memory.h"
#include "host/base/panic.h"
#include "host/iommu/vtd_tables.h"
#include "host/iommu/vtd_unit.h"
#include "lib/bits.h"

#define QUEUE_DESCRIPTORS ((uint32_t)(PAGE_SIZE / sizeof(struct vtd_descriptor)))
/* QEMU has finished when the write to IQT returns; other units need microseconds. */
#define WAIT_LIMIT 100000000u

static void push(const struct vtd_descriptor *descriptor)
{
    struct vtd_descriptor *slot = &vtd_unit.queue[vtd_unit.tail];

    *slot = *descriptor;
    vtd_publish(slot, sizeof(*slot));
    vtd_unit.tail = (vtd_unit.tail + 1) % QUEUE_DESCRIPTORS;
}

static void check_queue(void)
{
    uint32_t status = vtd_read32(VTD_FSTS);

    if ((status & VTD_FSTS_IQE_ICE_ITE) != 0) {
        uint32_t head = (uint32_t)(vtd_read64(VTD_IQH) >> VTD_IQ_POINTER_SHIFT) % QUEUE_DESCRIPTORS;

        host_panic("VT-d refused an invalidation: FSTS 0x%x, descriptor %u is 0x%llx 0x%llx",
                   status, head, (unsigned long long)vtd_unit.queue[head].val[0],
                   (unsigned long long)vtd_unit.queue[head].val[1]);
    }
}

void vtd_submit(const struct vtd_descriptor *descriptor, unsigned count)
{
    uint32_t sequence = ++vtd_unit.sequence;
    struct vtd_descriptor wait = {
        .val = {VTD_DESC_WAIT | VTD_DESC_WAIT_SW | VTD_DESC_WAIT_DATA(sequence),
                (uintptr_t)vtd_unit.status}};

    for (unsigned i = 0; i < count; i++)
        push(&descriptor[i]);
    push(&wait);
    vtd_write64(VTD_IQT, (uint64_t)vtd_unit.tail << VTD_IQ_POINTER_SHIFT);
    for (unsigned tries = 0; *vtd_unit.status != sequence; tries++) {
        check_queue();
        if (tries == WAIT_LIMIT)
            host_panic("VT-d did not finish an invalidation: IQH 0x%llx IQT 0x%llx",
                       (unsigned long long)vtd_read64(VTD_IQH),
                       (unsigned long long)vtd_read64(VTD_IQT));
        __builtin_ia32_pause();
    }
}

void vtd_invalidate_all(void)
{
    static const struct vtd_descriptor all[] = {
        {{VTD_DESC_CC | VTD_DESC_G(VTD_CC_GLOBAL)}},
        {{VTD_DESC_PC | VTD_DESC_G(VTD_PC_GLOBAL)}},
        {{VTD_DESC_IOTLB | VTD_DESC_G(VTD_IOTLB_GLOBAL)}},
    };

    vtd_submit(all, ARRAY_SIZE(all));
}

void vtd_invalidate_function(uint16_t requester, uint16_t old_did, bool translations)
{
    struct vtd_descriptor batch[] = {
        {{VTD_DESC_CC | VTD_DESC_G(VTD_CC_DEVICE) | VTD_DESC_CC_SID(requester)}},
        {{VTD_DESC_PC | VTD_DESC_G(VTD_PC_PASID) | VTD_DESC_DID(old_did)}},
        {{VTD_DESC_P_IOTLB | VTD_DESC_G(VTD_P_IOTLB_PASID) | VTD_DESC_DID(old_did)}},
    };
    unsigned count = ARRAY_SIZE(batch);

    vtd_submit(batch, translations ? count : count - 1);
}
