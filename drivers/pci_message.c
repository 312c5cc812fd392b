/* SPDX-License-Identifier: MIT */
/* Message-signalled interrupts to the local APIC (Intel SDM, volume 3, 11.11; the same on AMD). */
#include "drivers/pci.h"
#include "drivers/vpci/vpci.h"
#include "kernel/lapic.h"

#define APIC_MESSAGES    0xFEE00000ull
#define APIC_MESSAGE(id) (APIC_MESSAGES | (uint64_t)(id) << 12)

bool pci_message_create(const struct pci_function *f, uint8_t vector, struct pci_message *message)
{
    if (f->vpci)
        return vpci_create_message(f, vector, message);
    *message = (struct pci_message){.address = APIC_MESSAGE(lapic_id()), .data = vector};
    return true;
}

void pci_message_delete(const struct pci_function *f, const struct pci_message *message)
{
    if (f->vpci)
        vpci_delete_message(f, message);
}
