/* SPDX-License-Identifier: MIT */
/* Interrupt messages of the machine's own devices whose address the guest chooses. */
#define TEST_GROUP "hostile"
#include "drivers/dma_edu_registers.h"
#include "drivers/dma_rocker.h"
#include "drivers/pci.h"
#include "drivers/pci_registers.h"
#include "kernel/paging.h"
#include "kernel/time.h"
#include "lib/bits.h"
#include "tests/hostile/hostile.h"

#define CONTROL   2u /* of both capabilities */
#define MESSAGE   0xB5E7u
#define FRESH     0x5A5A5A5Au
#define SETTLE_US 1000u

/* PCI Local Bus 3.0, 6.8.1. */
#define MSI_ENABLE       BIT(0)
#define MSI_64           BIT(7)
#define MSI_ADDRESS      4u
#define MSI_ADDRESS_HIGH 8u
#define MSI_DATA_32      8u
#define MSI_DATA_64      12u

/* 6.8.2: the table is in a BAR. */
#define PCI_CAPABILITY_MSIX 0x11u
#define MSIX_ENABLE         BIT(15)
#define MSIX_TABLE          4u
#define MSIX_BAR            BITS(2, 0)

static unsigned capability(const struct dma_engine *e)
{
    return pci_capability(&e->function,
                          e->class == DMA_CLASS_EDU ? PCI_CAPABILITY_MSI : PCI_CAPABILITY_MSIX);
}

static void set_msi(const struct pci_function *f, unsigned at, uint64_t address)
{
    uint16_t control = pci_read16(f, at + CONTROL);

    pci_write32(f, at + MSI_ADDRESS, (uint32_t)address);
    if (control & MSI_64)
        pci_write32(f, at + MSI_ADDRESS_HIGH, (uint32_t)(address >> 32));
    pci_write16(f, at + (control & MSI_64 ? MSI_DATA_64 : MSI_DATA_32), MESSAGE);
    pci_write16(f, at + CONTROL, (uint16_t)(control | MSI_ENABLE));
}

static void set_msix(const struct pci_function *f, unsigned at, uint64_t address)
{
    uint32_t table = pci_read32(f, at + MSIX_TABLE);
    uint64_t place = pci_bar(f, table & MSIX_BAR) + (table & ~(uint32_t)MSIX_BAR);
    volatile uint32_t *entry = paging_map_mmio(place, PAGE_SIZE);

    entry[0] = (uint32_t)address;
    entry[1] = (uint32_t)(address >> 32);
    entry[2] = MESSAGE;
    entry[3] = 0; /* not masked */
    pci_write16(f, at + CONTROL, (uint16_t)(pci_read16(f, at + CONTROL) | MSIX_ENABLE));
}

/* The device sends its message to `address`, and has its interrupts off after that. */
static void send(const struct dma_engine *e, uint64_t address)
{
    const struct pci_function *f = &e->function;
    unsigned at = capability(e);
    uint16_t control = pci_read16(f, at + CONTROL);
    volatile uint8_t *registers = e->registers;

    if (e->class == DMA_CLASS_EDU) {
        set_msi(f, at, address);
        *(volatile uint32_t *)(registers + EDU_INTERRUPT_RAISE) = 1;
        *(volatile uint32_t *)(registers + EDU_INTERRUPT_DONE) = 1;
    } else {
        set_msix(f, at, address);
        *(volatile uint32_t *)(registers + ROCKER_TEST_INTERRUPT) = 0;
    }
    time_delay_us(SETTLE_US);
    pci_write16(f, at + CONTROL, control);
}

static void message_to_memory(struct test_run *t)
{
    struct integrity_output host, found;
    struct dma_engine *e = device(t);
    struct domain *identity = domain_identity(t), *blocked = domain_blocked(t);
    struct buffer b = buffer(t, 1);
    volatile uint32_t *word = (volatile uint32_t *)b.data;
    uint32_t open;

    need_integrity(t, &host);
    if (e->function.vpci)
        SKIP("on a virtual PCI bus the host writes the messages of a device");
    REQUIRE(capability(e) != 0, "the device has no message-signaled interrupts");
    attach(t, identity, e);
    *word = FRESH;
    send(e, gpa_of(b.data));
    open = *word;
    for (unsigned page = 0; page < 16; page++)
        send(e, host.target + page * PAGE_SIZE);
    send(e, host.text);
    attach(t, blocked, e);
    *word = FRESH;
    send(e, gpa_of(b.data));
    drain_faults(t, e);
    CHECK(host_integrity_check(false, &found), "the host does not compare its own memory");
    CHECK_EQ(found.words_changed + found.constants_changed, 0, "changes of the host's memory");
    CHECK_EQ(open, MESSAGE, "the guest's word after the message in the identity domain");
    CHECK_EQ(*word, FRESH, "the guest's word after the message in the blocking domain");
    buffer_refresh(&b);
}

STRESS(msix_to_memory,
       PROMISE("An MSI-X message whose address is memory is translated like any DMA of its device")
       COVERS("ID-1 ISO-3") DEVICES(rocker) KINDS("dma bad-input")
       STEPS("In an identity domain, has the device send a message to a page of the guest, to each "
             "of sixteen unused pages of the host, and to the host's code. Then the same to the "
             "guest's page in a blocking domain.")
       EXPECTS("The message is in the guest's page, and only in the identity domain; the host's "
               "memory is unchanged.")
       IF_IT_FAILS("The address of a message passes the IOMMU by, or an identity domain maps the "
                   "host."))
{
    message_to_memory(t);
}

STRESS(msi_to_memory,
       PROMISE("An MSI message whose address is memory is translated like any DMA of its device")
       COVERS("ID-1 ISO-3") DEVICES(edu) KINDS("dma bad-input")
       STEPS("As in msix_to_memory, with the address and the data of the MSI capability.")
       EXPECTS("The message is in the guest's page, and only in the identity domain; the host's "
               "memory is unchanged.")
       IF_IT_FAILS("The address of a message passes the IOMMU by, or an identity domain maps the "
                   "host."))
{
    message_to_memory(t);
}
