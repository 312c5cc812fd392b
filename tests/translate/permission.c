/* SPDX-License-Identifier: MIT */
/* Permissions: a leaf and every table above it must allow an access (reference 5, x86 rules). */
#include "tests/harness/fixture.h"

#define TEST_GROUP "translate"

/* Clears `bits` in the entry of that level above IOVA before the device has ever used it, so that
 * nothing can be cached. */
static void clear_bits_at(struct test_run *t, struct domain *d, unsigned level, uint64_t bits)
{
    struct stage1_walk w;

    REQUIRE(stage1_walk(&d->table, IOVA, &w) == STAGE1_OK && w.entry[level],
            "no table entry at level %u", level);
    *w.entry[level] &= ~bits;
    STEP("clear bits 0x%llx of the level %llu entry: now 0x%llx", bits, level, *w.entry[level]);
}

/* The entries on the way to a page, by their level. */
#define LEVELS(ROW, test)                                                                          \
    ROW(test, 0, 0, WORD(entry, "4 KiB leaf"))                                                     \
    ROW(test, 1, 1, WORD(entry, "entry of the 2 MiB level"))                                       \
    ROW(test, 2, 2, WORD(entry, "entry of the 1 GiB level"))                                       \
    ROW(test, 3, 3, WORD(entry, "entry of the root table"))

VARIANTS(const uint8_t, levels, LEVELS);

