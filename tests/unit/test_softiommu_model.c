/* SPDX-License-Identifier: MIT */
/*
 * The IOMMU against a walker without caches, over random lives of a guest (softiommu_world.h): what
 * was flushed never differs from the tables, and what was not is something that was valid since the
 * last flush.
 */
#include "host/defects/softiommu_faults.h"
#include "lib/bits.h"
#include "tests/unit/softiommu_world.h"

#define STEPS 24000u
#define LIVES 12u /* for a fault to show; most need one */

struct life {
    enum softiommu_policy policy;
    bool ats, small, keep_idle;
    enum softiommu_ad_mode ad_mode;
};

static struct softiommu_config config_of(const struct life *life)
{
    struct softiommu_config config = machine_config(life->policy);

    config.keep_idle_domains = life->keep_idle;
    config.ad_mode = life->ad_mode;
    if (life->small) {
        config.iotlb_entries = 16;
        config.walk_cache_entries = 4;
        config.device_tlb_entries = 8;
    }
    return config;
}

static void live(const struct life *life, struct random random)
{
    struct softiommu_config config = config_of(life);
    struct softiommu_statistics s;
    const char *wrong;
    struct world *w;
    unsigned step = 0;

    config.seed = random_u64(&random);
    w = world_new(&config, random, life->ats);
    while (step < STEPS && !w->wrong) {
        world_step(w);
        step++;
    }
    s = softiommu_statistics(w->m->iommu);
    printf("policy %u ats %u small %u keep %u: %u steps, %llu reached, %llu refused, %llu stale; "
           "%llu walks, %llu "
           "drained\n",
           life->policy, life->ats, life->small, life->keep_idle, step,
           (unsigned long long)w->translated, (unsigned long long)w->refused,
           (unsigned long long)w->stale, (unsigned long long)s.walks,
           (unsigned long long)s.drained);
    wrong = w->wrong;
    if (wrong) {
        world_free(w);
        fail_msg("step %u: %s", step, wrong);
        return;
    }
    assert_true(w->translated > STEPS / 10 && w->refused > STEPS / 10 && s.drained > 10);
    assert_int_equal(w->m->table_reads_in_host, 0);
    /* Staleness is what the other policies are for. */
    assert_true(life->policy == SOFTIOMMU_CACHE_NONE ? w->stale == 0 : w->stale > 20);
    world_free(w);
}

static void what_was_flushed_never_differs(void **state)
{
    static const struct life lives[] = {
        {.policy = SOFTIOMMU_CACHE_NONE},
        {.policy = SOFTIOMMU_CACHE_NONE, .ats = true},
        {.policy = SOFTIOMMU_CACHE_RANDOM},
        {.policy = SOFTIOMMU_CACHE_RANDOM, .ats = true},
        {.policy = SOFTIOMMU_CACHE_RANDOM, .ats = true, .small = true, .keep_idle = true},
        {.policy = SOFTIOMMU_CACHE_RANDOM, .ad_mode = SOFTIOMMU_AD_IGNORED},
        {.policy = SOFTIOMMU_CACHE_ADVERSARIAL},
        {.policy = SOFTIOMMU_CACHE_ADVERSARIAL, .ats = true},
        {.policy = SOFTIOMMU_CACHE_ADVERSARIAL, .ats = true, .keep_idle = true},
        {.policy = SOFTIOMMU_CACHE_ADVERSARIAL, .ats = true, .small = true},
        {.policy = SOFTIOMMU_CACHE_ADVERSARIAL, .ats = true, .ad_mode = SOFTIOMMU_AD_IGNORED},
    };
    struct random random = unit_random();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lives); i++) {
        live(&lives[i], random);
        random_u64(&random);
    }
}

/* Only what the world does not do: its devices do nothing in the middle of a switch, for example.
 */
