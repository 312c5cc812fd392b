/* SPDX-License-Identifier: MIT */
/*
 * Memory above 4 GiB: as the target of DMA, for tables, and for the parameters of calls. A host
 * that keeps an address in 32 bits somewhere is right on a small guest.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/harness/calls/mutated_call.h"

#define TEST_GROUP "translate"
#define LEVELS     4u

TEST(targets_above_4g,
     PROMISE("Leaves that lead to memory above 4 GiB translate like any others")
     COVERS("TR-1") DEVICES(ALL) KINDS("dma")
     STEPS("Two pages lead to memory above 4 GiB. The device writes to each, twice, so that the "
           "second write finds the translation in a cache.")
     EXPECTS("Each write lands in its page, and nothing else changes there.")
     IF_IT_FAILS("The host keeps the address of a target in 32 bits."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer_high(t, 2);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, e);
    for (unsigned i = 0; i < 4; i++) {
        size_t offset = i % 2 * PAGE_SIZE + i * 8;

        expect_write(t, e, IOVA + offset, &b, offset, 8, "a target above 4 GiB");
    }
}

TEST(large_targets_above_4g,
     PROMISE("Leaves of 2 MiB and 1 GiB that lead to memory above 4 GiB translate like any others")
     COVERS("TR-5") DEVICES(ALL) KINDS("dma")
     STEPS("A leaf of 2 MiB, and then one of 1 GiB, leads above 4 GiB. The device writes to two "
           "pages in it, twice.")
     EXPECTS("Each write lands in its page.")
     IF_IT_FAILS("The host keeps the address of a large leaf in 32 bits."))
{
    static const uint64_t sizes[] = {SIZE_2M, SIZE_1G};
    struct dma_engine *e = device(t);
    struct buffer b = buffer_high(t, 2);
    uint64_t gpa = gpa_of(b.data);

    need_page_size(t, SIZE_2M);
    for (unsigned s = 0; s < ARRAY_SIZE(sizes); s++) {
        uint64_t size = sizes[s], in_leaf = gpa & (size - 1);
        struct domain *d = domain_paging(t);

        if ((capabilities(t)->pgsize_bitmap & size) == 0)
            continue;
        REQUIRE(in_leaf + b.size <= size, "the pages are not in one leaf");
        map_gpa(t, d, SIZE_1G, gpa - in_leaf, size, RW);
        attach(t, d, e);
        for (unsigned i = 0; i < 4; i++) {
            size_t offset = i % 2 * PAGE_SIZE + i * 8;

            expect_write(t, e, SIZE_1G + in_leaf + offset, &b, offset, 8,
                         "a large leaf that leads above 4 GiB");
        }
    }
}

TEST(identity_above_4g,
     PROMISE("In an identity domain a device reaches memory above 4 GiB")
     COVERS("ID-1") DEVICES(ALL) KINDS("dma")
     STEPS("In an identity domain the device writes in two pages of memory above 4 GiB.")
     EXPECTS("Each write lands in its page.")
     IF_IT_FAILS("The host's identity tables end at 4 GiB, or lead there by 32 bits."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer_high(t, 2);

    attach(t, domain_identity(t), e);
    expect_write(t, e, gpa_of(b.data), &b, 0, 8, "identity, above 4 GiB");
    expect_write(t, e, gpa_of(b.data) + PAGE_SIZE, &b, PAGE_SIZE, 8, "identity, the page after it");
}

/* Copies the tables on the way to the page into `to`, the lowest one first, and chains the copies
 * up to level `top`, from which on the walk goes through the tables of the domain. Returns the GPA
 * of the top table. */
