/* SPDX-License-Identifier: MIT */
/* Buses that are taken away and offered again, while their devices are in use. */
#include "drivers/vpci/removal.h"
#include "abi/vpci.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "bus"

#define REMOVALS(ROW, test)                                                                        \
    ROW(test, rescinded, VPCI_BY_RESCIND, WORD(way, "rescinded"))                                  \
    ROW(test, ejected, VPCI_BY_EJECT, WORD(way, "ejected"))

VARIANTS(const enum vpci_removal, removals, REMOVALS);

static struct dma_engine *removable(struct test_run *t)
{
    struct dma_engine *e = device(t);

    if (!vpci_removable(&e->function))
        SKIP("the host takes no bus away on request (docs/bus-control.md)");
    return e;
}

/* All functions of the bus lose their settings. */
static void take_away(struct test_run *t, struct dma_engine *e, enum vpci_removal how)
{
    bool gone = vpci_remove(&e->function, how);

    dma_bus_was_reset(e->function.vpci);
    if (how == VPCI_BY_EJECT && vpci_ejected_slot(&e->function) != VPCI_NOT_EJECTED) {
        test_setup(t, "BUS-48");
        CHECK_EQ(vpci_ejected_slot(&e->function),
                 vpci_slot(e->function.bdf >> 3 & 31u, e->function.bdf & 7u), "slot word of EJECT");
        test_setup(t, NULL);
    }
    REQUIRE(gone, "the bus of device 0x%llx does not go", (unsigned long long)e->device_id);
    STEP("the bus of device 0x%llx is taken away", e->device_id);
}

/* The device is ready for DMA afterwards. */
static void bring_back(struct test_run *t, struct dma_engine *e)
{
    REQUIRE(vpci_restore(&e->function), "the bus of device 0x%llx does not come back",
            (unsigned long long)e->device_id);
    STEP("the bus of device 0x%llx is back, in no domain", e->device_id);
}

EACH_TEST(REMOVALS, while_attached,
          PROMISE("After its bus was {way} and offered again a device is in no domain and uses no "
                  "table of before")
          COVERS("BUS-1 BUS-2") DEVICES(ALL) KINDS("dma fault")
          STEPS("Maps a buffer, attaches the device and lets it write. The host takes the bus of "
                "the device away and offers it again, and the driver brings it up. The device "
                "writes to the same IOVA. The domain is deleted. The device is attached to a new "
                "domain with the same mapping and writes.")
          EXPECTS("Nothing of the buffer changes by the second write. DELETE succeeds. The last "
                  "write arrives.")
          IF_IT_FAILS("The host does not take the device out of its domain when its bus goes, or "
                      "leaves the translation of the domain in the IOMMU: the next owner of the "
                      "device writes to memory of the previous one."))
{
    struct dma_engine *e = removable(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, e);
    warm(t, e, IOVA, &b, "before");
    take_away(t, e, VARIANT(removals));
    bring_back(t, e);
    fill_by_device(t, e, IOVA, 4, "in no domain");
    drain_faults(t, e);
    expect_untouched(t, &b, "in no domain");
    delete_domain(t, d);
    d = domain_mapping(t, IOVA, &b);
    attach(t, d, e);
    expect_write(t, e, IOVA, &b, 0, 16, "attached again");
}

EACH_TEST(REMOVALS, in_flight,
          PROMISE("DMA that is in flight when its bus is {way} never reaches memory")
          COVERS("BUS-3") DEVICES(PROBE) KINDS("dma fault")
          STEPS("The device starts a write and holds it. The host takes its bus away and offers it "
                "again, and the driver brings it up. The device is attached to the same domain "
                "again and is told to go on.")
          EXPECTS("Nothing of the buffer changes.")
          IF_IT_FAILS("The host does not reset a device when its bus goes, so that a request of "
                      "the previous owner lands in memory of the next one."))
{
    struct dma_engine *e = removable(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, e);
    warm(t, e, IOVA, &b, "before");
    start_by_device(t, e, IOVA, 64);
    take_away(t, e, VARIANT(removals));
    bring_back(t, e);
    attach(t, d, e);
    (void)dma_finish(e); /* there is nothing to wait for */
    drain_faults(t, e);
    expect_untouched(t, &b, "back");
}

EACH_TEST(REMOVALS, beside_another,
          PROMISE("A device whose bus is {way} leaves other devices in its domain undisturbed")
          COVERS("BUS-4") DEVICES(ALL) KINDS("dma")
          STEPS("Two devices of different buses are attached to one domain and write. The host "
                "takes the bus of the first one away. The second one writes. The bus is offered "
                "again, and the second one writes again.")
          EXPECTS("Every write of the second device arrives.")
          IF_IT_FAILS("The host acts on the domain of a device that goes, and not on the device "
                      "alone."))
{
    struct dma_engine *e = removable(t), *other = device_n(t, 1);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);

    if (other->function.vpci == e->function.vpci)
        SKIP("both devices of class %s are on one bus", e->ops->name);
    attach(t, d, e);
    attach(t, d, other);
    warm(t, e, IOVA, &b, "first device");
    warm(t, other, IOVA, &b, "second device");
    take_away(t, e, VARIANT(removals));
    expect_write(t, other, IOVA, &b, 0, 16, "the other bus is away");
    bring_back(t, e);
    expect_write(t, other, IOVA + 16, &b, 16, 16, "the other bus is back");
}

