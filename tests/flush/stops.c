/* SPDX-License-Identifier: MIT */
/*
 * A device that is told to stop while it works through a long chain (BUS-40). Stopped means that
 * the guest may take the memory back: a device that lets a copy land afterwards, or goes on with
 * its chain, writes to what has another owner by then, and no flush is made because of it.
 */
#include "abi/ioat.h"
#include "kernel/cpu.h"
#include "kernel/time.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "flush"
#define LENGTH     64u
#define SECRET     0x3Cu    /* what the page's next owner keeps there */
#define LOOKS      40u      /* at a register, each an exit to the host */
#define EXITS      3u       /* before the stop, at most */
#define STOP_US    1000000u /* for the copy that is under way */

#define STOPS(ROW, test)                                                                           \
    ROW(test, suspended, IOAT_CHANCMD_SUSPEND, WORD(way, "suspended"))                             \
    ROW(test, reset, IOAT_CHANCMD_RESET, WORD(way, "reset"))

VARIANTS(const uint8_t, stops, STOPS);

static volatile uint8_t *channel(const struct dma_engine *e, unsigned offset)
{
    return e->registers + IOAT_CHANNEL(0) + offset;
}

/* Status, and the address bits of the last descriptor that is done. */
static uint32_t channel_status(const struct dma_engine *e)
{
    uint32_t value = cpu_load32(channel(e, IOAT_CHANSTS));

    cpu_compiler_barrier();
    return value;
}

/* The channel says that it has stopped. One that has done its chain is suspended, too; until it is,
 * it may say that it is active or idle. */
static bool has_stopped(const struct dma_engine *e, uint8_t command)
{
    if (command == IOAT_CHANCMD_RESET)
        return (cpu_load8(channel(e, IOAT_CHANCMD)) & IOAT_CHANCMD_RESET) == 0;
    return (channel_status(e) & IOAT_STATUS_MASK) > IOAT_STATUS_IDLE;
}

static void stop(struct test_run *t, struct dma_engine *e, uint8_t command, unsigned exits)
{
    const uint64_t end = time_us() + STOP_US;
    unsigned looks = 0;

    for (unsigned i = 0; i < exits; i++)
        (void)channel_status(e);
    cpu_store8(channel(e, IOAT_CHANCMD), command);
    while (!has_stopped(e, command) && (time_us() < end || looks < LOOKS))
        looks++;
    CHECK(has_stopped(e, command), "the channel does not stop within a second");
    STEP("command 0x%llx after %llu exits; the channel says that it has stopped", command, exits);
}

TEST_EACH(device_is, STOPS,
          PROMISE("A device that is {way} in the middle of a long chain reaches no memory from the "
                  "moment on at which it says so, and goes on with nothing")
          COVERS("BUS-40") DEVICES(ioat) KINDS("dma flush")
          STEPS("The device begins a chain of 250 copies to one page and is {way} after none, one, "
                "two or three exits to the host. Once it says that it has stopped, the page's next "
                "owner fills it. Registers of the device are read forty times.")
          EXPECTS("The page holds what its next owner wrote. A device that is suspended is so to "
                  "the end, and the last descriptor that is done stays the same.")
          IF_IT_FAILS("The host does not wait for the copy that is under way, or the end of that "
                      "copy starts the chain again."))
{
    const uint8_t command = VARIANT(stops);
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);

    for (unsigned exits = 0; exits <= EXITS; exits++) {
        struct domain *d = domain_mapping(t, IOVA, &b);
        uint32_t then, status;

        attach(t, d, e);
        warm(t, e, IOVA, &b, "before");
        REQUIRE(dma_start_chain(e, IOVA, LENGTH, true), "device 0x%llx did not start its chain",
                (unsigned long long)e->device_id);
        stop(t, e, command, exits);
        memset(b.data, SECRET, b.size);
        then = status = channel_status(e);
        for (unsigned i = 0; i < LOOKS; i++)
            status = channel_status(e);
        CHECK(!memory_find_other(b.data, b.size, SECRET),
              "the page was written after the device had stopped, %u exits after its start", exits);
        CHECK_EQ(status, then, "CHANSTS, forty looks after the device had stopped");
        REQUIRE(dma_reset(e), "device 0x%llx does not become quiet",
                (unsigned long long)e->device_id);
        buffer_refresh(&b);
    }
}
