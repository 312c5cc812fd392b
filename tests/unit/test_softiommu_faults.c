/* SPDX-License-Identifier: MIT */
/*
 * Every fault of the software IOMMU makes a difference that a guest can see, and none is there
 * without it: each scenario is run on the right IOMMU under all policies, and on the faulty one.
 */
#include "tests/unit/softiommu_scenarios.h"

static void inject(const struct softiommu_scenario *scenario, struct softiommu_config *config,
                   struct softiommu_rules *rules)
{
    for (unsigned effect = 0; effect < SOFTIOMMU_EFFECTS; effect++)
        if ((scenario->other.cleared & BIT(effect)) != 0)
            rules->has[SOFTIOMMU_EVENT_DELETE][effect] = false;
    config->user_ignored = scenario->other.user_ignored;
    if (scenario->fault != SOFTIOMMU_NO_FAULT)
        softiommu_inject(scenario->fault, rules);
}

static bool run(const struct softiommu_scenario *scenario, enum softiommu_policy policy,
                bool faulty)
{
    struct softiommu_config config = machine_config(policy);
    struct softiommu_rules rules = softiommu_abi_rules;
    struct machine *m;
    bool wrong;

    softiommu_faults_reset();
    config.keep_idle_domains = scenario->keep_idle;
    config.rules = &rules;
    if (faulty)
        inject(scenario, &config, &rules);
    m = machine_new(&config);
    if (faulty) {
        m->unseen = scenario->other.unseen;
        m->plain_store = scenario->other.plain_store;
        m->lent = scenario->other.lent;
    }
    wrong = scenario->wrong(m, scenario->argument);
    machine_free(m);
    softiommu_faults_reset();
    return wrong;
}

static void right_iommu_is_never_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < softiommu_scenario_count; i++) {
        for (unsigned policy = SOFTIOMMU_CACHE_NONE; policy <= SOFTIOMMU_CACHE_ADVERSARIAL;
             policy++) {
            if (run(&softiommu_scenario[i], (enum softiommu_policy)policy, false))
                fail_msg("%s: wrong without the fault, policy %u", softiommu_scenario[i].name,
                         policy);
        }
    }
}

static void each_fault_is_seen(void **state)
{
    (void)state;
    for (size_t i = 0; i < softiommu_scenario_count; i++)
        if (!run(&softiommu_scenario[i], SOFTIOMMU_CACHE_ADVERSARIAL, true))
            fail_msg("%s: no difference", softiommu_scenario[i].name);
}

static void every_fault_has_a_scenario(void **state)
{
    bool found[SOFTIOMMU_FAULTS + 1] = {false};

    (void)state;
    for (size_t i = 0; i < softiommu_scenario_count; i++)
        found[softiommu_scenario[i].fault] = true;
    for (unsigned fault = 0; fault < SOFTIOMMU_FAULTS; fault++)
        if (!found[fault])
            fail_msg("fault %u of the rows DEFECT_SOFT: no scenario", fault);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_iommu_is_never_wrong),
        cmocka_unit_test(each_fault_is_seen),
        cmocka_unit_test(every_fault_has_a_scenario),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
