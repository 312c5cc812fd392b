/* SPDX-License-Identifier: MIT */
/* Stories about the walk and its second stage. */
#include "lib/bits.h"
#include "tests/unit/softiommu_scenarios.h"

#define IOVA     UINT64_C(0x12345000)
#define PAGE_GPA (RAM + 0x10000)
#define DID      9u

static struct softiommu_translation one_page(struct machine *m, unsigned levels, uint64_t iova)
{
    struct softiommu_translation t = domain_mapping(m, levels, DID, iova, PAGE_GPA);

    attach(m, 0, &t);
    return t;
}

/* Whether an access gets through although bits of the entry at this level are not what they must
 * be. */
static bool passes(struct machine *m, unsigned level, uint64_t flipped, enum oracle_access access)
{
    struct softiommu_translation t = one_page(m, 4, IOVA);

    *entry_of(m, &t, IOVA, level) ^= flipped;
    return target(m, 0, IOVA, access) != REFUSED;
}

bool story_write_leaf_only(struct machine *m, unsigned argument)
{
    (void)argument;
    return passes(m, 2, BIT(1), WRITE);
}

bool story_present_leaf_only(struct machine *m, unsigned argument)
{
    (void)argument;
    return passes(m, 2, BIT(0), READ);
}

bool story_user(struct machine *m, unsigned argument)
{
    (void)argument;
    return passes(m, 1, BIT(2), READ);
}

bool story_reserved(struct machine *m, unsigned argument)
{
    (void)argument;
    return passes(m, 3, PS, READ);
}

bool story_five_levels(struct machine *m, unsigned argument)
{
    const uint64_t iova = IOVA | BIT(argument);

    one_page(m, 5, iova);
    return target(m, 0, iova, READ) != PAGE_GPA;
}

#define NARROW 39u

/* Whether all bytes of a read are translated; *pieces may be NULL. */
static bool reads_both(struct machine *m, uint64_t iova, uint64_t length, unsigned *pieces)
{
    struct softiommu_piece piece[2];
    struct softiommu_request request = {
        .iova = iova, .length = length, .access = READ, .piece = piece, .piece_capacity = 2};
    bool all = softiommu_request_begin(m->iommu, 0, &request);

    softiommu_request_abandon(m->iommu, &request);
    if (pieces)
        *pieces = request.pieces;
    return all;
}

bool story_width(struct machine *m, unsigned argument)
{
    (void)argument;
    one_page(m, 4, IOVA);
    return target(m, 0, IOVA | BIT(50), READ) != REFUSED;
}

/* On a unit of fewer bits than its tables hold, one page on each side of the width. */
static struct machine *narrow(const struct machine *m, unsigned levels)
{
    struct softiommu_config config = m->config;
    struct softiommu_translation t;
    struct machine *n;

    config.iova_bits = NARROW;
    n = machine_new(&config);
    t = domain_mapping(n, levels, DID, BIT(NARROW) - PAGE_SIZE, PAGE_GPA);
    map(n, &t, BIT(NARROW), PAGE_GPA + PAGE_SIZE, RW);
    attach(n, 0, &t);
    return n;
}

bool story_mapped_beyond_width(struct machine *m, unsigned argument)
{
    struct machine *n = narrow(m, argument);
    bool wrong =
        target(n, 0, BIT(NARROW), READ) != REFUSED || target(n, 0, BIT(NARROW), WRITE) != REFUSED;

    machine_free(n);
    return wrong;
}

bool story_over_the_width(struct machine *m, unsigned argument)
{
    struct machine *n = narrow(m, 4);
    bool wrong = reads_both(n, BIT(NARROW) - 8, 16, NULL);

    (void)argument;
    machine_free(n);
    return wrong;
}

/* Up to the end of guest memory and beyond it. */
bool story_over_the_end(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);
    uint64_t last = argument == 0 ? 0 : RAM_SIZE - PAGE_SIZE;

    if (argument == 0) {
        map(m, &t, IOVA, RAM + RAM_SIZE - PAGE_SIZE, RW);
        map(m, &t, IOVA + PAGE_SIZE, RAM + RAM_SIZE, RW);
    } else {
        *entry_of(m, &t, align_down(IOVA, BIT(30)), argument) = RAM | RW | PS;
    }
    attach(m, 0, &t);
    return reads_both(m, (argument == 0 ? IOVA : align_down(IOVA, BIT(30))) + last + PAGE_SIZE - 8,
                      16, NULL);
}

/* Over the border of two chunks, which lie apart. */
bool story_pieces(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);
    uint64_t iova = align_down(IOVA, MEG2);
    unsigned pieces;

    (void)argument;
    *entry_of(m, &t, iova, 1) = RAM | RW | PS;
    attach(m, 0, &t);
    return !reads_both(m, iova + CHUNK - 8, 16, &pieces) || pieces != 2;
}

bool story_offset(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);
    uint64_t iova = align_down(IOVA, PAGE_SIZE << (9 * argument)),
             offset = argument == 1 ? MEG2 - 8 : MEG2 + 8;

    *entry_of(m, &t, iova, argument) = RAM | RW | PS;
    attach(m, 0, &t);
    return target(m, 0, iova + offset, READ) != RAM + offset;
}

