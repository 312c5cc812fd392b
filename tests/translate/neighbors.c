/* SPDX-License-Identifier: MIT */
/*
 * Entries in the same 64 bytes of a table (TR-3, TR-4, FL-3). A host reads eight of them at once,
 * and may cache what it reads: so the one that is judged has other rights than the one that was
 * used right before it, or is not present with every other bit in place.
 */
#include "tests/harness/leaf.h"

#define TEST_GROUP "translate"
/* Levels whose entries are leaves or lead to tables, with the spans of their entries. */
struct kind {
    uint64_t span;
    unsigned level;
    bool leaf;
};

#define NEIGHBORS(ROW, test)                                                                       \
    ROW(test, 4k, ((struct kind){PAGE_SIZE, 0, true}), WORD(entry, "4 KiB leaves") COVERS("TR-3")) \
    ROW(test, 2m, ((struct kind){SIZE_2M, 1, true}), WORD(entry, "2 MiB leaves") COVERS("TR-3"))   \
    ROW(test, 1g, ((struct kind){SIZE_1G, 2, true}), WORD(entry, "1 GiB leaves") COVERS("TR-3"))   \
    ROW(test, table_1, ((struct kind){SIZE_2M, 1, false}),                                         \
        WORD(entry, "entries above leaf tables") COVERS("TR-4"))                                   \
    ROW(test, table_2, ((struct kind){SIZE_1G, 2, false}),                                         \
        WORD(entry, "entries of level 2") COVERS("TR-4"))                                          \
    ROW(test, table_3, ((struct kind){512 * SIZE_1G, 3, false}),                                   \
        WORD(entry, "entries of level 3") COVERS("TR-4"))

VARIANTS(const struct kind, kinds, NEIGHBORS);

/* Two leaves with one target, whose entries of a level lie beside each other in a fresh domain. */
struct pair {
    struct domain *domain;
    struct leaf used, judged;
};

static void need_iova(struct test_run *t, uint64_t last)
{
    uint8_t width = capabilities(t)->max_iova_width;

    if (width < 64 && last >> width != 0) {
        SKIP("the host has IOVAs of %u bits, and the test needs 0x%llx", width,
             (unsigned long long)last);
    }
}

static struct pair make_pair(struct test_run *t, const struct kind *kind, const struct leaf *target)
{
    struct pair p = {.used = *target, .judged = *target};

    p.judged.iova += kind->span;
    p.domain = domain_paging_with(t, 4, kind->leaf ? PAGE_SIZE | kind->span : PAGE_SIZE);
    leaf_map(t, p.domain, &p.used, RW);
    leaf_map(t, p.domain, &p.judged, RW);
    return p;
}

static struct leaf target_of(struct test_run *t, const struct kind *kind)
{
    uint64_t iova = kind->leaf && kind->level == 2 ? IOVA_1G : IOVA;

    need_iova(t, iova + 2 * kind->span - 1);
    return leaf_for(t, iova, kind->leaf ? kind->span : PAGE_SIZE);
}

static uint64_t *entry_at(struct test_run *t, const struct pair *p, const struct leaf *l,
                          unsigned level)
{
    struct stage1_walk w;

    REQUIRE(stage1_walk(&p->domain->table, l->iova, &w) == STAGE1_OK && w.entry[level],
            "no entry of level %u", level);
    return w.entry[level];
}

static void clear_bit(struct test_run *t, const struct pair *p, const struct leaf *l,
                      unsigned level, uint64_t bit)
{
    uint64_t *entry = entry_at(t, p, l, level);

    *entry &= ~bit;
    STEP("level %llu entry of IOVA 0x%llx is 0x%llx now, without bit 0x%llx", level, l->iova,
         *entry, bit);
}

#define ENTRY_PRESENT 1ull
#define ENTRY_WRITE   2ull

