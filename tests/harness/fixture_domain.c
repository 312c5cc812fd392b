/* SPDX-License-Identifier: MIT */
/* Devices, domains, buffers and mappings for tests; each step is recorded for the report. */
#include "abi/cpuid.h"
#include "abi/hypercall.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"
#include "tests/harness/suite.h"

#define NAME(status) ((uint64_t)(uintptr_t)hv_status_name(status))

static unsigned unreachable(enum dma_class class)
{
    size_t count;
    const struct dma_engine *e = dma_unreachable(&count);
    unsigned found = 0;

    for (size_t i = 0; i < count; i++)
        found += e[i].class == class;
    return found;
}

struct dma_engine *device_n(struct test_run *t, unsigned n)
{
    struct dma_engine *e = dma_engine_get(t->class, n);

    capabilities(t);
    if (!e && unreachable(t->class) != 0) {
        SKIP("needs %u device(s) of class %s; the registers of %u are at addresses above 2^47, "
             "which are not mapped",
             n + 1, dma_class_name(t->class), unreachable(t->class));
    }
    if (!e && dma_lost(t->class) != 0) {
        SKIP("needs %u device(s) of class %s; the buses of %u did not come back after an earlier "
             "test",
             n + 1, dma_class_name(t->class), dma_lost(t->class));
    }
    if (!e)
        SKIP("needs %u device(s) of class %s", n + 1, dma_class_name(t->class));
    if (e->unusable)
        SKIP("device 0x%llx: %s", (unsigned long long)e->device_id, e->unusable);
    if (e->ops->features & DMA_STAGED)
        need_width(t, e->ops->features & DMA_QUEUED ? 0 : STAGING_IOVA, e->scratch_size);
    if ((e->ops->features & DMA_STAGED) && !e->prepared) {
        REQUIRE(dma_finish(e), "device 0x%llx does not become quiet",
                (unsigned long long)e->device_id);
        test_fail(t, PVT_WHERE,
                  "before the test: device 0x%llx does not reach its own memory, mapped in a "
                  "paging domain",
                  (unsigned long long)e->device_id);
    }
    return e;
}

struct dma_engine *untouched_device(enum dma_class class)
{
    struct dma_engine *e, *found = NULL;

    for (unsigned n = 0; (e = dma_engine_get(class, n)); n++)
        found = e->used || (e->ops->features & (DMA_SLOW | DMA_STAGED | DMA_QUEUED)) ? found : e;
    if (found)
        found->used = true;
    return found;
}

void leave_untouched(struct dma_engine *e)
{
    e->used = false;
}

unsigned fast_devices(struct test_run *t, struct dma_engine *list[DMA_ENGINES_MAX], unsigned least)
{
    size_t count;
    struct dma_engine *e = dma_engines(&count);
    unsigned fast = 0;

    capabilities(t);
    for (size_t i = 0; i < count; i++)
        if ((e[i].ops->features & (DMA_SLOW | DMA_STAGED | DMA_QUEUED)) == 0)
            list[fast++] = &e[i];
    if (fast < least)
        SKIP("needs %u devices that are not slow, and there are %u", least, fast);
    return fast;
}

struct dma_engine *device(struct test_run *t)
{
    return device_n(t, 0);
}

const struct hv_output_get_iommu_capabilities *capabilities(struct test_run *t)
{
    const struct hv_output_get_iommu_capabilities *caps = pviommu_capabilities();

    if (!caps)
        SKIP("this host has no pvIOMMU: %s", pviommu_missing());
    return caps;
}

bool is_within_width(uint64_t iova, uint64_t length)
{
    const struct hv_output_get_iommu_capabilities *caps = pviommu_capabilities();

    return !caps || caps->max_iova_width >= 64 || (iova + length - 1) >> caps->max_iova_width == 0;
}

void need_width(struct test_run *t, uint64_t iova, uint64_t length)
{
    if (!is_within_width(iova, length)) {
        SKIP("the host reports IOVAs of %u bits, and the test needs IOVA 0x%llx",
             capabilities(t)->max_iova_width, (unsigned long long)(iova + length - 1));
    }
}

void need_promise(struct test_run *t, unsigned promises, const char *what)
{
    if (!iommu_promises(promises))
        SKIP("%s does not promise that %s", iommu()->name, what);
}

uint64_t own_partition_id(void)
{
    uint64_t id = HV_PARTITION_ID_SELF;

    if (hypercall_init()->features_ebx & HV_CPUID_FEATURES_EBX_PARTITION_ID)
        hypercall_simple(HVCALL_GET_PARTITION_ID, NULL, 0, &id, sizeof(id));
    return id;
}

bool has_page_size(struct test_run *t, uint64_t size)
{
    return (capabilities(t)->pgsize_bitmap & size) != 0;
}

void need_page_size(struct test_run *t, uint64_t size)
{
    if (!has_page_size(t, size))
        SKIP("the host does not report leaves of 0x%llx bytes", (unsigned long long)size);
}

