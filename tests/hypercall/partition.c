/* SPDX-License-Identifier: MIT */
/* Every call names a partition. A guest names itself; any other name gets it nowhere. */
#define TEST_GROUP "hypercall"
#include "lib/string.h"
#include "tests/harness/calls/hypercall_calls.h"
#include "tests/harness/tally.h"

TEST(foreign_partition,
     PROMISE("Every call that changes something is refused, and does nothing, when it names another partition")
     COVERS("ISO-3 GEN-10") DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Sends every call that changes something with six partition ids that are not the guest's own.")
     EXPECTS("Each is refused, and domains, devices and translations are as before. The statuses are recorded.")
     IF_IT_FAILS("The host does not compare the partition id with that of its caller: one guest could change another "
                 "one's domains."))
{
    /* Without GET_PARTITION_ID our own number is unknown; small ones, which a host gives out, are left aside. */
    static const uint64_t strangers[] = {HV_PARTITION_ID_INVALID,      UINT64_C(0x7FFFFFFFFFFFFFFF),
                                         UINT64_C(0xFFFFFFFFFFFFFFFE), UINT64_C(0x00000000FFFFFFFF),
                                         UINT64_C(0xFFFFFFFF00000000), UINT64_C(0x123456789ABCDEF0)};
    struct stage s = stage_open(t);
    struct tally tally = {0};
    uint64_t own = own_partition_id();

    for (unsigned i = 0; i < CALL_COUNT; i++) {
        const struct call_shape *shape = &call_shapes[i];

        stage_body(&s, shape, s.input.data);
        for (unsigned p = 0; p < sizeof(strangers) / sizeof(strangers[0]); p++) {
            enum hv_status status;

            if (strangers[p] == own || shape->output_size) {
                continue; /* questions touch nobody's domains or devices: capabilities.other_partition */
            }
            memcpy(s.input.data, &strangers[p], sizeof(strangers[p])); /* the first field of every call */
            status = hv_result_status(hypercall_raw(stage_control(shape), gpa_of(s.input.data), gpa_of(s.output.data)));
            STEP3(t, "%s for partition 0x%llx: %s", (uint64_t)(uintptr_t)shape->name, strangers[p],
                  (uint64_t)(uintptr_t)hv_status_name(status));
            CHECK_REFUSED(status, shape->name);
            tally_add(&tally, status);
        }
        stage_expect_intact_with(t, &s, shape, "the id of another partition");
    }
    observe_tally(t, "partition ids that are not ours", &tally);
}
