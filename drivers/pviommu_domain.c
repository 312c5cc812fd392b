/* SPDX-License-Identifier: MIT */
/* Domains from creation to deletion, in the order in which guests in the field do it
 * (reference 3.4, 3.6). */
#include "drivers/dma_engine.h"
#include "drivers/iommu.h"
#include "drivers/pviommu.h"

#define LEVELS_DEFAULT 4
#define LEVELS_LARGE   5

/*
 * Where domains map what is shared: below a top entry of its own, because tests break tables of the
 * IOVAs that they choose, at any level. A host with narrower IOVAs has it in another GiB, or at
 * least below 2^28.
 */
static const struct {
    unsigned bits;
    uint64_t iova;
} share_places[] = {{47, 0x2F80B0000000}, {39, 0x6FB0000000}, {38, 0x37B0000000},
                    {35, 0x6B0000000},    {32, 0xF0000000},   {0, 0x0E100000}};

static struct {
    struct domain_share_range {
        uint64_t gpa, length;
    } ranges[DOMAIN_SHARES_MAX];
    unsigned count;
    bool off;
} shares;

void domain_share_on(bool on)
{
    shares.off = !on;
}

bool domain_share(uint64_t gpa, uint64_t length, uint64_t *offset)
{
    if (shares.count == DOMAIN_SHARES_MAX || length > DOMAIN_SHARE_SIZE)
        return false;
    *offset = shares.count * DOMAIN_SHARE_SIZE;
    shares.ranges[shares.count++] = (struct domain_share_range){gpa, length};
    return true;
}

bool domain_shares(bool (*map)(void *argument, uint64_t offset, uint64_t gpa, uint64_t length),
                   void *argument)
{
    bool good = !shares.off;

    for (unsigned i = 0; i < shares.count && good; i++)
        good = map(argument, i * DOMAIN_SHARE_SIZE, shares.ranges[i].gpa, shares.ranges[i].length);
    return good;
}

static bool map_share(void *domain, uint64_t offset, uint64_t gpa, uint64_t length)
{
    struct domain *d = domain;

    return domain_map(d, d->shares + offset, gpa, length, STAGE1_READ | STAGE1_WRITE) == STAGE1_OK;
}

/* Tables without leaves of 4 KiB, which a test may want, have none of these ranges. */
static void map_shares(struct domain *d)
{
    const struct hv_output_get_iommu_capabilities *c = pviommu_capabilities();
    unsigned place = 0;

    if (shares.count == 0 || shares.off)
        return;
    while (c && c->max_iova_width < share_places[place].bits)
        place++;
    d->shares = share_places[place].iova;
    if (!domain_shares(map_share, d))
        d->shares = 0;
}

static uint64_t default_page_sizes(void)
{
    const struct hv_output_get_iommu_capabilities *c = pviommu_capabilities();

    /* Never without 4 KiB. If that is wrong, the host says so when the domain is created, and its
     * status is what counts. */
    return HV_IOMMU_PGSIZE_4K | (!c ? 0 : c->pgsize_bitmap & HV_IOMMU_PGSIZE_ALL);
}

static enum hv_status build_table(struct domain *d, unsigned levels, uint64_t page_sizes)
{
    enum stage1_status built =
        stage1_init(&d->table, &stage1_format_x86_64, levels == 0 ? LEVELS_DEFAULT : levels,
                    page_sizes == 0 ? default_page_sizes() : page_sizes, pviommu_table_memory());

    switch (built) {
    case STAGE1_OK:
        map_shares(d);
        return HV_STATUS_SUCCESS;
    case STAGE1_ERR_NO_MEMORY:
        d->table.root = NULL;
        return HV_STATUS_INSUFFICIENT_MEMORY;
    default:
        d->table.root = NULL;
        return HV_STATUS_INVALID_PARAMETER;
    }
}

static void free_tables(struct domain *d)
{
    if (d->kind == DOMAIN_PAGING && d->table.root) {
        (void)stage1_release(&d->table, &d->freed);
        stage1_destroy(&d->table);
        d->table.root = NULL;
    }
}

static enum hv_status configure(const struct domain *d)
{
    switch (d->kind) {
    case DOMAIN_IDENTITY:
        return iommu_configure(d->id, HV_DEVICE_DOMAIN_SETTINGS_IDENTITY, 0);
    case DOMAIN_BLOCKED:
        return iommu_configure(d->id, HV_DEVICE_DOMAIN_SETTINGS_BLOCKING, 0);
    case DOMAIN_PAGING:
        return iommu_configure(d->id,
                               d->table.levels == LEVELS_LARGE
                                   ? HV_DEVICE_DOMAIN_SETTINGS_PAGING_5_LEVEL
                                   : HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL,
                               stage1_root_gpa(&d->table));
    }
    return HV_STATUS_INVALID_PARAMETER;
}

static enum hv_status create_and_configure(struct domain *d)
{
    enum hv_status status = iommu_create(d->id);

    if (status != HV_STATUS_SUCCESS)
        return status;
    status = configure(d);
    if (status != HV_STATUS_SUCCESS) {
        (void)iommu_delete(d->id);
        return status;
    }
    d->live = true;
    return HV_STATUS_SUCCESS;
}

bool domain_create(struct domain *d, enum domain_kind kind, uint32_t id, unsigned levels,
                   uint64_t page_sizes, enum hv_status *status)
{
    enum hv_status first = HV_STATUS_SUCCESS;

    *d = (struct domain){.kind = kind, .id = id};
    if (kind == DOMAIN_PAGING)
        first = build_table(d, levels, page_sizes);
    if (first == HV_STATUS_SUCCESS)
        first = create_and_configure(d);
    if (!d->live)
        free_tables(d);
    if (status)
        *status = first;
    return d->live;
}

enum hv_status domain_delete(struct domain *d)
{
    enum hv_status status = HV_STATUS_SUCCESS;

    if (d->live) {
        status = iommu_delete(d->id);
        d->live = false;
    }
    free_tables(d);
    return status;
}

enum hv_status domain_attach(struct domain *d, uint64_t device_id)
{
    enum hv_status status = iommu_attach(d->id, device_id);

    if (status == HV_STATUS_SUCCESS || status == HV_STATUS_DEVICE_ALREADY_IN_DOMAIN)
        dma_follow(d, device_id);
    return status;
}
