/* SPDX-License-Identifier: MIT */
/* Stories about entries beside each other, IOVAs that differ in a bit, and caches that another
 * access has filled. */
#include "lib/bits.h"
#include "tests/unit/softiommu_scenarios.h"

#define IOVA            UINT64_C(0x4040000000) /* aligned for every size */
#define DID             11u
#define OTHER_DID       12u
#define LEVEL(argument) ((argument) >> 4 & 15u)
#define WITH_ATS(arg)   ((arg) >> 8 != 0)
#define PRESENT         BIT(0)
#define WRITABLE        BIT(1)

static uint64_t span(unsigned level)
{
    return PAGE_SIZE << (9 * level);
}

/* Two leaves of a level beside each other, or two pages whose entries of this level are beside each
 * other. */
static struct softiommu_translation pair(struct machine *m, unsigned level, bool leaves)
{
    struct softiommu_translation t = domain_new(m, 4, DID);

    for (unsigned i = 0; i < 2; i++)
        *entry_of(m, &t, IOVA + i * span(level), leaves ? level : 0) =
            (RAM + (leaves && level > 0 ? 0 : i * PAGE_SIZE)) | RW | (leaves && level > 0 ? PS : 0);
    attach(m, 0, &t);
    return t;
}

bool story_line_leaf(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = pair(m, LEVEL(argument), true);
    uint64_t beside = IOVA + span(LEVEL(argument));

    *entry_of(m, &t, beside, LEVEL(argument)) &= ~WRITABLE;
    assert_int_equal(target(m, 0, IOVA, WRITE), RAM);
    return target(m, 0, beside, WRITE) != REFUSED;
}

bool story_byte_rights(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = pair(m, 0, true);

    *entry_of(m, &t, IOVA + argument * PAGE_SIZE, 0) &= ~WRITABLE;
    return target(m, 0, IOVA + PAGE_SIZE - (argument == 0), WRITE) != REFUSED;
}

bool story_pair_rights(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = pair(m, 0, true);

    (void)argument;
    *entry_of(m, &t, IOVA + PAGE_SIZE, 0) &= ~WRITABLE;
    assert_int_equal(target(m, 0, IOVA + PAGE_SIZE, READ), RAM + PAGE_SIZE);
    assert_int_equal(target(m, 0, IOVA, WRITE), RAM);
    return target(m, 0, IOVA + PAGE_SIZE, WRITE) != REFUSED;
}

bool story_line_table(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = pair(m, LEVEL(argument), false);
    uint64_t beside = IOVA + span(LEVEL(argument));

    *entry_of(m, &t, beside, LEVEL(argument)) &= ~WRITABLE;
    assert_int_equal(target(m, 0, IOVA, WRITE), RAM);
    return target(m, 0, beside, WRITE) != REFUSED;
}

bool story_line_above(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = pair(m, LEVEL(argument & 0xFF), argument >> 8 != 0);
    uint64_t beside = IOVA + span(LEVEL(argument & 0xFF));

    *entry_of(m, &t, IOVA, LEVEL(argument & 0xFF) + 1) &= ~WRITABLE;
    assert_int_equal(target(m, 0, IOVA, READ), RAM);
    return target(m, 0, beside, WRITE) != REFUSED;
}

bool story_line_read_only(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = pair(m, 0, true);

    (void)argument;
    *entry_of(m, &t, IOVA, 0) &= ~WRITABLE;
    assert_int_equal(target(m, 0, IOVA, READ), RAM);
    return target(m, 0, IOVA + PAGE_SIZE, WRITE) == REFUSED;
}

bool story_request_rights(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = pair(m, 0, true);
    struct softiommu_piece piece[2];
    struct softiommu_request request = {.iova = IOVA + PAGE_SIZE - 8,
                                        .length = 16,
                                        .access = WRITE,
                                        .piece = piece,
                                        .piece_capacity = 2};
    bool all;

    (void)argument;
    *entry_of(m, &t, IOVA + PAGE_SIZE, 0) &= ~WRITABLE;
    all = softiommu_request_begin(m->iommu, 0, &request);
    softiommu_request_abandon(m->iommu, &request);
    return all;
}

