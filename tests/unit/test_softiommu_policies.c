/* SPDX-License-Identifier: MIT */
/* Contents of the caches of the software IOMMU, and when they are used. */
#include "lib/bits.h"
#include "tests/unit/softiommu_cached.h"

static uint64_t reads_for(struct machine *m, uint64_t iova, enum oracle_access access)
{
    uint64_t before = softiommu_statistics(m->iommu).table_reads;

    target(m, 0, iova, access);
    return softiommu_statistics(m->iommu).table_reads - before;
}

static void none_caches_nothing(void **state)
{
    struct machine *m = machine_with(SOFTIOMMU_CACHE_NONE);
    struct softiommu_translation t = mapped(m, DID, IOVA, RW);

    (void)state;
    softiommu_set_ats(m->iommu, 0, true);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(reads_for(m, IOVA, WRITE), 4);
    map(m, &t, IOVA, NEW, RW);
    assert_int_equal(target(m, 0, IOVA, READ), NEW);
    assert_int_equal(all_entries(m), 0);
    assert_int_equal(cache_of(m, SOFTIOMMU_CONTEXT, 0).entries, 0);
    machine_free(m);
}

static void a_hit_reads_no_table(void **state)
{
    struct machine *m = machine_with(SOFTIOMMU_CACHE_ADVERSARIAL);
    struct softiommu_translation t = mapped(m, DID, IOVA, RW);

    (void)state;
    assert_true(reads_for(m, IOVA, WRITE) >= 4);
    assert_int_equal(reads_for(m, IOVA + 0xFFF, WRITE), 0);
    assert_int_equal(reads_for(m, IOVA, READ), 0);
    assert_int_equal(cache_of(m, SOFTIOMMU_IOTLB, 0).hits, 2);
    assert_int_equal(cache_of(m, SOFTIOMMU_IOTLB, 0).misses, 1);
    /* A neighbor starts its walk at the last table. */
    map(m, &t, IOVA + PAGE_SIZE, NEW, RW);
    assert_int_equal(reads_for(m, IOVA + PAGE_SIZE, READ), 1);
    assert_int_equal(cache_of(m, SOFTIOMMU_WALK_CACHE, 1).hits, 1);
    machine_free(m);
}

static void adversarial_keeps_until_flushed(void **state)
{
    struct machine *m = machine_with(SOFTIOMMU_CACHE_ADVERSARIAL);
    struct softiommu_translation t = mapped(m, DID, IOVA, RW);

    (void)state;
    assert_int_equal(target(m, 0, IOVA, WRITE), DATA);
    map(m, &t, IOVA, 0, 0);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(target(m, 0, IOVA, WRITE), DATA);
    softiommu_flush_range(m->iommu, DID, IOVA >> 12, 0);
    assert_int_equal(target(m, 0, IOVA, READ), REFUSED);
    machine_free(m);
}

static void not_present_is_never_cached(void **state)
{
    (void)state;
    for (unsigned policy = SOFTIOMMU_CACHE_NONE; policy <= SOFTIOMMU_CACHE_ADVERSARIAL; policy++) {
        for (unsigned ats = 0; ats < 2; ats++) {
            struct machine *m = machine_with((enum softiommu_policy)policy);
            struct softiommu_translation t = domain_new(m, 5, DID);

            attach(m, 0, &t);
            softiommu_set_ats(m->iommu, 0, ats != 0);
            for (unsigned level = 5; level-- > 0;) {
                assert_int_equal(target(m, 0, IOVA, READ), REFUSED);
                assert_int_equal(m->reason, SOFTIOMMU_REASON_NOT_PRESENT);
                entry_of(m, &t, IOVA, level); /* makes the table above */
            }
            map(m, &t, IOVA, DATA, RW);
            assert_int_equal(target(m, 0, IOVA, READ), DATA);
            machine_free(m);
        }
    }
}

