/* SPDX-License-Identifier: MIT */
/* Identity domains: DMA addresses are guest physical addresses (ID-1, ID-2). */
#include "kernel/memory.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "identity"

TEST(addresses_are_gpas,
     PROMISE("In an identity domain a device reads and writes at guest physical addresses")
     COVERS("ID-1 CFG-1") DEVICES(ALL) KINDS("dma")
     STEPS("The device writes single bytes, over a page boundary, and reads and writes back 9000 "
           "bytes, all at guest physical addresses.")
     EXPECTS("Exactly the named bytes change.")
     IF_IT_FAILS("The identity domain is not one to one, or ends somewhere."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_identity(t);
    struct buffer b = buffer(t, 16);

    attach(t, d, e);
    expect_write(t, e, gpa_of(b.data), &b, 0, 1, "first byte");
    expect_write(t, e, gpa_of(b.data) + 4000, &b, 4000, 200, "over a page boundary");
    expect_invert(t, e, gpa_of(b.data) + 123, &b, 123, 9000, "read and write back");
    expect_write(t, e, gpa_of(b.data) + b.size - 1, &b, b.size - 1, 1, "last byte");
}

TEST(whole_2m_region,
     PROMISE("An identity domain reaches every 4 KiB boundary of a 2 MiB region")
     COVERS("ID-1") DEVICES(ALL) KINDS("dma")
     STEPS("The device writes 8 bytes over every 61st 4 KiB boundary of a 2 MiB region, at guest "
           "physical addresses.")
     EXPECTS("Every write lands, and nothing else changes.")
     IF_IT_FAILS("The host's own table for identity domains has gaps or wrong targets."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_identity(t);
    struct buffer b = buffer_aligned(t, SIZE_2M / PAGE_SIZE, SIZE_2M);

    attach(t, d, e);
    for (uint64_t offset = PAGE_SIZE; offset < SIZE_2M; offset += 61 * PAGE_SIZE)
        expect_write(t, e, gpa_of(b.data) + offset - 4, &b, offset - 4, 8, "over a 4 KiB boundary");
}

TEST(limited_to_guest_memory,
     PROMISE("An identity domain does not reach addresses where the guest has no memory")
     COVERS("ID-1 TR-10") DEVICES(ALL) KINDS("dma fault")
     STEPS("In an identity domain, the device writes to and reads from an address where the guest "
           "has no memory.")
     EXPECTS("If the host records faults, both are recorded; nothing changes.")
     IF_IT_FAILS("The identity domain passes everything through to the machine: the device reaches "
                 "memory of the host or of other guests."))
{
    struct dma_engine *e = device(t);
    uint64_t gpa = memory_hole();
    struct domain *d;
    bool recorded;

    need_promise(t, IOMMU_IDENTITY_IN_RAM, "an identity domain reaches memory alone");
    recorded = faults_are_recorded(t, e);
    d = domain_identity(t);
    if (!gpa)
        SKIP("this machine has no unused physical address");
    attach(t, d, e);
    CHECK(expect_write_fault(t, e, gpa, 4, NULL, FAULT_ANY, "write into a hole of guest memory") ||
              !recorded,
          "a write into a hole of guest memory is no fault for the host");
    CHECK(expect_read_fault(t, e, gpa, 4, NULL, FAULT_ANY, "read from a hole of guest memory") ||
              !recorded,
          "a read from a hole of guest memory is no fault for the host");
}

TEST(high_addresses_are_no_aliases,
     PROMISE("An identity domain takes no address beyond the physical width for one of memory")
     COVERS("ID-1 TR-10") DEVICES(ALL) KINDS("dma fault")
     STEPS("In an identity domain the device writes to the address of a page with one bit more, "
           "from the physical address width to bit 63 or its last line, then to the page; and "
           "reads with the first of these bits.")
     EXPECTS("Only the write to the page itself changes it.")
     IF_IT_FAILS("The host cuts the address of a DMA before it checks it."))
{
    struct dma_engine *e = device(t);
    unsigned bits = memory_physical_bits();
    struct buffer b = buffer(t, 1);
    struct domain *d;

    need_promise(t, IOMMU_IDENTITY_IN_RAM, "an identity domain reaches memory alone");
    REQUIRE(bits >= 32, "the processor has %u physical address bits", bits);
    d = domain_identity(t);
    attach(t, d, e);
    for (unsigned bit = bits; bit < 64; bit += rounds_on(e, 1, 8)) {
        uint64_t alias = gpa_of(b.data) + (1ull << bit);

        if (bit != bits && bit >= e->iova_bits)
            break;
        expect_write_fault(t, e, alias, 8, &b, FAULT_ANY, "write beyond the physical width");
    }
    expect_write(t, e, gpa_of(b.data), &b, 0, 8, "the address itself");
    expect_read_fault(t, e, gpa_of(b.data) + (1ull << bits), 8, &b, FAULT_ANY,
                      "read beyond the physical width");
}

TEST(no_trace_of_earlier_tables,
     PROMISE("After a move from a paging to an identity domain no cached translation of the tables "
             "is used")
     COVERS("ID-2 ATT-4") DEVICES(ALL) KINDS("dma")
     STEPS("A paging domain sends the address of page A to page B, and the device uses it. The "
           "device is moved to an identity domain and writes to the address of A.")
     EXPECTS("The bytes are in A, and B stays unchanged.")
     IF_IT_FAILS("Cached translations of the old domain survive the move: the DID is reused, or "
                 "not flushed."))
{
    struct dma_engine *e = device(t);
    struct domain *paging = domain_paging(t), *identity = domain_identity(t);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);

    map(t, paging, gpa_of(a.data), &b, RW); /* IOVA == GPA of a, but the target is b */
    attach(t, paging, e);
    warm(t, e, gpa_of(a.data), &b, "paging domain sends the address to b");
    attach(t, identity, e);
    expect_write(t, e, gpa_of(a.data), &a, 0, 64, "identity domain leaves it at a");
    expect_untouched(t, &b, "b after the move");
}

TEST(left_without_a_trace,
     PROMISE("After a move from an identity to a paging domain guest physical addresses mean "
             "nothing any more")
     COVERS("ATT-4 ATT-2") DEVICES(ALL) KINDS("dma fault")
     STEPS("The device writes to page A in an identity domain, then is moved to a paging domain "
           "that maps only the address of B, to A.")
     EXPECTS("The address of A faults as not present; the address of B leads to A; B stays "
             "unchanged.")
     IF_IT_FAILS("The one-to-one translation survives the move, so that the device reaches all of "
                 "the guest's memory."))
{
    struct dma_engine *e = device(t);
    struct domain *paging = domain_paging(t), *identity = domain_identity(t);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);

    attach(t, identity, e);
    warm(t, e, gpa_of(a.data), &a, "identity domain");
    map(t, paging, gpa_of(b.data), &a, RW);
    attach(t, paging, e);
    expect_write_fault(t, e, gpa_of(a.data), 8, &a, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "a's GPA in the paging domain");
    expect_write(t, e, gpa_of(b.data), &a, 0, 8, "b's GPA, which the tables send to a");
    expect_untouched(t, &b, "b");
}

TEST(shared_by_two_devices,
     PROMISE("Two devices in one identity domain both reach guest memory")
     COVERS("ID-1 ATT-9") DEVICES(ALL) KINDS("dma")
     STEPS("Two devices are attached to one identity domain, and both write to a page.")
     EXPECTS("Both writes land.")
     IF_IT_FAILS("The second device of an identity domain is not set up."))
{
    struct dma_engine *first = device_n(t, 0), *second = device_n(t, 1);
    struct domain *d = domain_identity(t);
    struct buffer b = buffer(t, 1);

    attach(t, d, first);
    attach(t, d, second);
    expect_write(t, first, gpa_of(b.data), &b, 0, 16, "first device");
    expect_write(t, second, gpa_of(b.data) + 16, &b, 16, 16, "second device");
}
