/* SPDX-License-Identifier: MIT */
/* One instance: run it contained, reset the state, report. */
#include "drivers/host_integrity.h"
#include "drivers/hypercall.h"
#include "drivers/iommu.h"
#include "kernel/smp.h"
#include "kernel/time.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/replay.h"
#include "tests/harness/second_processor.h"
#include "tests/harness/suite.h"
#include "tests/harness/transcript.h"

#define HYPER_V_VENDOR "Microsoft Hv"
/* Tests of this group attack the host: its memory is checked after each of them. */
#define HOSTILE_GROUP "hostile."
/* For the second chance of a test that overran. */
#define PATIENCE 10u
/* Less than the runner's patience with a silent guest, which is longer in tier stress. */
#define SECOND_DEADLINE_MAX_MS        20000u
#define SECOND_DEADLINE_STRESS_MAX_MS 80000u
/* No more chances after so many tests that overran twice: it is not the load of the machine. */
#define CHANCES_LOST_MAX 2u

#define OWED_US 1000000u /* for an answer of the host */

/* FNV-1a, so that each instance has a random stream of its own whatever else is selected. */
static uint64_t seed_for(const char *name, uint64_t seed)
{
    uint64_t hash = 0xCBF29CE484222325ull ^ seed;

    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 0x100000001B3ull;
    return hash;
}

/*
 * A machine that does not claim to be Hyper-V has nothing that a test could check. One that does,
 * by its vendor text, and lacks the interface breaks DISC-1: its tests run, and fail.
 */
static void need_interface(struct test_run *t)
{
    const struct hypercall_discovery *h;

    if (!iommu_promises(IOMMU_HYPERCALLS)) {
        if (t->test->unit == TEST_UNIT_PVIOMMU) {
            test_skip(t, "checks the hypercalls of the host, and the tests drive %s",
                      iommu()->name);
        }
        return;
    }
    h = hypercall_init();

    if (h->state == HYPERCALL_NO_HYPERVISOR)
        test_skip(t, "no Hyper-V interface: no hypervisor, CPUID.1:ECX[31] is clear");
    if (h->state == HYPERCALL_NO_INTERFACE && strcmp(h->vendor, HYPER_V_VENDOR) != 0) {
        test_skip(t,
                  "no Hyper-V interface: hypervisor '%s' has the leaves 0x40000000 to 0x%x, and "
                  "0x%x instead of Hv#1 in "
                  "leaf 0x40000001",
                  h->vendor, h->max_leaf, h->interface);
    }
}

static void call_test(void *argument)
{
    struct suite *s = argument;

    if (strcmp(s->options.fixture_test, s->run.instance) == 0)
        suite_break(s->options.fixture);
    need_interface(&s->run);
    s->calls_before = hypercall_count() + hypercall_withheld();
    if (s->options.calls_from > 1)
        processor_makes_all_calls(&s->run, (unsigned)s->options.calls_from - 1);
    s->run.test->run(&s->run);
}

static void describe_end(struct test_run *t, enum containment_end end, uint64_t deadline_ms)
{
    switch (end) {
    case CONTAINMENT_RETURNED:
    case CONTAINMENT_ABORTED:
        return;
    case CONTAINMENT_EXCEPTION:
        fmt_snprintf(
            t->message, sizeof(t->message), "exception %llu (error 0x%llx) at 0x%llx, CR2 0x%llx",
            (unsigned long long)t->trap.frame.vector, (unsigned long long)t->trap.frame.error,
            (unsigned long long)t->trap.frame.rip, (unsigned long long)t->trap.cr2);
        break;
    case CONTAINMENT_DEADLINE:
        fmt_snprintf(t->message, sizeof(t->message), "did not end within its deadline of %llu ms",
                     (unsigned long long)deadline_ms);
        break;
    }
    t->verdict = VERDICT_ERROR;
    t->trapped = true;
    t->where_file = NULL;
}

/* Also after a failure: the next test is not to be blamed for it. */
static const char *damaged_host(const struct test_run *t, char *text, size_t size)
{
    bool hostile = memcmp(t->test->id, HOSTILE_GROUP, sizeof(HOSTILE_GROUP) - 1) == 0;

    return hostile ? host_integrity_damage(text, size) : NULL;
}

