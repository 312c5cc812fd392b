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

#define CYCLES      8u
#define MANY_CYCLES 64u
#define ACCESSES    128u /* between two offers of the bus; a host may stop at the first nonsense */

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

static void rings(struct test_run *t, unsigned cycles)
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);
    unsigned of_rings = 0;

    need_integrity(t, NULL);
    if (!vpci_removable(&e->function))
        SKIP("the host takes no bus away on request (docs/bus-control.md)");
    for (unsigned cycle = 0; cycle < cycles; cycle++) {
        bool gone;

        for (unsigned i = 0; i < ACCESSES; i++)
            of_rings += disturb(t, e);
        gone = vpci_remove(&e->function, VPCI_BY_RESCIND);
        dma_bus_was_reset(e->function.vpci);
        REQUIRE(gone, "the bus of device 0x%llx does not go", (unsigned long long)e->device_id);
        REQUIRE(vpci_restore(&e->function), "the bus of device 0x%llx does not come back",
                (unsigned long long)e->device_id);
        give_way();
    }
    attach(t, d, e);
    expect_write(t, e, IOVA, &b, 0, 64, "after the bus has been away");
    OBSERVE("%u accesses to a window and rings, %u of them to rings", cycles * ACCESSES, of_rings);
}

#define LENGTHS(ROW, test)                                                                         \
    ROW(test, by_chance, CYCLES, WORD(times, "8 times"))                                           \
    ROW(test, by_much_chance, MANY_CYCLES, WORD(times, "64 times") TIER(stress))

VARIANTS(const unsigned, lengths, LENGTHS);

TEST_EACH(rings, LENGTHS,
          LEVEL(stress)
          PROMISE("Anything in the rings and in the configuration window of a bus leaves the host "
                  "sound, and the bus works after it has been away: {times}")
          COVERS("ISO-3") DEVICES(PROBE) KINDS("dma bad-input")
          STEPS("128 times changes a word or a byte of a ring by chance, puts a request there most "
                "of whose fields are right, with a signal each time, or reads or writes the "
                "configuration window. The host takes the bus away and offers it again, and the "
                "driver brings it up. All of this {times}. The device is attached and writes.")
          EXPECTS("The host's memory is unchanged, the bus comes back each time, and the write "
                  "arrives.")
          IF_IT_FAILS("An index, a length or a field of a request is not checked, or the state of "
                      "a bus outlives its offer."))
{
    rings(t, VARIANT(lengths));
}
