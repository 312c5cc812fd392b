/* SPDX-License-Identifier: MIT */
/*
 * DMA during a switch (ATT-5). A repeating request is under way whenever the device can be, also
 * while the host carries out an ATTACH: what it reached, and whether it was ever refused, tells
 * which translations there have been in between.
 */
#include "drivers/dmaprobe.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "dmaprobe"
#define BURST      1u /* slot */
#define SWITCHES   20u

static void start_burst(struct test_run *t, struct dma_engine *e, uint64_t iova)
{
    struct dmaprobe_request burst = {.operation = DMAPROBE_FILL,
                                     .flags = DMAPROBE_REPEAT,
                                     .iova = iova,
                                     .length = 64,
                                     .operand = e->ops->fill_value};

    STEP("device 0x%llx writes 64 bytes at IOVA 0x%llx again and again", e->device_id, iova);
    dmaprobe_start(e, BURST, &burst);
    REQUIRE(burst.state == DMAPROBE_RUNNING, "the device did not start its DMA");
}

static struct dmaprobe_request stop_burst(struct dma_engine *e)
{
    struct dmaprobe_request burst = {0};

    (void)dmaprobe_release(e, BURST, &burst);
    return burst;
}

TEST(switch_has_no_moment_in_between,
     PROMISE("While a device moves between two domains that map its IOVA, its DMA is never refused "
             "and never passes through")
     COVERS("ATT-5") DEVICES(PROBE) KINDS("dma")
     STEPS("Two domains map one IOVA to two pages; a third page lies where this IOVA would lead "
           "without translation. While the device writes there without end, also in the middle of "
           "each call, it is attached to the two domains in turn, twenty times.")
     EXPECTS("Not one pass of the writes is refused, and the third page is unchanged.")
     IF_IT_FAILS("The switch takes the device out of the old domain before the new one is in "
                 "force. In this gap DMA is lost, or passes through untranslated to memory that is "
                 "not mapped."))
{
    struct dma_engine *e = device(t);
    struct buffer a = buffer(t, 1), b = buffer(t, 1), untranslated = buffer(t, 1);
    uint64_t iova = gpa_of(untranslated.data); /* where it would go without a translation */
    struct domain *first = domain_mapping(t, iova, &a), *second = domain_mapping(t, iova, &b);
    struct dmaprobe_request burst;

    attach(t, first, e);
    start_burst(t, e, iova);
    for (unsigned i = 0; i < SWITCHES; i++)
        attach(t, i % 2 ? first : second, e);
    burst = stop_burst(e);
    CHECK_EQ(burst.faults, 0, "refused passes of the continuous DMA during the switches");
    REQUIRE(burst.repeats >= SWITCHES, "the continuous DMA made %u passes only", burst.repeats);
    expect_untouched(t, &untranslated, "the page at the untranslated address");
}

TEST(switch_leaves_nothing_to_the_old_domain,
     PROMISE("A translation that a device uses while it moves to a new domain is not cached for "
             "the domain it has left")
     COVERS("ATT-5 ISO-2") DEVICES(PROBE) KINDS("dma fault")
     STEPS("Two devices are in a domain that does not map a certain IOVA. One of them writes to it "
           "without end and is attached to a new domain that maps it. After the move the device "
           "that stayed writes to this IOVA, and so does the one that moved.")
     EXPECTS("The device that stayed faults as not present and changes nothing; the one that moved "
             "reaches the page.")
     IF_IT_FAILS("During the switch a translation through the new tables was cached under the DID "
                 "of the old domain, and all devices there can use it. The DID and the root have "
                 "to change in one step, or the old DID has to be flushed after it."))
{
    struct dma_engine *mover = device_n(t, 0), *stayer = device_n(t, 1);
    struct buffer b = buffer(t, 1);
    uint64_t iova = 0x4000000;
    struct domain *old = domain_paging(t),
                  *new = domain_mapping(t, iova, &b); /* the old one does not map it */

    attach(t, old, mover);
    attach(t, old, stayer);
    start_burst(t, mover, iova);
    attach(t, new, mover);
    (void)stop_burst(mover);
    drain_faults(t, mover);
    buffer_refresh(&b);
    expect_write_fault(t, stayer, iova, 64, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "the device that stayed");
    expect_write(t, mover, iova, &b, 0, 64, "the device that moved");
}
