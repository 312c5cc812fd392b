/* SPDX-License-Identifier: MIT */
/* Bits of an entry that the x86 format leaves to software: 9, 11, and 62 to 52 (reference 5). */
#include "tests/harness/leaf.h"

#define TEST_GROUP "translate"

#define SOFTWARE_BITS  (0x7FFull << 52 | 1ull << 11 | 1ull << 9)
#define ACCESSED_DIRTY (1ull << 5 | 1ull << 6)
#define HOST_BITS      (ACCESSED_DIRTY | 1ull << 10) /* bit 10: extended accessed */

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

/* Of one entry whose A and D are clear, in a domain that the device is in: what the device does
 * changes these bits alone. A host may refuse such entries (TR-8). */
static void expect_bits_stay(struct test_run *t, struct domain *d, struct dma_engine *e,
                             uint64_t iova, uint64_t *entry)
{
    static const uint64_t patterns[] = {SOFTWARE_BITS, 0x555ull << 52 | 1ull << 11,
                                        0x2AAull << 52 | 1ull << 9, 0};
    const uint64_t before = *entry;

    for (unsigned i = rounds_on(e, 0, 2); i < ARRAY_SIZE(patterns); i++) {
        uint64_t set = (before & ~(SOFTWARE_BITS | HOST_BITS)) | patterns[i], now;

        __atomic_store_n(entry, set, __ATOMIC_RELEASE);
        flush(t, d);
        STEP("the entry is 0x%llx; the device writes at IOVA 0x%llx", set, iova);
        fill_by_device(t, e, iova, 8, "a page of which an entry has A and D clear");
        drain_faults(t, e);
        now = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
        CHECK_EQ(now & ~HOST_BITS, set, "the entry but for A and D, after DMA through it");
    }
    *entry = before;
}

TEST(software_bits_stay,
     PROMISE("Of the entries that lead to a page a host changes nothing but A and D: the bits for "
             "software stay set, or clear")
     COVERS("TR-8") DEVICES(ALL) KINDS("dma flush")
     STEPS("In the entry of each level of a 4 KiB page the bits 9, 11 and 62 to 52 are set, all or "
           "every second one, or clear, and A and D are clear. After a flush the device writes to "
           "the page.")
     EXPECTS("Afterwards the entry is what it was, but for A, D and the extended-accessed bit 10.")
     IF_IT_FAILS("The host writes back an entry of which it has kept what it knows, or a mark of "
                 "its own. The guest keeps there what it needs later."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_four_levels(t, IOVA, &b);

    attach(t, d, e);
    for (unsigned level = 0; level < 4; level++)
        expect_bits_stay(t, d, e, IOVA, entry_at(t, d, IOVA, level));
}

static void bits_of_leaf_stay(struct test_run *t, uint64_t size, unsigned level)
{
    struct dma_engine *e = device(t);
    struct leaf l = leaf_for(t, IOVA_1G, size);
    struct domain *d = domain_paging(t);

    leaf_map(t, d, &l, RW);
    attach(t, d, e);
    expect_bits_stay(t, d, e, IOVA_1G, entry_at(t, d, IOVA_1G, level));
}

TEST(software_bits_of_2m_leaf_stay,
     PROMISE("Of a 2 MiB leaf a host changes nothing but A and D: the bits for software stay set, "
             "or clear")
     COVERS("TR-8 TR-5") DEVICES(ALL) KINDS("dma flush")
     STEPS("In a 2 MiB leaf the bits 9, 11 and 62 to 52 are set, all or every second one, or "
           "clear, and A and D are clear. After a flush the device writes to the page.")
     EXPECTS("Afterwards the leaf is what it was, but for A, D and the extended-accessed bit 10.")
     IF_IT_FAILS("The host writes back a leaf of which it has kept what it knows, or a mark of its "
                 "own."))
{
    bits_of_leaf_stay(t, SIZE_2M, 1);
}

TEST(software_bits_of_1g_leaf_stay,
     PROMISE("Of a 1 GiB leaf a host changes nothing but A and D: the bits for software stay set, "
             "or clear")
     COVERS("TR-8 TR-5") DEVICES(ALL) KINDS("dma flush")
     STEPS("In a 1 GiB leaf the bits 9, 11 and 62 to 52 are set, all or every second one, or "
           "clear, and A and D are clear. After a flush the device writes to the page.")
     EXPECTS("Afterwards the leaf is what it was, but for A, D and the extended-accessed bit 10.")
     IF_IT_FAILS("The host writes back a leaf of which it has kept what it knows, or a mark of its "
                 "own."))
{
    bits_of_leaf_stay(t, SIZE_1G, 2);
}
