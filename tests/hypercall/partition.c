/* SPDX-License-Identifier: MIT */
/* Every call names a partition. A guest names itself; a call with any other partition id is
 * refused. */
#define TEST_GROUP "hypercall"
#include "lib/bits.h"
#include "tests/harness/calls/mutated_call.h"

TEST(foreign_partition,
     PROMISE("Every call that changes something is refused, and does nothing, when it names "
             "another partition")
     COVERS("ISO-3 GEN-10") ABI() DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Sends every call that changes something with six partition ids that are not the "
           "guest's own.")
     EXPECTS("Each is refused, and domains, devices and translations are as before. The statuses "
             "are recorded.")
     IF_IT_FAILS("The host does not compare the partition id with that of its caller: one guest "
                 "could change another one's domains."))
{
    /* Without GET_PARTITION_ID our own number is unknown; small ones, which a host gives out, are
     * left aside. */
    static const uint64_t others[] = {HV_PARTITION_ID_INVALID,      UINT64_C(0x7FFFFFFFFFFFFFFF),
                                      UINT64_C(0xFFFFFFFFFFFFFFFE), UINT64_C(0x00000000FFFFFFFF),
                                      UINT64_C(0xFFFFFFFF00000000), UINT64_C(0x123456789ABCDEF0)};
    struct call_fixture f = call_fixture_open(t);
    uint64_t own = own_partition_id();

    FOR_EACH_CALL(call)
    {
        uint64_t body[CALL_WORDS_MAX];
        struct mutated_call m = mutated_call_begin(&f, call, body);

        if (call_output_size(call))
            continue; /* questions touch no domains or devices: capabilities.other_partition */
        m.what = "another partition";
        m.how = "id";
        for (unsigned p = 0; p < ARRAY_SIZE(others); p++) {
            if (others[p] != own) {
                m.number = others[p];
                body[0] = others[p]; /* the first field of every call */
                mutated_call_send_body(t, &f, &m, body);
            }
        }
        mutated_call_expect_intact(t, &f, call, "the id of another partition");
    }
    observe_tally(t, "partition ids that are not ours", &f.tally);
}