static void adversarial_fetches_neighbouring_tables(void **state)
{
    struct machine *m = machine_with(SOFTIOMMU_CACHE_ADVERSARIAL);
    struct softiommu_translation t = domain_new(m, 4, DID);

    (void)state;
    for (unsigned i = 0; i < 16; i++)
        map(m, &t, i * MEG2, DATA, RW);
    attach(m, 0, &t);
    assert_int_equal(target(m, 0, 0, READ), DATA);
    assert_int_equal(cache_of(m, SOFTIOMMU_WALK_CACHE, 1).entries,
                     8); /* one cache line of entries */
    assert_int_equal(cache_of(m, SOFTIOMMU_IOTLB, 0).entries, 1);
    /* A walk that ends in a fault leaves its tables cached. */
    assert_int_equal(target(m, 0, 9 * MEG2 + PAGE_SIZE, READ), REFUSED);
    assert_int_equal(cache_of(m, SOFTIOMMU_WALK_CACHE, 1).entries, 16);
    machine_free(m);
}

/* Everything the policy decides, as one number. */
static uint64_t random_run(uint64_t seed, unsigned entries,
                           struct softiommu_cache_statistics *iotlb)
{
    struct softiommu_config config = machine_config(SOFTIOMMU_CACHE_RANDOM);
    struct softiommu_translation t;
    struct machine *m;
    uint64_t sum;

    config.seed = seed;
    config.iotlb_entries = entries;
    m = machine_new(&config);
    t = domain_new(m, 4, DID);
    for (unsigned i = 0; i < 128; i++)
        map(m, &t, IOVA + i * PAGE_SIZE, RAM + i * PAGE_SIZE, RW);
    attach(m, 0, &t);
    softiommu_set_ats(m->iommu, 0, seed % 2 == 0);
    for (unsigned i = 0; i < 2000; i++)
        assert_int_equal(target(m, 0, IOVA + i * 37 % 128 * PAGE_SIZE, READ),
                         RAM + i * 37 % 128 * PAGE_SIZE);
    *iotlb = cache_of(m, SOFTIOMMU_IOTLB, 0);
    assert_true(cache_of(m, SOFTIOMMU_CONTEXT, 0).entries <= 1);
    assert_true(cache_of(m, SOFTIOMMU_CONTEXT, 0).misses > 10);
    assert_true(cache_of(m, SOFTIOMMU_CONTEXT, 0).evictions < 2000);
    assert_true(cache_of(m, SOFTIOMMU_WALK_CACHE, 1).evictions > 10);
    assert_true(seed % 2 != 0 || cache_of(m, SOFTIOMMU_DEVICE_TLB, 0).evictions > 10);
    sum = softiommu_statistics(m->iommu).table_reads * 31 + iotlb->hits * 17 + iotlb->evictions;
    machine_free(m);
    return sum;
}

static void random_is_repeatable_and_really_random(void **state)
{
    struct softiommu_cache_statistics iotlb;
    uint64_t first = random_run(1, 64, &iotlb);

    (void)state;
    assert_true(iotlb.hits > 0 && iotlb.misses > 0 && iotlb.evictions > 0);
    assert_true(iotlb.fills > iotlb.misses); /* prefetches */
    assert_int_equal(random_run(1, 64, &iotlb), first);
    assert_int_not_equal(random_run(2, 64, &iotlb), first);
    /* Also where there is room for everything. */
    random_run(1, 4096, &iotlb);
    assert_true(iotlb.evictions > 100 && iotlb.misses > 100 && iotlb.hits > 100);
}

static void device_tlb_is_used_without_the_unit(void **state)
{
    struct machine *m = machine_with(SOFTIOMMU_CACHE_ADVERSARIAL);
    struct softiommu_translation t = mapped(m, DID, IOVA, RW);
    uint64_t unit;

    (void)state;
    attach(m, 1, &t);
    softiommu_set_ats(m->iommu, 0, true);
    target(m, 0, IOVA, WRITE);
    assert_int_equal(cache_of(m, SOFTIOMMU_DEVICE_TLB, 0).entries, 1);
    assert_int_equal(cache_of(m, SOFTIOMMU_DEVICE_TLB, 1).entries, 0);
    unit = cache_of(m, SOFTIOMMU_IOTLB, 0).hits + cache_of(m, SOFTIOMMU_CONTEXT, 0).hits;
    target(m, 0, IOVA, WRITE);
    assert_int_equal(cache_of(m, SOFTIOMMU_IOTLB, 0).hits + cache_of(m, SOFTIOMMU_CONTEXT, 0).hits,
                     unit);
    assert_int_equal(cache_of(m, SOFTIOMMU_DEVICE_TLB, 0).hits, 1);
    assert_int_equal(softiommu_statistics(m->iommu).ats_requests, 1);
    /* A device without ATS, and one of another domain, are not touched by a flush. */
    attach_blocking(m, 1);
    softiommu_flush_domain(m->iommu, 60001);
    assert_int_equal(cache_of(m, SOFTIOMMU_DEVICE_TLB, 0).entries, 1);
    softiommu_flush_domain(m->iommu, DID);
    assert_int_equal(cache_of(m, SOFTIOMMU_DEVICE_TLB, 0).entries, 0);
    machine_free(m);
}

