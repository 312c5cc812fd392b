/* SPDX-License-Identifier: MIT */
/*
 * What only the reference host's own device can do: lists, atomics, a megabyte at odd addresses,
 * and a transfer that is translated at one time and touches memory at another. The host has to wait
 * for such a transfer before it says that an invalidation is done; a held transfer ends there, so
 * none of these tests depends on time.
 */
#include "drivers/dmaprobe.h"
#include "drivers/pci_registers.h"
#include "kernel/cpu.h"
#include "kernel/lapic.h"
#include "kernel/paging.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "dmaprobe"

#define HELD 1u /* slot */

static struct domain *attached(struct test_run *t, struct dma_engine *e, const struct buffer *b)
{
    struct domain *d = domain_paging(t);

    map(t, d, IOVA, b, RW);
    attach(t, d, e);
    return d;
}

static struct dmaprobe_request start(struct dma_engine *e, unsigned slot,
                                     struct dmaprobe_request request)
{
    dmaprobe_start(e, slot, &request);
    return request;
}

static void hold_fill(struct test_run *t, struct dma_engine *e, uint64_t iova)
{
    struct dmaprobe_request held = start(e, HELD,
                                         (struct dmaprobe_request){.operation = DMAPROBE_FILL,
                                                                   .flags = DMAPROBE_HELD,
                                                                   .iova = iova,
                                                                   .length = 512,
                                                                   .operand = e->ops->fill_value});

    REQUIRE(held.state == DMAPROBE_RUNNING, "the device did not hold its request");
}

/* After the page has another owner, the held transfer must not write to it. */
static void expect_over(struct test_run *t, struct dma_engine *e, struct buffer *b,
                        const char *what)
{
    struct dmaprobe_request held;

    buffer_refresh(b);
    REQUIRE(dmaprobe_release(e, HELD, &held), "the device did not finish");
    drain_faults(t, e);
    expect_untouched(t, b, what);
}

TEST(one_megabyte_at_odd_addresses,
     PROMISE("A DMA of almost one MiB at an odd address moves every byte, to memory and from it")
     COVERS("TR-1 TR-2") DEVICES(PROBE) KINDS("dma")
     STEPS("The device writes 1 MiB less 777 random bytes to an IOVA that is aligned to nothing, "
           "over 256 mapped pages. It then reads them back into its own buffer.")
     EXPECTS("The request reports all bytes as moved, memory holds them byte for byte, nothing "
             "before or after changes, and what was read is what memory held.")
     IF_IT_FAILS("A long transfer is cut at page boundaries wrongly, or one of its pages is "
                 "translated with the result of its neighbor."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, DMAPROBE_LENGTH_MAX / PAGE_SIZE);
    const uint32_t length = DMAPROBE_LENGTH_MAX - 777;
    uint8_t *device_bytes = dmaprobe_buffer(e);
    struct dmaprobe_request r = {
        .operation = DMAPROBE_WRITE, .iova = IOVA + 333, .length = length, .buffer = 5};

    attached(t, e, &b);
    for (uint32_t i = 0; i < length; i += sizeof(uint64_t)) {
        uint64_t value = random_u64(&t->random);

        memcpy(device_bytes + 5 + i, &value, sizeof(value));
    }
    dmaprobe_start(e, 0, &r);
    CHECK_EQ(r.status, DMAPROBE_OK, "status of the write");
    CHECK_EQ(r.moved, length, "bytes moved");
    CHECK(memcmp(b.data + 333, device_bytes + 5, length) == 0,
          "what was written is not what the device had");
    CHECK(!memory_find_other(b.data, 333, POISON_FRESH), "a byte in front of the DMA changed");
    CHECK(!memory_find_other(b.data + 333 + length, 777 - 333, POISON_FRESH),
          "a byte after the DMA changed");
    memset(device_bytes, 0, DMAPROBE_BUFFER_SIZE);
    r.operation = DMAPROBE_READ;
    dmaprobe_start(e, 0, &r);
    CHECK(memcmp(b.data + 333, device_bytes + 5, length) == 0,
          "what was read is not what memory held");
}