/* On a unit without hypercalls every call is refused, which would pass for the refusal that a test
 * expects. */
static bool calls_without_hypercalls(const struct suite *s)
{
    return !iommu_promises(IOMMU_HYPERCALLS) &&
           hypercall_count() + hypercall_withheld() != s->calls_before;
}

/* A host that left wrong state after a test that passed has failed that test. */
static void after(struct suite *s, struct test_run *t)
{
    /* Processors and devices first: one that is still at work must not be taken for the owner of
     * the memory's next user. */
    bool settled = smp_settle();
    bool called = calls_without_hypercalls(s);
    const char *leftover = suite_reset(s);
    uint64_t where = 0;
    const char *damage = memory_test_end(&where);
    char text[TEXT_MAX];
    const char *host_damage = damaged_host(t, text, sizeof(text));

    /* A domain that a test has left is a failure of that test, not of the next ones. */
    if (t->verdict != VERDICT_PASS && !(t->verdict == VERDICT_SKIP && s->leftover[0]) &&
        !(s->lost_buses && t->verdict == VERDICT_ERROR)) /* for want of an answer of the host */
        return;
    if (damage) {
        t->verdict = VERDICT_FAIL;
        fmt_snprintf(t->message, sizeof(t->message), "after the test: %s, GPA 0x%llx", damage,
                     (unsigned long long)where);
    } else if (host_damage) {
        t->verdict = VERDICT_FAIL;
        fmt_snprintf(t->message, sizeof(t->message), "after the test: %s", host_damage);
    } else if (leftover) {
        t->verdict = VERDICT_FAIL;
        t->beside = s->breaks;
        fmt_snprintf(t->message, sizeof(t->message), "after the test: %s", leftover);
    } else if (s->stray[0] && t->verdict == VERDICT_PASS) {
        t->verdict = VERDICT_ERROR;
        fmt_snprintf(t->message, sizeof(t->message), "after the test: %s", s->stray);
    } else if (called && t->verdict == VERDICT_PASS) {
        t->verdict = VERDICT_ERROR;
        fmt_snprintf(t->message, sizeof(t->message),
                     "the test makes hypercalls, which %s does not have: it lacks the label ABI()",
                     iommu()->name);
    } else if (!settled) {
        t->verdict = VERDICT_ERROR;
        fmt_snprintf(t->message, sizeof(t->message),
                     "after the test: another processor was still busy");
    }
}

static void count(struct suite_counts *c, enum verdict verdict)
{
    c->pass += verdict == VERDICT_PASS;
    c->fail += verdict == VERDICT_FAIL;
    c->error += verdict == VERDICT_ERROR;
    c->skip += verdict == VERDICT_SKIP;
}

void suite_take_verdict(struct suite *s)
{
    count(&s->counts, s->run.verdict);
    s->counts.moved += s->run.moved;
    unattended_after(s);
    report_test(&s->run, s->options.verbose);
    unattended_reported(s);
    s->position++;
    s->in_test = false;
}

void suite_clear_run(struct suite *s)
{
    const struct suite_instance *i = &s->instances[s->position % s->instance_count];
    struct test_run *t = &s->run;

    memset(t, 0, sizeof(*t));
    t->test = i->test;
    t->has_class = i->has_class;
    t->class = i->class;
    t->first_domain_id = t->next_domain_id = suite_first_id(s);
    t->patience = 1;
    t->last = s->position + 1 == s->instance_count * s->options.repeat;
    suite_instance_name(i, t->instance, sizeof(t->instance));
}

/* Only domains of tests on a device that takes its commands from memory map that memory. */
static void choose_shares(const struct test_run *t)
{
    const struct dma_engine *e = t->has_class ? dma_engine_get(t->class, 0) : dma_engine_fast();

    domain_share_on(e && (e->ops->features & DMA_QUEUED) != 0);
}

static bool is_at_start(const struct test_run *t)
{
    static const char start[] = "at-start.";

    return memcmp(t->test->id, start, sizeof(start) - 1) == 0;
}