#define RELEASES(ROW, test)                                                                        \
    ROW(test, powered_down, VPCI_POWER_DOWN, WORD(way, "is powered down (D0 exit)"))               \
    ROW(test, asleep, VPCI_SLEEP, WORD(way, "is powered down after its device (D3, D0 exit)"))     \
    ROW(test, released, VPCI_RELEASE, WORD(way, "has released its resources"))                     \
    ROW(test, closed, VPCI_CLOSE, WORD(way, "is closed"))

VARIANTS(const enum vpci_release, releases, RELEASES);

EACH_TEST(RELEASES, before_it_goes,
          PROMISE("Of a bus that {way} before it is rescinded no translation, no membership and no "
                  "DMA in flight reaches the next offer")
          COVERS("BUS-1 BUS-2 BUS-3") DEVICES(dmaprobe) KINDS("dma fault")
          STEPS("Maps a buffer, attaches the device, lets it write, and has it hold another write. "
                "The driver lets go of the bus, and the host takes it away and offers it again. "
                "The driver brings it up. The device writes to the same IOVA. The domain is "
                "deleted. The device is attached to a new domain with the same mapping, is told to "
                "go on with what it held, and writes.")
          EXPECTS("DELETE succeeds. Nothing of the buffer changes before the last write, which "
                  "arrives.")
          IF_IT_FAILS("The host takes a device out of its domain, or resets it, only where the bus "
                      "was in use when it went."))
{
    struct dma_engine *e = removable(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, e);
    warm(t, e, IOVA, &b, "before");
    start_by_device(t, e, IOVA, 64);
    REQUIRE(vpci_let_go(&e->function, VARIANT(releases)), "the bus of device 0x%llx is in use",
            (unsigned long long)e->device_id);
    take_away(t, e, VPCI_BY_RESCIND);
    bring_back(t, e);
    fill_by_device(t, e, IOVA, 4, "in no domain");
    expect_untouched(t, &b, "in no domain");
    delete_domain(t, d);
    d = domain_mapping(t, IOVA, &b);
    attach(t, d, e);
    (void)dma_finish(e); /* there is nothing to wait for */
    drain_faults(t, e);
    expect_untouched(t, &b, "attached again");
    expect_write(t, e, IOVA, &b, 0, 16, "attached again");
}

/* The first function of a bus and the last one. */
static bool find_ends(struct dma_engine *const *list, unsigned count, unsigned n,
                      struct dma_engine *ends[2])
{
    ends[0] = ends[1] = NULL;
    for (unsigned i = 0; i < count; i++) {
        if (list[i]->function.vpci != list[n]->function.vpci)
            continue;
        if (i < n)
            return false; /* it was there before */
        if (!ends[0] || list[i]->function.bdf < ends[0]->function.bdf)
            ends[0] = list[i];
        if (!ends[1] || list[i]->function.bdf > ends[1]->function.bdf)
            ends[1] = list[i];
    }
    return ends[0] != ends[1];
}

TEST(eject_names_its_function,
     PROMISE("EJECT names the function that is to go, of several on one bus")
     COVERS("BUS-48") ABI() DEVICES(NONE) KINDS("device")
     STEPS("For up to three buses with several functions: the host ejects the last function, the "
           "first and the last one again. Each time the guest agrees, the bus goes, and is "
           "brought back.")
     EXPECTS("The slot word of each EJECT is that of the function for which the host was asked.")
     IF_IT_FAILS("The host names the first function, or writes the number of the function where "
                 "that of the device belongs, as in a requester id. Linux takes away the function "
                 "that is named: a driver loses a device that stays, and the one that is to go "
                 "stays in use. An unknown function is not answered at all."))
{
    enum { BUSES_MAX = 3 };
    static const uint8_t turns[] = {1, 0, 1};
    struct dma_engine *list[DMA_ENGINES_MAX], *ends[2];
    const unsigned count = fast_devices(t, list, 2);
    unsigned found = 0;

    for (unsigned n = 0; n < count && found < BUSES_MAX; n++) {
        if (!vpci_removable(&list[n]->function) || !find_ends(list, count, n, ends))
            continue;
        for (unsigned i = 0; i < sizeof(turns); i++) {
            take_away(t, ends[turns[i]], VPCI_BY_EJECT);
            bring_back(t, ends[turns[i]]);
        }
        found++;
    }
    if (found == 0)
        SKIP("the host ejects no function of a bus with several");
}
