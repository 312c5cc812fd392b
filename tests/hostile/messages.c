/* SPDX-License-Identifier: MIT */
/* Interrupt messages of the machine's own devices whose address the guest chooses. */
#define TEST_GROUP "hostile"
#include "drivers/pci.h"
#include "kernel/time.h"
#include "tests/hostile/hostile.h"

#define MESSAGE   0xB5E7u
#define FRESH     0x5A5A5A5Au
#define SETTLE_US 1000u

/* The device sends its message to `address`, and has its interrupts off after that. */
static void send(struct dma_engine *e, uint64_t address)
{
    const struct pci_message message = {address, MESSAGE};

    (void)pci_message_set(&e->function, &message);
    (void)dma_interrupt(e);
    time_delay_us(SETTLE_US);
    pci_message_off(&e->function);
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
