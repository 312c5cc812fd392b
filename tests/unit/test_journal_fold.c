/* SPDX-License-Identifier: MIT */
/* Whatever happened to a machine: each planned test has one result, and the guilty one has its
 * name. */
#include "lib/bits.h"
#include "tests/harness/journal_fold.h"

#include <string.h>

#include "tests/unit/unit.h"

#define RUN     77u
#define PLANNED 10u
#define NO_TEST UINT32_MAX

struct journal {
    uint8_t bytes[8192];
    size_t size;
    unsigned boot, sequence;
    struct journal_record record;
};

static void open_record(struct journal *j)
{
    journal_begin(&j->record, j->bytes + j->size, sizeof(j->bytes) - j->size);
}

static void next_record(struct journal *j)
{
    journal_seal(&j->record, RUN, j->boot, j->sequence++);
    j->size += j->record.used;
    open_record(j);
}

static void next_boot(struct journal *j)
{
    next_record(j);
    j->boot++;
    j->sequence = 0;
}

static void start(struct journal *j)
{
    memset(j, 0, sizeof(*j));
    j->boot = 1;
    open_record(j);
}

static void add(struct journal *j, enum journal_kind kind, uint32_t index)
{
    assert_true(journal_add(&j->record, &(struct journal_entry){.kind = kind, .index = index}));
}

static void pass(struct journal *j, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i++)
        add(j, JOURNAL_PASS, i);
}

struct seen {
    enum journal_kind verdicts[PLANNED];
    unsigned results, boots, facts;
    struct journal_boot boot[8];
    struct journal_outcome outcome;
};

static void see_result(void *context, const struct journal_entry *e)
{
    struct seen *s = context;

    assert_int_equal(e->index, s->results);
    assert_true(e->index < PLANNED);
    s->verdicts[s->results++] = e->kind;
}

static void see_boot(void *context, const struct journal_boot *boot)
{
    struct seen *s = context;

    assert_true(s->boots < ARRAY_SIZE(s->boot));
    s->boot[s->boots++] = *boot;
    assert_int_equal(boot->number, s->boots);
}

static void see_fact(void *context, const char *text, size_t length)
{
    struct seen *s = context;

    (void)text;
    (void)length;
    s->facts++;
}

static void fold_bytes(struct seen *s, const void *bytes, size_t size, unsigned boots)
{
    const struct journal_events events = {
        .context = s, .fact = see_fact, .result = see_result, .boot = see_boot};

    memset(s, 0, sizeof(*s));
    journal_fold(bytes, size, RUN, boots, PLANNED, &events, &s->outcome);
    assert_int_equal(s->outcome.next, s->results);
}

static void fold(struct seen *s, struct journal *j)
{
    next_record(j);
    fold_bytes(s, j->bytes, j->size, j->boot);
}

static void expect_boot(const struct journal_boot *boot, enum journal_kind end, uint32_t next,
                        uint32_t guilty)
{
    assert_int_equal(boot->end, end);
    assert_int_equal(boot->next, next);
    assert_int_equal(boot->has_guilty, guilty != NO_TEST);
    if (guilty != NO_TEST)
        assert_int_equal(boot->guilty, guilty);
}

static void one_boot_runs_all(void **state)
{
    struct journal j;
    struct seen s;

    (void)state;
    start(&j);
    add(&j, JOURNAL_FACT, 0);
    pass(&j, 0, 6);
    next_record(&j);
    pass(&j, 6, PLANNED);
    add(&j, JOURNAL_END, 0);
    fold(&s, &j);
    assert_int_equal(s.results, PLANNED);
    assert_int_equal(s.facts, 1);
    assert_true(s.outcome.has_facts);
    expect_boot(&s.outcome.last, JOURNAL_END, PLANNED, NO_TEST);
    assert_int_equal(s.outcome.used, j.size);
    assert_int_equal(s.outcome.sequence, 1);
}

static void panic_names_the_test_before_it(void **state)
{
    struct journal j;
    struct seen s;

    (void)state;
    start(&j);
    pass(&j, 0, 4);
    add(&j, JOURNAL_ERROR, 4);
    add(&j, JOURNAL_DOWN, 0);
    fold(&s, &j);
    expect_boot(&s.outcome.last, JOURNAL_DOWN, 5, 4);
    assert_int_equal(s.verdicts[4], JOURNAL_ERROR);
}

static void panic_outside_of_tests_names_none(void **state)
{
    struct journal j;
    struct seen s;

    (void)state;
    start(&j);
    add(&j, JOURNAL_DOWN, 0);
    next_boot(&j);
    pass(&j, 0, 4);
    add(&j, JOURNAL_DOWN, 0);
    fold(&s, &j);
    expect_boot(&s.boot[0], JOURNAL_DOWN, 0, NO_TEST);
    expect_boot(&s.boot[1], JOURNAL_DOWN, 4, NO_TEST);
}

static void unexplained_end_names_none_without_a_begin(void **state)
{
    struct journal j;
    struct seen s;

    (void)state;
    start(&j);
    pass(&j, 0, 4);
    fold(&s, &j);
    expect_boot(&s.outcome.last, JOURNAL_UNEXPLAINED, 4, NO_TEST);
    assert_int_equal(s.results, 4);
}

