/* SPDX-License-Identifier: MIT */
/* Stories about large pages, many pages, and the ends of pages and regions. */
#include "lib/bits.h"
#include "tests/unit/softiommu_scenarios.h"

#define IOVA            UINT64_C(0x4040000000) /* aligned for every size */
#define DID             11u
#define MANY            600u
#define BY(argument)    ((enum released_by)((argument)&15u))
#define LEVEL(argument) ((argument) >> 4 & 15u)
#define ATS(argument)   ((argument) >> 8 != 0)

static struct softiommu_translation one_leaf(struct machine *m, unsigned level, uint64_t bits)
{
    struct softiommu_translation t = domain_new(m, 4, DID);

    *entry_of(m, &t, IOVA, level) = RAM | bits | (level > 0 ? PS : 0);
    attach(m, 0, &t);
    return t;
}

bool story_size_kept(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = one_leaf(m, LEVEL(argument), RW);
    enum released_by by = BY(argument);

    softiommu_set_ats(m->iommu, 0, ATS(argument));
    assert_int_equal(target(m, 0, IOVA, WRITE), RAM);
    if (by == BY_ATTACH)
        attach_blocking(m, 0);
    else if (by == BY_DETACH)
        detach(m, 0);
    *entry_of(m, &t, IOVA, LEVEL(argument)) = 0;
    if (by == BY_DOMAIN_FLUSH)
        softiommu_flush_domain(m->iommu, DID);
    else if (by == BY_RANGE_FLUSH)
        softiommu_flush_range(m->iommu, DID, IOVA >> 12, 0);
    else
        attach(m, 0, &t);
    return target(m, 0, IOVA, READ) != REFUSED;
}

bool story_untagged(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = one_leaf(m, LEVEL(argument), RW),
                                 other = domain_new(m, 4, DID + 1);

    attach(m, 1, &t);
    assert_int_equal(target(m, 0, IOVA, WRITE), RAM);
    attach(m, 0, &other);
    return target(m, 0, IOVA, READ) != REFUSED;
}

bool story_large_left(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = one_leaf(m, LEVEL(argument), RW),
                                 other = domain_new(m, 4, DID + 1);

    (void)t;
    softiommu_set_ats(m->iommu, 0, true);
    assert_int_equal(target(m, 0, IOVA, WRITE), RAM);
    if (BY(argument) == BY_ATTACH)
        attach_blocking(m, 0);
    else if (BY(argument) == BY_DETACH)
        detach(m, 0);
    else
        attach(m, 0, &other);
    return target(m, 0, IOVA, READ) != REFUSED;
}

bool story_part(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = one_leaf(m, LEVEL(argument), RW);
    unsigned half = 9 * LEVEL(argument) - 1;

    assert_int_equal(target(m, 0, IOVA, WRITE), RAM);
    *entry_of(m, &t, IOVA, LEVEL(argument)) = 0;
    softiommu_flush_range(m->iommu, DID, (IOVA >> 12) + ((argument & 1) != 0 ? BIT(half) : 0),
                          half);
    return target(m, 0, IOVA, READ) != REFUSED;
}

bool story_many(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);

    for (unsigned i = 0; i < MANY; i++)
        map(m, &t, IOVA + i * PAGE_SIZE, RAM + i * PAGE_SIZE, RW);
    attach(m, 0, &t);
    softiommu_set_ats(m->iommu, 0, ATS(argument));
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(target(m, 0, IOVA + i * PAGE_SIZE, WRITE), RAM + i * PAGE_SIZE);
    for (unsigned i = 0; i < MANY; i++)
        map(m, &t, IOVA + i * PAGE_SIZE, 0, 0);
    if (BY(argument) == BY_DOMAIN_FLUSH)
        softiommu_flush_domain(m->iommu, DID);
    else
        softiommu_flush_range(m->iommu, DID, IOVA >> 12, 9);
    for (unsigned i = 0; i < 512; i++)
        if (target(m, 0, IOVA + i * PAGE_SIZE, READ) != REFUSED)
            return true;
    return false;
}

#define THOUSANDS 4090u /* as many as the IOTLB nearly holds */

bool story_thousands_flushed(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);

    (void)argument;
    for (unsigned i = 0; i < THOUSANDS; i++)
        map(m, &t, IOVA + i * PAGE_SIZE, RAM + i % 2 * PAGE_SIZE, RW);
    attach(m, 0, &t);
    for (unsigned i = 0; i < THOUSANDS; i++)
        assert_int_equal(target(m, 0, IOVA + i * PAGE_SIZE, WRITE), RAM + i % 2 * PAGE_SIZE);
    for (unsigned i = 0; i < THOUSANDS; i++)
        map(m, &t, IOVA + i * PAGE_SIZE, 0, 0);
    softiommu_flush_domain(m->iommu, DID);
    for (unsigned i = 0; i < THOUSANDS; i++)
        if (target(m, 0, IOVA + i * PAGE_SIZE, READ) != REFUSED)
            return true;
    return false;
}

bool story_large_read_only(struct machine *m, unsigned argument)
{
    one_leaf(m, LEVEL(argument), RO);
    return target(m, 0, IOVA, WRITE) != REFUSED;
}

bool story_large_read_only_above(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = one_leaf(m, LEVEL(argument), RW);

    *entry_of(m, &t, IOVA, LEVEL(argument) + 1) &= ~BIT(1);
    return target(m, 0, IOVA, WRITE) != REFUSED;
}

bool story_wraps(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);
    struct softiommu_piece piece[3];
    struct softiommu_request request = {.iova = BIT(argument) - 16,
                                        .length = 32,
                                        .access = READ,
                                        .piece = piece,
                                        .piece_capacity = 3};
    bool wrong;

    map(m, &t, BIT(argument) - PAGE_SIZE, RAM + 4 * PAGE_SIZE, RW);
    map(m, &t, BIT(argument), RAM + 2 * PAGE_SIZE, RW);
    map(m, &t, 0, RAM, RW);
    attach(m, 0, &t);
    assert_true(softiommu_request_begin(m->iommu, 0, &request));
    wrong = request.pieces != 2 || piece[1].spa != gpa_to_spa(RAM + 2 * PAGE_SIZE);
    softiommu_request_abandon(m->iommu, &request);
    return wrong;
}

bool story_byte_before(struct machine *m, unsigned argument)
{
    m->endless = true;
    one_leaf(m, 0, RW);
    return target(m, 0, IOVA - 1, argument != 0 ? READ : WRITE) != REFUSED;
}

bool story_byte_after(struct machine *m, unsigned argument)
{
    uint64_t size = PAGE_SIZE << (9 * LEVEL(argument));

    m->endless = true;
    one_leaf(m, LEVEL(argument), RW);
    return target(m, 0, IOVA + size, WRITE) != REFUSED;
}