TEST_EACH(write_denied_at_level, LEVELS,
          PROMISE("A clear RW bit in the {entry} blocks writes")
          COVERS("TR-4") DEVICES(ALL) KINDS("dma fault")
          STEPS("A page is mapped for reading and writing; the RW bit of the {entry} is cleared "
                "before the device has ever used it; then the device writes.")
          EXPECTS("The write is denied, and nothing changes.")
          IF_IT_FAILS("The host takes the permission from some levels only, not from every entry "
                      "on the way."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_four_levels(t, IOVA, &b);

    clear_bits_at(t, d, VARIANT(levels), d->table.format->write_bits & 2);
    attach(t, d, e);
    expect_write_fault(t, e, IOVA + 16, 8, &b, ORACLE_FAULT_CLASS_WRITE_DENIED,
                       "write below an entry without RW");
}

TEST_EACH(not_present_at_level, LEVELS,
          PROMISE("A clear P bit in the {entry} blocks reads and writes")
          COVERS("TR-4") DEVICES(ALL) KINDS("dma fault")
          STEPS("A page is mapped; the P bit of the {entry} is cleared before the device has ever "
                "used it; then the device writes and reads.")
          EXPECTS("Both fault as not present, and nothing changes.")
          IF_IT_FAILS("The host follows an entry that is not present: its other bits may be "
                      "anything."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_four_levels(t, IOVA, &b);

    clear_bits_at(t, d, VARIANT(levels), d->table.format->present);
    attach(t, d, e);
    expect_write_fault(t, e, IOVA + 16, 8, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "write below an entry without P");
    expect_read_fault(t, e, IOVA + 16, 8, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                      "read below an entry without P");
}

TEST(upper_rights_hold_for_the_next_page,
     PROMISE("A clear RW bit above two pages blocks writes to the second, also when the walk to "
             "the first is cached")
     COVERS("TR-4") DEVICES(ALL) KINDS("dma fault")
     STEPS("For the levels 1 to 3: the RW bit above two pages is cleared, the device reads the "
           "first page and then tries to write the second.")
     EXPECTS("The write is denied, and neither page changes.")
     IF_IT_FAILS("The cached walk has lost the rights of the upper entries: writes to pages beside "
                 "one that was read go through."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 2);

    for (unsigned level = 1; level <= 3; level++) {
        struct domain *d = domain_four_levels(t, IOVA, &b);

        clear_bits_at(t, d, level, d->table.format->write_bits & 2);
        attach(t, d, e);
        read_and_try_to_write(t, e, IOVA, 16);
        expect_untouched(t, &b, "first page");
        expect_write_fault(t, e, IOVA + PAGE_SIZE, 16, &b, ORACLE_FAULT_CLASS_WRITE_DENIED,
                           "second page");
    }
}

TEST(read_only_leaf_blocks_writes,
     PROMISE("A write through a read-only leaf is dropped and memory stays as it was")
     COVERS("TR-3") DEVICES(ALL) KINDS("dma fault")
     STEPS("The device writes to the start and to the last byte of a read-only page.")
     EXPECTS("Both writes are denied and change nothing.")
     IF_IT_FAILS("The host does not check the RW bit of the leaf."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 1);

    map(t, d, IOVA, &b, STAGE1_READ);
    attach(t, d, e);
    expect_write_fault(t, e, IOVA, 64, &b, ORACLE_FAULT_CLASS_WRITE_DENIED,
                       "write to a read-only page");
    expect_write_fault(t, e, IOVA + PAGE_SIZE - 1, 1, &b, ORACLE_FAULT_CLASS_WRITE_DENIED,
                       "write to its last byte");
}

TEST(read_only_after_a_read,
     PROMISE("A write is dropped also when the read-only translation is cached by a read before it")
     COVERS("TR-3") DEVICES(ALL) KINDS("dma fault")
     STEPS("Three times the device reads 64 bytes of a read-only page and tries to write them back "
           "inverted.")
     EXPECTS("The page does not change.")
     IF_IT_FAILS("The cache entry that a read has made does not hold the write permission, and a "
                 "hit is not checked."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 1);

    map(t, d, IOVA, &b, STAGE1_READ);
    attach(t, d, e);
    /* Reads (allowed, fills caches) and then writes back (not allowed). */
    for (unsigned i = 0; i < 3; i++) {
        read_and_try_to_write(t, e, IOVA, 64);
        expect_untouched(t, &b, "write back through a cached read-only leaf");
    }
}

TEST(read_only_between_writable,
     PROMISE("A read-only page between two writable ones is the only one that a DMA over all three "
             "leaves unchanged")
     COVERS("TR-3") DEVICES(ALL) KINDS("dma fault")
     STEPS("One DMA over three pages, of which the middle one is read-only.")
     EXPECTS("The first page is written, the second unchanged, the third open.")
     IF_IT_FAILS("Permissions are checked for the first page of a request only."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 3);

    map_gpa(t, d, IOVA, gpa_of(b.data), PAGE_SIZE, RW);
    map_gpa(t, d, IOVA + PAGE_SIZE, gpa_of(b.data) + PAGE_SIZE, PAGE_SIZE, STAGE1_READ);
    map_gpa(t, d, IOVA + 2 * PAGE_SIZE, gpa_of(b.data) + 2 * PAGE_SIZE, PAGE_SIZE, RW);
    attach(t, d, e);
    fill_by_device(t, e, IOVA, 3 * PAGE_SIZE, "DMA");
    drain_faults(t, e);
    CHECK(!memory_find_other(b.data + PAGE_SIZE, PAGE_SIZE, POISON_FRESH),
          "the read-only page changed");
    /* A device may stop at the first fault, so the bytes after the page are open; those before it
     * are not. */
    CHECK(!memory_find_other(b.data, PAGE_SIZE, e->ops->fill_value),
          "the writable page before it was not written");
    CHECK(!buffer_damaged_guard(&b), "a guard byte changed");
}

OBSERVATION(accessed_and_dirty_clear,
            PROMISE("Entries without A and D: translated (and perhaps set by the host), or refused")
            COVERS("TR-8") DEVICES(ALL) KINDS("dma")
            STEPS("A leaf and the table entry above it have A and D clear; the device writes.")
            EXPECTS("It lands or is refused, and what the bits are afterwards is recorded.")
            IF_IT_FAILS("The write damages other memory: the host writes A and D bits to a wrong "
                        "place."))
{
    struct dma_engine *e = device(t);
    uint64_t ad = 1ull << 5 | 1ull << 6;
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_four_levels(t, IOVA, &b);
    bool landed;

    clear_bits_at(t, d, 0, ad);
    clear_bits_at(t, d, 1, ad);
    attach(t, d, e);
    landed = may_write(t, e, IOVA, &b, 0, 8, "write through a leaf without A and D");
    OBSERVE("write %s; leaf bits afterwards: A=%u D=%u", landed ? "landed" : "was refused",
            (unsigned)(*leaf_entry(t, d, IOVA) >> 5 & 1),
            (unsigned)(*leaf_entry(t, d, IOVA) >> 6 & 1));
}

OBSERVATION(user_bit_clear,
            PROMISE("A leaf without the US bit: refused or translated, as the host defines")
            COVERS("TR-9") DEVICES(ALL) KINDS("dma")
            STEPS("A leaf has the US bit clear; the device writes.")
            EXPECTS("It lands or is refused, which is recorded.")
            IF_IT_FAILS("The write damages other memory."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_four_levels(t, IOVA, &b);

    clear_bits_at(t, d, 0, 1ull << 2);
    attach(t, d, e);
    OBSERVE("write %s", may_write(t, e, IOVA, &b, 0, 8, "write through a supervisor leaf")
                            ? "landed"
                            : "was refused");
}

OBSERVATION(reserved_bits_in_tables,
            PROMISE("PS in a root entry and reserved address bits of a leaf: abort or ignored, "
                    "never an access elsewhere")
            COVERS("TR-7") DEVICES(ALL) KINDS("dma")
            STEPS("The device writes with PS set in the root entry, then, after a flush, with bit "
                  "51 set in the leaf.")
            EXPECTS("Each is ignored or aborts, which is recorded; nothing lands elsewhere.")
            IF_IT_FAILS("A reserved bit becomes a part of the address, and the device reaches "
                        "other memory."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_four_levels(t, IOVA, &b);
    struct stage1_walk w;
    bool root_ps, high;

    REQUIRE(stage1_walk(&d->table, IOVA, &w) == STAGE1_OK, "our own mapping is gone");
    *w.entry[3] |= 1ull << 7;
    attach(t, d, e);
    root_ps = may_write(t, e, IOVA, &b, 8, 8, "PS in the root entry");
    *w.entry[3] &= ~(1ull << 7);
    *w.entry[0] |= 1ull << 51;
    flush(t, d);
    high = may_write(t, e, IOVA, &b, 8, 8, "bit 51 in the leaf");
    OBSERVE("PS in the root entry: %s; bit 51 in a leaf: %s", root_ps ? "ignored" : "aborts",
            high ? "ignored" : "aborts");
}
