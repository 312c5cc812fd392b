/* SPDX-License-Identifier: MIT */
/*
 * The canary: a paging domain with one page mapped and a device of its own in it, which a call of a
 * test must not change. On a machine without a second device, and on a host without room for these
 * IOVAs, only the host's answers are compared.
 * Another device holds a DMA in flight to a page that stays mapped, from one look to the next: it
 * must land when it is released, whatever was called in between.
 */
#include "drivers/dmaprobe.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"

/* Low enough for every device, aligned to nothing but 4 KiB, and no GPA that a test hands out. */
#define CANARY_IOVA   0x1234000ull
#define CANARY_OFFSET 0x123
#define CANARY_LENGTH 13
#define HELD_IOVA     0x1236000ull
#define HELD_SLOT     15u
#define HELD_VALUE    0x3Cu

/* The last engine of a fast class: tests of that class take theirs from the front. A test without a
 * device leaves all of them free. */
static struct dma_engine *last_of(const struct test_run *t, enum dma_class class)
{
    bool first_is_taken = t->has_class && t->class == class;
    struct dma_engine *last = NULL;

    for (unsigned n = 0; dma_engine_get(class, n); n++)
        if (n > 0 || !first_is_taken)
            last = dma_engine_get(class, n);
    return last;
}

static struct dma_engine *spare_engine(const struct test_run *t)
{
    struct dma_engine *spare = last_of(t, DMA_CLASS_ROCKER);

    return spare ? spare : last_of(t, DMA_CLASS_DMAPROBE);
}

static struct dma_engine *spare_holder(const struct test_run *t, const struct dma_engine *engine)
{
    struct dma_engine *last = last_of(t, DMA_CLASS_DMAPROBE_ATS);

    if (!last || last == engine)
        last = last_of(t, DMA_CLASS_DMAPROBE);
    return last == engine ? NULL : last;
}

static void hold(struct test_run *t, struct canary *b)
{
    struct dmaprobe_request held = {.operation = DMAPROBE_FILL,
                                    .flags = DMAPROBE_HELD,
                                    .iova = HELD_IOVA + CANARY_OFFSET,
                                    .length = CANARY_LENGTH,
                                    .operand = HELD_VALUE};

    if (b->holder) {
        dmaprobe_start(b->holder, HELD_SLOT, &held);
        CHECK(held.state == DMAPROBE_RUNNING, "a canary's DMA to a page of its domain is refused");
    }
}

/* A drain by a call may have let it reach memory before. */
static void expect_held_lands(struct test_run *t, struct canary *b, const char *after)
{
    struct dmaprobe_request held = {0};

    if (!b->holder)
        return;
    REQUIRE(dmaprobe_release(b->holder, HELD_SLOT, &held), "device 0x%llx did not finish",
            (unsigned long long)b->holder->device_id);
    STEP("device 0x%llx lets its DMA to IOVA 0x%llx go; status %llu", b->holder->device_id,
         HELD_IOVA + CANARY_OFFSET, held.status);
    CHECK(!memory_find_other(b->held.data + CANARY_OFFSET, CANARY_LENGTH, HELD_VALUE),
          "%s: a DMA that another device had in flight to a mapped page is lost", after);
    memset(b->held.data + CANARY_OFFSET, POISON_FRESH, CANARY_LENGTH);
    expect_untouched(t, &b->held, after);
    hold(t, b);
}

struct canary canary(struct test_run *t)
{
    bool room = is_within_width(HELD_IOVA, PAGE_SIZE);
    struct canary b = {.engine = room ? spare_engine(t) : NULL,
                       .iova = room ? CANARY_IOVA : 0,
                       .held_iova = HELD_IOVA};
    const char *outer = t->setup;

    test_setup(t, "DOM-1 CFG-1");
    b.domain = domain_paging(t);
    b.target = buffer(t, 1);
    map(t, b.domain, b.iova, &b.target, STAGE1_READ | STAGE1_WRITE);
    if (b.engine) {
        b.property_status = iommu_get_device_property(b.engine->device_id, &b.property);
        test_setup(t, "ATT-1");
        attach(t, b.domain, b.engine);
        expect_write(t, b.engine, b.iova + CANARY_OFFSET, &b.target, CANARY_OFFSET, CANARY_LENGTH,
                     "a canary's first DMA");
    }
    b.holder = room ? spare_holder(t, b.engine) : NULL;
    if (b.holder) {
        test_setup(t, "ATT-9 TR-1");
        b.held = buffer(t, 1);
        map(t, b.domain, HELD_IOVA, &b.held, STAGE1_READ | STAGE1_WRITE);
        attach(t, b.domain, b.holder);
        hold(t, &b);
    }
    test_setup(t, outer);
    return b;
}

static void expect_same_capabilities(struct test_run *t, const char *after)
{
    struct hv_output_get_iommu_capabilities now;
    enum hv_status status = iommu_get_capabilities(&now);
    char what[TEXT_MAX];

    fmt_snprintf(what, sizeof(what), "GET_IOMMU_CAPABILITIES after %s", after);
    CHECK_SUCCESS(status, what);
    CHECK(memcmp(&now, capabilities(t), sizeof(now)) == 0,
          "%s: the capabilities are not what they were", after);
}

static void expect_same_property(struct test_run *t, const struct canary *b, const char *after)
{
    struct hv_output_get_logical_device_property now = {0};
    enum hv_status status = iommu_get_device_property(b->engine->device_id, &now);
    char what[TEXT_MAX];

    fmt_snprintf(what, sizeof(what), "device property of a canary after %s", after);
    CHECK_STATUS(status, b->property_status, what);
    if (status == HV_STATUS_SUCCESS)
        CHECK_EQ(now.device_iommu, b->property.device_iommu, what);
}

void expect_undisturbed(struct test_run *t, struct canary *b, const char *after)
{
    char what[TEXT_MAX];

    expect_same_capabilities(t, after);
    if (b->engine)
        expect_same_property(t, b, after);
    test_beside(t, "ISO-2");
    expect_held_lands(t, b, after);
    if (!b->engine) {
        expect_untouched(t, &b->target, after);
        test_beside(t, NULL);
        return;
    }
    fmt_snprintf(what, sizeof(what), "DMA of a canary after %s", after);
    expect_write(t, b->engine, b->iova + CANARY_OFFSET, &b->target, CANARY_OFFSET, CANARY_LENGTH,
                 what);
    test_beside(t, NULL);
}