static bool absent_beside(struct machine *m, unsigned level, bool leaves)
{
    struct softiommu_translation t = pair(m, level, leaves);
    uint64_t beside = IOVA + span(level);

    *entry_of(m, &t, beside, level) &= ~PRESENT;
    assert_int_equal(target(m, 0, IOVA, WRITE), RAM);
    return target(m, 0, beside, READ) != REFUSED;
}

bool story_absent_leaf(struct machine *m, unsigned argument)
{
    return absent_beside(m, LEVEL(argument), true);
}

bool story_absent_table(struct machine *m, unsigned argument)
{
    return absent_beside(m, LEVEL(argument), false);
}

bool story_absence_prefetched(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = pair(m, 0, true);

    (void)argument;
    *entry_of(m, &t, IOVA + PAGE_SIZE, 0) &= ~PRESENT;
    assert_int_equal(target(m, 0, IOVA, WRITE), RAM);
    *entry_of(m, &t, IOVA + PAGE_SIZE, 0) |= PRESENT;
    return target(m, 0, IOVA + PAGE_SIZE, READ) == REFUSED;
}

bool story_alias(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);

    map(m, &t, IOVA, RAM, RW);
    attach(m, 0, &t);
    softiommu_set_ats(m->iommu, 0, WITH_ATS(argument));
    assert_int_equal(target(m, 0, IOVA, WRITE), RAM);
    return target(m, 0, IOVA ^ BIT(argument & 0xFF), READ) != REFUSED;
}

bool story_alias_2m(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = pair(m, 1, true);

    (void)t;
    assert_int_equal(target(m, 0, IOVA, WRITE), RAM);
    return target(m, 0, IOVA ^ BIT(argument), READ) != REFUSED;
}

bool story_alias_shifted(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);

    map(m, &t, 5 * PAGE_SIZE, RAM, RW);
    attach(m, 0, &t);
    assert_int_equal(target(m, 0, 5 * PAGE_SIZE, WRITE), RAM);
    return target(m, 0, 5 * PAGE_SIZE << argument, READ) != REFUSED;
}

bool story_high_range(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);
    uint64_t high = IOVA | BIT(argument);

    map(m, &t, high, RAM, RW);
    attach(m, 0, &t);
    assert_int_equal(target(m, 0, high, WRITE), RAM);
    map(m, &t, high, 0, 0);
    softiommu_flush_range(m->iommu, DID, high >> 12, 0);
    return target(m, 0, high, READ) != REFUSED;
}

/* The access that fills the cache: another page of the table, one that is not mapped, or a page of
 * the table beside. */
enum filler { BY_PAGE, BY_FAULT, BY_PREFETCH };

bool story_other_filler(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);
    uint64_t other = RAM + 4 * PAGE_SIZE;

    map(m, &t, IOVA, RAM, RW);
    map(m, &t, IOVA + 3 * PAGE_SIZE, RAM + PAGE_SIZE, RW);
    map(m, &t, IOVA + span(1), RAM + PAGE_SIZE, RW);
    attach(m, 0, &t);
    if (argument == BY_PAGE)
        assert_int_equal(target(m, 0, IOVA + 3 * PAGE_SIZE, READ), RAM + PAGE_SIZE);
    else if (argument == BY_FAULT)
        assert_int_equal(target(m, 0, IOVA + 5 * PAGE_SIZE, READ), REFUSED);
    else
        assert_int_equal(target(m, 0, IOVA + span(1), READ), RAM + PAGE_SIZE);
    *entry_of(m, &t, IOVA, 0) =
        other | RW; /* what the table holds when it is used for something else */
    *entry_of(m, &t, IOVA, 1) = 0;
    softiommu_flush_range(m->iommu, DID, IOVA >> 12, 0);
    return target(m, 0, IOVA, READ) != REFUSED;
}

