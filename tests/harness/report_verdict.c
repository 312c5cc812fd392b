/* SPDX-License-Identifier: MIT */
#include "tests/harness/report.h"

/* A run that moved no data is good only where the plan has nothing that could have. */
struct report_verdict report_verdict(const struct suite_counts *c)
{
    if (c->error != 0)
        return (struct report_verdict){2, "ERROR: look at the run before judging the host"};
    if (c->fail != 0)
        return (struct report_verdict){1, "FAIL"};
    if (c->pass == 0)
        return (struct report_verdict){2, "ERROR: every test was skipped, so nothing was verified"};
    if (c->moved != 0)
        return (struct report_verdict){0, "PASS"};
    return c->wants_transfer ? (struct report_verdict){2, "PASS WITHOUT DMA, which was not asked "
                                                          "for: --class none selects the tests "
                                                          "that need no device"}
                             : (struct report_verdict){0, "PASS WITHOUT DMA"};
}
