/* SPDX-License-Identifier: MIT */
/* Messages that are created and deleted over and over, while others stay. */
#include "abi/msr.h"
#include "drivers/vpci/vpci.h"
#include "tests/bus/client.h"

#define TEST_GROUP "bus"

#define VECTOR 0x60u
#define BLOCK  4u

#define MESSAGES 1100u /* that are created */

/* Returns how many messages there are: one where the host makes no block. */
static unsigned create(struct test_run *t, const struct pci_function *f, unsigned count,
                       struct pci_message *message)
{
    if (count > 1 && vpci_create_messages(f, VECTOR, count, message))
        return count;
    CHECK(vpci_create_messages(f, VECTOR, 1, message),
          "the host has no message for the device any more: status 0x%x", vpci_last_status(f));
    return 1;
}

static void move(struct test_run *t, const struct pci_function *f,
                 const struct pci_message *message, uint64_t vp)
{
    CHECK_SUCCESS(vpci_retarget_message(f, message, (uint8_t)(VECTOR + BLOCK), vp),
                  "RETARGET_DEVICE_INTERRUPT of the message that stays");
}

TEST(messages_created_again,
     PROMISE("Messages can be created and deleted however often, while another one stays")
     COVERS("BUS-15") ABI() DEVICES(ALL) KINDS("device")
     STEPS("A message is created, and stays. One message is created and deleted, and a block of "
           "four, in turn, until there were 1,100. The one that stays is retargeted.")
     EXPECTS("Each is created. RETARGET_DEVICE_INTERRUPT reports SUCCESS.")
     IF_IT_FAILS("The host goes on after the last message that it gave out and does not come "
                 "back to those that are free, or counts a block as one when it is deleted. A "
                 "guest whose drivers come and go gets no interrupts after a while."))
{
    struct dma_engine *e = device(t);
    const struct pci_function *f = &e->function;
    struct pci_message stays, message[BLOCK];
    uint64_t vp;

    if (!f->vpci)
        SKIP("the device is on no virtual PCI bus");
    vp = client_msr(HV_MSR_VP_INDEX);
    (void)create(t, f, 1, &stays);
    for (unsigned i = 0, created = 0; created < MESSAGES; i++) {
        const unsigned count = create(t, f, i % 2 == 0 ? 1 : BLOCK, message);

        vpci_delete_messages(f, message, count);
        created += count;
    }
    move(t, f, &stays, vp);
    vpci_delete_messages(f, &stays, 1);
    REQUIRE(vpci_round_trip(f), "a request has no reply");
}