/* A device with ATS is confined even when its TLB is stale. */
static void device_tlb_of_an_identity_domain_goes_with_it(void **state)
{
    struct machine *m = machine_with(SOFTIOMMU_CACHE_ADVERSARIAL);
    struct softiommu_translation identity = {.kind = SOFTIOMMU_IDENTITY, .did = 2};

    (void)state;
    attach(m, 0, &identity);
    softiommu_set_ats(m->iommu, 0, true);
    assert_int_equal(target(m, 0, DATA, WRITE), DATA);
    assert_int_equal(target(m, 0, DATA, WRITE), DATA);
    assert_int_equal(cache_of(m, SOFTIOMMU_DEVICE_TLB, 0).hits, 1);
    assert_int_equal(target(m, 0, HOST, WRITE), REFUSED);
    assert_int_equal(target(m, 0, HOST, WRITE), REFUSED);
    attach_blocking(m, 0);
    assert_int_equal(target(m, 0, DATA, WRITE), REFUSED);
    assert_int_equal(m->reason, SOFTIOMMU_REASON_BLOCKED);
    machine_free(m);
}

static void dirty_is_set_by_the_first_write_on_a_cached_page(void **state)
{
    (void)state;
    for (unsigned ats = 0; ats < 2; ats++) {
        struct machine *m = machine_with(SOFTIOMMU_CACHE_ADVERSARIAL);
        struct softiommu_translation t = mapped(m, DID, IOVA, RW & ~BIT(6));

        softiommu_set_ats(m->iommu, 0, ats != 0);
        target(m, 0, IOVA, READ);
        assert_int_equal(*entry_of(m, &t, IOVA, 0) & BIT(6), 0);
        assert_int_equal(target(m, 0, IOVA, WRITE), DATA);
        assert_int_equal(*entry_of(m, &t, IOVA, 0) & BIT(6), BIT(6));
        assert_int_equal(reads_for(m, IOVA, WRITE), 0);
        machine_free(m);
    }
}

/* A permission that was added may be seen late, but not after the flush. */
static void read_only_entries_deny_until_flushed(void **state)
{
    struct machine *m = machine_with(SOFTIOMMU_CACHE_ADVERSARIAL);
    struct softiommu_translation t = mapped(m, DID, IOVA, RO);

    (void)state;
    target(m, 0, IOVA, READ);
    map(m, &t, IOVA, DATA, RW);
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(target(m, 0, IOVA, WRITE), REFUSED);
        assert_int_equal(m->reason, SOFTIOMMU_REASON_WRITE_DENIED);
    }
    softiommu_flush_range(m->iommu, DID, IOVA >> 12, 0);
    assert_int_equal(target(m, 0, IOVA, WRITE), DATA);
    machine_free(m);
}

static void prefetches_respect_user_and_accessed(void **state)
{
    struct softiommu_config config = machine_config(SOFTIOMMU_CACHE_RANDOM);
    struct machine *m = machine_with(SOFTIOMMU_CACHE_ADVERSARIAL);
    struct softiommu_translation t = domain_new(m, 4, DID);

    (void)state;
    for (unsigned i = 0; i < 8; i++)
        map(m, &t, i * MEG2, DATA, RW);
    *entry_of(m, &t, 5 * MEG2, 1) &= ~BIT(5);
    attach(m, 0, &t);
    target(m, 0, 0, READ);
    assert_int_equal(cache_of(m, SOFTIOMMU_WALK_CACHE, 1).entries, 7);
    assert_int_equal(*entry_of(m, &t, 5 * MEG2, 1) & BIT(5), 0);
    machine_free(m);

    config.iotlb_entries = 2; /* many walks */
    m = machine_new(&config);
    t = domain_new(m, 4, DID);
    for (unsigned i = 0; i < 8; i++)
        map(m, &t, i * PAGE_SIZE, DATA, i == 3 ? RW & ~BIT(2) : RW);
    attach(m, 0, &t);
    for (unsigned i = 0; i < 800; i++)
        assert_int_equal(target(m, 0, i % 8 * PAGE_SIZE, READ), i % 8 == 3 ? REFUSED : DATA);
    machine_free(m);
}

