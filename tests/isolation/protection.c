/* SPDX-License-Identifier: MIT */
/*
 * Kernel DMA protection: a device that writes whatever it can, all the time, while its driver is
 * loaded, fails to load, is unloaded, or does not exist. The device may reach only what is mapped
 * at that time.
 */
#include "abi/device_domain.h"
#include "drivers/dmaprobe.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "protection"
#define BASE_IOVA  0x06000000ull
#define BURST      1u /* slot */

/* The device tries the kernel's page, the driver's buffer by its address, and the buffer by its
 * IOVA. */
static void attack(struct test_run *t, struct dma_engine *e, struct buffer *secret,
                   struct buffer *b, bool mapped, const char *when)
{
    expect_write_fault(t, e, gpa_of(secret->data) + 64, 64, secret, FAULT_ANY, when);
    expect_write_fault(t, e, gpa_of(b->data), 64, b, FAULT_ANY, when);
    if (mapped)
        expect_write(t, e, BASE_IOVA + 128, b, 128, 64, when);
    else
        expect_write_fault(t, e, BASE_IOVA + 128, 64, b, FAULT_ANY, when);
    expect_untouched(t, secret, when);
}

TEST(driver_loads_and_unloads,
     PROMISE("At no step of a driver's life does its device reach more than what is mapped for it")
     COVERS("ATT-7 ATT-6 ATT-4 FL-1 TR-1") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("A device writes at a page of the kernel, at its driver's buffer by its physical "
           "address, and at the buffer's IOVA: while it is blocked, when its domain is created, "
           "configured and mapped, when it is attached, when the page was unmapped and flushed, "
           "when another one was mapped, when the device is blocked again, and when the domain is "
           "deleted.")
     EXPECTS("Only the write at the IOVA arrives, and only while the device is attached and the "
             "page is mapped.")
     IF_IT_FAILS("A blocking domain lets DMA through or keeps the translation of the time before, "
                 "or a step of the domain's life has an effect on a device that is not attached to "
                 "it."))
{
    struct dma_engine *e = device(t);
    struct domain *blocked = domain_blocked(t), *d;
    struct buffer secret = buffer(t, 1), b = buffer(t, 1);

    attach(t, blocked, e);
    attack(t, e, &secret, &b, false, "no driver");
    d = domain_paging(t);
    attack(t, e, &secret, &b, false, "the domain exists");
    map(t, d, BASE_IOVA, &b, RW);
    attack(t, e, &secret, &b, false, "the domain maps the buffer");
    attach(t, d, e);
    attack(t, e, &secret, &b, true, "attached");
    unmap(t, d, BASE_IOVA, PAGE_SIZE);
    flush_list(t, d, BASE_IOVA, PAGE_SIZE);
    attack(t, e, &secret, &b, false, "unmapped and flushed");
    map(t, d, BASE_IOVA, &b, RW);
    attack(t, e, &secret, &b, true, "mapped again");
    attach(t, blocked, e);
    attack(t, e, &secret, &b, false, "blocked again");
    delete_domain(t, d);
    attack(t, e, &secret, &b, false, "the domain is deleted");
}

static void expect_burst(struct test_run *t, struct dma_engine *e, struct buffer *victim,
                         struct buffer *b, bool mapped, const char *when)
{
    STEP("DMA continues: %s", when);
    expect_untouched(t, victim, when);
    memset(b->data, POISON_FRESH, PAGE_SIZE);
    (void)dmaprobe_pending(e); /* exits, at which the DMA continues */
    (void)dmaprobe_pending(e);
    CHECK_EQ(!memory_find_other(b->data, 64, e->ops->fill_value), mapped, when);
    memset(b->data, POISON_FRESH, PAGE_SIZE);
    expect_untouched(t, victim, when);
}