TEST(scatter_list,
     PROMISE("A list of pieces reaches each page at its own place, and ends at the first page that "
             "is not mapped")
     COVERS("TR-1") DEVICES(PROBE) KINDS("dma fault")
     STEPS("The device fills four pieces of 10 to 13 bytes in four pages, in descending order, by "
           "one list. Then the second page is unmapped and flushed, and the list is started again.")
     EXPECTS("The first time all 46 bytes are in their places and nowhere else. The second time "
             "the request ends with a fault after 21 bytes, and the piece after the refused one is "
             "not written.")
     IF_IT_FAILS("The device continues after a refused page, or a piece uses the translation of "
                 "another one."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 4);
    struct dmaprobe_element *list = dmaprobe_scatter(e);
    struct dmaprobe_request r = {.operation = DMAPROBE_FILL,
                                 .flags = DMAPROBE_SCATTERED,
                                 .elements = 4,
                                 .operand = e->ops->fill_value};
    struct domain *d = attached(t, e, &b);

    for (unsigned i = 0; i < 4; i++) {
        list[i] =
            (struct dmaprobe_element){.iova = IOVA + (3 - i) * PAGE_SIZE + i, .length = 10 + i};
    }
    dmaprobe_start(e, 0, &r);
    CHECK_EQ(r.moved, 46, "bytes moved");
    for (unsigned i = 0; i < 4; i++) {
        uint8_t *at = b.data + (3 - i) * PAGE_SIZE + i;

        CHECK(!memory_find_other(at, 10 + i, e->ops->fill_value),
              "piece %u is not where its page is", i);
        memset(at, POISON_FRESH, 10 + i);
    }
    expect_untouched(t, &b, "outside of the pieces");
    unmap(t, d, IOVA + PAGE_SIZE, PAGE_SIZE);
    flush(t, d);
    dmaprobe_start(e, 0, &r);
    CHECK_EQ(r.status, DMAPROBE_FAULT, "status of a list with an unmapped page");
    CHECK_EQ(r.moved, 21, "bytes moved before that page");
    CHECK(!memory_find_other(b.data, PAGE_SIZE, POISON_FRESH),
          "a piece after the refused one was written");
    drain_faults(t, e);
}

