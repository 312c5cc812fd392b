/* SPDX-License-Identifier: MIT */
/* Rings and the configuration window: memory and registers that a bus shares with the guest. */
#define TEST_GROUP "hostile"
#include "abi/vpci.h"
#include "drivers/pci_registers.h"
#include "drivers/vpci/disturb.h"
#include "drivers/vpci/move.h"
#include "drivers/vpci/removal.h"
#include "tests/harness/second_processor.h"
#include "tests/hostile/hostile.h"

#define CYCLES   16u
#define ACCESSES 128u /* between two offers of the bus; a host may stop at the first nonsense */

/* Loads and stores of any size, to the selection of a function and to the configuration space. */
static void touch_window(struct test_run *t, uint64_t window)
{
    const unsigned size = 1u << random_below(&t->random, 4);
    uint64_t chance = random_u64(&t->random), value = random_u64(&t->random);
    const uint64_t offset = chance & 1 ? random_below(&t->random, VPCI_WINDOW_SIZE - size)
                                       : VPCI_WINDOW_CONFIG + random_below(&t->random, 256);

    if ((chance & 6) == 0)
        (void)store_caught(window, sizeof(uint32_t), value & 0xFF);
    else if (chance & 2)
        (void)store_caught(window + offset, size, chance & 8 ? value : value & 0xF);
    else
        (void)load_caught(window + offset, size, &value);
}

/* Returns whether it was a change to the rings. */
static bool disturb(struct test_run *t, struct dma_engine *e)
{
    const bool rings = random_below(&t->random, 2) == 0;

    if (rings)
        vpci_disturb_rings(&e->function, &t->random);
    else
        touch_window(t, (uint64_t)(uintptr_t)gpa_pointer(vpci_window(&e->function)));
    return rings;
}

STRESS(rings_by_chance,
       PROMISE("Anything in the rings and in the configuration window of a bus leaves the host "
               "sound, and the bus works after it has been away")
       COVERS("ISO-3") DEVICES(PROBE) KINDS("dma bad-input")
       STEPS("128 times changes a word or a byte of a ring by chance, puts a request there most of "
             "whose fields are right, with a signal each time, or reads or writes the "
             "configuration window. The host takes the bus away and offers it again, and the "
             "driver brings it up. All of this 16 times. The device is attached and writes.")
       EXPECTS("The host's memory is unchanged, the bus comes back each time, and the write "
               "arrives.")
       IF_IT_FAILS("An index, a length or a field of a request is not checked, or the state of a "
                   "bus outlives its offer."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);
    unsigned rings = 0;

    need_integrity(t, NULL);
    if (!vpci_removable(&e->function))
        SKIP("the host takes no bus away on request (docs/bus-control.md)");
    for (unsigned cycle = 0; cycle < CYCLES; cycle++) {
        bool gone;

        for (unsigned i = 0; i < ACCESSES; i++)
            rings += disturb(t, e);
        gone = vpci_remove(&e->function, VPCI_BY_RESCIND);
        dma_bus_was_reset(e->function.vpci);
        REQUIRE(gone, "the bus of device 0x%llx does not go", (unsigned long long)e->device_id);
        REQUIRE(vpci_restore(&e->function), "the bus of device 0x%llx does not come back",
                (unsigned long long)e->device_id);
        give_way();
    }
    attach(t, d, e);
    expect_write(t, e, IOVA, &b, 0, 64, "after the bus has been away");
    OBSERVE("%u accesses to a window and rings, %u of them to rings", CYCLES * ACCESSES, rings);
}

#define EXPRESS_CONTROL 8u
#define EXPRESS_RESET   (1u << 15) /* function-level reset */
#define CAPABILITY_PM   0x01u
#define PM_CONTROL      4u
#define PM_D3           3u

/* False: the function has no such register. */
static bool switch_off(struct test_run *t, const struct pci_function *f, bool by_reset)
{
    const unsigned at = pci_capability(f, by_reset ? PCI_CAPABILITY_EXPRESS : CAPABILITY_PM);
    uint16_t was;

    if (at == 0)
        return false;
    if (by_reset) {
        was = pci_read16(f, at + EXPRESS_CONTROL);
        pci_write16(f, at + EXPRESS_CONTROL, was | EXPRESS_RESET);
    } else {
        was = pci_read16(f, at + PM_CONTROL);
        pci_write16(f, at + PM_CONTROL, was | PM_D3);
    }
    STEP(by_reset ? "function-level reset" : "power state D3");
    return true;
}

STRESS(device_is_switched_off,
     PROMISE("A device that its guest resets or switches off works when its bus comes again")
     COVERS("ISO-3 BUS-6") DEVICES(ALL) KINDS("dma bad-input")
     STEPS("The device writes, and gets a function-level reset by its PCI Express capability. The "
           "host takes its bus away and offers it again, and the driver brings it up. The same "
           "with power state D3 of its power management capability. The device writes.")
     EXPECTS("Each write arrives.")
     IF_IT_FAILS("The host passes registers of the device through and does not restore what they "
                 "change: the next owner gets a device that is dead, or whose registers are "
                 "elsewhere."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);
    unsigned ways = 0;

    if (!vpci_removable(&e->function))
        SKIP("the host takes no bus away on request (docs/bus-control.md)");
    for (unsigned way = 0; way < 2; way++) {
        bool gone;

        attach(t, d, e);
        expect_write(t, e, IOVA, &b, 0, 16, "before");
        ways += switch_off(t, &e->function, way == 0);
        gone = vpci_remove(&e->function, VPCI_BY_RESCIND);
        dma_bus_was_reset(e->function.vpci);
        REQUIRE(gone, "the bus of device 0x%llx does not go", (unsigned long long)e->device_id);
        REQUIRE(vpci_restore(&e->function), "the bus of device 0x%llx does not come back",
                (unsigned long long)e->device_id);
        REQUIRE(dma_reset(e), "the device does not become quiet");
    }
    attach(t, d, e);
    expect_write(t, e, IOVA, &b, 0, 16, "at the end");
    OBSERVE("the device has %u of these registers", ways);
}