bool story_large_filler(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = pair(m, 1, true);

    (void)argument;
    assert_int_equal(target(m, 0, IOVA + 7 * PAGE_SIZE, WRITE), RAM + 7 * PAGE_SIZE);
    *entry_of(m, &t, IOVA, 1) = 0;
    softiommu_flush_range(m->iommu, DID, IOVA >> 12, 0);
    return target(m, 0, IOVA, READ) != REFUSED;
}

/* Two domains lead to one leaf table. */
static struct softiommu_translation
second_path(struct machine *m, const struct softiommu_translation *t, uint64_t less)
{
    struct softiommu_translation other = domain_new(m, 4, OTHER_DID);

    *entry_of(m, &other, IOVA, 1) = *entry_of(m, t, IOVA, 1) & ~less;
    attach(m, 1, &other);
    return other;
}

bool story_shared_table(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = pair(m, 0, true);

    (void)argument;
    (void)second_path(m, &t, 0);
    assert_int_equal(target(m, 0, IOVA, READ), RAM);
    assert_int_equal(target(m, 1, IOVA, READ), RAM);
    *entry_of(m, &t, IOVA, 1) = 0;
    softiommu_flush_domain(m->iommu, DID);
    return target(m, 0, IOVA + PAGE_SIZE, READ) != REFUSED;
}

bool story_rights_of_table(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = pair(m, 0, true);

    (void)argument;
    (void)second_path(m, &t, WRITABLE);
    assert_int_equal(target(m, 0, IOVA, WRITE), RAM);
    return target(m, 1, IOVA, WRITE) != REFUSED;
}

bool story_high_window(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);
    uint64_t iova = UINT64_C(0xFEE00000) | BIT(argument);

    map(m, &t, iova, RAM, RW);
    attach(m, 0, &t);
    return target(m, 0, iova, WRITE) == REFUSED;
}

bool story_leaf_zero(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);

    (void)argument;
    m->endless = true;
    map(m, &t, IOVA, 0, RW);
    attach(m, 0, &t);
    return target(m, 0, IOVA, WRITE) == REFUSED;
}

bool story_high_target(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);
    const uint64_t high = BIT(33) | PAGE_SIZE;

    m->endless = true;
    map(m, &t, argument == 0 ? IOVA : high, high, RW);
    if (argument != 0)
        t.kind = SOFTIOMMU_IDENTITY;
    attach(m, 0, &t);
    return target(m, 0, argument == 0 ? IOVA : high, WRITE) != high ||
           target(m, 0, argument == 0 ? IOVA : high, WRITE) != high;
}

/* argument: the level of the leaf. */
bool story_high_large_target(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);
    uint64_t iova = align_down(IOVA, PAGE_SIZE << (9 * argument));

    m->endless = true;
    *entry_of(m, &t, iova, argument) = BIT(33) | RW | PS;
    attach(m, 0, &t);
    return target(m, 0, iova + 8, WRITE) != BIT(33) + 8;
}

bool story_identity_alias(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);

    t.kind = SOFTIOMMU_IDENTITY;
    attach(m, 0, &t);
    return target(m, 0, RAM | BIT(argument), WRITE) != REFUSED;
}

bool story_beside_memory(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);

    map(m, &t, IOVA, argument == 0 ? RAM + RAM_SIZE : RAM - PAGE_SIZE, RW);
    attach(m, 0, &t);
    return target(m, 0, IOVA, READ) != REFUSED;
}

/* Beside one page of memory, far from the end of 2 MiB. */
bool story_beside_page(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);

    m->lent = RAM + 0x10003000;
    map(m, &t, IOVA, argument == 0 ? m->lent + PAGE_SIZE : m->lent - PAGE_SIZE, RW);
    attach(m, 0, &t);
    return target(m, 0, IOVA, READ) != REFUSED;
}

/* Between the first and the last page of a large one. */
bool story_between_ends(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);

    (void)argument;
    m->lent = RAM + span(2) - PAGE_SIZE;
    *entry_of(m, &t, IOVA, 2) = RAM | RW | PS;
    attach(m, 0, &t);
    return target(m, 0, IOVA + RAM_SIZE + PAGE_SIZE, READ) != REFUSED;
}