static void a_domain_is_forgotten_with_its_last_device(void **state)
{
    (void)state;
    for (unsigned keep = 0; keep < 2; keep++) {
        struct softiommu_config config = machine_config(SOFTIOMMU_CACHE_ADVERSARIAL);
        struct softiommu_translation t;
        struct machine *m;
        uint64_t full;

        config.keep_idle_domains = keep != 0;
        m = machine_new(&config);
        t = mapped(m, DID, IOVA, RW);
        attach(m, 1, &t);
        target(m, 0, IOVA, WRITE);
        full = all_entries(m);
        detach(m, 0);
        assert_int_equal(all_entries(m), full);
        attach_blocking(m, 1);
        assert_int_equal(all_entries(m), keep ? full : 0);
        softiommu_delete_domain(m->iommu, &t);
        assert_int_equal(all_entries(m), 0);
        machine_free(m);
    }
}

static void tiny_caches_are_right_too(void **state)
{
    struct softiommu_config config = machine_config(SOFTIOMMU_CACHE_ADVERSARIAL);
    struct softiommu_translation t;
    struct machine *m;

    (void)state;
    config.iotlb_entries = config.walk_cache_entries = config.device_tlb_entries = 1;
    m = machine_new(&config);
    t = domain_new(m, 5, DID);
    for (unsigned i = 0; i < 64; i++)
        map(m, &t, i * UINT64_C(0x1234567000), RAM + i * PAGE_SIZE, RW);
    attach(m, 0, &t);
    softiommu_set_ats(m->iommu, 0, true);
    for (unsigned i = 0; i < 256; i++)
        assert_int_equal(target(m, 0, i % 64 * UINT64_C(0x1234567000), WRITE),
                         RAM + i % 64 * PAGE_SIZE);
    assert_true(cache_of(m, SOFTIOMMU_IOTLB, 0).evictions > 100);
    assert_int_equal(cache_of(m, SOFTIOMMU_IOTLB, 0).entries, 1);
    machine_free(m);
}

static void adversarial_drops_the_oldest_when_full(void **state)
{
    struct softiommu_config config = machine_config(SOFTIOMMU_CACHE_ADVERSARIAL);
    struct softiommu_translation t;
    struct machine *m;

    (void)state;
    config.iotlb_entries = 4;
    m = machine_new(&config);
    t = domain_new(m, 4, DID);
    for (unsigned i = 0; i < 5; i++)
        map(m, &t, IOVA + i * PAGE_SIZE, DATA + i * PAGE_SIZE, RW);
    attach(m, 0, &t);
    for (unsigned i = 0; i < 5; i++)
        target(m, 0, IOVA + i * PAGE_SIZE, READ);
    for (unsigned i = 0; i < 5; i++)
        map(m, &t, IOVA + i * PAGE_SIZE, NEW, RW);
    for (unsigned i = 5; i-- > 1;)
        assert_int_equal(target(m, 0, IOVA + i * PAGE_SIZE, READ), DATA + i * PAGE_SIZE);
    assert_int_equal(target(m, 0, IOVA, READ), NEW);
    machine_free(m);
}