TEST(atomics,
     PROMISE("An atomic operation works on the mapped page, and needs write permission even where "
             "it would change nothing")
     COVERS("TR-1 TR-3") DEVICES(PROBE) KINDS("dma fault")
     STEPS("The device adds 7 to a 64-bit number in a mapped page. The leaf is made read-only and "
           "flushed, and the device tries a compare-and-swap whose comparison cannot succeed.")
     EXPECTS("The old value 5 comes back and memory holds 12. The second operation ends with a "
             "fault of class write denied.")
     IF_IT_FAILS("Atomic operations are checked as reads. One that happens to change something "
                 "would then write to a page that the guest gave away for reading only."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = attached(t, e, &b);
    struct dmaprobe_request r = {
        .operation = DMAPROBE_ADD, .iova = IOVA + 8, .length = 8, .operand = 7};
    uint64_t value = 5;

    memcpy(b.data + 8, &value, sizeof(value));
    dmaprobe_start(e, 0, &r);
    memcpy(&value, b.data + 8, sizeof(value));
    CHECK_EQ(r.result, 5, "old value");
    CHECK_EQ(value, 12, "new value");
    *leaf_entry(t, d, IOVA) &= ~2ull;
    flush(t, d);
    r.operation = DMAPROBE_COMPARE_SWAP;
    r.compare = 99;
    dmaprobe_start(e, 0, &r);
    CHECK_EQ(r.status, DMAPROBE_FAULT, "status of an atomic on a read-only page");
    CHECK_EQ(r.fault_class, ORACLE_FAULT_CLASS_WRITE_DENIED, "class of the fault");
    drain_faults(t, e);
}

TEST(held_dma_and_list_flush,
     PROMISE("A DMA translated before a list flush of its page does not write to the page after "
             "the flush has returned")
     COVERS("FL-6") DEVICES(PROBE) KINDS("dma flush")
     STEPS("The device translates a write and holds it. The page is unmapped, and a list flush of "
           "exactly this page is made; the page is refilled, and the device lets the write go. The "
           "same again with a list flush of everything.")
     EXPECTS("After the flush has returned no byte of the page changes.")
     IF_IT_FAILS("The list flush invalidates caches without waiting for transfers that were "
                 "translated already. On hardware this is the drain that goes with the "
                 "invalidation; without it, late DMA corrupts the next user of the page."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = attached(t, e, &b);

    hold_fill(t, e, IOVA);
    unmap(t, d, IOVA, PAGE_SIZE);
    flush_list(t, d, IOVA, PAGE_SIZE);
    expect_over(t, e, &b, "page reused after a list flush");
    map(t, d, IOVA, &b, RW);
    hold_fill(t, e, IOVA);
    unmap(t, d, IOVA, PAGE_SIZE);
    flush_block(t, d, 0, HV_IOMMU_RANGE_SHIFT_ALL);
    expect_over(t, e, &b, "page reused after a list flush of everything");
}

TEST(held_dma_of_two_devices,
     PROMISE("A flush waits for the DMA under way of every device of the domain")
     COVERS("FL-6") DEVICES(PROBE) KINDS("dma flush")
     STEPS("Two devices of one domain each translate a write to the same page and hold it. The "
           "page is unmapped, the domain flushed and the page refilled; then both let their writes "
           "go.")
     EXPECTS("No byte changes after the flush has returned.")
     IF_IT_FAILS("The flush waits for one device only, the one that came first or last."))
{
    struct dma_engine *first = device_n(t, 0), *second = device_n(t, 1);
    struct buffer b = buffer(t, 1);
    struct domain *d = attached(t, first, &b);

    attach(t, d, second);
    hold_fill(t, first, IOVA);
    hold_fill(t, second, IOVA + 2048);
    unmap(t, d, IOVA, PAGE_SIZE);
    flush(t, d);
    expect_over(t, first, &b, "page reused, first device");
    expect_over(t, second, &b, "page reused, second device");
}

TEST(held_dma_and_detach,
     PROMISE("A DMA translated before DETACH, or before ATTACH elsewhere, does not write after the "
             "call has returned")
     COVERS("DET-4 ATT-5") DEVICES(PROBE) KINDS("dma")
     STEPS("The device translates a write and holds it; it is detached, the page is refilled, and "
           "the write is released. The same again with ATTACH to a blocking domain in place of "
           "DETACH.")
     EXPECTS("No byte changes after the call has returned.")
     IF_IT_FAILS("DETACH or ATTACH switches the tables and leaves transfers under way alone. A "
                 "guest that frees all buffers of the device right after it loses data."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = attached(t, e, &b), *blocked = domain_blocked(t);

    hold_fill(t, e, IOVA);
    CHECK_SUCCESS(iommu_detach(e->device_id), "DETACH");
    expect_over(t, e, &b, "after DETACH");
    attach(t, d, e);
    hold_fill(t, e, IOVA);
    attach(t, blocked, e);
    expect_over(t, e, &b, "after ATTACH to a blocking domain");
}

TEST(switches_under_fire,
     PROMISE("A device that never stops its DMA writes to the domain it is in and to no other, "
             "through many switches")
     COVERS("ATT-5 ATT-1 ATT-4") DEVICES(PROBE) KINDS("dma fault")
     STEPS("The device writes to one IOVA without end. Sixty times it is attached to one of two "
           "paging domains, which map the IOVA to different pages, or to a blocking domain; both "
           "pages are refilled right after, and the device continues for some exits.")
     EXPECTS("After each switch only the page of the domain that the device is in is written to, "
             "and none while it is blocked.")
     IF_IT_FAILS("Writes of the old domain still arrive after ATTACH has returned, or those of the "
                 "new one do not yet."))
{
    struct dma_engine *e = device(t);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);
    struct domain *first = attached(t, e, &a), *second = domain_mapping(t, IOVA, &b),
                  *blocked = domain_blocked(t);
    struct domain *const turns[] = {second, blocked, first, second, first, blocked};
    struct dmaprobe_request burst;

    burst = start(e, HELD,
                  (struct dmaprobe_request){.operation = DMAPROBE_FILL,
                                            .flags = DMAPROBE_REPEAT,
                                            .iova = IOVA,
                                            .length = 64,
                                            .operand = e->ops->fill_value});
    REQUIRE(burst.state == DMAPROBE_RUNNING, "the device did not start its DMA");
    for (unsigned i = 0; i < 60; i++) {
        struct domain *now = turns[i % 6];

        attach(t, now, e);
        buffer_refresh(&a);
        buffer_refresh(&b);
        (void)dmaprobe_pending(e); /* exits, at which the DMA continues */
        (void)dmaprobe_pending(e);
        CHECK_EQ(!memory_find_other(a.data, 64, e->ops->fill_value), now == first,
                 "the first page is written to");
        CHECK_EQ(!memory_find_other(b.data, 64, e->ops->fill_value), now == second,
                 "the second page is written to");
    }
    (void)dmaprobe_release(e, HELD, &burst);
    REQUIRE(burst.repeats >= 60, "the continuous DMA made %u passes only", burst.repeats);
    drain_faults(t, e);
}

static struct dma_engine *first_of(struct test_run *t, enum dma_class class)
{
    struct dma_engine *e = dma_engine_get(class, 0);

    if (!e)
        SKIP("needs a device of class %s", dma_class_name(class));
    return e;
}

TEST(one_domain_behind_two_units,
     PROMISE("Devices behind different IOMMUs share one domain: map, flush, a device's move and "
             "DELETE reach all of them")
     COVERS("ATT-9 FL-1 ISO-2 DEL-4") DEVICES(dmaprobe) KINDS("dma fault flush")
     STEPS("Three devices, which sit behind two different IOMMUs, are attached to one domain and "
           "use a page. It is unmapped and flushed, mapped again, unmapped and flushed by list, "
           "and mapped again; all three write after each step. Then DELETE is tried, and the "
           "devices are moved away one by one.")
     EXPECTS("All three agree after each step: reached while mapped, a fault after each flush. If "
             "DELETE succeeds, all three are blocked; if not, those that have moved are blocked "
             "and the others go on.")
     IF_IT_FAILS("A call reaches only one of the units: a flush that misses one leaves stale "
                 "translations there, a move of one device takes others along."))
{
    struct dma_engine *e[3] = {first_of(t, DMA_CLASS_ROCKER), device(t),
                               first_of(t, DMA_CLASS_DMAPROBE_ATS)};
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b), *other = domain_blocked(t);

    for (unsigned i = 0; i < 3; i++) {
        attach(t, d, e[i]);
        expect_write(t, e[i], IOVA + i * 64, &b, i * 64, 64, "shared page");
    }
    unmap(t, d, IOVA, PAGE_SIZE);
    flush(t, d);
    for (unsigned i = 0; i < 3; i++) {
        expect_write_fault(t, e[i], IOVA, 64, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                           "after the flush");
    }
    map(t, d, IOVA, &b, RW);
    for (unsigned i = 0; i < 3; i++)
        expect_write(t, e[i], IOVA, &b, 0, 64, "mapped again");
    unmap(t, d, IOVA, PAGE_SIZE);
    flush_list(t, d, IOVA, PAGE_SIZE);
    for (unsigned i = 0; i < 3; i++) {
        expect_write_fault(t, e[i], IOVA, 64, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                           "after the list flush");
    }
    map(t, d, IOVA, &b, RW);
    for (unsigned i = 0; i < 3; i++) {
        /* DEL-2: a host may also delete it, and then all of its devices are blocked. */
        if (iommu_delete(d->id) == HV_STATUS_SUCCESS) {
            for (unsigned k = 0; k < 3; k++)
                expect_write_fault(t, e[k], IOVA, 64, &b, FAULT_ANY, "device of a deleted domain");
            return;
        }
        attach(t, other, e[i]);
        expect_write_fault(t, e[i], IOVA, 64, &b, ORACLE_FAULT_CLASS_BLOCKED, "moved away");
        if (i < 2)
            expect_write(t, e[2], IOVA, &b, 0, 64, "the device that stayed");
    }
    delete_domain(t, d);
}

#define MESSAGE_VECTOR 0x51u
#define WINDOW_SIZE    0x2000000ull /* in which the host decodes the registers of its devices */

static void set_bar(const struct dma_engine *e, uint64_t to)
{
    pci_write32(&e->function, PCI_BAR0, (uint32_t)to);
    pci_write32(&e->function, PCI_BAR0 + 4, (uint32_t)(to >> 32));
}

static uint64_t size_of_bar(const struct dma_engine *e)
{
    uint64_t old = pci_bar(&e->function, 0), bits;

    set_bar(e, UINT64_MAX);
    bits = pci_bar(&e->function, 0);
    set_bar(e, old);
    return ~bits + 1;
}

TEST(moved_registers,
     PROMISE("A device whose registers were moved still reaches its domain's page, and answers at "
             "the new place alone")
     COVERS("TR-1") DEVICES(PROBE) KINDS("dma")
     STEPS("Reads the identity of the device by ports and by memory, and which bits of its BAR can "
           "be written. Moves its registers to another address by its BAR, starts a write there, "
           "and moves them back.")
     EXPECTS("Both ways of configuration agree, the BAR tells the documented size, the old place "
             "reads as all ones while they are away, and the write has arrived.")
     IF_IT_FAILS("The reference host decodes registers of its own devices wrongly; its devices "
                 "would fail with a guest that assigns addresses again."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    uint64_t here = pci_bar(&e->function, 0);
    uint64_t there = (here & ~(WINDOW_SIZE - 1)) + WINDOW_SIZE - DMAPROBE_BAR_SIZE;
    struct dma_engine moved = *e;
    uint32_t by_ports, id;

    attached(t, e, &b);
    if (pci_read32_by(PCI_ACCESS_PORTS, &e->function, PCI_VENDOR, &by_ports))
        CHECK_EQ(by_ports, pci_read32(&e->function, PCI_VENDOR), "identity by ports and by memory");
    CHECK_EQ(size_of_bar(e), DMAPROBE_BAR_SIZE,
             "size of the registers by the bits of the BAR that can be written");
    moved.registers = paging_map_mmio(there, DMAPROBE_BAR_SIZE);
    set_bar(e, there);
    id = dmaprobe_register(e, DMAPROBE_ID);
    (void)dma_fill(&moved, IOVA + 100, 64);
    set_bar(e, here);
    CHECK_EQ(id, UINT32_MAX, "identity register at the old place");
    CHECK(!memory_find_other(b.data + 100, 64, e->ops->fill_value),
          "the DMA started at the new place did not arrive");
    CHECK_EQ(dmaprobe_register(e, DMAPROBE_ID), DMAPROBE_ID_VALUE,
             "identity register back at the old place");
}

TEST(message_at_the_end,
     PROMISE("The message that a device sends at the end of its DMA is delivered, though its "
             "domain maps no such address")
     COVERS("TR-13 TR-1") DEVICES(PROBE) KINDS("dma")
     STEPS("Programs a message interrupt into the device, switches interrupts of the processor "
           "off, and lets the device write one byte and send its message.")
     EXPECTS("The device counts one message, and its vector is requested at the local APIC.")
     IF_IT_FAILS("The message is taken for DMA and refused, as no mapping covers its address, or "
                 "it is lost on its way. Drivers wait for their interrupts in vain."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct pci_message message;
    bool requested;

    attached(t, e, &b);
    REQUIRE(pci_message_create(&e->function, MESSAGE_VECTOR, &message),
            "the host has no interrupt for the device");
    REQUIRE(pci_message_set(&e->function, &message), "the device has no MSI capability");
    cpu_interrupts_off();
    (void)start(
        e, 0,
        (struct dmaprobe_request){
            .operation = DMAPROBE_FILL, .flags = DMAPROBE_INTERRUPT, .iova = IOVA, .length = 1});
    requested = lapic_requested(MESSAGE_VECTOR);
    cpu_interrupts_on();
    pci_message_off(&e->function);
    pci_message_delete(&e->function, &message);
    CHECK_EQ(dmaprobe_register(e, DMAPROBE_INTERRUPTS), 1, "messages that the device counted");
    CHECK(requested, "vector 0x%x is not requested of the local APIC", MESSAGE_VECTOR);
}