/* A table beside one page of memory. */
bool story_table_beside_page(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);

    (void)argument;
    m->lent = HOST;
    *entry_of(m, &t, IOVA, 1) = (HOST + PAGE_SIZE) | TABLE;
    attach(m, 0, &t);
    (void)target(m, 0, IOVA, READ);
    return m->table_reads_in_host != 0;
}

bool story_large_start(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);

    *entry_of(m, &t, IOVA, 2) = RAM | RW | PS;
    attach(m, 0, &t);
    if (argument != 0)
        assert_int_equal(target(m, 0, IOVA + PAGE_SIZE, READ), RAM + PAGE_SIZE);
    return target(m, 0, IOVA + RAM_SIZE + PAGE_SIZE, READ) != REFUSED;
}

#define MANY 100u

/* Uses all twice, the second time at `offset`; true when one leads elsewhere. */
static bool any_elsewhere(struct machine *m, unsigned count, uint64_t stride, uint64_t offset)
{
    bool wrong = false;

    for (unsigned i = 0; i < count; i++)
        wrong |= target(m, 0, IOVA + i * stride, READ) != RAM + i % 2 * MEG2;
    for (unsigned i = 0; i < count; i++)
        wrong |= target(m, 0, IOVA + i * stride + offset, READ) != RAM + i % 2 * MEG2 + offset;
    return wrong;
}

static bool many_pages(struct machine *m, unsigned count, unsigned level)
{
    struct softiommu_translation t = domain_new(m, 4, DID);

    for (unsigned i = 0; i < count; i++)
        *entry_of(m, &t, IOVA + i * span(level), level) =
            (RAM + i % 2 * MEG2) | RW | (level > 0 ? PS : 0);
    attach(m, 0, &t);
    return any_elsewhere(m, count, span(level), 0);
}

bool story_full(struct machine *m, unsigned argument)
{
    softiommu_set_ats(m->iommu, 0, WITH_ATS(argument));
    return many_pages(m, MANY, LEVEL(argument));
}

bool story_full_of_thousands(struct machine *m, unsigned argument)
{
    (void)argument;
    return many_pages(m, 4050, 0);
}

bool story_full_tables(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);

    (void)argument;
    for (unsigned i = 0; i < MANY; i++) {
        map(m, &t, IOVA + i * span(1), RAM + i % 2 * MEG2, RW);
        map(m, &t, IOVA + i * span(1) + PAGE_SIZE, RAM + i % 2 * MEG2 + PAGE_SIZE, RW);
    }
    attach(m, 0, &t);
    return any_elsewhere(m, MANY, span(1), PAGE_SIZE);
}

/* Entries of a level that lead to one of two places, used at two pages each; all change sides, and
 * the domain is flushed. */
bool story_many_entries(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);
    unsigned level = LEVEL(argument), count = level == 2 ? 150 : 4100;
    bool leaves = argument >> 8 != 0, wrong = false;
    const uint64_t far = BIT(44);
    uint64_t lead[2];

    for (unsigned i = 0; i < 2; i++) {
        for (unsigned page = 0; page < 2 && !leaves; page++)
            map(m, &t, far + i * span(level) + page * PAGE_SIZE, RAM + i * MEG2 + page * PAGE_SIZE,
                RW);
        lead[i] =
            leaves ? (RAM + i * MEG2) | RW | PS : *entry_of(m, &t, far + i * span(level), level);
    }
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < count; i++)
            *entry_of(m, &t, IOVA + i * span(level), level) = lead[(i % 3 + round) % 2];
        if (round == 0)
            attach(m, 0, &t);
        else
            softiommu_flush_domain(m->iommu, DID);
        for (unsigned i = 0; i < count; i++)
            wrong |= target(m, 0, IOVA + i * span(level), READ) != RAM + (i % 3 + round) % 2 * MEG2;
        for (unsigned i = count; i-- > 0;)
            wrong |= target(m, 0, IOVA + i * span(level) + PAGE_SIZE, READ) !=
                     RAM + (i % 3 + round) % 2 * MEG2 + PAGE_SIZE;
    }
    return wrong;
}
