/* SPDX-License-Identifier: MIT */
/*
 * Every omission makes a difference that a guest can see, and none is there without it: each scenario below is run on
 * the right IOMMU under all policies, and on the one that omits.
 */
#include "tests/unit/softiommu_scenarios.h"

static bool run(const struct softiommu_scenario *scenario, enum softiommu_policy policy, bool omit)
{
    struct softiommu_config config = machine_config(policy);
    struct machine *m;
    bool wrong;

    config.keep_idle_domains = scenario->keep_idle;
    if (omit)
        softiommu_omit(&config.omissions, scenario->omission);
    m = machine_new(&config);
    wrong = scenario->wrong(m, scenario->argument);
    machine_free(m);
    return wrong;
}

static void right_iommu_is_never_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < softiommu_scenario_count; i++) {
        for (unsigned policy = SOFTIOMMU_CACHE_NONE; policy <= SOFTIOMMU_CACHE_ADVERSARIAL; policy++) {
            if (run(&softiommu_scenario[i], (enum softiommu_policy)policy, false))
                fail_msg("%s: wrong without the omission, policy %u",
                         softiommu_omission_name(softiommu_scenario[i].omission), policy);
        }
    }
}

static void each_omission_is_seen(void **state)
{
    (void)state;
    for (size_t i = 0; i < softiommu_scenario_count; i++) {
        if (!run(&softiommu_scenario[i], SOFTIOMMU_CACHE_ADVERSARIAL, true))
            fail_msg("%s: no difference", softiommu_omission_name(softiommu_scenario[i].omission));
    }
}

static void every_omission_has_a_scenario(void **state)
{
    (void)state;
    for (unsigned omission = 0; omission < SOFTIOMMU_OMISSIONS; omission++) {
        bool found = false;

        for (size_t i = 0; i < softiommu_scenario_count; i++)
            found = found || softiommu_scenario[i].omission == omission;
        if (!found)
            fail_msg("%s: no scenario", softiommu_omission_name((enum softiommu_omission)omission));
    }
}

static void omissions_have_names_and_sentences(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SOFTIOMMU_OMISSIONS; i++) {
        assert_true(*softiommu_omission_name((enum softiommu_omission)i) != '\0');
        assert_true(*softiommu_omission_sentence((enum softiommu_omission)i) != '\0');
    }
    assert_null(softiommu_omission_name(SOFTIOMMU_OMISSIONS));
    assert_null(softiommu_omission_sentence(SOFTIOMMU_OMISSIONS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_iommu_is_never_wrong),
        cmocka_unit_test(each_omission_is_seen),
        cmocka_unit_test(every_omission_has_a_scenario),
        cmocka_unit_test(omissions_have_names_and_sentences),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
