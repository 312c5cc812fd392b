/* SPDX-License-Identifier: MIT */
/* INITIATE_CONTACT as Linux sends it, with addresses of pages (reference 3.3). */
#include "abi/msr.h"
#include "abi/synic.h"
#include "kernel/memory.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/bus/client.h"

#define TEST_GROUP "bus"

#define PAGES                                                                                      \
    3u /* for interrupts, which no version that the suite speaks uses, and two of monitors */
#define LOW   UINT64_C(0x00007000)
#define UPPER UINT64_C(0x12345000)
#define HIGH  UINT64_C(0x123456789ABCD000)

static bool contact(struct test_run *t, uint32_t version, uint64_t address, const void *monitors)
{
    struct vmbus_initiate_contact request = {.header.type = VMBUS_INITIATE_CONTACT,
                                             .version = version,
                                             .target_vp = (uint32_t)client_msr(HV_MSR_VP_INDEX)};
    union vmbus_control reply;

    STEP("version 0x%x, address 0x%llx, monitor pages: %llu", version, address, monitors ? 2 : 0);
    memcpy(&request.sint, &address, sizeof(address));
    if (monitors) {
        request.monitor_parent_to_child = gpa_of(monitors);
        request.monitor_child_to_parent = gpa_of(monitors) + PAGE_SIZE;
    }
    vmbus.stage = VMBUS_REFUSED; /* there is no connection until the suite makes the next one */
    vmbus.connection_id = VMBUS_CONNECTION_MESSAGES;
    CHECK(vmbus_post(&request, sizeof(request)), "POST_MESSAGE: 0x%x", vmbus.post_status);
    CHECK(vmbus_wait(VMBUS_VERSION_RESPONSE, NULL, 0, &reply, CLIENT_WAIT_US),
          "INITIATE_CONTACT is not answered");
    return reply.version.supported != 0 && reply.version.state == VMBUS_CONNECTION_STATE_OK;
}

TEST(contact_with_addresses,
     PROMISE("A host agrees to a version before 5.0 also when INITIATE_CONTACT has addresses of "
             "pages that it does not use")
     COVERS("BUS-47") ABI() DEVICES(NONE) KINDS("device")
     STEPS("By each version before 5.0 that the host speaks, INITIATE_CONTACT comes with an "
           "address in the place of the SINT: of a page of the suite, and of others of which bits "
           "15:8, 31:16 or 63:32 are not zero. Then it comes with that page and two pages for "
           "monitors. At the end the suite connects, and a request on a channel has its reply.")
     EXPECTS("The host agrees each time.")
     IF_IT_FAILS("The host looks for the SINT, the VTL and the features of later versions, which "
                 "are not there, or does not take monitor pages, which it need not use. Linux "
                 "sends its addresses whatever the host does: it finds no bus."))
{
    static const uint32_t versions[] = {VMBUS_VERSION_4_1, VMBUS_VERSION_4_0, VMBUS_VERSION_3_0};
    static const uint64_t addresses[] = {LOW, UPPER, HIGH};
    static uint8_t *pages; /* a host may use them until the connection ends */
    const struct vmbus_opening opening = {.interrupts = false};
    unsigned spoken = 0;

    if (!pages)
        pages = memory_boot_pages(PAGES);
    client_connect(t);
    for (unsigned i = 0; i < ARRAY_SIZE(versions); i++) {
        if (!client_connect_as(t, versions[i])) {
            STEP("the host does not speak version 0x%x", versions[i]);
            continue;
        }
        spoken++;
        for (unsigned k = 0; k < ARRAY_SIZE(addresses); k++)
            CHECK(contact(t, versions[i], addresses[k], NULL),
                  "version 0x%x is refused with the address 0x%llx", versions[i],
                  (unsigned long long)addresses[k]);
        CHECK(contact(t, versions[i], gpa_of(pages), NULL),
              "version 0x%x is refused with the address of a page", versions[i]);
        CHECK(contact(t, versions[i], gpa_of(pages), pages + PAGE_SIZE),
              "version 0x%x is refused with monitor pages", versions[i]);
    }
    client_connect(t);
    client_round_trip(t, client_open(t, 0, 0, &opening));
    if (spoken == 0)
        SKIP("the host speaks no version before 5.0");
}