TEST(attach_under_fire,
     PROMISE("A device that never stops writing at a kernel page does not reach it at any time of "
             "its driver's attach")
     COVERS("ATT-5 ATT-4 ATT-7") DEVICES(PROBE) KINDS("dma fault")
     STEPS("A blocked device writes all the time at the address of a kernel page. Its driver maps "
           "that very number as an IOVA to a buffer, attaches the device, detaches it into the "
           "blocking domain, and does so ten times. The device never stops.")
     EXPECTS("The kernel page never changes. The buffer does while the device is attached, and not "
             "otherwise.")
     IF_IT_FAILS("In the middle of ATTACH there is a time in which the device is not translated, "
                 "or one in which the old and the new translation are mixed."))
{
    struct dma_engine *e = device(t);
    struct domain *blocked = domain_blocked(t), *d = domain_paging(t);
    struct buffer victim = buffer(t, 1), b = buffer(t, 1);
    struct dmaprobe_request burst = {.operation = DMAPROBE_FILL,
                                     .flags = DMAPROBE_REPEAT,
                                     .iova = gpa_of(victim.data),
                                     .length = 64,
                                     .operand = e->ops->fill_value};

    map(t, d, gpa_of(victim.data), &b, RW);
    attach(t, blocked, e);
    dmaprobe_start(e, BURST, &burst);
    REQUIRE(burst.state == DMAPROBE_RUNNING, "the device did not start its DMA");
    for (unsigned i = 0; i < 10; i++) {
        expect_burst(t, e, &victim, &b, false, "blocked");
        attach(t, d, e);
        expect_burst(t, e, &victim, &b, true, "attached");
        attach(t, blocked, e);
    }
    expect_burst(t, e, &victim, &b, false, "blocked at the end");
    (void)dmaprobe_release(e, BURST, &burst);
    drain_faults(t, e);
}

/* Whatever the host made of the attempt, the device reaches nothing. */
static void after_failure(struct test_run *t, struct dma_engine *e, struct domain *blocked,
                          struct buffer *secret, uint32_t id, const char *attempt)
{
    enum hv_status status = iommu_attach(id, e->device_id);

    STEP("%s; ATTACH: %s", attempt, hv_status_name(status));
    expect_write_fault(t, e, gpa_of(secret->data), 64, secret, FAULT_ANY, attempt);
    expect_read_fault(t, e, gpa_of(secret->data) + 512, 64, secret, FAULT_ANY, attempt);
    attach(t, blocked, e);
    (void)iommu_delete(id);
}

TEST(driver_fails_to_load,
     PROMISE("A driver that fails to set up its domain does not let its device out")
     COVERS("CFG-8 CFG-4 CFG-2 TR-11") DEVICES(ALL) KINDS("dma fault bad-input")
     STEPS("The driver of a blocked device gets something wrong: it forgets CONFIGURE, names a top "
           "table that is not in memory, or asks for blocking without translation_enabled. It "
           "attaches the device all the same. Then the device writes and reads at a page of the "
           "kernel.")
     EXPECTS("Whatever the calls return, the device reaches nothing.")
     IF_IT_FAILS("The host takes settings that it cannot use for no translation at all, and lets "
                 "the device through."))
{
    struct dma_engine *e = device(t);
    struct domain *blocked = domain_blocked(t);
    struct buffer secret = buffer(t, 1);
    uint32_t id[3] = {fresh_domain_id(t), fresh_domain_id(t), fresh_domain_id(t)};

    attach(t, blocked, e);
    CHECK_SUCCESS(iommu_create(id[0]), "CREATE");
    after_failure(t, e, blocked, &secret, id[0], "no CONFIGURE");
    CHECK_SUCCESS(iommu_create(id[1]), "CREATE");
    (void)iommu_configure(id[1], HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL, memory_hole());
    after_failure(t, e, blocked, &secret, id[1], "top table in a hole");
    CHECK_SUCCESS(iommu_create(id[2]), "CREATE");
    (void)iommu_configure(id[2], HV_DEVICE_DOMAIN_BLOCKED, 0);
    after_failure(t, e, blocked, &secret, id[2], "blocked without translation_enabled");
}

TEST(others_stay_blocked,
     PROMISE("A device without a driver stays blocked while the driver of another one loads and "
             "unloads")
     COVERS("ISO-2 ATT-7") DEVICES(ALL) KINDS("dma fault")
     STEPS("Two devices are in one blocking domain. The driver of the first loads and unloads. The "
           "second, which has no driver, writes at the first one's IOVA and at the buffer's "
           "address all the while.")
     EXPECTS("Only the first device reaches the buffer.")
     IF_IT_FAILS("ATTACH moves more than the device that it names, or the tables of one device are "
                 "used for another."))
{
    struct dma_engine *e = device_n(t, 0), *hostile = device_n(t, 1);
    struct domain *blocked = domain_blocked(t), *d = domain_paging(t);
    struct buffer b = buffer(t, 1);

    attach(t, blocked, e);
    attach(t, blocked, hostile);
    map(t, d, BASE_IOVA, &b, RW);
    for (unsigned i = 0; i < 2; i++) {
        attach(t, d, e);
        expect_write_fault(t, hostile, BASE_IOVA, 64, &b, FAULT_ANY,
                           "the IOVA of the other device");
        expect_write(t, e, BASE_IOVA, &b, 0, 64, "the device that has a driver");
        expect_write_fault(t, hostile, BASE_IOVA, 64, &b, FAULT_ANY,
                           "the IOVA, used by the other device");
        expect_write_fault(t, hostile, gpa_of(b.data), 64, &b, FAULT_ANY, "the buffer's address");
        attach(t, blocked, e);
    }
}

