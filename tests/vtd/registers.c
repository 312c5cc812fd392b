/* SPDX-License-Identifier: MIT */
/* Capabilities, commands and their status, and registers that scalable mode retires (VT-d 11.4). */
#include "kernel/cpu.h"
#include "kernel/time.h"
#include "lib/bits.h"
#include "tests/vtd/vtd_test.h"

#define TEST_GROUP "vtd"

#define VERSION 0x00u
#define AM_1G   18u

TEST(capabilities_agree,
     PROMISE("The capabilities of the unit do not contradict each other")
     UNIT(vtd) COVERS("VTD-REG-1") DEVICES(NONE) KINDS("none")
     STEPS("Both capability registers and the version are read twice.")
     EXPECTS("They do not change. Each capability has those that it is built on: scalable mode "
             "has queued invalidation and a kind of translation, nesting has both stages, page "
             "request drain has page requests, these have device TLBs. The registers that they "
             "point to are within the page. Page-selective invalidation reaches a leaf of 1 GiB.")
     IF_IT_FAILS("A driver switches on what the unit does not have."))
{
    uint64_t capabilities, extended;

    take_unit(t);
    capabilities = vtd_read64(VTD_CAP);
    extended = vtd_read64(VTD_ECAP);
    CHECK_EQ(vtd_capabilities(), capabilities, "CAP, read again");
    CHECK((vtd_read32(VERSION) & 0xF0) != 0, "VER has major version 0");
    CHECK((extended & VTD_ECAP_QI), "scalable mode without queued invalidation");
    CHECK_EQ(vtd_extended(), extended, "ECAP, read again");
    CHECK(extended & (VTD_ECAP_FSTS | VTD_ECAP_SSTS), "scalable mode without a kind of tables");
    CHECK(!(extended & VTD_ECAP_NEST) ||
              (extended & (VTD_ECAP_FSTS | VTD_ECAP_SSTS)) == (VTD_ECAP_FSTS | VTD_ECAP_SSTS),
          "nested translation without both stages");
    CHECK(!(extended & VTD_ECAP_PRS) || (extended & VTD_ECAP_DT),
          "page requests without device TLBs");
    CHECK(!(extended & VTD_ECAP_PDS) || (extended & VTD_ECAP_PRS),
          "page request drain without page requests");
    CHECK(!(extended & VTD_ECAP_EIM) || (extended & VTD_ECAP_IR),
          "extended interrupt mode without interrupt remapping");
    CHECK(VTD_CAP_FRO(capabilities) + 16 * VTD_CAP_NFR(capabilities) <= PAGE_SIZE,
          "fault records outside of the page of registers");
    CHECK(VTD_ECAP_IRO(extended) + 16 <= PAGE_SIZE,
          "IOTLB registers outside of the page of registers");
    CHECK(!(capabilities & VTD_CAP_PSI) || !(capabilities & VTD_CAP_FS1GP) ||
              VTD_CAP_MAMV(capabilities) >= AM_1G,
          "an address mask of at most %u, and leaves of 1 GiB", VTD_CAP_MAMV(capabilities));
}

TEST(commands_show_in_status,
     PROMISE("GSTS shows what GCMD asked for, and cannot be written")
     UNIT(vtd) COVERS("VTD-REG-2") DEVICES(rocker) KINDS("dma")
     STEPS("GSTS is read and written. Translation is switched off and on again, with the root "
           "table set again in between.")
     EXPECTS("Queue, root table and translation are on at first, and after the write. TES follows "
             "the command both times, and nothing else changes; the device is translated again "
             "afterwards.")
     IF_IT_FAILS("A driver waits for ever for a command, or goes on before it is in force."))
{
    const uint32_t all = (uint32_t)(VTD_COMMAND_TE | VTD_COMMAND_SRTP | VTD_COMMAND_QIE);
    struct stale s = stale(t, device(t));

    retarget(t, s.domain, IOVA, gpa_of(s.old.data));
    CHECK_EQ(vtd_read32(VTD_GSTS) & all, all, "GSTS of a unit in use");
    vtd_write32(VTD_GSTS, 0);
    CHECK_EQ(vtd_read32(VTD_GSTS) & all, all, "GSTS after a write to it");
    CHECK(vtd_command(VTD_COMMAND_TE, false), "GSTS.TES does not go off");
    CHECK_EQ(vtd_read32(VTD_GSTS) & all, all & ~(uint32_t)VTD_COMMAND_TE, "GSTS without TES");
    CHECK(vtd_command(VTD_COMMAND_SRTP, true), "GSTS.RTPS is not set");
    invalidate_all(t);
    CHECK(vtd_command(VTD_COMMAND_TE, true), "GSTS.TES does not go on");
    expect_write(t, s.engine, IOVA, &s.old, 0, 4, "translation on again");
}

TEST(queue_is_switched_off,
     PROMISE("The queue can be switched off when it is empty, and starts again at its beginning")
     UNIT(vtd) COVERS("VTD-REG-3") DEVICES(NONE) KINDS("none")
     STEPS("After a wait the queue is switched off, and on again with the tail at 0.")
     EXPECTS("GSTS.QIES follows both commands, the head is 0 while it is off, and the queue works "
             "afterwards.")
     IF_IT_FAILS("A driver that resets its queue, as it does before a kernel starts another one, "
                 "does not get it back."))
{
    take_unit(t);
    carry_out(t, "a wait");
    CHECK(vtd_command(VTD_COMMAND_QIE, false), "GSTS.QIES does not go off");
    CHECK_EQ(vtd_read64(VTD_IQH), 0, "head of the queue that is off");
    CHECK(vtd_restart_queue(), "GSTS.QIES does not go on");
    carry_out(t, "a wait after the restart");
}

TEST(register_invalidation_is_refused,
     PROMISE("In scalable mode the context command register refuses its requests")
     UNIT(vtd) COVERS("VTD-REG-4") DEVICES(NONE) KINDS("bad-input")
     STEPS("A global invalidation is asked for by CCMD, while the queue is on and the root table "
           "is one of scalable mode.")
     EXPECTS("Field ICC becomes 0, and CAIG says that the request was an error.")
     IF_IT_FAILS("A driver that polls ICC waits for ever."))
{
    const uint64_t end = time_us() + 20000;

    take_unit(t);
    vtd_write64(VTD_CCMD, VTD_CCMD_ICC | VTD_CCMD_GLOBAL);
    while ((vtd_read64(VTD_CCMD) & VTD_CCMD_ICC) && time_us() < end)
        cpu_pause();
    CHECK(!(vtd_read64(VTD_CCMD) & VTD_CCMD_ICC), "CCMD.ICC stays set");
    CHECK_EQ(VTD_CCMD_ACTUAL(vtd_read64(VTD_CCMD)), 0, "CCMD.CAIG");
}
