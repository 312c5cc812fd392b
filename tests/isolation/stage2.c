/* SPDX-License-Identifier: MIT */
/*
 * The host's own stage below the guest's tables: whatever the guest writes into them, a device
 * reaches the guest's memory and nothing else (TR-10, TR-11, ID-1). Only a device that tells how
 * its DMA ended can show it.
 */
#include "drivers/dmaprobe.h"
#include "kernel/boot_info.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "stage2"

static void read_byte(void *at)
{
    (void)*(volatile uint8_t *)at;
}

/* Addresses that are not this guest's: a hole, and a reserved page that even the processor cannot
 * read. */
static unsigned foreign_addresses(uint64_t gpa[2])
{
    size_t count;
    const struct memory_region *region = memory_regions(&count);
    unsigned found = 0;

    gpa[found++] = memory_hole();
    for (size_t i = 0; i < count && found < 2; i++) {
        uint64_t page = region[i].start + region[i].length / 2 / PAGE_SIZE * PAGE_SIZE;

        if (region[i].kind == MEMORY_RESERVED &&
            trap_catch(read_byte, gpa_pointer(page), NULL) == TRAP_GP)
            gpa[found++] = page;
    }
    return found;
}

/* A DMA of that kind ends with a fault and has moved nothing. */
static void expect_refused_as(struct test_run *t, struct dma_engine *e, uint32_t operation,
                              uint64_t iova, const char *what)
{
    struct dmaprobe_request r = {
        .operation = operation, .iova = iova, .length = 64, .operand = e->ops->fill_value};

    STEP("device 0x%llx: operation %llu at IOVA 0x%llx", e->device_id, operation, iova);
    dmaprobe_start(e, 0, &r);
    CHECK_EQ(r.status, DMAPROBE_FAULT, what);
    CHECK_EQ(r.moved, 0, what);
    drain_faults(t, e);
}

TEST(leaf_to_foreign_memory,
     PROMISE("A leaf that points outside of the guest's memory is refused by the host's own stage, "
             "for reads and for writes")
     COVERS("TR-10") DEVICES(PROBE) KINDS("dma fault")
     STEPS("Leaves point at a hole of the address space and at memory that is reserved. The device "
           "reads and writes through them.")
     EXPECTS("Each DMA ends with a fault and has moved nothing; the guest's own page works.")
     IF_IT_FAILS("The host does not nest the guest's tables: a guest reaches memory of the host "
                 "through a device."))
{
    struct dma_engine *e = device(t);
    uint64_t foreign[2];
    unsigned count = foreign_addresses(foreign);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, e);
    for (unsigned i = 0; i < count; i++) {
        uint64_t iova = IOVA + (1 + i) * PAGE_SIZE;

        map_gpa(t, d, iova, foreign[i], PAGE_SIZE, RW);
        expect_refused_as(t, e, DMAPROBE_READ, iova, "read of memory that is not the guest's");
        expect_refused_as(t, e, DMAPROBE_FILL, iova, "write to memory that is not the guest's");
    }
    expect_write(t, e, IOVA, &b, 0, 64, "the guest's own page");
    OBSERVE("%u of 2 kinds of foreign addresses found", count);
}

static void table_in_foreign_memory(struct test_run *t, unsigned level)
{
    struct dma_engine *e = device(t);
    uint64_t foreign[2];
    unsigned count = foreign_addresses(foreign);

    for (unsigned i = 0; i < count; i++) {
        struct buffer b = buffer(t, 1);
        struct domain *d = domain_four_levels(t, IOVA, &b);
        struct stage1_walk w;

        REQUIRE(stage1_walk(&d->table, IOVA, &w) == STAGE1_OK, "our own mapping is gone");
        *w.entry[level] = foreign[i] | 0x27;
        STEP("level %llu entry points to a table at GPA 0x%llx", level, foreign[i]);
        attach(t, d, e);
        expect_write_fault(t, e, IOVA, 8, &b, ORACLE_FAULT_CLASS_TABLE_UNREADABLE,
                           "walk through foreign memory");
        expect_refused_as(t, e, DMAPROBE_READ, IOVA, "read through a table in foreign memory");
    }
}

TEST(leaf_table_in_foreign_memory,
     PROMISE("A leaf table outside of the guest's memory is not even read")
     COVERS("TR-11") DEVICES(PROBE) KINDS("dma fault")
     STEPS("The entry above the leaf table points to memory that is not the guest's; the device "
           "tries to read and write.")
     EXPECTS("Both end with a fault that says the table cannot be read.")
     IF_IT_FAILS("Only leaves are checked against the second stage: table walks leak foreign "
                 "memory."))
{
    table_in_foreign_memory(t, 1);
}

TEST(middle_table_in_foreign_memory,
     PROMISE("A middle table outside of the guest's memory is not even read")
     COVERS("TR-11") DEVICES(PROBE) KINDS("dma fault")
     STEPS("The same with the entry above the middle table.")
     EXPECTS("Both end with a fault that says the table cannot be read.")
     IF_IT_FAILS("The walk checks some levels only."))
{
    table_in_foreign_memory(t, 2);
}

TEST(upper_table_in_foreign_memory,
     PROMISE("A table below the root outside of the guest's memory is not even read")
     COVERS("TR-11") DEVICES(PROBE) KINDS("dma fault")
     STEPS("The same with the entry in the root table.")
     EXPECTS("Both end with a fault that says the table cannot be read.")
     IF_IT_FAILS("The walk checks some levels only."))
{
    table_in_foreign_memory(t, 3);
}

TEST(identity_to_foreign_memory,
     PROMISE("A device in an identity domain does not reach what is not the guest's memory")
     COVERS("ID-1 TR-10") DEVICES(PROBE) KINDS("dma fault")
     STEPS("In an identity domain the device reads and writes at addresses that are not the "
           "guest's.")
     EXPECTS("Each DMA ends with a fault and has moved nothing; the guest's own page works.")
     IF_IT_FAILS("An identity domain passes through the host's own addresses instead of the "
                 "guest's."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_identity(t);
    uint64_t foreign[2];
    unsigned count = foreign_addresses(foreign);
    struct buffer b = buffer(t, 1);

    attach(t, d, e);
    for (unsigned i = 0; i < count; i++) {
        expect_refused_as(t, e, DMAPROBE_READ, foreign[i],
                          "read of memory that is not the guest's");
        expect_refused_as(t, e, DMAPROBE_FILL, foreign[i],
                          "write to memory that is not the guest's");
    }
    expect_write(t, e, gpa_of(b.data), &b, 0, 64, "the guest's own page");
}
