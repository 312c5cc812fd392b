/* SPDX-License-Identifier: MIT */
/* Message-signalled interrupts to the local APIC (Intel SDM, volume 3, 11.11; the same on AMD). */
#include "drivers/pci.h"
#include "drivers/pci_registers.h"
#include "drivers/vpci/vpci.h"
#include "kernel/cpu.h"
#include "kernel/lapic.h"
#include "kernel/paging.h"
#include "lib/bits.h"

#define APIC_MESSAGES    0xFEE00000ull
#define APIC_MESSAGE(id) (APIC_MESSAGES | (uint64_t)(id) << 12)

bool pci_message_create(const struct pci_function *f, uint8_t vector, struct pci_message *message)
{
    if (f->vpci)
        return vpci_create_messages(f, vector, 1, message);
    *message = (struct pci_message){.address = APIC_MESSAGE(lapic_id()), .data = vector};
    return true;
}

void pci_message_delete(const struct pci_function *f, const struct pci_message *message)
{
    if (f->vpci)
        vpci_delete_messages(f, message, 1);
}

#define CONTROL 2u /* of both capabilities */

/* PCI Local Bus 3.0, 6.8.1. */
#define MSI_ENABLE       BIT(0)
#define MSI_64           BIT(7)
#define MSI_ADDRESS      4u
#define MSI_ADDRESS_HIGH 8u
#define MSI_DATA_32      8u
#define MSI_DATA_64      12u

/* 6.8.2: the table is in a BAR. */
#define MSIX_ENABLE  BIT(15)
#define MSIX_MASK    BIT(14)
#define MSIX_TABLE   4u
#define MSIX_PENDING 8u
#define MSIX_BAR     BITS(2, 0)

struct capabilities {
    uint16_t segment, bdf;
    unsigned msi, msix; /* 0: none */
    bool wide;          /* MSI with an address of 64 bits */
    uint32_t table, pending;
};

static void look(const struct pci_function *f, struct capabilities *c)
{
    *c = (struct capabilities){.segment = f->segment,
                               .bdf = f->bdf,
                               .msi = pci_capability(f, PCI_CAPABILITY_MSI),
                               .msix = pci_capability(f, PCI_CAPABILITY_MSIX)};
    c->wide = c->msi != 0 && (pci_read16(f, c->msi + CONTROL) & MSI_64) != 0;
    if (c->msix != 0) {
        c->table = pci_read32(f, c->msix + MSIX_TABLE);
        c->pending = pci_read32(f, c->msix + MSIX_PENDING);
    }
}

/* Of the function that was asked for last: a host that shows configuration space by exits costs two
 * of them for each register. */
static const struct capabilities *capabilities(const struct pci_function *f)
{
    static struct capabilities last;

    /* None is not kept: the function may be away. */
    if ((last.msi == 0 && last.msix == 0) || last.segment != f->segment || last.bdf != f->bdf)
        look(f, &last);
    return &last;
}

static void set_msi(const struct pci_function *f, const struct capabilities *c,
                    const struct pci_message *message)
{
    pci_write32(f, c->msi + MSI_ADDRESS, (uint32_t)message->address);
    if (c->wide)
        pci_write32(f, c->msi + MSI_ADDRESS_HIGH, (uint32_t)(message->address >> 32));
    pci_write16(f, c->msi + (c->wide ? MSI_DATA_64 : MSI_DATA_32), (uint16_t)message->data);
}

/* `where` is what the capability tells of the table, or of the pending bits. */
static volatile uint32_t *msix_registers(const struct pci_function *f, uint32_t where)
{
    return paging_map_mmio(pci_bar(f, where & MSIX_BAR) + (where & ~(uint32_t)MSIX_BAR), PAGE_SIZE);
}

static bool set_msix(const struct pci_function *f, const struct capabilities *c,
                     const struct pci_message *message)
{
    volatile uint32_t *entry = msix_registers(f, c->table);

    if (!entry)
        return false;
    cpu_store32(&entry[0], (uint32_t)message->address);
    cpu_store32(&entry[1], (uint32_t)(message->address >> 32));
    cpu_store32(&entry[2], message->data);
    cpu_store32(&entry[3], 0); /* not masked */
    return true;
}

static void enable(const struct pci_function *f, unsigned at, uint16_t bit, bool on)
{
    uint16_t control = pci_read16(f, at + CONTROL);

    uint16_t wanted = (uint16_t)(on ? control | bit : control & ~bit);

    if (wanted != control)
        pci_write16(f, at + CONTROL, wanted);
}

bool pci_message_set(const struct pci_function *f, const struct pci_message *message)
{
    const struct capabilities *has = capabilities(f);

    if (has->msix != 0 && set_msix(f, has, message)) {
        enable(f, has->msix, MSIX_ENABLE, true);
        return true;
    }
    if (has->msi == 0)
        return false;
    set_msi(f, has, message);
    enable(f, has->msi, MSI_ENABLE, true);
    return true;
}

void pci_message_off(const struct pci_function *f)
{
    const struct capabilities *has = capabilities(f);

    if (has->msix != 0)
        enable(f, has->msix, MSIX_ENABLE, false);
    if (has->msi != 0)
        enable(f, has->msi, MSI_ENABLE, false);
}

bool pci_message_mask(const struct pci_function *f, enum pci_mask which, bool masked)
{
    const struct capabilities *has = capabilities(f);
    volatile uint32_t *entry = has->msix != 0 ? msix_registers(f, has->table) : NULL;

    if (!entry)
        return false;
    if (which == PCI_MASK_ENTRY)
        cpu_store32(&entry[3], masked);
    else
        enable(f, has->msix, MSIX_MASK, masked);
    return true;
}

bool pci_message_pending(const struct pci_function *f)
{
    volatile uint32_t *pending = msix_registers(f, capabilities(f)->pending);

    return pending && (cpu_load32(pending) & 1) != 0;
}