static void test_that_began_is_guilty_of_an_unexplained_end(void **state)
{
    struct journal j;
    struct seen s;

    (void)state;
    start(&j);
    pass(&j, 0, 4);
    next_boot(&j);
    add(&j, JOURNAL_BEGIN, 4);
    next_record(&j);
    add(&j, JOURNAL_PASS, 4);
    add(&j, JOURNAL_BEGIN, 5);
    next_boot(&j);
    pass(&j, 6, PLANNED);
    add(&j, JOURNAL_END, 0);
    fold(&s, &j);
    expect_boot(&s.boot[0], JOURNAL_UNEXPLAINED, 4, NO_TEST);
    expect_boot(&s.boot[1], JOURNAL_UNEXPLAINED, 6, 5);
    expect_boot(&s.boot[2], JOURNAL_END, PLANNED, NO_TEST);
    assert_int_equal(s.verdicts[5], JOURNAL_ERROR);
    assert_int_equal(s.results, PLANNED);
}

static void boots_that_recorded_nothing_count(void **state)
{
    struct journal j;
    struct seen s;

    (void)state;
    start(&j);
    pass(&j, 0, 2);
    next_record(&j);
    j.boot = 4;
    pass(&j, 2, 3);
    next_record(&j);
    fold_bytes(&s, j.bytes, j.size, 5);
    assert_int_equal(s.boots, 5);
    expect_boot(&s.boot[2], JOURNAL_UNEXPLAINED, 2, NO_TEST);
    expect_boot(&s.boot[4], JOURNAL_UNEXPLAINED, 3, NO_TEST);
    fold_bytes(&s, NULL, 0, 2);
    assert_int_equal(s.boots, 2);
}

static void boot_under_way_is_not_judged(void **state)
{
    struct journal j;
    struct seen s;

    (void)state;
    start(&j);
    add(&j, JOURNAL_BEGIN, 0);
    next_record(&j);
    fold_bytes(&s, j.bytes, j.size, 0);
    assert_int_equal(s.results, 0);
    assert_int_equal(s.boots, 0);
    assert_int_equal(s.outcome.used, j.size);
}

static void results_count_once(void **state)
{
    struct journal j;
    struct seen s;

    (void)state;
    start(&j);
    pass(&j, 0, 4);
    add(&j, JOURNAL_FULL, 0);
    next_boot(&j);
    add(&j, JOURNAL_FAIL, 3);
    add(&j, JOURNAL_FAIL, 4);
    add(&j, JOURNAL_PASS, 4);
    add(&j, JOURNAL_PASS, PLANNED);
    fold(&s, &j);
    assert_int_equal(s.verdicts[3], JOURNAL_PASS);
    assert_int_equal(s.verdicts[4], JOURNAL_FAIL);
    assert_int_equal(s.results, 5);
    expect_boot(&s.boot[0], JOURNAL_FULL, 4, NO_TEST);
}

static void lost_results_are_errors(void **state)
{
    struct journal j;
    struct seen s;

    (void)state;
    start(&j);
    pass(&j, 0, 2);
    pass(&j, 5, PLANNED);
    fold(&s, &j);
    assert_int_equal(s.results, PLANNED);
    assert_int_equal(s.verdicts[2], JOURNAL_ERROR);
    assert_int_equal(s.verdicts[4], JOURNAL_ERROR);
    assert_int_equal(s.verdicts[5], JOURNAL_PASS);
}

static void other_runs_and_garbage_end_the_journal(void **state)
{
    struct journal j;
    struct seen s;
    size_t whole;

    (void)state;
    start(&j);
    pass(&j, 0, 3);
    next_record(&j);
    whole = j.size;
    pass(&j, 3, 6);
    next_record(&j);
    for (size_t size = whole; size < j.size; size++) {
        fold_bytes(&s, j.bytes, size, 1);
        assert_int_equal(s.outcome.used, whole);
        assert_int_equal(s.results, 3);
    }
    memset(&s, 0, sizeof(s));
    journal_fold(j.bytes, j.size, RUN + 1, 0, PLANNED, NULL, &s.outcome);
    assert_int_equal(s.outcome.used, 0);
}

/* A machine that dies at random places, and a next boot that goes on where the journal says. */
static void any_history_ends_with_one_result_each(void **state)
{
    struct random random = unit_random();

    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        struct journal j;
        struct seen s;
        unsigned boots = 0;

        start(&j);
        fold_bytes(&s, j.bytes, 0, 0);
        while (s.outcome.next < PLANNED && boots < ARRAY_SIZE(s.boot)) {
            bool dies = boots + 1 < ARRAY_SIZE(s.boot), died = false;

            for (uint32_t i = s.outcome.next; i < PLANNED; i++) {
                uint64_t dice = random_u64(&random) % 16;

                if (dice & 1) {
                    add(&j, JOURNAL_BEGIN, i);
                    next_record(&j);
                }
                if (dies && dice < 3) {
                    died = true;
                    break;
                }
                add(&j, JOURNAL_PASS, i);
                if (dice & 2)
                    next_record(&j);
            }
            if (died)
                open_record(&j); /* what was not stored is gone */
            else
                next_record(&j);
            boots++;
            j.boot++;
            j.sequence = 0;
            fold_bytes(&s, j.bytes, j.size, boots);
        }
        assert_int_equal(s.results, PLANNED);
        assert_int_equal(s.boots, boots);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_boot_runs_all),
        cmocka_unit_test(panic_names_the_test_before_it),
        cmocka_unit_test(panic_outside_of_tests_names_none),
        cmocka_unit_test(unexplained_end_names_none_without_a_begin),
        cmocka_unit_test(test_that_began_is_guilty_of_an_unexplained_end),
        cmocka_unit_test(boots_that_recorded_nothing_count),
        cmocka_unit_test(boot_under_way_is_not_judged),
        cmocka_unit_test(results_count_once),
        cmocka_unit_test(lost_results_are_errors),
        cmocka_unit_test(other_runs_and_garbage_end_the_journal),
        cmocka_unit_test(any_history_ends_with_one_result_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