static uint64_t copy_tables(struct test_run *t, struct domain *d, uint64_t iova, uint8_t *to,
                            unsigned top)
{
    const uint64_t address = d->table.format->address_mask;
    struct stage1_walk w;

    REQUIRE(stage1_walk(&d->table, iova, &w) == STAGE1_OK && w.leaf_level == 0, "not mapped");
    for (unsigned level = 0; level <= top; level++) {
        uint8_t *copy = to + level * PAGE_SIZE;
        uint8_t *table = gpa_pointer(gpa_of(w.entry[level]) & ~(PAGE_SIZE - 1));
        size_t offset = gpa_of(w.entry[level]) & (PAGE_SIZE - 1);
        uint64_t *entry = (uint64_t *)(void *)(copy + offset);

        memcpy(copy, table, PAGE_SIZE);
        if (level > 0)
            *entry = (*entry & ~address) | (gpa_of(copy) - PAGE_SIZE);
        if (level == top && level + 1 < LEVELS)
            *w.entry[level + 1] = (*w.entry[level + 1] & ~address) | gpa_of(copy);
    }
    STEP("tables of levels 0 to %llu are copies above 4 GiB, from GPA 0x%llx on", top, gpa_of(to));
    return top + 1 < LEVELS ? stage1_root_gpa(&d->table) : gpa_of(to) + top * PAGE_SIZE;
}

TEST(tables_above_4g,
     PROMISE("Tables above 4 GiB are followed, at each level, the top table included")
     COVERS("TR-2 CFG-1") DEVICES(PROBE) KINDS("dma")
     STEPS("Four times: the leaf table is in memory above 4 GiB; the table above it as well; the "
           "next one, too; all of them, with the top table. The device writes in two pages of the "
           "leaf table.")
     EXPECTS("Each write lands in its page.")
     IF_IT_FAILS("The host keeps the address of a table in 32 bits, in a walk, in a cache, or with "
                 "the domain."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 2);
    uint8_t *to = buffer_high(t, LEVELS).data;

    for (unsigned top = 0; top < LEVELS; top++) {
        struct domain *d = domain_four_levels(t, IOVA, &b);
        struct domain other = {
            .kind = DOMAIN_PAGING, .id = fresh_domain_id(t), .live = true, .table = d->table};
        uint64_t root = copy_tables(t, d, IOVA, to, top);

        CHECK_SUCCESS(iommu_create(other.id), "creating a domain");
        CHECK_SUCCESS(iommu_configure(other.id, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL, root),
                      "configuring a domain whose tables are above 4 GiB");
        STEP("create domain 0x%llx and configure it with root 0x%llx", other.id, root);
        attach(t, &other, e);
        expect_write(t, e, IOVA, &b, 0, 8, "tables above 4 GiB");
        expect_write(t, e, IOVA + PAGE_SIZE, &b, PAGE_SIZE, 8, "the second page of the table");
        attach(t, domain_blocked(t), e);
    }
}

#undef TEST_GROUP
#define TEST_GROUP "hypercall"

TEST(lists_above_4g,
     PROMISE("Parameter lists above 4 GiB work like those below")
     COVERS("GEN-9") ABI() DEVICES(NONE) KINDS("dma")
     STEPS("Sends every flawless call with its input in memory above 4 GiB, and the output there "
           "as well.")
     EXPECTS("Every call succeeds and has its effect.")
     IF_IT_FAILS("The host keeps the address of a parameter list in 32 bits, or takes memory above "
                 "4 GiB for outside of the address space."))
{
    struct call_fixture f = call_fixture_open(t);
    struct buffer high = buffer_high(t, f.input.size / PAGE_SIZE + f.output.size / PAGE_SIZE + 1);

    memset(high.data + f.input.size, POISON_GUARD, PAGE_SIZE);
    f.output.data = high.data + f.input.size + PAGE_SIZE;
    f.input.data = high.data;
    FOR_EACH_CALL(call)
    {
        uint64_t body[CALL_WORDS_MAX];
        struct mutated_call m = mutated_call_begin(&f, call, body);

        m.rule = RULE_ACCEPT;
        m.what = "lists above 4 GiB";
        m.r8 = gpa_of(f.output.data) + 64;
        if (call_can_succeed(&f, call))
            mutated_call_send_at(t, &f, &m, body, 64);
    }
}
