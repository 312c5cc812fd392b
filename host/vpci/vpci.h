/* SPDX-License-Identifier: MIT */
/* Virtual PCI: each device of the machine that a guest can manage is a bus of its own, offered by
 * VMBus. */
#ifndef PVT_HOST_VPCI_VPCI_H
#define PVT_HOST_VPCI_VPCI_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/bus_control.h"
#include "abi/retarget_interrupt.h"
#include "abi/status.h"
#include "host/platform/mmio_ranges.h"

/* Address space for windows and BARs of vPCI, as the ACPI tables show it. */
struct vpci_ranges {
    struct mmio_range low, high; /* below 4 GiB, above it; length 0: none */
};
const struct vpci_ranges *vpci_ranges(void);

struct vpci_hooks {
    /* Shows a page at a guest-physical address; NULL: the gap is back (host/cpu/nested_paging.h).
     */
    bool (*map_page)(uint64_t gpa, void *page);
    /* Lets the host reach registers that may lie above 4 GiB (host/cpu/host_paging.h). */
    void (*reach)(uint64_t start, uint64_t length);
};

/* Takes all functions that can be managed off the PCI bus and puts them on buses of their own.
 * Before launch, after hypercalls_init() and synic_add_vp(). */
void vpci_create(const struct vpci_hooks *hooks);

/* HVCALL_RETARGET_DEVICE_INTERRUPT; input and header are a private copy. */
enum hv_status vpci_retarget(const struct hv_input_retarget_device_interrupt *input,
                             const uint64_t *header, uint32_t header_qwords);

/* HVCALL_BUS_CONTROL; the input is a private copy. */
enum hv_status vpci_control(const struct bus_control_input *input);

#endif