EACH_TEST(NEIGHBORS, rights_of_a_neighbor,
          PROMISE("The write permission of one of two {entry} in the same 64 bytes does not count "
                  "for the other")
          COVERS("TR-1") DEVICES(ALL) KINDS("dma fault")
          STEPS("Two {entry} lie beside each other, one writable and one read-only. The device "
                "writes through the writable one, then through the read-only one, then through the "
                "writable one, and through the read-only one again, which is cached by now. Then "
                "the same in a fresh domain with the read-only one used first.")
          EXPECTS("Writes through the writable one land, the others fault as write denied and "
                  "change nothing.")
          IF_IT_FAILS("The host keeps one permission for entries that it reads together, or for a "
                      "pair of pages."))
{
    const struct kind *kind = &VARIANT(kinds);
    struct dma_engine *e = device(t);
    struct leaf target = target_of(t, kind);

    for (unsigned order = 0; order < 2; order++) {
        struct pair p = make_pair(t, kind, &target);

        clear_bit(t, &p, &p.judged, kind->level, ENTRY_WRITE);
        attach(t, p.domain, e);
        if (order == 1)
            read_and_try_to_write(t, e, p.judged.iova, 8);
        for (unsigned round = 0; round < 2; round++) {
            leaf_expect_write(t, e, &p.used, 0, 8, "through the writable entry");
            leaf_expect_write_fault(t, e, &p.judged, 0, 8, ORACLE_FAULT_CLASS_WRITE_DENIED,
                                    "through the read-only entry beside it");
            read_and_try_to_write(t, e, p.judged.iova, 8);
        }
        leaf_expect_write(t, e, &p.used, 8, 8, "through the writable entry, last");
    }
}

EACH_TEST(NEIGHBORS, not_present_beside_used,
          PROMISE("One of two {entry} that is not present is not followed, however the one beside "
                  "it was used")
          COVERS("TR-4 FL-3") DEVICES(ALL) KINDS("dma fault")
          STEPS("Two {entry} lie in the same 64 bytes. One of them is made not present, all its "
                "other bits stay. The device writes through the other one, then through the one "
                "that is not present, twice. Then that entry becomes present, and the device "
                "writes through it, without any flush.")
          EXPECTS("Writes through the entry that is not present fault as not present and change "
                  "nothing; once it is present, they land.")
          IF_IT_FAILS("The host caches entries that it reads together with a used one, without a "
                      "look at the present bit, or remembers that they were not present."))
{
    const struct kind *kind = &VARIANT(kinds);
    struct dma_engine *e = device(t);
    struct leaf target = target_of(t, kind);
    struct pair p = make_pair(t, kind, &target);
    uint64_t *entry = entry_at(t, &p, &p.judged, kind->level);

    clear_bit(t, &p, &p.judged, kind->level, ENTRY_PRESENT);
    attach(t, p.domain, e);
    leaf_expect_write(t, e, &p.used, 0, 8, "through the entry that is present");
    for (unsigned i = 0; i < 2; i++) {
        leaf_expect_write_fault(t, e, &p.judged, 0, 8, ORACLE_FAULT_CLASS_NOT_PRESENT,
                                "through the entry beside it, which is not present");
    }
    leaf_expect_write(t, e, &p.used, 8, 8, "through the entry that is present, again");
    if (!iommu_promises(IOMMU_SEES_EDITS_LATE))
        return;
    *entry |= ENTRY_PRESENT;
    STEP("level %llu entry of IOVA 0x%llx is 0x%llx now, no flush", kind->level, p.judged.iova,
         *entry);
    leaf_expect_write(t, e, &p.judged, 0, 8, "through the entry that became present");
}

/* --- rights of the levels above, which a host may leave out for what it reads beside --- */
#define BELOW(ROW, test)                                                                           \
    ROW(test, 4k, ((struct kind){PAGE_SIZE, 0, true}), WORD(entry, "4 KiB leaves"))                \
    ROW(test, 2m, ((struct kind){SIZE_2M, 1, true}), WORD(entry, "2 MiB leaves") COVERS("TR-5"))   \
    ROW(test, 1g, ((struct kind){SIZE_1G, 2, true}), WORD(entry, "1 GiB leaves") COVERS("TR-5"))   \
    ROW(test, table_1, ((struct kind){SIZE_2M, 1, false}),                                         \
        WORD(entry, "entries above leaf tables"))                                                  \
    ROW(test, table_2, ((struct kind){SIZE_1G, 2, false}), WORD(entry, "entries of level 2"))

VARIANTS(const struct kind, below, BELOW);

#define TOP_LEVEL 3u

