/* SPDX-License-Identifier: MIT */
/* Checks the configuration and lays the caches out in the storage. */
#include "host/softiommu/arena.h"
#include "host/softiommu/private.h"

static bool within(uint64_t value, uint64_t low, uint64_t high)
{
    return value >= low && value <= high;
}

static bool valid(const struct softiommu_config *config)
{
    uint64_t offered = config->page_sizes;

    return within(config->policy, SOFTIOMMU_CACHE_NONE, SOFTIOMMU_CACHE_ADVERSARIAL) &&
           within(config->ad_mode, SOFTIOMMU_AD_SET, SOFTIOMMU_AD_REQUIRED) &&
           within(config->devices, 1, SOFTIOMMU_DEVICES_MAX) && within(config->iova_bits, 12, 57) &&
           within(config->physical_bits, 32, 52) && (offered & BIT(12)) != 0 &&
           (offered & ~(BIT(12) | BIT(21) | BIT(30))) == 0 &&
           within(config->iotlb_entries, 1, SOFTIOMMU_ENTRIES_MAX) &&
           within(config->walk_cache_entries, 1, SOFTIOMMU_ENTRIES_MAX) &&
           within(config->device_tlb_entries, 1, SOFTIOMMU_ENTRIES_MAX);
}

/* With an arena that only counts, `iommu` is NULL and a scratch structure takes its place. */
static void lay_out(const struct softiommu_config *config, struct arena *arena)
{
    struct softiommu counted = {0};
    struct softiommu *iommu = arena_take(arena, sizeof(*iommu));
    struct function *function = arena_take(arena, config->devices * sizeof(*function));
    struct context_entry *context = arena_take(arena, config->devices * sizeof(*context));
    struct function scratch = {0};
    bool build = iommu;
    struct prng *prng = config->policy == SOFTIOMMU_CACHE_RANDOM && build ? &iommu->prng : NULL;

    if (build) {
        *iommu = (struct softiommu){
            .config = *config, .prng = {config->seed}, .function = function, .context = context};
        for (unsigned i = 0; i < config->devices; i++) {
            function[i] = (struct function){.translation = {.kind = SOFTIOMMU_BLOCKED}};
            context[i] = (struct context_entry){0};
        }
    } else {
        iommu = &counted;
    }
    tlb_init(&iommu->iotlb, arena, config->iotlb_entries, CACHE_GROUPS_DOMAINS, prng);
    walk_cache_init(&iommu->walk_cache, arena, config->walk_cache_entries, prng);
    for (unsigned i = 0; i < config->devices; i++)
        tlb_init(build ? &function[i].tlb : &scratch.tlb, arena, config->device_tlb_entries,
                 CACHE_GROUPS_ONE, prng);
}

size_t softiommu_storage_size(const struct softiommu_config *config)
{
    struct arena arena = {0};

    if (!valid(config))
        return 0;
    lay_out(config, &arena);
    return arena.used;
}

struct softiommu *softiommu_init(const struct softiommu_config *config,
                                 const struct softiommu_callbacks *callbacks, void *storage,
                                 size_t size)
{
    struct arena arena = {.base = storage};
    size_t needed = softiommu_storage_size(config);
    struct softiommu *iommu = storage;

    if (needed == 0 || needed > size || !storage ||
        !is_aligned((uintptr_t)storage, ARENA_ALIGNMENT))
        return NULL;
    lay_out(config, &arena);
    iommu->rules = config->rules ? *config->rules : softiommu_abi_rules;
    iommu->call = *callbacks;
    return iommu;
}
