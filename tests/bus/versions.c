/* SPDX-License-Identifier: MIT */
/* The vPCI protocol by each of its versions. */
#include "abi/vpci.h"
#include "drivers/vpci/restart.h"
#include "tests/bus/client.h"

#define TEST_GROUP "bus"

#define VECTOR 0x58u

TEST(each_version_in_its_forms,
     PROMISE("A bus works by each version of vPCI that the host agrees to, and nothing of a later "
             "version comes")
     COVERS("BUS-14") DEVICES(ALL) KINDS("dma")
     STEPS("From 1.4 down to 1.1 and up again, the connection to VMBus ends, and the bus of the "
           "device is brought up by that version and no other, where the host agrees to it. The "
           "device writes, and the host is asked for an interrupt in the form of the version.")
     EXPECTS("The bus comes back and the device works. BUS_RELATIONS2 comes from 1.3 on only. An "
             "interrupt is given.")
     IF_IT_FAILS("The host agrees to a version that it does not speak, or keeps to one of an "
                 "earlier connection: an older guest finds no device, or one with another "
                 "identity."))
{
    static const uint32_t versions[] = {VPCI_VERSION_1_4, VPCI_VERSION_1_3, VPCI_VERSION_1_2,
                                        VPCI_VERSION_1_1, VPCI_VERSION_1_2, VPCI_VERSION_1_3};
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);
    struct pci_message message;

    if (!e->function.vpci)
        SKIP("the device is on no virtual PCI bus");
    for (unsigned i = 0; i < ARRAY_SIZE(versions); i++) {
        unsigned minor = versions[i] & 0xFFFFu;
        enum vpci_stage stage;
        uint32_t relations;

        (void)vpci_disconnect(VPCI_BY_UNLOAD);
        dma_bus_was_reset(NULL);
        stage = vpci_bring_back_as(&e->function, versions[i], &relations);
        if (stage == VPCI_NO_VERSION) {
            STEP("the host does not agree to 1.%u", minor);
            continue;
        }
        CHECK(stage == VPCI_READY, "by version 1.%u: %s", minor, vpci_stage_text(stage));
        STEP("version 1.%u: functions are told by message 0x%x", minor, relations);
        CHECK(versions[i] >= VPCI_VERSION_1_3 || relations == VPCI_BUS_RELATIONS,
              "a message of a later version");
        REQUIRE(dma_reset(e), "the device does not become quiet");
        attach(t, d, e);
        expect_write(t, e, IOVA, &b, 0, 16, "by this version");
        CHECK(pci_message_create(&e->function, VECTOR, &message),
              "the host has no interrupt for the device");
    }
}
