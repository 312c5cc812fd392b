/* SPDX-License-Identifier: MIT */
#include "tests/unit/softiommu_fixture.h"
#include "lib/bits.h"

#include <string.h>

uint64_t gpa_to_spa(uint64_t gpa)
{
    return ((gpa - RAM) ^ CHUNK) + RAM_SPA;
}

uint64_t spa_to_gpa(uint64_t spa)
{
    return spa - RAM_SPA < RAM_SIZE ? ((spa - RAM_SPA) ^ CHUNK) + RAM : spa;
}

uint64_t *at_spa(struct machine *m, uint64_t spa)
{
    if (spa - RAM_SPA < RAM_SIZE)
        return (uint64_t *)(void *)(m->ram + (spa - RAM_SPA));
    assert_true(spa - HOST < HOST_SIZE);
    return (uint64_t *)(void *)(m->host + (spa - HOST));
}

uint64_t *at(struct machine *m, uint64_t gpa)
{
    assert_true(gpa - RAM < RAM_SIZE);
    return at_spa(m, gpa_to_spa(gpa));
}

static bool stage2(void *owner, uint64_t gpa, enum oracle_access access, uint64_t *spa,
                   uint64_t *size)
{
    const struct machine *m = owner;

    if (m->endless && gpa - RAM >= RAM_SIZE) {
        *spa = gpa;
        *size = UINT64_MAX - gpa;
        return true;
    }
    if (m->lent != 0 && gpa - m->lent < PAGE_SIZE) {
        *spa = gpa;
        *size = PAGE_SIZE - (gpa & (PAGE_SIZE - 1));
        return true;
    }
    if (gpa - RAM >= RAM_SIZE || (access == WRITE && gpa >= READ_ONLY))
        return false;
    *spa = gpa_to_spa(gpa);
    *size = CHUNK - (gpa & (CHUNK - 1));
    return true;
}

static uint64_t read64(void *owner, uint64_t spa)
{
    struct machine *m = owner;
    uint64_t value = *at_spa(m, spa);

    assert_true(is_aligned(spa, 8));
    if (spa - HOST < HOST_SIZE)
        m->table_reads_in_host++;
    if (m->after_read)
        m->after_read(m, spa);
    return value & ~m->unseen;
}

static bool compare_exchange64(void *owner, uint64_t spa, uint64_t expected, uint64_t desired)
{
    struct machine *m = owner;
    uint64_t *entry = at_spa(m, spa);

    if (*entry != expected && !m->plain_store)
        return false;
    *entry = desired;
    return true;
}

static void copy_from(void *owner, void *to, uint64_t spa, size_t size)
{
    memcpy(to, (uint8_t *)at_spa(owner, spa), size);
}

static void copy_to(void *owner, uint64_t spa, const void *from, size_t size)
{
    memcpy((uint8_t *)at_spa(owner, spa), from, size);
}

static void on_switch_step(void *owner, unsigned device)
{
    struct machine *m = owner;

    if (m->on_switch_step)
        m->on_switch_step(m, device);
}

struct softiommu_config machine_config(enum softiommu_policy policy)
{
    return (struct softiommu_config){
        .policy = policy,
        .seed = UNIT_SEED_DEFAULT,
        .devices = 4,
        .iova_bits = 57,
        .physical_bits = 46,
        .page_sizes = BIT(12) | BIT(21) | BIT(30),
        .iotlb_entries = 4096,
        .walk_cache_entries = 1024,
        .device_tlb_entries = 1024,
    };
}

struct machine *machine_new(const struct softiommu_config *config)
{
    struct machine *m = calloc(1, sizeof(*m));
    struct softiommu_callbacks callbacks = {
        .owner = m,
        .stage2 = stage2,
        .read64 = read64,
        .compare_exchange64 = compare_exchange64,
        .copy_from = copy_from,
        .copy_to = copy_to,
        .on_switch_step = on_switch_step,
    };
    size_t size = softiommu_storage_size(config);

    assert_non_null(m);
    assert_int_not_equal(size, 0);
    m->config = *config;
    m->next_table = TABLES;
    m->storage = malloc(size);
    m->iommu = softiommu_init(config, &callbacks, m->storage, size);
    assert_non_null(m->iommu);
    return m;
}

struct machine *machine_with(enum softiommu_policy policy)
{
    struct softiommu_config config = machine_config(policy);

    return machine_new(&config);
}

void machine_free(struct machine *m)
{
    free(m->storage);
    free(m);
}

int machine_teardown(void **state)
{
    machine_free(*state);
    return 0;
}

uint64_t table_new(struct machine *m)
{
    uint64_t gpa = m->next_table;

    assert_true(gpa < READ_ONLY);
    m->next_table += PAGE_SIZE;
    memset(at(m, gpa), 0, PAGE_SIZE);
    return gpa;
}

uint64_t *entry_of(struct machine *m, const struct softiommu_translation *t, uint64_t iova,
                   unsigned level)
{
    uint64_t table = t->root;

    for (unsigned l = t->levels - 1;; l--) {
        uint64_t *entry = at(m, table) + ((iova >> (12 + 9 * l)) & 511);

        if (l == level)
            return entry;
        if (*entry == 0)
            *entry = table_new(m) | TABLE;
        table = *entry & BITS(45, 12);
    }
}

void map(struct machine *m, const struct softiommu_translation *t, uint64_t iova, uint64_t gpa,
         uint64_t bits)
{
    *entry_of(m, t, iova, 0) = gpa | bits;
}

struct softiommu_translation domain_new(struct machine *m, unsigned levels, uint16_t did)
{
    return (struct softiommu_translation){
        .kind = SOFTIOMMU_PAGING, .root = table_new(m), .levels = levels, .did = did};
}

struct softiommu_translation domain_mapping(struct machine *m, unsigned levels, uint16_t did,
                                            uint64_t iova, uint64_t gpa)
{
    struct softiommu_translation t = domain_new(m, levels, did);

    map(m, &t, iova, gpa, RW);
    return t;
}

void attach(struct machine *m, unsigned device, const struct softiommu_translation *t)
{
    assert_true(softiommu_switch_device(m->iommu, device, t, SOFTIOMMU_ATTACH));
}

void attach_blocking(struct machine *m, unsigned device)
{
    struct softiommu_translation blocked = {.kind = SOFTIOMMU_BLOCKED, .did = 60001};

    attach(m, device, &blocked);
}

void detach(struct machine *m, unsigned device)
{
    struct softiommu_translation blocked = {.kind = SOFTIOMMU_BLOCKED};

    assert_true(softiommu_switch_device(m->iommu, device, &blocked, SOFTIOMMU_DETACH));
}

uint64_t target(struct machine *m, unsigned device, uint64_t iova, enum oracle_access access)
{
    uint64_t spa, size;

    m->reason = softiommu_translate(m->iommu, device, iova, access, &spa, &size);
    if (m->reason != SOFTIOMMU_REASON_NONE)
        return REFUSED;
    assert_true(size >= 1);
    return spa_to_gpa(spa);
}

struct softiommu_cache_statistics cache_of(const struct machine *m, enum softiommu_cache cache,
                                           unsigned index)
{
    struct softiommu_cache_statistics statistics;

    assert_true(softiommu_cache_statistics(m->iommu, cache, index, &statistics));
    return statistics;
}
