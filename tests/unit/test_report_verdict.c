/* SPDX-License-Identifier: MIT */
/* The verdict of a whole run on the host: the runner's exit codes, and a run that moved no data. */
#include <string.h>

#include "tests/harness/report.h"
#include "tests/unit/unit.h"

static void expect(struct suite_counts counts, unsigned exit_code, const char *beginning)
{
    struct report_verdict verdict = report_verdict(&counts);

    assert_int_equal(verdict.exit_code, exit_code);
    assert_memory_equal(verdict.text, beginning, strlen(beginning));
}

static void an_error_wins_over_a_failure(void **state)
{
    (void)state;
    expect((struct suite_counts){.planned = 3, .pass = 1, .fail = 1, .error = 1, .moved = 1}, 2,
           "ERROR: look");
    expect((struct suite_counts){.planned = 3, .pass = 2, .fail = 1, .moved = 1}, 1, "FAIL");
    expect((struct suite_counts){.planned = 3, .pass = 3, .moved = 1, .wants_transfer = true}, 0,
           "PASS");
}

static void a_run_of_skips_verifies_nothing(void **state)
{
    (void)state;
    expect((struct suite_counts){.planned = 3, .skip = 3}, 2, "ERROR: every test was skipped");
}

static void without_dma_it_passes_only_where_that_was_asked_for(void **state)
{
    (void)state;
    expect((struct suite_counts){.planned = 3, .pass = 3}, 0, "PASS WITHOUT DMA");
    expect((struct suite_counts){.planned = 3, .pass = 2, .skip = 1, .wants_transfer = true}, 2,
           "PASS WITHOUT DMA, which");
    /* A broken host is told first. */
    expect((struct suite_counts){.planned = 3, .fail = 2, .skip = 1, .wants_transfer = true}, 1,
           "FAIL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_wins_over_a_failure),
        cmocka_unit_test(a_run_of_skips_verifies_nothing),
        cmocka_unit_test(without_dma_it_passes_only_where_that_was_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