/* Tests of the state at power-on come first, and find devices that nothing has used. */
static void rest_devices(struct suite *s)
{
    if (!s->rested && !is_at_start(&s->run)) {
        s->rested = true;
        (void)suite_reset(s);
    }
}

static uint64_t deadline_of(const struct suite *s, unsigned patience)
{
    const struct test_run *t = &s->run;
    uint64_t most = t->test->seconds ? SECOND_DEADLINE_STRESS_MAX_MS : SECOND_DEADLINE_MAX_MS;
    uint64_t ms = s->options.deadline_ms;

    if (t->test->seconds)
        ms *= STRESS_TIER_DEADLINE_FACTOR;
    else if (t->test->long_run || s->options.calls_from > 1)
        ms *= STRESS_DEADLINE_FACTOR;
    if (patience > 1 && ms < most)
        ms = ms * patience < most ? ms * patience : most;
    if (t->has_class && dma_class_is_slow(t->class))
        ms *= SLOW_DEADLINE_FACTOR;
    return ms;
}

uint64_t test_owed_us(struct test_run *t)
{
    const uint64_t us = time_for_answer_us((uint64_t)OWED_US * t->patience);

    t->owed_until = time_us() + us;
    return us;
}

/* A run that ends at its first failure is one of a host that was quick without its defect. */
static bool has_waited_in_vain(const struct suite *s, uint64_t now)
{
    const struct test_run *t = &s->run;

    return t->verdict == VERDICT_FAIL && t->owed_until != 0 && now >= t->owed_until &&
           s->options.stop_at_fail == 0;
}

void suite_try(struct suite *s)
{
    struct test_run *t = &s->run;
    uint64_t deadline_ms, operations, start;
    enum containment_end end;

    deadline_ms = deadline_of(s, t->patience);
    if (transcript_is_on())
        deadline_ms *= TRANSCRIPT_DEADLINE_FACTOR;
    random_seed(&t->random,
                seed_for(t->instance, s->options.seed + s->position / s->instance_count));
    t->deadline_us = deadline_ms * 1000;
    replay_forget();
    transcript_begin();
    oracle_faults_forget();
    memory_test_begin();
    operations = dma_operations();
    start = time_us();
    end = containment_run(call_test, s, t->deadline_us, &t->trap);
    t->duration_us = time_us() - start;
    transcript_pause();
    t->moved = dma_operations() != operations;
    t->overran =
        t->overran || end == CONTAINMENT_DEADLINE || has_waited_in_vain(s, start + t->duration_us);
    describe_end(t, end, deadline_ms);
    after(s, t);
}

/* A loaded machine takes the time of a test. One with a clock that counts instructions does not,
 * and devices are untouched only once. */
static bool has_second_chance(const struct suite *s)
{
    const struct test_run *t = &s->run;

    return t->overran && !s->lost_buses && !s->options.deadline_given &&
           deadline_of(s, PATIENCE) > deadline_of(s, 1) && s->chances_lost < CHANCES_LOST_MAX &&
           !(t->has_class && dma_class_is_slow(t->class)) && !is_at_start(t);
}

void suite_run_next(struct suite *s)
{
    struct test_run *t = &s->run;
    char text[TEXT_MAX];

    suite_clear_run(s);
    rest_devices(s);
    choose_shares(t);
    if (t->has_class)
        suite_prepare_class(s, t->class);
    unattended_before(s);
    s->in_test = true;
    report_comment("run: %s", t->instance);
    suite_try(s);
    if (has_second_chance(s)) {
        fmt_snprintf(text, sizeof(text),
                     "it overran a deadline after %llu ms, and ran again with one of %llu ms",
                     (unsigned long long)t->duration_us / 1000,
                     (unsigned long long)deadline_of(s, PATIENCE));
        report_comment("note: %s: %s", t->instance, text);
        suite_clear_run(s);
        t->patience = PATIENCE;
        choose_shares(t);
        suite_try(s);
        fmt_snprintf(t->second_chance, sizeof(t->second_chance), "%s", text);
        s->chances_lost += t->overran;
    }
    suite_shrink(s);
    suite_take_verdict(s);
}