EACH_TEST(BELOW, rights_above_a_neighbor,
          PROMISE("A level above two {entry} in the same 64 bytes that is read-only is so for "
                  "both, whichever was used first")
          COVERS("TR-4 TR-1") DEVICES(ALL) KINDS("dma fault flush")
          STEPS("Two {entry}, both writable, lie beside each other, and the device has written "
                "through both. An entry above them, at each level in turn, becomes read-only, and "
                "the domain is flushed. The device reads through the first one, in every second "
                "round through the second one, too, and writes through the second one and the "
                "first one. The entry becomes writable again, with a flush.")
          EXPECTS("All writes fault as write denied and change nothing, until the entry is "
                  "writable again.")
          IF_IT_FAILS("The host caches entries that it reads together with a used one by their own "
                      "rights, without those of the path that leads to them."))
{
    const struct kind *kind = &VARIANT(below);
    struct dma_engine *e = device(t);
    struct leaf target = target_of(t, kind);

    for (unsigned n = 0; n < 2 * (TOP_LEVEL - kind->level); n++) {
        unsigned above = kind->level + 1 + n / 2;
        struct pair p = make_pair(t, kind, &target);

        attach(t, p.domain, e);
        leaf_expect_write(t, e, &p.used, 0, 8, "through the first one");
        leaf_expect_write(t, e, &p.judged, 0, 8, "through the one beside it");
        clear_bit(t, &p, &p.used, above, ENTRY_WRITE);
        flush(t, p.domain);
        read_and_try_to_write(t, e, p.used.iova, 8);
        if (n % 2 == 1)
            read_and_try_to_write(t, e, p.judged.iova, 8);
        leaf_expect_write_fault(t, e, &p.judged, 0, 8, ORACLE_FAULT_CLASS_WRITE_DENIED,
                                "through an entry beside the used one, below a read-only one");
        leaf_expect_write_fault(t, e, &p.used, 0, 8, ORACLE_FAULT_CLASS_WRITE_DENIED,
                                "through the used entry, below a read-only one");
        *entry_at(t, &p, &p.used, above) |= ENTRY_WRITE;
        STEP("level %llu entry is writable again", above);
        flush(t, p.domain);
        leaf_expect_write(t, e, &p.judged, 8, 8, "below an entry that is writable again");
    }
}

TEST(dma_into_read_only_page,
     PROMISE("One DMA that begins in a writable page and ends in a read-only one does not change "
             "the read-only one")
     COVERS("TR-3") DEVICES(ALL) KINDS("dma fault")
     STEPS("Two pages in a row lead to pages that are apart; the second is read-only. The device "
           "writes over the boundary, twice, and then in the first page alone.")
     EXPECTS("No byte of the second page changes; the last write lands.")
     IF_IT_FAILS("The permission is looked up for the first page of a request only."))
{
    struct dma_engine *e = device(t);
    struct buffer first = buffer(t, 1), second = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &first);

    map(t, d, IOVA + PAGE_SIZE, &second, STAGE1_READ);
    attach(t, d, e);
    for (unsigned i = 0; i < 2; i++) {
        STEP("device 0x%llx writes 32 bytes at IOVA 0x%llx", e->device_id, IOVA + PAGE_SIZE - 16);
        fill_by_device(t, e, IOVA + PAGE_SIZE - 16, 32, "over the boundary");
        expect_untouched(t, &second, "the read-only page");
        drain_faults(t, e);
    }
    buffer_refresh(&first);
    expect_write(t, e, IOVA, &first, 0, 8, "the writable page alone");
}

/* --- IOVAs that a short comparison takes for another --- */
static void expect_no_alias(struct test_run *t, struct dma_engine *e, uint64_t iova, uint64_t other,
                            struct buffer *b)
{
    if (other == iova)
        return;
    if (b->size == PAGE_SIZE) {
        expect_write_fault(t, e, other, 8, b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                           "an IOVA that differs from the used one");
        return;
    }
    /* A look at all of 2 MiB each time would take a second; the caller does it once. */
    STEP("device 0x%llx writes 8 bytes at IOVA 0x%llx, which is not mapped", e->device_id, other);
    fill_by_device(t, e, other, 8, "an IOVA that differs from the used one");
    CHECK(b->data[0] == POISON_FRESH, "IOVA 0x%llx reaches the target of IOVA 0x%llx",
          (unsigned long long)other, (unsigned long long)iova);
    drain_faults(t, e);
}

