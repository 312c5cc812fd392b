/* SPDX-License-Identifier: MIT */
/*
 * Primary fault records (VT-d 7.2, 11.4.14). QEMU has one register: while it is occupied, further
 * faults of the same source vanish and those of others set the overflow bit. It is emptied before
 * every switch and flush and when the oracle asks.
 */
#include "host/iommu/vtd_fault.h"

#include "abi/device_id.h"
#include "host/iommu/fault_queue.h"
#include "host/iommu/vtd_unit.h"

#define SEGMENT 0u

/* Fault reasons (VT-d 7.1.3) as the oracle's classes. */
static enum oracle_fault_class fault_class(uint8_t reason)
{
    switch (reason) {
    case 0x01: /* root entry not present */
    case 0x02: /* context entry not present */
    case 0x51: /* PASID directory entry not present */
    case 0x59: /* PASID entry not present */
    case 0x5B: /* PASID entry invalid: QEMU's answer to an entry of zeros */
        return ORACLE_FAULT_CLASS_BLOCKED;
    case 0x05: /* second stage */
    case 0x85:
        return ORACLE_FAULT_CLASS_WRITE_DENIED;
    case 0x06:
        return ORACLE_FAULT_CLASS_READ_DENIED;
    case 0x08: /* root table */
    case 0x09: /* context table */
    case 0x50: /* PASID directory */
    case 0x58: /* PASID table */
    case 0x70: /* first-stage table */
    case 0x73: /* first-stage top table */
    case 0x91: /* accessed and dirty bits cannot be written */
        return ORACLE_FAULT_CLASS_TABLE_UNREADABLE;
    case 0x0A:
    case 0x0B:
    case 0x0C:
    case 0x72:
        return ORACLE_FAULT_CLASS_RESERVED_BIT;
    case 0x71:
        return ORACLE_FAULT_CLASS_NOT_PRESENT;
    case 0x04: /* beyond the address width */
    case 0x80:
        return ORACLE_FAULT_CLASS_NON_CANONICAL;
    case 0x81:
        return ORACLE_FAULT_CLASS_PRIVILEGE;
    case 0x87:
        return ORACLE_FAULT_CLASS_INTERRUPT_WINDOW;
    default:
        return ORACLE_FAULT_CLASS_OTHER;
    }
}

static bool drain_record(uint32_t offset)
{
    uint64_t high = vtd_read64(offset + VTD_FRCD_HIGH);
    struct oracle_fault fault = {0};

    if ((high & VTD_FRCD_F) == 0)
        return false;
    fault.device_id = hv_pci_logical_device_id(SEGMENT, vtd_frcd_sid(high));
    fault.iova = vtd_read64(offset) & VTD_FRCD_FI;
    fault.access = (high & VTD_FRCD_T1) != 0 ? ORACLE_ACCESS_READ : ORACLE_ACCESS_WRITE;
    fault.raw_reason = vtd_frcd_fr(high);
    fault.reason_class = fault_class(vtd_frcd_fr(high));
    fault_queue_add(&fault);
    vtd_write32(offset + VTD_FRCD_F_OFFSET, VTD_FRCD_F32);
    return true;
}

void vtd_faults_drain(void)
{
    uint32_t status = vtd_read32(VTD_FSTS);
    unsigned records = vtd_cap_nfr(vtd_unit.cap);
    unsigned first = status >> VTD_FSTS_FRI_SHIFT & VTD_FSTS_FRI_MASK;

    if ((status & VTD_FSTS_PPF) != 0) {
        for (unsigned i = 0; i < records; i++)
            if (!drain_record(vtd_cap_fro(vtd_unit.cap) + (first + i) % records * VTD_FRCD_SIZE))
                break;
    }
    if ((status & VTD_FSTS_PFO) != 0) {
        fault_queue_lose(1); /* at least one: the unit does not count them */
        vtd_write32(VTD_FSTS, VTD_FSTS_PFO);
    }
}

bool vtd_take_fault(uint64_t device_id, bool clear, struct oracle_fault *fault)
{
    vtd_faults_drain();
    return fault_queue_take(device_id, clear, fault);
}
