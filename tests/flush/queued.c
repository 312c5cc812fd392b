/* SPDX-License-Identifier: MIT */
/* Commands that wait in a queue of the device while their pages are taken away. */
#include "drivers/iommu.h"
#include "kernel/memory.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "flush"
#define ROUNDS     40u

#define QEMU_VENDOR 0x1B36u /* Red Hat, which lends QEMU its numbers */

/* No emulated controller of the reference host's machine is the subject: QEMU's lands data after an
 * invalidation, which nothing in the guest of QEMU can prevent (docs/found-bugs.md). Not by the
 * oracle, which a host need not have. */
static void need_other_controller(struct test_run *t, const struct dma_engine *e)
{
    if (iommu_promises(IOMMU_HYPERCALLS) && e->function.vendor == QEMU_VENDOR)
        SKIP("QEMU's controllers land data late, which a host in its machine cannot prevent "
             "(docs/nvme.md)");
    if (e->ops->max_start == 0)
        SKIP("class %s queues commands with blocks of a namespace alone (nvme-scratch=)",
             e->ops->name);
}

TEST(queued_commands_are_over,
     PROMISE("Commands that a controller had in its queue before the flush write nothing after the "
             "flush has returned")
     COVERS("FL-6") DEVICES(nvme) KINDS("dma flush")
     STEPS("Forty times: gives the controller commands that write to mapped pages, and does "
           "not wait for them. Unmaps the pages, flushes the domain, and gives them to another "
           "owner. Then waits for the commands, and gives the controller the same ones again.")
     EXPECTS("The pages of the new owner stay unchanged, whichever commands were carried out "
             "before the flush.")
     IF_IT_FAILS("The unit or the device does not wait for accesses whose translation was "
                 "looked up before the flush (drain): memory is written after the guest was told "
                 "that it is safe to reuse. Look at devices that keep a pointer to memory while "
                 "they wait for their data."))
{
    struct dma_engine *e = device(t);
    const size_t length = e->ops->max_start;
    struct buffer b;
    struct domain *d;

    need_other_controller(t, e);
    b = buffer(t, length / PAGE_SIZE);
    d = domain_paging(t);
    attach(t, d, e);
    for (unsigned i = 0; i < ROUNDS; i++) {
        map_gpa(t, d, IOVA, gpa_of(b.data), length, RW);
        warm(t, e, IOVA, &b, "mapped");
        STEP("device 0x%llx starts commands that write 0x%llx bytes at IOVA 0x%llx", e->device_id,
             length, IOVA);
        start_by_device(t, e, IOVA, length);
        unmap(t, d, IOVA, length);
        flush(t, d);
        buffer_refresh(&b); /* from here on the pages have another owner */
        REQUIRE(dma_finish(e), "the device did not finish");
        drain_faults(t, e);
        expect_untouched(t, &b, "commands from before the flush");
        fill_by_device(t, e, IOVA, length, "after the flush");
        drain_faults(t, e);
        expect_untouched(t, &b, "commands from after the flush");
    }
}
