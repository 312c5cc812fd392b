/* SPDX-License-Identifier: MIT */
/* MSI-X, with one vector (PCI Local Bus 3.0, 6.8.2 and 6.8.3). */
#include "host/vdev/ioat_private.h"
#include "host/vdev/msi.h"

static bool enabled(const struct ioat *ioat)
{
    const struct config_space *config = ioat->function->config;
    uint64_t control = config_read(config, MSI_CONTROL, 2);

    return (control & MSIX_CONTROL_ENABLE) != 0 && (control & MSIX_CONTROL_MASK) == 0 &&
           (ioat->vector.control & IOAT_VECTOR_MASKED) == 0 &&
           (config_read(config, CONFIG_COMMAND, 2) & COMMAND_MASTER) != 0;
}

static void send(const struct ioat *ioat)
{
    uint64_t address = (uint64_t)ioat->vector.address_high << 32 | ioat->vector.address_low;

    (void)msi_send(ioat->function, address, ioat->vector.data);
}

void ioat_message_retry(struct ioat *ioat)
{
    if (!ioat->message_pending || !enabled(ioat))
        return;
    ioat->message_pending = false;
    send(ioat);
}

void ioat_interrupt(struct ioat *ioat)
{
    ioat->attention |= 1u;
    if (!(config_read(ioat->function->config, MSI_CONTROL, 2) & MSIX_CONTROL_ENABLE))
        return;
    ioat->message_pending = true;
    ioat_message_retry(ioat);
}
