/* SPDX-License-Identifier: MIT */
/*
 * Invalid top tables. A host refuses them, or the domain blocks. The host must not read a table at
 * an address where the guest has none: each case sets out, in the memory that a faulty host would
 * read instead, entries that lead to a decoy.
 */
#define TEST_GROUP "configure"
#include "lib/bits.h"
#include "tests/harness/fixture.h"
#include "tests/harness/tally.h"

#define BASE_IOVA  0x7000000ull
#define TOP_STRIDE (1ull << 39) /* what one entry of the top table of four covers */
#define ENTRY_SIZE 8u

struct root_case {
    struct dma_engine *engine;
    struct domain *table, *park;
    struct buffer target, decoy;
    struct tally tally;
};

static struct root_case root_case(struct test_run *t)
{
    struct root_case c = {
        .engine = device(t), .table = domain_paging(t), .park = domain_blocked(t)};

    c.target = buffer(t, 1);
    c.decoy = buffer(t, 1);
    map(t, c.table, BASE_IOVA, &c.target, STAGE1_READ | STAGE1_WRITE);
    return c;
}

/* A new domain with that root: refused, or its device reaches nothing, neither by IOVA nor by GPA.
 */
static void expect_refused_or_blocked(struct test_run *t, struct root_case *c, uint64_t root,
                                      const char *what)
{
    uint32_t id = c->table->id; /* the tables stay; only the domain on the host is created again */
    enum hv_status status;

    CHECK_SUCCESS(iommu_delete(id), "DELETE of a domain without devices");
    CHECK_SUCCESS(iommu_create(id), "CREATE of its id");
    status = iommu_configure(id, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL, root);
    tally_add(&c->tally, status);
    STEP("configure domain 0x%llx with root 0x%llx: %s", id, root, hv_status_name(status));
    if (status != HV_STATUS_SUCCESS)
        return;
    status = iommu_attach(id, c->engine->device_id);
    STEP("attach device 0x%llx: %s", c->engine->device_id, hv_status_name(status));
    CHECK(!may_write(t, c->engine, BASE_IOVA, &c->target, 0, 64, what),
          "%s: root 0x%llx was accepted as another address", what, (unsigned long long)root);
    expect_untouched(t, &c->decoy, what);
    CHECK(!may_write(t, c->engine, gpa_of(c->decoy.data), &c->decoy, 0, 64, what),
          "%s: root 0x%llx makes the domain pass through", what, (unsigned long long)root);
    expect_untouched(t, &c->target, what);
    attach(t, c->park, c->engine);
}

TEST(misaligned_root,
     PROMISE("A top table with any of address bits 0 to 11 set is refused or blocks, and is not "
             "read at a shifted place")
     COVERS("CFG-4") DEVICES(ALL) KINDS("dma bad-input")
     STEPS("For each of the address bits 0 to 11, creates the domain again with the address of a "
           "good top table plus this bit as its root. If it is accepted, attaches the device and "
           "writes to the mapped IOVA, and by address to a decoy. The table holds entries that "
           "lead to the decoy, if it is read some bytes further on.")
     EXPECTS("Each root is refused, or the domain blocks: neither the target nor the decoy is "
             "reached. The statuses are recorded.")
     IF_IT_FAILS("The host cuts the low bits off and accepts what is not a root, or reads the "
                 "table at a shifted place, where other bytes of the guest look like entries."))
{
    struct root_case c = root_case(t);
    unsigned width = capabilities(t)->max_iova_width;

    /* Read from `skew` bytes on, index 0 finds the entry that is `skew` / 8 further: make that one
     * lead to the decoy.
     */
    for (unsigned index = 1; index < 512 && index * TOP_STRIDE < 1ull << width; index <<= 1)
        map(t, c.table, BASE_IOVA + index * TOP_STRIDE, &c.decoy, STAGE1_READ | STAGE1_WRITE);
    for (unsigned bit = 0; bit < 12; bit++) {
        expect_refused_or_blocked(t, &c, stage1_root_gpa(&c.table->table) | 1ull << bit,
                                  "a misaligned top table");
    }
    expect_refused_or_blocked(t, &c, stage1_root_gpa(&c.table->table) | (PAGE_SIZE - ENTRY_SIZE),
                              "a misaligned top table");
    observe_tally(t, "misaligned roots", &c.tally);
}

TEST(root_above_width,
     PROMISE("A top table above the physical address width is refused or blocks, and is not cut to "
             "fit")
     COVERS("CFG-4 TR-11") DEVICES(ALL) KINDS("dma bad-input")
     STEPS("For each address bit above the physical address width, creates the domain again with a "
           "root that has this bit alone, and with a good table plus this bit. If it is accepted, "
           "attaches the device and writes to the mapped IOVA and by address.")
     EXPECTS("Each root is refused, or the domain blocks. The statuses are recorded.")
     IF_IT_FAILS("The host drops the upper bits of the root, and walks a table that the guest has "
                 "not named, or passes DMA through where it finds no table."))
{
    struct root_case c = root_case(t);

    for (unsigned bit = memory_physical_bits(); bit < 64; bit++) {
        expect_refused_or_blocked(t, &c, 1ull << bit,
                                  "a top table above the physical address width");
        expect_refused_or_blocked(t, &c, stage1_root_gpa(&c.table->table) | 1ull << bit,
                                  "a top table above the physical address width");
    }
    observe_tally(t, "roots above the width", &c.tally);
}

TEST(root_outside_memory,
     PROMISE("A top table where the guest has no memory is refused or blocks")
     COVERS("CFG-4 TR-11") DEVICES(ALL) KINDS("dma bad-input")
     STEPS("Makes new domains with roots where the guest has no memory: a hole in the memory map, "
           "the page of the local APIC, the last page of the address space. If a root is accepted, "
           "attaches the device and writes by IOVA and by address.")
     EXPECTS("Each root is refused, or the domain blocks. The statuses are recorded.")
     IF_IT_FAILS("The IOMMU walks whatever the host has at that address: device registers, memory "
                 "of the host or of another guest. Look at the check of the root against the "
                 "memory of the partition."))
{
    struct root_case c = root_case(t);
    uint64_t hole = memory_hole();
    /* The local APIC's page: inside the space, but device registers. */
    const uint64_t places[] = {hole, hole + 16 * PAGE_SIZE, 0xFEE00000,
                               (1ull << memory_physical_bits()) - PAGE_SIZE};

    REQUIRE(hole != 0, "this machine has no GPA without memory below its physical address width");
    for (unsigned i = 0; i < ARRAY_SIZE(places); i++)
        expect_refused_or_blocked(t, &c, places[i], "a top table outside guest memory");
    observe_tally(t, "roots outside memory", &c.tally);
}