struct domain *domain_room(struct test_run *t)
{
    if (!t->domains || t->domain_count == PAGE_SIZE / sizeof(*t->domains)) {
        t->domains = page_alloc(1, PAGE_SIZE);
        t->domain_count = 0;
        REQUIRE(t->domains, "no memory for domains");
    }
    return &t->domains[t->domain_count++];
}

uint32_t fresh_domain_id(struct test_run *t)
{
    return t->next_domain_id++;
}

void forget_domain_ids(struct test_run *t)
{
    t->extra_id_count = 0;
}

void track_domain_id(struct test_run *t, uint32_t id)
{
    if (!t->extra_ids)
        t->extra_ids = page_alloc(EXTRA_IDS_MAX * sizeof(*t->extra_ids) / PAGE_SIZE, PAGE_SIZE);
    REQUIRE(t->extra_ids && t->extra_id_count < EXTRA_IDS_MAX,
            "no memory for the domain ids of the test");
    t->extra_ids[t->extra_id_count++] = id;
}

static struct domain *make(struct test_run *t, enum domain_kind kind, uint32_t id, unsigned levels,
                           uint64_t sizes)
{
    static const char *const kinds[] = {"identity", "blocked", "paging"};
    enum hv_status status = HV_STATUS_SUCCESS;
    struct domain *d;

    capabilities(t);
    d = domain_room(t);
    if (!domain_create(d, kind, id, levels, sizes, &status)) {
        test_fail(t, PVT_WHERE, "creating and configuring %s domain 0x%x was refused with %s",
                  kinds[kind], id, hv_status_name(status));
    }
    STEP("create and configure %s domain 0x%llx, root GPA 0x%llx", kinds[kind], id,
         kind == DOMAIN_PAGING ? stage1_root_gpa(&d->table) : 0);
    return d;
}

struct domain *domain_paging(struct test_run *t)
{
    return make(t, DOMAIN_PAGING, fresh_domain_id(t), 0, 0);
}

struct domain *domain_paging_with(struct test_run *t, unsigned levels, uint64_t page_sizes)
{
    return make(t, DOMAIN_PAGING, fresh_domain_id(t), levels, page_sizes);
}

struct domain *domain_mapping(struct test_run *t, uint64_t iova, const struct buffer *b)
{
    struct domain *d = domain_paging(t);

    map(t, d, iova, b, STAGE1_READ | STAGE1_WRITE);
    return d;
}

struct domain *domain_four_levels(struct test_run *t, uint64_t iova, const struct buffer *b)
{
    struct domain *d = domain_paging_with(t, 4, PAGE_SIZE);

    map(t, d, iova, b, STAGE1_READ | STAGE1_WRITE);
    return d;
}

struct domain *domain_identity(struct test_run *t)
{
    return make(t, DOMAIN_IDENTITY, fresh_domain_id(t), 0, 0);
}

struct domain *domain_blocked(struct test_run *t)
{
    return make(t, DOMAIN_BLOCKED, fresh_domain_id(t), 0, 0);
}

struct domain *domain_with_id(struct test_run *t, enum domain_kind kind, uint32_t id)
{
    track_domain_id(t, id);
    return make(t, kind, id, 0, 0);
}

struct placed *placed(struct test_run *t, const struct dma_engine *e)
{
    unsigned i = 0;

    while (i < t->placed_count && t->placed[i].engine != e)
        i++;
    t->placed[i].engine = e;
    t->placed_count += i == t->placed_count;
    return &t->placed[i];
}

void attach(struct test_run *t, struct domain *d, struct dma_engine *e)
{
    enum hv_status status = domain_attach(d, e->device_id);

    STEP("attach device 0x%llx to domain 0x%llx: %s", e->device_id, d->id, NAME(status));
    if (status != HV_STATUS_DEVICE_ALREADY_IN_DOMAIN)
        CHECK_SUCCESS(status, "attaching a device to a configured domain");
    if (e->ops->features & DMA_STAGED)
        placed(t, e)->domain = d;
}

void delete_domain(struct test_run *t, struct domain *d)
{
    uint32_t id = d->id;
    enum hv_status status = domain_delete(d);

    for (unsigned i = 0; i < t->placed_count; i++) {
        /* The next domain in this place has other tables. */
        t->placed[i].staged = t->placed[i].staged == d ? NULL : t->placed[i].staged;
    }
    STEP("delete domain 0x%llx: %s", id, NAME(status));
    CHECK_SUCCESS(status, "deleting a domain without devices");
}

struct buffer buffer_aligned(struct test_run *t, size_t pages, uint64_t align)
{
    struct buffer b;

    REQUIRE(buffer_alloc(&b, pages * PAGE_SIZE, align), "no memory for a buffer of %zu pages",
            pages);
    return b;
}

struct buffer buffer(struct test_run *t, size_t pages)
{
    return buffer_aligned(t, pages, PAGE_SIZE);
}

