/* SPDX-License-Identifier: MIT */
#include "tests/vtd/vtd_test.h"

#include "kernel/cpu.h"
#include "kernel/time.h"
#include "lib/string.h"

#define WAIT_US 20000u

void take_unit(struct test_run *t)
{
    capabilities(t); /* skips where the unit could not be started */
    vtd_unit_touch();
}

struct vtd_place *place(struct test_run *t, const struct dma_engine *e)
{
    struct vtd_place *p = vtd_place_of(e->function.bdf);

    take_unit(t);
    REQUIRE(p, "the driver has no tables for device 0x%llx", (unsigned long long)e->device_id);
    return p;
}

uint64_t tag_field(const struct domain *d)
{
    return vtd_tag(own_domain_of(d->id)) << VTD_DOMAIN_SHIFT;
}

uint64_t source_field(const struct dma_engine *e)
{
    return (uint64_t)e->function.bdf << VTD_SOURCE_SHIFT;
}

bool queue_fails(struct test_run *t)
{
    const uint64_t end = time_us() + WAIT_US;

    vtd_submit();
    do {
        if (vtd_read32(VTD_FSTS) & (uint32_t)VTD_FSTS_QUEUE)
            return true;
        if (vtd_read64(VTD_IQH) == vtd_read64(VTD_IQT))
            return false;
        cpu_pause();
    } while (time_us() < end);
    test_fail(t, PVT_WHERE, "the queue neither ends nor reports an error");
}

void carry_out(struct test_run *t, const char *what)
{
    CHECK(vtd_drain(), "%s: the unit does not carry out a right descriptor", what);
}

void mend_queue(struct test_run *t, unsigned at, const uint64_t descriptor[DESCRIPTOR_WORDS])
{
    memcpy(vtd_queue_place(at), descriptor, DESCRIPTOR_WORDS * sizeof(*descriptor));
    cpu_memory_barrier();
    vtd_write32(VTD_FSTS, (uint32_t)VTD_FSTS_QUEUE);
    CHECK(!(vtd_read32(VTD_FSTS) & (uint32_t)VTD_FSTS_QUEUE),
          "FSTS.IQE stays although 1 was written to it");
}

void expect_word(struct test_run *t, const volatile uint32_t *word, uint32_t value,
                 const char *what)
{
    const uint64_t end = time_us() + WAIT_US;

    while (*word != value && time_us() < end)
        cpu_pause();
    CHECK_EQ(*word, value, what);
}

void invalidate_all(struct test_run *t)
{
    vtd_push(VTD_INVALIDATE_CONTEXT | VTD_GLOBAL, 0);
    vtd_push(VTD_INVALIDATE_PASID | VTD_PASID_GLOBAL, 0);
    vtd_push(VTD_INVALIDATE_IOTLB | VTD_GLOBAL, 0);
    carry_out(t, "global invalidation of all caches");
}

struct stale stale(struct test_run *t, struct dma_engine *e)
{
    struct stale s = {.engine = e, .old = buffer(t, 1), .next = buffer(t, 1)};

    take_unit(t);
    s.domain = domain_mapping(t, IOVA, &s.old);
    attach(t, s.domain, e);
    warm(t, e, IOVA, &s.old, "before the change");
    retarget(t, s.domain, IOVA, gpa_of(s.next.data));
    return s;
}

void expect_fresh(struct test_run *t, struct stale *s, const char *what)
{
    expect_write(t, s->engine, IOVA, &s->next, 0, 64, what);
    expect_untouched(t, &s->old, what);
}

bool take_record(struct record *r)
{
    const unsigned at = vtd_fault_record();

    *r = (struct record){vtd_read64(at), vtd_read64(at + 8)};
    return (r->high & VTD_FAULT_F) != 0;
}
