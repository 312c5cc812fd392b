/* SPDX-License-Identifier: MIT */
/* Stories about entries that are used after the guest took them back. */
#include "lib/bits.h"
#include "tests/unit/softiommu_scenarios.h"

#define IOVA            UINT64_C(0x00ABCDEF12345000)
#define OLD             (RAM + 0x10000)
#define NEW             (RAM + 0x20000)
#define DID             7u
#define BY(argument)    ((enum released_by)((argument)&15u))
#define LEVEL(argument) ((argument) >> 4)

/* The entry of `level` leads to tables (or, at 0, to a page) of their own that end in `gpa`. The
 * old target stays as it was, like memory that is not in use again yet. */
static void lead_elsewhere(struct machine *m, const struct softiommu_translation *t, unsigned level,
                           uint64_t gpa)
{
    *entry_of(m, t, IOVA, level) = 0;
    map(m, t, IOVA, gpa, RW);
}

static void release(struct machine *m, struct softiommu_translation *t, enum released_by by)
{
    switch (by) {
    case BY_DOMAIN_FLUSH:
        softiommu_flush_domain(m->iommu, t->did);
        break;
    case BY_RANGE_FLUSH:
        softiommu_flush_range(m->iommu, t->did, IOVA >> 12, 0);
        break;
    case BY_DELETE:
        softiommu_delete_domain(m->iommu, t);
        *t = domain_new(m, 5, DID);
        map(m, t, IOVA, NEW, RW);
        attach(m, 0, t);
        break;
    case BY_ATTACH:
    case BY_DETACH:
        attach(m, 0, t); /* again */
        break;
    }
}

bool story_stale(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_mapping(m, 5, DID, IOVA, OLD);
    enum released_by by = BY(argument);

    attach(m, 0, &t);
    assert_int_equal(target(m, 0, IOVA, WRITE), OLD);
    if (by == BY_ATTACH || by == BY_DELETE)
        attach_blocking(m, 0);
    else if (by == BY_DETACH)
        detach(m, 0);
    lead_elsewhere(m, &t, LEVEL(argument), NEW);
    release(m, &t, by);
    return target(m, 0, IOVA, READ) != NEW;
}

/* Two domains whose ids differ by the number of lists, the other one used last. */
bool story_same_list(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_mapping(m, 5, DID, IOVA, OLD),
                                 other = domain_mapping(m, 5, DID + 256, IOVA, OLD);

    attach(m, 0, &t);
    attach(m, 1, &other);
    assert_int_equal(target(m, 0, IOVA, WRITE), OLD);
    assert_int_equal(target(m, 1, IOVA, WRITE), OLD);
    lead_elsewhere(m, &t, 0, NEW);
    release(m, &t, BY(argument));
    return target(m, 0, IOVA, READ) != NEW;
}

/* A device that left may do nothing at all. At level 1, without ATS: the context entry, not the
 * device TLB. */
bool story_stale_device_tlb(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_mapping(m, 5, DID, IOVA, OLD);
    enum released_by by = BY(argument);

    attach(m, 0, &t);
    softiommu_set_ats(m->iommu, 0, LEVEL(argument) == 0);
    assert_int_equal(target(m, 0, IOVA, WRITE), OLD);
    if (by == BY_ATTACH || by == BY_DETACH) {
        if (by == BY_ATTACH)
            attach_blocking(m, 0);
        else
            detach(m, 0);
        return target(m, 0, IOVA, READ) != REFUSED;
    }
    lead_elsewhere(m, &t, 0, NEW);
    release(m, &t, by);
    return target(m, 0, IOVA, READ) != NEW;
}

bool story_second_device(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 4, DID);
    uint64_t iova = IOVA & BITS(47, 0);

    map(m, &t, iova, OLD, RW);
    for (unsigned i = 0; i < 2; i++) {
        attach(m, i, &t);
        softiommu_set_ats(m->iommu, i, true);
        assert_int_equal(target(m, i, iova, WRITE), OLD);
    }
    map(m, &t, iova, NEW, RW);
    if (BY(argument) == BY_DOMAIN_FLUSH)
        softiommu_flush_domain(m->iommu, DID);
    else
        softiommu_flush_range(m->iommu, DID, iova >> 12, 0);
    return target(m, 0, iova, READ) != NEW || target(m, 1, iova, READ) != NEW;
}

bool story_ats_off(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_mapping(m, 5, DID, IOVA, OLD);

    (void)argument;
    attach(m, 0, &t);
    softiommu_set_ats(m->iommu, 0, true);
    assert_int_equal(target(m, 0, IOVA, READ), OLD);
    softiommu_set_ats(m->iommu, 0, false);
    map(m, &t, IOVA, NEW, RW);
    softiommu_flush_domain(m->iommu, DID);
    softiommu_set_ats(m->iommu, 0, true);
    return target(m, 0, IOVA, READ) != NEW;
}