/* Bits that IOVAs of the device and of the domain have. */
static unsigned iova_bits(struct test_run *t, const struct domain *d, const struct dma_engine *e)
{
    unsigned bits = capabilities(t)->max_iova_width;

    while (bits > 12 &&
           ((1ull << (bits - 1)) >= stage1_iova_limit(&d->table) || bits > e->iova_bits))
        bits--;
    return bits;
}

/* All but the interrupt window. */
static bool is_usable(uint64_t iova, unsigned bits)
{
    return iova >> bits == 0 && iova >> 20 != 0xFEE;
}

static void aliases(struct test_run *t, struct dma_engine *e, uint64_t iova, uint64_t size,
                    struct buffer *b, unsigned bits)
{
    unsigned low = size == PAGE_SIZE ? 12 : 21, step = rounds_on(e, 1, 0) ? 1 : 5;

    for (unsigned bit = low; bit < bits; bit += step)
        if (is_usable(iova ^ 1ull << bit, bits))
            expect_no_alias(t, e, iova, iova ^ 1ull << bit, b);
    for (unsigned shift = 1; shift < 37; shift += step) {
        uint64_t page = iova >> low;

        if (page << shift >> shift == page && page << shift >> (bits - low) == 0 &&
            is_usable(page << shift << low, bits))
            expect_no_alias(t, e, iova, page << shift << low, b);
        if (page >> shift != 0 && is_usable(page >> shift << low, bits))
            expect_no_alias(t, e, iova, page >> shift << low, b);
    }
    expect_untouched(t, b, "after writes to IOVAs that differ from the used one");
}

struct place {
    uint64_t iova, size; /* `iova` is cut to the bits that there are */
};

#define PLACES(ROW, test)                                                                          \
    ROW(test, low_page, ((struct place){IOVA + 5 * PAGE_SIZE, PAGE_SIZE}),                         \
        WORD(place, "a page at a low IOVA"))                                                       \
    ROW(test, high_page, ((struct place){0x5A5AB6D2D000ull, PAGE_SIZE}),                           \
        WORD(place, "a page at a high IOVA"))                                                      \
    ROW(test, high_2m, ((struct place){0x5A5AB6C00000ull, SIZE_2M}),                               \
        WORD(place, "2 MiB at a high IOVA") COVERS("TR-5"))

VARIANTS(const struct place, places, PLACES);

TEST_EACH(no_alias_of, PLACES,
          PROMISE("No IOVA that differs in one bit, or is shifted, reaches {place} that is in the "
                  "caches")
          COVERS("TR-2 LS-1") DEVICES(ALL) KINDS("dma fault flush")
          STEPS("The device uses {place}. It writes to every IOVA that differs in one bit of the "
                "page number, and to the page number shifted by one bit and more in both "
                "directions. One of them is flushed by a list, and the used one works. Then it is "
                "unmapped and flushed by a list, and the device writes to it.")
          EXPECTS("All other IOVAs fault as not present, the used one works until it is unmapped, "
                  "and nothing else changes.")
          IF_IT_FAILS("A cache of translations or of upper levels compares only some bits of the "
                      "IOVA, or the flush of a list cuts page numbers."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer_for_leaf(t, VARIANT(places).size);
    struct domain *d = domain_paging(t);
    unsigned bits = iova_bits(t, d, e);
    uint64_t size = VARIANT(places).size,
             iova = VARIANT(places).iova & ((1ull << bits) - 1) & ~(size - 1);

    if (!is_usable(iova, bits) || iova == 0)
        SKIP("no IOVA of %u bits for it", bits);
    map(t, d, iova, &b, RW);
    attach(t, d, e);
    warm(t, e, iova, &b, "mapped");
    aliases(t, e, iova, size, &b, bits);
    flush_list(t, d, iova ^ size, size);
    warm(t, e, iova, &b, "an IOVA beside it was flushed");
    unmap(t, d, iova, size);
    flush_list(t, d, iova, size);
    expect_write_fault(t, e, iova, 8, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "unmapped and flushed by a list");
}
