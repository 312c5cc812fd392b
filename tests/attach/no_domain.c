/* SPDX-License-Identifier: MIT */
#include "tests/attach/no_domain.h"

#include "abi/device_property.h"
#include "abi/hypercall.h"
#include "drivers/dmaprobe.h"
#include "drivers/pviommu.h"
#include "lib/bits.h"

#define LENGTH  32u
#define FOREIGN UINT64_C(0x123456789ABCDEF0)

static enum hv_status ask(const struct no_domain *s, uint64_t *property)
{
    struct hv_output_get_logical_device_property answer = {0};
    enum hv_status status = iommu_get_device_property(s->e->device_id, &answer);

    *property = answer.device_iommu;
    return status;
}

/* Units of some devices walk four levels. Those of a dmaprobe walk five. */
static struct domain *unsupported(struct test_run *t, const struct no_domain *s)
{
    struct domain *five;

    if (!(capabilities(t)->iommu_cap & HV_IOMMU_CAP_S1_5LVL) || dmaprobe_is(s->e))
        return NULL;
    five = domain_paging_with(t, 5, PAGE_SIZE);
    map(t, five, s->iova, &s->paged, RW);
    return five;
}

struct no_domain no_domain_begin(struct test_run *t, struct dma_engine *e)
{
    struct no_domain s = {.e = e, .open = buffer(t, 1), .paged = buffer(t, 1)};

    s.iova = gpa_of(s.open.data);
    s.domain = domain_mapping(t, s.iova, &s.paged);
    s.five = unsupported(t, &s);
    s.unknown = fresh_domain_id(t);
    s.bare = fresh_domain_id(t);
    CHECK_SUCCESS(iommu_create(s.bare), "CREATE");
    return s;
}

void no_domain_look(struct test_run *t, struct no_domain *s)
{
    s->lands = may_write(t, s->e, s->iova, &s->open, 0, LENGTH, "DMA of a device in no domain");
    expect_untouched(t, &s->paged, "the page of a domain in which the device is not");
    s->answered = ask(s, &s->property);
    STEP("device 0x%llx, in no domain, %s; its property: 0x%llx", s->e->device_id,
         s->lands ? "passes through" : "is blocked", s->property);
}

static enum hv_status detach(struct no_domain *s)
{
    return iommu_detach(s->e->device_id);
}

static enum hv_status detach_foreign(struct no_domain *s)
{
    const struct hv_input_detach_device_domain in = {.partition_id = FOREIGN,
                                                     .device_id = s->e->device_id};

    return hypercall_simple(HVCALL_DETACH_DEVICE_DOMAIN, &in, sizeof(in), NULL, 0);
}

static enum hv_status attach_unknown(struct no_domain *s)
{
    return iommu_attach(s->unknown, s->e->device_id);
}

static enum hv_status attach_foreign(struct no_domain *s)
{
    struct hv_input_attach_device_domain in = {.device_id = s->e->device_id};

    pviommu_fill_domain(&in.device_domain, s->domain->id);
    in.device_domain.partition_id = FOREIGN;
    return hypercall_simple(HVCALL_ATTACH_DEVICE_DOMAIN, &in, sizeof(in), NULL, 0);
}

static enum hv_status attach_bare(struct no_domain *s)
{
    return iommu_attach(s->bare, s->e->device_id);
}

static enum hv_status attach_five(struct no_domain *s)
{
    return s->five ? iommu_attach((uint32_t)s->five->id, s->e->device_id)
                   : HV_STATUS_FEATURE_UNAVAILABLE;
}

static enum hv_status flush_unknown(struct no_domain *s)
{
    return iommu_flush(s->unknown);
}

static enum hv_status list_unknown(struct no_domain *s)
{
    const uint64_t element = hv_iommu_range(s->iova >> PAGE_SHIFT, 0);
    unsigned done;

    return iommu_flush_list(s->unknown, &element, 1, &done);
}

static enum hv_status create_again(struct no_domain *s)
{
    return iommu_create(s->domain->id);
}

static enum hv_status identity_unknown(struct no_domain *s)
{
    return iommu_configure(s->unknown, 0, 0);
}

static enum hv_status blocking_unknown(struct no_domain *s)
{
    return iommu_configure(s->unknown, HV_DEVICE_DOMAIN_SETTINGS_BLOCKING, 0);
}

static enum hv_status delete_unknown(struct no_domain *s)
{
    return iommu_delete(s->unknown);
}

static const struct attempt {
    const char *name;
    enum hv_status (*call)(struct no_domain *s);
    enum no_domain_calls calls;
    bool may_move; /* if it succeeds */
} attempts[] = {
    {"DETACH for another partition", detach_foreign, NO_DOMAIN_DETACH, false},
    {"DETACH", detach, NO_DOMAIN_DETACH, true},
    {"ATTACH to an unknown domain", attach_unknown, NO_DOMAIN_ATTACH, false},
    {"ATTACH for another partition", attach_foreign, NO_DOMAIN_ATTACH, false},
    {"ATTACH to a domain without settings", attach_bare, NO_DOMAIN_ATTACH, true},
    {"ATTACH to a domain with five levels", attach_five, NO_DOMAIN_ATTACH, true},
    {"FLUSH of an unknown domain", flush_unknown, NO_DOMAIN_FLUSH, false},
    {"list flush of an unknown domain", list_unknown, NO_DOMAIN_FLUSH, false},
    {"CREATE of a domain that exists", create_again, NO_DOMAIN_OTHERS, false},
    {"CONFIGURE of an unknown domain as identity", identity_unknown, NO_DOMAIN_OTHERS, false},
    {"CONFIGURE of an unknown domain as blocking", blocking_unknown, NO_DOMAIN_OTHERS, false},
    {"DELETE of an unknown domain", delete_unknown, NO_DOMAIN_OTHERS, false},
};

static void expect_same(struct test_run *t, struct no_domain *s, const char *after)
{
    bool lands = may_write(t, s->e, s->iova, &s->open, 0, LENGTH, after);
    uint64_t property;
    enum hv_status answered;

    CHECK(lands == s->lands, "%s: device 0x%llx, in no domain, %s before and %s now", after,
          (unsigned long long)s->e->device_id, s->lands ? "passed through" : "was blocked",
          lands ? "passes through" : "is blocked");
    expect_untouched(t, &s->paged, after);
    answered = ask(s, &property);
    CHECK(answered == s->answered && property == s->property,
          "%s: the property of device 0x%llx was 0x%llx, and is 0x%llx", after,
          (unsigned long long)s->e->device_id, (unsigned long long)s->property,
          (unsigned long long)property);
}

/* The domains that the device was to be attached to. It is in none of them. */
static void delete_targets(struct test_run *t, struct no_domain *s)
{
    CHECK_SUCCESS(iommu_delete(s->bare), "DELETE of a domain that no device is in");
    if (s->five)
        delete_domain(t, s->five);
    s->five = NULL;
}

void no_domain_try(struct test_run *t, struct no_domain *s, enum no_domain_calls calls)
{
    for (unsigned i = 0; i < ARRAY_SIZE(attempts) && !s->moved; i++) {
        const struct attempt *attempt = &attempts[i];
        enum hv_status status;

        if (attempt->calls != calls)
            continue;
        status = attempt->call(s);
        STEP("%s: %s", attempt->name, hv_status_name(status));
        s->moved = attempt->may_move && status == HV_STATUS_SUCCESS;
        if (!s->moved)
            expect_same(t, s, attempt->name);
    }
    if (calls == NO_DOMAIN_ATTACH && !s->moved)
        delete_targets(t, s);
}
