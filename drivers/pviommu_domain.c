/* SPDX-License-Identifier: MIT */
/* Domains from creation to deletion, in the order in which guests in the field do it (reference 3.4, 3.6). */
#include "drivers/pviommu.h"

#define LEVELS_DEFAULT 4
#define LEVELS_LARGE   5

static uint64_t default_page_sizes(void)
{
    const struct hv_output_get_iommu_capabilities *c = pviommu_capabilities();

    /* Never without 4 KiB. If that is wrong, the host says so when the domain is created, and its status is what
     * counts. */
    return HV_IOMMU_PGSIZE_4K | (c == NULL ? 0 : c->pgsize_bitmap & HV_IOMMU_PGSIZE_ALL);
}

static enum hv_status build_table(struct domain *d, unsigned levels, uint64_t page_sizes)
{
    enum stage1_status built = stage1_init(&d->table, &stage1_format_x86_64, levels == 0 ? LEVELS_DEFAULT : levels,
                                           page_sizes == 0 ? default_page_sizes() : page_sizes, pviommu_table_memory());

    switch (built) {
    case STAGE1_OK:
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
    if (d->kind == DOMAIN_PAGING && d->table.root != NULL) {
        (void)stage1_release(&d->table, &d->freed);
        stage1_destroy(&d->table);
        d->table.root = NULL;
    }
}

static enum hv_status configure(const struct domain *d)
{
    switch (d->kind) {
    case DOMAIN_IDENTITY:
        return pviommu_configure(d->id, HV_DEVICE_DOMAIN_SETTINGS_IDENTITY, 0);
    case DOMAIN_BLOCKED:
        return pviommu_configure(d->id, HV_DEVICE_DOMAIN_SETTINGS_BLOCKING, 0);
    case DOMAIN_PAGING:
        return pviommu_configure(d->id,
                                 d->table.levels == LEVELS_LARGE ? HV_DEVICE_DOMAIN_SETTINGS_PAGING_5_LEVEL
                                                                 : HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL,
                                 stage1_root_gpa(&d->table));
    }
    return HV_STATUS_INVALID_PARAMETER;
}

static enum hv_status create_and_configure(struct domain *d)
{
    enum hv_status status = pviommu_create(d->id);

    if (status != HV_STATUS_SUCCESS) {
        return status;
    }
    status = configure(d);
    if (status != HV_STATUS_SUCCESS) {
        (void)pviommu_delete(d->id);
        return status;
    }
    d->live = true;
    return HV_STATUS_SUCCESS;
}

bool domain_create(struct domain *d, enum domain_kind kind, uint32_t id, unsigned levels, uint64_t page_sizes,
                   enum hv_status *status)
{
    enum hv_status first = HV_STATUS_SUCCESS;

    *d = (struct domain){.kind = kind, .id = id};
    if (kind == DOMAIN_PAGING) {
        first = build_table(d, levels, page_sizes);
    }
    if (first == HV_STATUS_SUCCESS) {
        first = create_and_configure(d);
    }
    if (!d->live) {
        free_tables(d);
    }
    if (status != NULL) {
        *status = first;
    }
    return d->live;
}

enum hv_status domain_delete(struct domain *d)
{
    enum hv_status status = HV_STATUS_SUCCESS;

    if (d->live) {
        status = pviommu_delete(d->id);
        d->live = false;
    }
    free_tables(d);
    return status;
}

enum hv_status domain_attach(struct domain *d, uint64_t device_id)
{
    return pviommu_attach(d->id, device_id);
}