bool story_write_on_read_only(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 5, DID);

    map(m, &t, IOVA, OLD, RO);
    attach(m, 0, &t);
    softiommu_set_ats(m->iommu, 0, argument != 0);
    assert_int_equal(target(m, 0, IOVA, READ), OLD);
    return target(m, 0, IOVA, WRITE) != REFUSED;
}

bool story_rights_reread(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 5, DID);

    (void)argument;
    map(m, &t, IOVA, OLD, RO);
    attach(m, 0, &t);
    assert_int_equal(target(m, 0, IOVA, READ), OLD);
    map(m, &t, IOVA, NEW, RW);
    return target(m, 0, IOVA, WRITE) == OLD;
}

bool story_not_present(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_mapping(m, 5, DID, IOVA + PAGE_SIZE, OLD);

    (void)argument;
    attach(m, 0, &t);
    assert_int_equal(target(m, 0, IOVA, READ), REFUSED);
    map(m, &t, IOVA, NEW, RW);
    return target(m, 0, IOVA, READ) != NEW; /* no flush is due */
}

bool story_rights_above(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_mapping(m, 5, DID, IOVA, OLD);

    (void)argument;
    map(m, &t, IOVA + 16 * PAGE_SIZE, NEW, RW);
    *entry_of(m, &t, IOVA, 3) &= ~BIT(1);
    attach(m, 0, &t);
    assert_int_equal(target(m, 0, IOVA, READ), OLD);
    return target(m, 0, IOVA + 16 * PAGE_SIZE, WRITE) != REFUSED;
}

bool story_context(struct machine *m, unsigned argument)
{
    struct softiommu_translation from = domain_mapping(m, 5, DID, IOVA, OLD);
    struct softiommu_translation to = domain_mapping(m, 5, DID + 1, IOVA, NEW);

    attach(m, 0, &from);
    attach(m, 1, &from);
    softiommu_set_ats(m->iommu, 0, argument != 0);
    assert_int_equal(target(m, 0, IOVA, READ), OLD);
    attach(m, 0, &to);
    return target(m, 0, IOVA, READ) != NEW;
}

bool story_large_page(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 5, DID);
    unsigned level = LEVEL(argument & 0xFFu);
    uint64_t iova = align_down(IOVA, PAGE_SIZE << (9 * level)),
             page = iova + (argument >> 8) * PAGE_SIZE;

    *entry_of(m, &t, iova, level) = RAM | RW | PS;
    attach(m, 0, &t);
    softiommu_set_ats(m->iommu, 0, true);
    assert_int_equal(target(m, 0, page, WRITE), RAM + (argument >> 8) * PAGE_SIZE);
    *entry_of(m, &t, iova, level) = 0;
    map(m, &t, page, NEW, RW);
    softiommu_flush_range(m->iommu, DID, (iova >> 12) + 3, 0);
    return target(m, 0, page, READ) != NEW;
}

bool story_range_end(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 5, DID);
    uint64_t iova = align_down(IOVA, 8 * PAGE_SIZE);

    for (unsigned i = 0; i < 8; i++)
        map(m, &t, iova + i * PAGE_SIZE, RAM + i * PAGE_SIZE, RW);
    attach(m, 0, &t);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(target(m, 0, iova + i * PAGE_SIZE, WRITE), RAM + i * PAGE_SIZE);
    for (unsigned i = 0; i < 8; i++)
        map(m, &t, iova + i * PAGE_SIZE, 0, 0);
    softiommu_flush_range(m->iommu, DID, iova >> 12, 3);
    return target(m, 0, iova + argument * PAGE_SIZE, READ) != REFUSED;
}

/* The cached entry leads to OLD, the tables to the page after NEW: no third page, and no mixture of
 * the two. */
bool story_stale_mixed(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_mapping(m, 5, DID, IOVA, OLD);
    uint64_t seen;

    (void)argument;
    attach(m, 0, &t);
    assert_int_equal(target(m, 0, IOVA, WRITE), OLD);
    map(m, &t, IOVA, NEW + PAGE_SIZE, RW);
    seen = target(m, 0, IOVA, WRITE);
    return seen != OLD && seen != NEW + PAGE_SIZE;
}

bool story_tag_short(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_new(m, 5, DID);
    uint64_t iova = align_down(IOVA, MEG2);

    (void)argument;
    *entry_of(m, &t, iova, 1) = RAM | RW | PS;
    attach(m, 0, &t);
    assert_int_equal(target(m, 0, iova, WRITE), RAM);
    return target(m, 0, iova ^ MEG2, READ) != REFUSED;
}
