/* SPDX-License-Identifier: MIT */
/* Bits of an entry that the x86 format leaves to software: 9, 11, and 62 to 52 (reference 5). */
#include "tests/harness/leaf.h"

#define TEST_GROUP "translate"

#define SOFTWARE_BITS (0x7FFull << 52 | 1ull << 11 | 1ull << 9)

static uint64_t *entry_at(struct test_run *t, struct domain *d, uint64_t iova, unsigned level)
{
    struct stage1_walk w;

    REQUIRE(stage1_walk(&d->table, iova, &w) == STAGE1_OK && w.entry[level],
            "no table entry at level %u", level);
    return w.entry[level];
}

TEST(software_bits_of_small_pages,
     PROMISE("The bits of an entry that are for software change nothing: in a 4 KiB leaf and in "
             "the entry of each table above it")
     COVERS("TR-1 TR-2") DEVICES(ALL) KINDS("dma flush")
     STEPS("At each level, each of the bits 9, 11 and 62 to 52 of the entry is set, on a slow "
           "device all of them at once, and then all of them. After a flush the device writes to "
           "the first and last bytes of the page.")
     EXPECTS("Each write lands in the page.")
     IF_IT_FAILS("The host takes a bit that the format leaves to the guest for a reserved one, or "
                 "for a part of the address."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_four_levels(t, IOVA, &b);

    attach(t, d, e);
    for (unsigned level = 0; level < 4; level++) {
        uint64_t *entry = entry_at(t, d, IOVA, level), before = *entry;

        for (unsigned bit = rounds_on(e, 9, 64); bit <= 64; bit++) {
            uint64_t bits = bit < 64 ? SOFTWARE_BITS & 1ull << bit : SOFTWARE_BITS;

            if (bits == 0)
                continue;
            *entry = before | bits;
            flush(t, d);
            STEP("bits 0x%llx of the level %llu entry set: now 0x%llx", bits, level, *entry);
            expect_write(t, e, IOVA, &b, 0, 4, "first bytes, with bits of software");
            expect_write(t, e, IOVA + PAGE_SIZE - 4, &b, PAGE_SIZE - 4, 4,
                         "last bytes, with bits of software");
        }
        *entry = before;
    }
}

static void software_bits_of_leaf(struct test_run *t, uint64_t size, unsigned level)
{
    struct dma_engine *e = device(t);
    struct leaf l = leaf_for(t, IOVA_1G, size);
    struct domain *d = domain_paging(t);
    uint64_t *entry, before;

    leaf_map(t, d, &l, RW);
    entry = entry_at(t, d, IOVA_1G, level);
    before = *entry;
    attach(t, d, e);
    for (unsigned bit = rounds_on(e, 9, 64); bit <= 64; bit++) {
        uint64_t bits = bit < 64 ? SOFTWARE_BITS & 1ull << bit : SOFTWARE_BITS;

        if (bits == 0)
            continue;
        *entry = before | bits;
        flush(t, d);
        STEP("bits 0x%llx of the leaf set: now 0x%llx", bits, *entry);
        leaf_expect_write(t, e, &l, size - 4, 4, "last bytes, with bits of software");
    }
}

TEST(software_bits_of_2m_leaf,
     PROMISE("The bits of a 2 MiB leaf that are for software change nothing")
     COVERS("TR-5") DEVICES(ALL) KINDS("dma flush")
     STEPS("Each of the bits 9, 11 and 62 to 52 of a 2 MiB leaf is set, and then all of them. "
           "After a flush the device writes to the last bytes of the page.")
     EXPECTS("Each write lands in the page.")
     IF_IT_FAILS("The host takes a bit that the format leaves to the guest for a reserved one, or "
                 "for a part of the address."))
{
    software_bits_of_leaf(t, SIZE_2M, 1);
}

TEST(software_bits_of_1g_leaf,
     PROMISE("The bits of a 1 GiB leaf that are for software change nothing")
     COVERS("TR-5") DEVICES(ALL) KINDS("dma flush")
     STEPS("Each of the bits 9, 11 and 62 to 52 of a 1 GiB leaf is set, and then all of them. "
           "After a flush the device writes to the last bytes of the page.")
     EXPECTS("Each write lands in the page.")
     IF_IT_FAILS("The host takes a bit that the format leaves to the guest for a reserved one, or "
                 "for a part of the address."))
{
    software_bits_of_leaf(t, SIZE_1G, 2);
}