static bool beyond_the_world(enum softiommu_fault fault)
{
    switch (fault) {
    case SOFTIOMMU_FAULT_PRESENT_LEAF_ONLY: /* its entries that are not present are zero */
    case SOFTIOMMU_FAULT_LINE_PRESENT:
    case SOFTIOMMU_FAULT_PREFETCH_ABSENT_1:
    case SOFTIOMMU_FAULT_PREFETCH_ABSENT_2:
    case SOFTIOMMU_FAULT_PREFETCH_ABSENT_3:
    case SOFTIOMMU_FAULT_PREFETCH_ABSENT_4K:
    case SOFTIOMMU_FAULT_PREFETCH_ABSENT_2M:
    case SOFTIOMMU_FAULT_LINE_RIGHTS_TABLE_2: /* its upper entries are writable, and each belongs to
                                                 one domain */
    case SOFTIOMMU_FAULT_LINE_RIGHTS_TABLE_3:
    case SOFTIOMMU_FAULT_WALK_SHARED_TABLE:
    case SOFTIOMMU_FAULT_FIFTH_INDEX_CUT: /* its IOVAs have neither bit 56 nor 47 */
    case SOFTIOMMU_FAULT_FOURTH_INDEX_CUT:
    case SOFTIOMMU_FAULT_TAG_TEN_BITS: /* its domains have tags next to each other */
    case SOFTIOMMU_FAULT_TAG_TWELVE_BITS:
    case SOFTIOMMU_FAULT_IOTLB_TAG_32: /* its IOVAs do not differ in these bits alone */
    case SOFTIOMMU_FAULT_IOTLB_TAG_39:
    case SOFTIOMMU_FAULT_IOTLB_TAG_BIT_33:
    case SOFTIOMMU_FAULT_IOTLB_TAG_2M_36:
    case SOFTIOMMU_FAULT_WALK_TAG_39:
    case SOFTIOMMU_FAULT_WALK_TAG_BIT_40:
    case SOFTIOMMU_FAULT_DEVICE_TLB_TAG_36:
    case SOFTIOMMU_FAULT_LINE_RIGHTS_1G:
    case SOFTIOMMU_FAULT_OFFSET_CUT_1G: /* it has no pages of 1 GiB */
    case SOFTIOMMU_FAULT_KEPT_1G_DOMAIN_FLUSH:
    case SOFTIOMMU_FAULT_KEPT_1G_RANGE_FLUSH:
    case SOFTIOMMU_FAULT_KEPT_1G_ATTACH:
    case SOFTIOMMU_FAULT_KEPT_1G_DETACH:
    case SOFTIOMMU_FAULT_KEPT_1G_DEVICE_TLB:
    case SOFTIOMMU_FAULT_KEPT_1G_ALWAYS:
    case SOFTIOMMU_FAULT_UNTAGGED_1G:
    case SOFTIOMMU_FAULT_PART_512:
    case SOFTIOMMU_FAULT_PART_UPPER: /* its flushes are of one page of a large one, or of all */
    case SOFTIOMMU_FAULT_PART_LOWER:
    case SOFTIOMMU_FAULT_READ_ONLY_1G_WRITABLE:
    case SOFTIOMMU_FAULT_WRITE_LEAF_ONLY_1G:
    case SOFTIOMMU_FAULT_BYTE_AFTER_1G:
    case SOFTIOMMU_FAULT_IOTLB_AT_MOST_256: /* its domains have fewer pages */
    case SOFTIOMMU_FAULT_IOTLB_AT_MOST_4000:
    case SOFTIOMMU_FAULT_IOTLB_BLOCK_AT_MOST_256:
    case SOFTIOMMU_FAULT_DEVICE_TLB_AT_MOST_128:
    case SOFTIOMMU_FAULT_FULL_2M:
    case SOFTIOMMU_FAULT_FULL_WALK:
    case SOFTIOMMU_FAULT_FULL_4K:
    case SOFTIOMMU_FAULT_FULL_4K_4000:
    case SOFTIOMMU_FAULT_DRAIN_DROPPED_DOMAIN:
    case SOFTIOMMU_FAULT_DRAIN_DROPPED_RANGE:
    case SOFTIOMMU_FAULT_DRAIN_DROPPED_SWITCH:
    case SOFTIOMMU_FAULT_DRAIN_CACHED:
    case SOFTIOMMU_FAULT_DRAIN_1G:
    case SOFTIOMMU_FAULT_FULL_2M_2000:
    case SOFTIOMMU_FAULT_FULL_WALK_2:
    case SOFTIOMMU_FAULT_TABLES_4096:
    case SOFTIOMMU_FAULT_IOTLB_2M_AT_MOST_500:
    case SOFTIOMMU_FAULT_WALK_AT_MOST_400:
    case SOFTIOMMU_FAULT_WALK_2_AT_MOST_100:
    case SOFTIOMMU_FAULT_FULL_DEVICE_TLB:
    case SOFTIOMMU_FAULT_CROSSING_LINEAR: /* its requests stay in a page */
    case SOFTIOMMU_FAULT_LINEAR_AFTER_2M:
    case SOFTIOMMU_FAULT_LINEAR_AFTER_1G:
    case SOFTIOMMU_FAULT_REQUEST_RIGHTS_FIRST:
    case SOFTIOMMU_FAULT_WRAPS_2M:
    case SOFTIOMMU_FAULT_WRAPS_1G:
    case SOFTIOMMU_FAULT_WRAPS_4G:
    case SOFTIOMMU_FAULT_WRAPS_512G:
    case SOFTIOMMU_FAULT_BYTE_BEFORE: /* and begin with one */
    case SOFTIOMMU_FAULT_BYTE_BEFORE_READ:
    case SOFTIOMMU_FAULT_LAST_BYTE_RIGHTS:
    case SOFTIOMMU_FAULT_FIRST_BYTE_RIGHTS:
    case SOFTIOMMU_FAULT_WIDTH_IGNORED:
    case SOFTIOMMU_FAULT_WIDTH_OF_TABLES:
    case SOFTIOMMU_FAULT_WIDTH_OF_WRITES:
    case SOFTIOMMU_FAULT_WIDTH_OF_FOUR_LEVELS:
    case SOFTIOMMU_FAULT_WIDTH_OF_FIVE_WRITES:
    case SOFTIOMMU_FAULT_WIDTH_OF_FIRST_PAGE:
    case SOFTIOMMU_FAULT_DEVICE_TLB_LARGE_EARLY: /* its devices rest during a switch */
    case SOFTIOMMU_FAULT_ATTACH_LARGE_MIXED:
    case SOFTIOMMU_FAULT_AD_DROPS_BITS: /* it keeps nothing in them */
    case SOFTIOMMU_FAULT_AD_DROPS_HIGH_BITS:
    case SOFTIOMMU_FAULT_AD_DROPS_LOW_BITS:
    case SOFTIOMMU_FAULT_AD_LEAVES_MARK:
    case SOFTIOMMU_FAULT_AD_DROPS_LARGE_BITS:
    case SOFTIOMMU_FAULT_SOFTWARE_BITS_HIGH:
    case SOFTIOMMU_FAULT_SOFTWARE_BITS_LOW:
    case SOFTIOMMU_FAULT_SOFTWARE_BITS_TABLE:
    case SOFTIOMMU_FAULT_SOFTWARE_BITS_LARGE:
    case SOFTIOMMU_FAULT_STAGE2_TABLE:
    case SOFTIOMMU_FAULT_STAGE2_LEAF:
    case SOFTIOMMU_FAULT_STAGE2_FIRST:
    case SOFTIOMMU_FAULT_STAGE2_LAST:
    case SOFTIOMMU_FAULT_STAGE2_LARGE_START:
    case SOFTIOMMU_FAULT_STAGE2_1G_START:
    case SOFTIOMMU_FAULT_STAGE2_LARGE_ONCE:
    case SOFTIOMMU_FAULT_STAGE2_LARGE_ENTRY:
    case SOFTIOMMU_FAULT_STAGE2_END_1G:
    case SOFTIOMMU_FAULT_STAGE2_END_2M_ROUNDED:
    case SOFTIOMMU_FAULT_STAGE2_END_1G_ROUNDED:
    case SOFTIOMMU_FAULT_STAGE2_FIRST_2M_ROUNDED:
    case SOFTIOMMU_FAULT_STAGE2_LARGE_ANY:
    case SOFTIOMMU_FAULT_STAGE2_TABLE_ROUNDED:
    case SOFTIOMMU_FAULT_STAGE2_REQUEST_START:
    case SOFTIOMMU_FAULT_STAGE2_IDENTITY_READS:
    case SOFTIOMMU_FAULT_WINDOW_32: /* it uses no IOVA there, and no page 0 */
    case SOFTIOMMU_FAULT_WINDOW_BIT_38:
    case SOFTIOMMU_FAULT_LEAF_ZERO:
    case SOFTIOMMU_FAULT_IOTLB_TARGET_32: /* and its memory is below 4 GiB */
    case SOFTIOMMU_FAULT_TARGET_2M_32:
    case SOFTIOMMU_FAULT_TARGET_1G_32:
    case SOFTIOMMU_FAULT_IDENTITY_BELOW_4G:
    case SOFTIOMMU_FAULT_IDENTITY_CUT_PHYSICAL:
    case SOFTIOMMU_FAULT_IDENTITY_CUT_48:
    case SOFTIOMMU_FAULT_DRAIN_SEQUENCE_16: /* it holds no request for so many others */
    case SOFTIOMMU_FAULT_DRAIN_LAST_256:
    case SOFTIOMMU_FAULT_DOMAIN_FLUSH_BY_FIRST: /* it has few domains */
    case SOFTIOMMU_FAULT_RANGE_FLUSH_BY_FIRST:
    case SOFTIOMMU_FAULT_PREFETCH_RIGHTS_2: /* it seldom uses two tables of level 1 in a row */
    case SOFTIOMMU_FAULT_DRAIN_IDENTITY:    /* it does not judge requests of identity domains */
    case SOFTIOMMU_FAULT_ATTACH_PASSES_THROUGH:
    case SOFTIOMMU_FAULT_ATTACH_UNBLOCKS_FIRST:
    case SOFTIOMMU_FAULT_ATTACH_BLOCKS:
    case SOFTIOMMU_FAULT_ATTACH_TWO_STEPS:
        return true;
    default:
        return false;
    }
}