struct buffer buffer_for_leaf(struct test_run *t, uint64_t size)
{
    need_page_size(t, size);
    return buffer_aligned(t, size / PAGE_SIZE, size);
}

struct buffer buffer_high(struct test_run *t, size_t pages)
{
    size_t all;
    uint8_t *first = memory_high_pages(&all);
    struct buffer b;

    if (!first)
        SKIP("this machine has no memory above 4 GiB");
    b = (struct buffer){.data = first + all / 4 * PAGE_SIZE, .size = pages * PAGE_SIZE};
    REQUIRE(pages <= all / 2, "%zu pages above 4 GiB", pages);
    memset(first, POISON_GUARD, all * PAGE_SIZE);
    buffer_refresh(&b);
    return b;
}

void buffer_refresh(struct buffer *b)
{
    memset(b->data, POISON_FRESH, b->size);
}

void map_gpa(struct test_run *t, struct domain *d, uint64_t iova, uint64_t gpa, uint64_t length,
             unsigned prot)
{
    enum stage1_status status;

    need_width(t, iova, length);
    status = domain_map(d, iova, gpa, length, prot);
    STEP("map IOVA 0x%llx -> GPA 0x%llx, 0x%llx bytes, prot %llu: %s", iova, gpa, length, prot,
         stage1_status_name(status));
    REQUIRE(status == STAGE1_OK, "mapping IOVA 0x%llx in our own tables: %s",
            (unsigned long long)iova, stage1_status_name(status));
}

void map(struct test_run *t, struct domain *d, uint64_t iova, const struct buffer *b, unsigned prot)
{
    map_gpa(t, d, iova, gpa_of(b->data), b->size, prot);
}

void unmap(struct test_run *t, struct domain *d, uint64_t iova, uint64_t length)
{
    enum stage1_status status = domain_unmap(d, iova, length);

    STEP("unmap IOVA 0x%llx, 0x%llx bytes: %s", iova, length, stage1_status_name(status));
    REQUIRE(status == STAGE1_OK, "unmapping IOVA 0x%llx in our own tables: %s",
            (unsigned long long)iova, stage1_status_name(status));
}

uint64_t *leaf_entry(struct test_run *t, struct domain *d, uint64_t iova)
{
    struct stage1_walk w;

    REQUIRE(stage1_walk(&d->table, iova, &w) == STAGE1_OK, "IOVA 0x%llx is not mapped",
            (unsigned long long)iova);
    return w.entry[w.leaf_level];
}

void retarget(struct test_run *t, struct domain *d, uint64_t iova, uint64_t gpa)
{
    uint64_t *leaf = leaf_entry(t, d, iova);

    *leaf = (*leaf & ~d->table.format->address_mask) | gpa;
    STEP("leaf of IOVA 0x%llx changed to 0x%llx, no flush", iova, *leaf);
}

void flush(struct test_run *t, struct domain *d)
{
    enum hv_status status = domain_flush(d);

    STEP("FLUSH_DEVICE_DOMAIN domain 0x%llx: %s", d->id, NAME(status));
    CHECK_SUCCESS(status, "flushing a paging domain");
}

void flush_list(struct test_run *t, struct domain *d, uint64_t iova, uint64_t length)
{
    enum hv_status status = domain_flush_exact(d, iova, length);

    STEP("FLUSH_DEVICE_DOMAIN_LIST domain 0x%llx, IOVA 0x%llx, 0x%llx bytes: %s", d->id, iova,
         length, NAME(status));
    CHECK_SUCCESS(status, "flushing a list of ranges");
}

void flush_block(struct test_run *t, struct domain *d, uint64_t page, unsigned shift)
{
    uint64_t element = hv_iommu_range(page, shift);
    unsigned done = 0;
    enum hv_status status = iommu_flush_list(d->id, &element, 1, &done);

    STEP("FLUSH_DEVICE_DOMAIN_LIST domain 0x%llx, page 0x%llx, shift %llu: %s, %llu done", d->id,
         page, shift, NAME(status), done);
    CHECK_SUCCESS(status, "flushing one block");
    CHECK_EQ(done, 1, "elements completed by a list of one");
}

struct domain *domain_five_levels(struct test_run *t)
{
    if (!(capabilities(t)->iommu_cap & HV_IOMMU_CAP_S1_5LVL))
        SKIP("the host does not report 5-level tables");
    return domain_paging_with(t, 5, PAGE_SIZE);
}

void attach_five_level(struct test_run *t, struct domain *d, struct dma_engine *e)
{
    enum hv_status status = domain_attach(d, e->device_id);
    size_t count;
    const struct dma_engine *other = dma_engines(&count);

    for (size_t i = 0; status != HV_STATUS_SUCCESS && i < count; i++)
        if (domain_attach(d, other[i].device_id) == HV_STATUS_SUCCESS)
            SKIP("devices of class %s cannot use five levels on this host", e->ops->name);
    CHECK_SUCCESS(status, "attaching a device to a five-level domain");
}