TEST(unload_forgets_to_block,
     PROMISE("A driver that deletes the domain under its device does not let it out")
     COVERS("DEL-2 DEL-4") DEVICES(ALL) KINDS("dma fault")
     STEPS("A driver unloads and deletes the domain while its device is still in it and at work. "
           "If DELETE is refused, the device must still have its translation; then it is blocked "
           "and the domain deleted. The device tries the IOVA and a page of the kernel after each "
           "step.")
     EXPECTS("After a DELETE that succeeds the device reaches nothing, and a refused one changes "
             "nothing.")
     IF_IT_FAILS("DELETE does not move the devices of the domain: they keep its tables, or fall "
                 "back to untranslated access."))
{
    struct dma_engine *e = device(t);
    struct buffer secret = buffer(t, 1), b = buffer(t, 1);
    struct domain *blocked = domain_blocked(t), *d = domain_mapping(t, BASE_IOVA, &b);
    enum hv_status status;

    attach(t, d, e);
    attack(t, e, &secret, &b, true, "loaded");
    status = iommu_delete(d->id);
    STEP("DELETE of domain 0x%llx, which has a device: %s", d->id, hv_status_name(status));
    attack(t, e, &secret, &b, status != HV_STATUS_SUCCESS, "after DELETE");
    attach(t, blocked, e);
    attack(t, e, &secret, &b, false, "blocked");
    if (status != HV_STATUS_SUCCESS) {
        CHECK_SUCCESS(iommu_delete(d->id), "DELETE of a domain without devices");
        attack(t, e, &secret, &b, false, "deleted");
    }
}

static void expect_unseen(struct test_run *t, struct dma_engine *e, uint64_t iova,
                          const uint8_t *secret, size_t length, const char *when)
{
    uint8_t seen[64];

    STEP("device tries to read at 0x%llx", iova);
    REQUIRE(dma_read(e, iova, seen, length), "the device did not finish");
    drain_faults(t, e);
    CHECK(memcmp(seen, secret, length) != 0, "%s: the device has read the secret", when);
}

TEST(secrets_stay_secret,
     PROMISE("A device reads a page only while it is mapped for it")
     COVERS("ATT-7 TR-1") DEVICES(PROBE) KINDS("dma")
     STEPS("A page holds random bytes. A device that shows what it reads tries it by its address "
           "before its driver loads, then by an IOVA that maps it, then, blocked again, by both, "
           "and once more when the domain is deleted.")
     EXPECTS("The device sees the bytes while the page is mapped for it, and something else "
             "otherwise.")
     IF_IT_FAILS("Blocking stops writes but not reads, or a translation stays behind in the TLB of "
                 "the device."))
{
    struct dma_engine *e = device(t);
    struct domain *blocked = domain_blocked(t), *d = domain_paging(t);
    struct buffer b = buffer(t, 1);
    uint64_t at = gpa_of(b.data);

    for (size_t i = 0; i < 64; i++)
        b.data[i] = (uint8_t)(random_u64(&t->random) | 1); /* never the zeros of a refused read */
    map(t, d, BASE_IOVA, &b, STAGE1_READ);
    attach(t, blocked, e);
    expect_unseen(t, e, at, b.data, 64, "no driver");
    attach(t, d, e);
    expect_unseen(t, e, at, b.data, 64, "attached, by the page's address");
    expect_read(t, e, BASE_IOVA, 64, b.data, "attached");
    attach(t, blocked, e);
    expect_unseen(t, e, BASE_IOVA, b.data, 64, "blocked, by the IOVA");
    expect_unseen(t, e, at, b.data, 64, "blocked, by the page's address");
    delete_domain(t, d);
    expect_unseen(t, e, BASE_IOVA, b.data, 64, "the domain is deleted");
}