static bool noticed(enum softiommu_fault fault, bool keep_idle, struct random random)
{
    struct life life = {.policy = SOFTIOMMU_CACHE_ADVERSARIAL, .keep_idle = keep_idle};
    bool wrong = false;

    for (unsigned ats = 0; ats < 2 && !wrong; ats++) {
        struct softiommu_rules rules = softiommu_abi_rules;
        struct softiommu_config config;
        struct world *w;

        life.ats = ats != 0;
        config = config_of(&life);
        config.rules = &rules;
        softiommu_faults_reset();
        softiommu_inject(fault, &rules);
        w = world_new(&config, random, life.ats);
        for (unsigned step = 0; step < STEPS && !w->wrong; step++)
            world_step(w);
        wrong = w->wrong;
        world_free(w);
        softiommu_faults_reset();
    }
    return wrong;
}

/* The judge is worth something: it sees nearly every fault. */
static void the_judge_sees_faults(void **state)
{
    static const char *const names[] = {
#define DEFECT(enumerator, name, requirements, sentence)
#define DEFECT_SOFT(fault, name, requirements, sentence) name,
#include "host/defects/defects.def"
    };
    struct random random = unit_random();
    unsigned seen = 0, missed = 0;

    (void)state;
    for (unsigned i = 0; i < SOFTIOMMU_FAULTS; i++) {
        enum softiommu_fault fault = (enum softiommu_fault)i;
        bool found = false;

        if (beyond_the_world(fault))
            continue;
        for (unsigned life = 0; life < LIVES && !found; life++) {
            found = noticed(fault, life % 2 != 0, random);
            random_u64(&random);
        }
        if (found) {
            seen++;
        } else {
            printf("not seen: %s\n", names[i]);
            missed++;
        }
    }
    printf("%u faults seen, %u not\n", seen, missed);
    assert_int_equal(missed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_flushed_never_differs),
        cmocka_unit_test(the_judge_sees_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