/* argument: whether the small page comes first. */
bool story_other_size(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);
    uint64_t offset = IOVA % MEG2;

    if (argument != 0)
        map(m, &t, IOVA, PAGE_GPA, RW);
    else
        *entry_of(m, &t, IOVA, 1) = RAM | RW | PS;
    attach(m, 0, &t);
    assert_int_equal(target(m, 0, IOVA, WRITE), argument != 0 ? PAGE_GPA : RAM + offset);
    *entry_of(m, &t, IOVA, 1) = argument != 0 ? RAM | RW | PS : 0;
    if (argument == 0)
        map(m, &t, IOVA, PAGE_GPA, RW);
    softiommu_flush_domain(m->iommu, DID);
    return target(m, 0, IOVA, WRITE) != (argument != 0 ? RAM + offset : PAGE_GPA);
}

/* argument: the level of the leaf. */
bool story_crossing(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);
    uint64_t page = PAGE_SIZE << (9 * argument), iova = align_down(IOVA, page), spa, size;

    m->endless = true;
    *entry_of(m, &t, iova, argument) = RAM | RW | (argument != 0 ? PS : 0);
    attach(m, 0, &t);
    assert_int_equal(softiommu_translate(m->iommu, 0, iova + page - 16, READ, &spa, &size),
                     SOFTIOMMU_REASON_NONE);
    return size > 16;
}

/* Another processor takes the page away between the read of its entry and the store of A. */
static void unmap_once(struct machine *m, uint64_t spa)
{
    if (spa == m->watch[0] && m->watched == 0) {
        *at_spa(m, spa) = 0;
        m->watched++;
    }
}

bool story_plain_store(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = one_page(m, 4, IOVA);
    uint64_t *leaf = entry_of(m, &t, IOVA, 0);

    (void)argument;
    *leaf &= ~BIT(5);
    m->watch[0] = (uint64_t)((uint8_t *)leaf - m->ram) + RAM_SPA;
    m->after_read = unmap_once;
    return target(m, 0, IOVA, READ) != REFUSED || *leaf != 0;
}

/* A bit of software in an entry that gets D; 64: none. */
bool story_drops_bits(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = one_page(m, 4, IOVA);
    unsigned level = argument >> 8, bit = argument & 0xFF;
    uint64_t *entry = entry_of(m, &t, IOVA, level), before;

    if (level == 1)
        *entry = RAM | RW | PS;
    *entry |= bit < 64 ? BIT(bit) : 0;
    *entry &= ~BIT(6);
    before = *entry;
    assert_int_not_equal(target(m, 0, IOVA, WRITE), REFUSED);
    return (*entry & ~BIT(6)) != (before & ~BIT(6));
}

bool story_software_bit(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = one_page(m, 4, IOVA);
    unsigned level = argument >> 8;

    if (level == 1)
        *entry_of(m, &t, IOVA, 1) = RAM | RW | PS;
    *entry_of(m, &t, IOVA, level) |= BIT(argument & 0xFF);
    return target(m, 0, IOVA, WRITE) != (level == 1 ? RAM + IOVA % MEG2 : PAGE_GPA);
}

bool story_late_store(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = one_page(m, 4, IOVA);
    uint64_t *leaf = entry_of(m, &t, IOVA, 0);

    (void)argument;
    map(m, &t, IOVA + MEG2, PAGE_GPA, RW);
    assert_int_equal(target(m, 0, IOVA, WRITE), PAGE_GPA);
    *entry_of(m, &t, IOVA, 1) = 0;
    softiommu_flush_range(m->iommu, DID, IOVA >> 12, 0);
    *leaf = 0x5A5A; /* the table is data now */
    assert_int_equal(target(m, 0, IOVA + MEG2, READ), PAGE_GPA);
    return *leaf != 0x5A5A;
}

/* Tables in memory of the host, as if they were left over there. */
static void tables_of_host(struct machine *m, unsigned levels)
{
    uint64_t table = HOST;

    for (unsigned level = levels - 1; level > 0; level--, table += PAGE_SIZE)
        at_spa(m, table)[(IOVA >> (12 + 9 * level)) & 511] = (table + PAGE_SIZE) | TABLE;
    at_spa(m, table)[(IOVA >> 12) & 511] = PAGE_GPA | RW;
}

bool story_stage2_root(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = {
        .kind = SOFTIOMMU_PAGING, .root = HOST, .levels = 4, .did = DID};

    (void)argument;
    tables_of_host(m, 4);
    attach(m, 0, &t);
    return target(m, 0, IOVA, READ) != REFUSED || m->table_reads_in_host != 0;
}

bool story_stage2_table(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);

    (void)argument;
    tables_of_host(m, 3);
    *entry_of(m, &t, IOVA, 3) = HOST | TABLE;
    attach(m, 0, &t);
    return target(m, 0, IOVA, READ) != REFUSED || m->table_reads_in_host != 0;
}

bool story_stage2_leaf(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_mapping(m, 4, DID, IOVA, HOST);

    (void)argument;
    attach(m, 0, &t);
    return target(m, 0, IOVA, WRITE) != REFUSED;
}

bool story_stage2_identity(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = {.kind = SOFTIOMMU_IDENTITY, .did = DID};

    attach(m, 0, &t);
    assert_int_equal(target(m, 0, PAGE_GPA, WRITE), PAGE_GPA);
    return target(m, 0, HOST, argument != 0 ? READ : WRITE) != REFUSED;
}
