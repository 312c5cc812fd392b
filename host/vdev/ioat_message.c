/* SPDX-License-Identifier: MIT */
/* MSI-X, with one vector (PCI Local Bus 3.0, 6.8.2 and 6.8.3). */
#include "host/vdev/ioat_private.h"

static bool control_has(const struct ioat *ioat, uint16_t bits)
{
    return (config_read(ioat->function->config, MSI_CONTROL, 2) & bits) != 0;
}

void ioat_message_retry(void *engine)
{
    struct ioat *ioat = engine;

    if (!ioat->message_pending || !control_has(ioat, MSIX_CONTROL_ENABLE) ||
        control_has(ioat, MSIX_CONTROL_MASK) || (ioat->vector.control & MSIX_ENTRY_MASKED) != 0 ||
        !config_is_bus_master(ioat->function->config))
        return;
    ioat->message_pending = false;
    (void)msi_send(ioat->function, ioat->vector.address, ioat->vector.data);
}

void ioat_interrupt(struct ioat *ioat)
{
    ioat->r.attnstatus |= 1u;
    ioat->r.intrctrl |= IOAT_INTRCTRL_PENDING;
    if (!control_has(ioat, MSIX_CONTROL_ENABLE))
        return;
    ioat->message_pending = true;
    ioat_message_retry(ioat);
}