/* One known life, every number. */
static void events_are_counted(void **state)
{
    struct machine *m = machine_with(SOFTIOMMU_CACHE_ADVERSARIAL);
    struct softiommu_translation t = mapped(m, DID, IOVA, RW);
    struct softiommu_piece piece;
    uint64_t value = 0;
    struct softiommu_request r = {.iova = IOVA,
                                  .length = 8,
                                  .access = WRITE,
                                  .buffer = &value,
                                  .piece = &piece,
                                  .piece_capacity = 1};
    struct softiommu_cache_statistics c;
    struct softiommu_statistics s;

    (void)state;
    softiommu_set_ats(m->iommu, 0, true);
    target(m, 0, IOVA, READ);             /* walk */
    target(m, 0, IOVA + PAGE_SIZE, READ); /* walk from the last table, not present */
    softiommu_request_begin(m->iommu, 0, &r);
    softiommu_request_complete(m->iommu, &r);
    softiommu_flush_range(m->iommu, DID, IOVA >> 12, 0);
    softiommu_flush_domain(m->iommu, DID);
    attach_blocking(m, 0);
    softiommu_delete_domain(m->iommu, &t);
    s = softiommu_statistics(m->iommu);
    assert_int_equal(s.translations, 3);
    assert_int_equal(s.faults, 1);
    assert_int_equal(s.walks, 2);
    assert_int_equal(s.table_reads, 5 + 3 * 7); /* and the rest of three cache lines */
    assert_int_equal(s.ats_requests, 2);
    assert_int_equal(s.range_flushes, 1);
    assert_int_equal(s.domain_flushes, 1);
    assert_int_equal(s.switches, 2);
    assert_int_equal(s.deletes, 1);
    assert_int_equal(s.requests, 1);
    assert_int_equal(s.completed, 1);
    assert_int_equal(s.bytes, 8);
    for (unsigned level = 1; level <= 3; level++) {
        c = cache_of(m, SOFTIOMMU_WALK_CACHE, level);
        assert_int_equal(c.misses, 1);
        assert_int_equal(c.hits, level == 1);
        assert_int_equal(c.fills, 1);
        assert_int_equal(c.invalidations, 1);
        assert_int_equal(c.entries, 0);
    }
    c = cache_of(m, SOFTIOMMU_IOTLB, 0);
    assert_int_equal(c.misses, 2);
    assert_int_equal(c.fills, 1);
    assert_int_equal(c.invalidations, 1);
    c = cache_of(m, SOFTIOMMU_DEVICE_TLB, 0);
    assert_int_equal(c.misses, 2);
    assert_int_equal(c.hits, 1);
    assert_int_equal(c.fills, 1);
    assert_int_equal(c.invalidations, 1);
    machine_free(m);
}

static void there_are_statistics_of_every_cache_and_no_other(void **state)
{
    struct machine *m = machine_with(SOFTIOMMU_CACHE_ADVERSARIAL);
    struct softiommu_cache_statistics s;

    (void)state;
    assert_false(softiommu_cache_statistics(m->iommu, SOFTIOMMU_IOTLB, 1, &s));
    assert_false(softiommu_cache_statistics(m->iommu, SOFTIOMMU_WALK_CACHE, 0, &s));
    assert_false(softiommu_cache_statistics(m->iommu, SOFTIOMMU_WALK_CACHE, 5, &s));
    assert_false(softiommu_cache_statistics(m->iommu, SOFTIOMMU_DEVICE_TLB, m->config.devices, &s));
    assert_false(softiommu_cache_statistics(m->iommu, SOFTIOMMU_CONTEXT, 1, &s));
    assert_int_equal(s.hits + s.misses + s.entries, 0);
    mapped(m, DID, IOVA, RW);
    target(m, 0, IOVA, READ);
    target(m, 0, IOVA, READ);
    s = cache_of(m, SOFTIOMMU_CONTEXT, 0);
    assert_int_equal(s.misses, 1);
    assert_int_equal(s.hits, 1);
    assert_int_equal(s.entries, 1);
    detach(m, 0);
    assert_int_equal(cache_of(m, SOFTIOMMU_CONTEXT, 0).invalidations, 1);
    machine_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_caches_nothing),
        cmocka_unit_test(a_hit_reads_no_table),
        cmocka_unit_test(adversarial_keeps_until_flushed),
        cmocka_unit_test(not_present_is_never_cached),
        cmocka_unit_test(adversarial_fetches_neighbouring_tables),
        cmocka_unit_test(random_is_repeatable_and_really_random),
        cmocka_unit_test(device_tlb_is_used_without_the_unit),
        cmocka_unit_test(device_tlb_of_an_identity_domain_goes_with_it),
        cmocka_unit_test(dirty_is_set_by_the_first_write_on_a_cached_page),
        cmocka_unit_test(read_only_entries_deny_until_flushed),
        cmocka_unit_test(a_domain_is_forgotten_with_its_last_device),
        cmocka_unit_test(tiny_caches_are_right_too),
        cmocka_unit_test(prefetches_respect_user_and_accessed),
        cmocka_unit_test(adversarial_drops_the_oldest_when_full),
        cmocka_unit_test(events_are_counted),
        cmocka_unit_test(there_are_statistics_of_every_cache_and_no_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
