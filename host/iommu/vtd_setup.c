/* SPDX-License-Identifier: MIT */
/* Finding the unit, checking what it can do, and switching it on (VT-d 11.4). */
#include "host/iommu/vtd_setup.h"

#include "abi/iommu_capabilities.h"
#include "host/base/log.h"
#include "host/base/memory.h"
#include "host/base/panic.h"
#include "host/iommu/vtd_queue.h"
#include "host/iommu/vtd_rules.h"
#include "host/iommu/vtd_unit.h"
#include "host/platform/acpi.h"
#include "lib/bits.h"

#define COMMAND_WAIT_LIMIT 10000000u

static bool capable(void)
{
    static const struct {
        uint64_t bit;
        bool extended;
        const char *what;
    } required[] = {
        {VTD_ECAP_QI, true, "queued invalidation"},
        {VTD_ECAP_SMTS, true, "scalable mode (QEMU: x-scalable-mode=on, or scalable-mode=on)"},
        {VTD_ECAP_FSTS, true, "first-stage translation (QEMU: x-flts=on, or fsts=on)"},
        {VTD_CAP_PSI, false, "page-selective invalidation"},
    };
    bool all = true;

    for (unsigned i = 0; i < ARRAY_SIZE(required); i++) {
        if (((required[i].extended ? vtd_unit.ecap : vtd_unit.cap) & required[i].bit) == 0) {
            host_log(LOG_ERROR, "VT-d lacks %s: CAP 0x%llx ECAP 0x%llx\n", required[i].what,
                     (unsigned long long)vtd_unit.cap, (unsigned long long)vtd_unit.ecap);
            all = false;
        }
    }
    return all;
}

bool vtd_find(void)
{
    uint64_t base = acpi_vtd_base();

    if (base == 0) {
        host_log(LOG_ERROR, "the machine has no VT-d unit (QEMU: -device intel-iommu)\n");
        return false;
    }
    vtd_unit.registers = (volatile uint8_t *)(uintptr_t)base;
    vtd_unit.cap = vtd_read64(VTD_CAP);
    vtd_unit.ecap = vtd_read64(VTD_ECAP);
    if (!capable())
        return false;
    if ((vtd_read32(VTD_GSTS) & (VTD_GCMD_TE | VTD_GCMD_QIE)) != 0) {
        host_log(LOG_ERROR, "VT-d at 0x%llx is in use by the firmware: GSTS 0x%x\n",
                 (unsigned long long)base, vtd_read32(VTD_GSTS));
        return false;
    }
    vtd_unit.limits = (struct backend_limits){
        .iova_bits = vtd_rules.iova_bits,
        .five_level = false, /* QEMU has no model of paging mode 1 */
        .page_sizes = HV_IOMMU_PGSIZE_4K | HV_IOMMU_PGSIZE_2M |
                      ((vtd_unit.cap & VTD_CAP_FS1GP) != 0 ? HV_IOMMU_PGSIZE_1G : 0),
        .dids = 1u << vtd_cap_nd(vtd_unit.cap),
    };
    host_log(LOG_INFO, "VT-d at 0x%llx: CAP 0x%llx ECAP 0x%llx\n", (unsigned long long)base,
             (unsigned long long)vtd_unit.cap, (unsigned long long)vtd_unit.ecap);
    return true;
}

/* Commands act on bits that differ from the status, so each write repeats what is on already. */
static void command(uint32_t bit, const char *what)
{
    vtd_write32(VTD_GCMD, (vtd_read32(VTD_GSTS) & VTD_GSTS_PERSISTENT) | bit);
    for (unsigned tries = 0; (vtd_read32(VTD_GSTS) & bit) == 0; tries++) {
        if (tries == COMMAND_WAIT_LIMIT)
            host_panic("VT-d does not confirm: %s", what);
        __builtin_ia32_pause();
    }
}

void vtd_queue_start(void)
{
    vtd_unit.queue = host_pages(1);
    vtd_unit.status = host_pages(1);
    vtd_write64(VTD_IQT, 0);
    vtd_write64(VTD_IQA, (uintptr_t)vtd_unit.queue | VTD_IQA_DW);
    command(VTD_GCMD_QIE, "queued invalidation");
}

/* The only place that sets the root pointer or enables translation: both drop every cached
 * translation. */
void vtd_translation_start(void)
{
    vtd_write64(VTD_RTADDR, (uintptr_t)vtd_unit.root | VTD_RTADDR_TTM_SCALABLE);
    command(VTD_GCMD_SRTP, "root table");
    vtd_invalidate_all();
    command(VTD_GCMD_TE, "translation");
}
