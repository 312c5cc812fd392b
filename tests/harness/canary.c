/* SPDX-License-Identifier: MIT */
/*
 * The canary: a paging domain with one page mapped and a device of its own in it, which a call of a test must not
 * change. On a machine without a second device only the host's answers are compared.
 */
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"

/* Low enough for every device, aligned to nothing but 4 KiB, and no GPA that a test hands out. */
#define CANARY_IOVA   0x1234000ull
#define CANARY_OFFSET 0x123
#define CANARY_LENGTH 13

/* The last engine of a fast class: tests of that class take theirs from the front. A test without a device leaves all
 * of them free. */
static struct dma_engine *last_of(const struct test_run *t, enum dma_class class)
{
    bool first_is_taken = t->has_class && t->class == class;
    struct dma_engine *last = NULL;

    for (unsigned n = 0; dma_engine_get(class, n); n++) {
        if (n > 0 || !first_is_taken) {
            last = dma_engine_get(class, n);
        }
    }
    return last;
}

static struct dma_engine *spare_engine(const struct test_run *t)
{
    struct dma_engine *spare = last_of(t, DMA_CLASS_ROCKER);

    return spare ? spare : last_of(t, DMA_CLASS_DMAPROBE);
}

struct canary canary(struct test_run *t)
{
    struct canary b = {.engine = spare_engine(t), .iova = CANARY_IOVA};
    const char *outer = t->setup;

    test_setup(t, "DOM-1 CFG-1");
    b.domain = domain_paging(t);
    b.target = buffer(t, 1);
    map(t, b.domain, b.iova, &b.target, STAGE1_READ | STAGE1_WRITE);
    if (b.engine) {
        b.property_status = pviommu_get_device_property(b.engine->device_id, &b.property);
        test_setup(t, "ATT-1");
        attach(t, b.domain, b.engine);
        expect_write(t, b.engine, b.iova + CANARY_OFFSET, &b.target, CANARY_OFFSET, CANARY_LENGTH,
                     "a canary's first DMA");
    }
    test_setup(t, outer);
    return b;
}

static void expect_same_capabilities(struct test_run *t, const char *after)
{
    struct hv_output_get_iommu_capabilities now;
    enum hv_status status = pviommu_get_capabilities(&now);
    char what[TEXT_MAX];

    fmt_snprintf(what, sizeof(what), "GET_IOMMU_CAPABILITIES after %s", after);
    CHECK_SUCCESS(status, what);
    CHECK(memcmp(&now, capabilities(t), sizeof(now)) == 0, "%s: the capabilities are not what they were", after);
}

static void expect_same_property(struct test_run *t, const struct canary *b, const char *after)
{
    struct hv_output_get_logical_device_property now = {0};
    enum hv_status status = pviommu_get_device_property(b->engine->device_id, &now);
    char what[TEXT_MAX];

    fmt_snprintf(what, sizeof(what), "device property of a canary after %s", after);
    CHECK_STATUS(status, b->property_status, what);
    if (status == HV_STATUS_SUCCESS) {
        CHECK_EQ(now.device_iommu, b->property.device_iommu, what);
    }
}

void expect_undisturbed(struct test_run *t, struct canary *b, const char *after)
{
    char what[TEXT_MAX];

    expect_same_capabilities(t, after);
    if (!b->engine) {
        expect_untouched(t, &b->target, after);
        return;
    }
    expect_same_property(t, b, after);
    fmt_snprintf(what, sizeof(what), "DMA of a canary after %s", after);
    expect_write(t, b->engine, b->iova + CANARY_OFFSET, &b->target, CANARY_OFFSET, CANARY_LENGTH, what);
}
