/* SPDX-License-Identifier: MIT */
#include "host/vdev/sriov.h"

#include "abi/device_id.h"
#include "host/base/log.h"
#include "host/base/machine_access.h"
#include "host/platform/acpi.h"
#include "host/platform/pci_functions.h"
#include "host/vdev/config_space.h"

#define SEGMENT      0u
#define SRIOV_TOTAL  0x0Eu /* TotalVFs */
#define SRIOV_OFFSET 0x14u /* First VF Offset */
#define SRIOV_STRIDE 0x16u /* VF Stride */

/* Address of the capability in ECAM; 0: the function has none. */
static uint64_t capability(uint16_t bdf)
{
    const uint64_t config = acpi_config_address(bdf);
    unsigned at = EXTENDED_FIRST;

    for (unsigned i = 0; i < EXTENDED_MAX && at >= EXTENDED_FIRST && config != 0; i++) {
        uint32_t word = (uint32_t)machine_in(config + at, 4);

        if (word == 0 || word == UINT32_MAX)
            return 0;
        if (EXTENDED_ID(word) == EXTENDED_SRIOV)
            return config + at;
        at = (word & EXTENDED_NEXT) >> 20 & ~3u;
    }
    return 0;
}

/* Returns how many of `room` it has used. */
static unsigned add_functions(uint16_t physical, uint64_t sriov, unsigned room)
{
    const unsigned total = (unsigned)machine_in(sriov + SRIOV_TOTAL, 2),
                   offset = (unsigned)machine_in(sriov + SRIOV_OFFSET, 2),
                   stride = (unsigned)machine_in(sriov + SRIOV_STRIDE, 2);
    unsigned added = 0;

    for (unsigned i = 0; i < total && added < room; i++) {
        const uint64_t bdf = physical + offset + (uint64_t)i * stride;
        uint64_t device_id;

        if (bdf > UINT16_MAX)
            break;
        device_id = hv_pci_logical_device_id(SEGMENT, (uint16_t)bdf);
        if (pci_function_find(device_id))
            continue;
        pci_function_add(&(struct pci_function){.device_id = device_id,
                                                .bdf = (uint16_t)bdf,
                                                .requester = (uint16_t)bdf,
                                                .managed = true});
        added++;
    }
    host_log(LOG_INFO, "pci %04x can make %u virtual functions, %u of them have a device id\n",
             physical, total, added);
    return added;
}

void sriov_add_functions(void)
{
    unsigned count, added = 0;
    const struct pci_function *function = pci_functions(&count);

    for (unsigned i = 0; i < count; i++) {
        uint64_t sriov =
            function[i].managed && !function[i].emulated ? capability(function[i].bdf) : 0;

        if (sriov != 0)
            added += add_functions(function[i].bdf, sriov, SRIOV_FUNCTIONS_MAX - added);
    }
}
