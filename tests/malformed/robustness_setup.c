/* SPDX-License-Identifier: MIT */
/* Wrong use of the environment of calls: MSRs, and parameters in pages that are not ordinary
 * memory. */
#define TEST_GROUP "robustness"
#include "abi/msr.h"
#include "kernel/paging.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/harness/calls/call_fixture.h"

#define MSR_WRITES 300u
#define LOCAL_APIC UINT64_C(0xFEE00000)

/*
 * A value for the hypercall MSR that does no harm if the host accepts it: the overlay lands on
 * `spare` or is disabled, and the lock, which only a reset opens, stays off.
 */
static uint64_t random_hypercall_msr(struct test_run *t, const struct buffer *spare)
{
    uint64_t low = random_u64(&t->random) & ~HV_HYPERCALL_MSR_GPFN & ~HV_HYPERCALL_MSR_LOCKED;

    switch (random_below(&t->random, 4)) {
    case 0:
        return gpa_of(spare->data) | low;
    case 1:
        return memory_hole() | low;
    case 2:
        return (random_u64(&t->random) & HV_HYPERCALL_MSR_GPFN) | 1ull << 63 | low;
    default:
        return (random_u64(&t->random) & HV_HYPERCALL_MSR_GPFN) | (low & ~HV_HYPERCALL_MSR_ENABLE);
    }
}

TEST(random_msr_values,
     PROMISE("Random values for the MSRs of the interface leave the host answering, and memory "
             "below the page unchanged")
     COVERS("ROB-1 DISC-3") ABI() DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Writes three hundred random values to the MSRs of the interface and reads them back; "
           "then the hypercall page is set up again.")
     EXPECTS("Only #GP is ever raised; the page can be enabled, RAM that it covered is unchanged, "
             "and the canary is as before.")
     IF_IT_FAILS("The host loses its page, or writes to the RAM below it."))
{
    /* RESET does what it says; REFERENCE_TSC would put an overlay over any memory. */
    static const uint32_t msrs[] = {
        HV_MSR_GUEST_OS_ID,    HV_MSR_HYPERCALL,     HV_MSR_VP_INDEX,      HV_MSR_VP_RUNTIME,
        HV_MSR_TIME_REF_COUNT, HV_MSR_TSC_FREQUENCY, HV_MSR_APIC_FREQUENCY};
    struct canary by = canary(t);
    struct buffer spare = buffer(t, 1);
    uint64_t os_id = 0;
    unsigned other = 0;

    msr_read_safe(HV_MSR_GUEST_OS_ID, &os_id);
    for (unsigned i = 0; i < MSR_WRITES; i++) {
        uint32_t msr = msrs[random_below(&t->random, ARRAY_SIZE(msrs))];
        uint64_t value = msr == HV_MSR_HYPERCALL       ? random_hypercall_msr(t, &spare)
                         : random_below(&t->random, 4) ? random_u64(&t->random)
                                                       : random_below(&t->random, 2);
        enum trap_vector vector;
        uint64_t seen;

        /* A host may end all domains with the identity of the guest (CON-4). */
        value += msr == HV_MSR_GUEST_OS_ID && value == 0;
        vector = msr_write_safe(msr, value);

        other += vector != TRAP_NONE && vector != TRAP_GP;
        vector = msr_read_safe(msr, &seen);
        other += vector != TRAP_NONE && vector != TRAP_GP;
    }
    msr_write_safe(HV_MSR_GUEST_OS_ID, os_id);
    REQUIRE(hypercall_reenable(), "the hypercall page cannot be enabled again");
    CHECK(other == 0, "%u accesses to MSRs raised an exception other than #GP", other);
    expect_untouched(t, &spare, "RAM that the hypercall page covered for a while");
    expect_undisturbed(t, &by, "random MSR values");
}

TEST(output_over_hypercall_page,
     PROMISE("An output GPA in the hypercall page does not change the page")
     COVERS("ROB-1 DISC-6") ABI() DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Makes both queries with their output in the hypercall page.")
     EXPECTS("The page does not change. The statuses are recorded.")
     IF_IT_FAILS("A guest can rewrite the code that the host offers, or the host writes to a page "
                 "that it maps as read-only."))
{
    struct call_fixture f = call_fixture_open(t);
    uint8_t *page = gpa_pointer(hypercall_init()->page), *before = page_alloc(1, PAGE_SIZE);
    struct tally tally = {0};
    bool same;

    REQUIRE(before, "no memory");
    memcpy(before, page, PAGE_SIZE);
    FOR_EACH_CALL(call)
    {
        if (call_output_size(call)) {
            call_put(&f, call, f.input.data);
            /* Far from the code at the start: a host that fails this test must still run until the
             * report. */
            tally_add(&tally,
                      hv_result_status(hypercall_raw(call_control(call), gpa_of(f.input.data),
                                                     gpa_of(page) + PAGE_SIZE / 2)));
        }
    }
    buffer_refresh(&f.input);
    same = memcmp(before, page, PAGE_SIZE) == 0;
    REQUIRE(hypercall_restore_underlay(), "the hypercall page cannot be enabled again");
    CHECK(same, "the output of a call landed in the hypercall page");
    observe_tally(t, "output in the hypercall page", &tally);
    call_fixture_expect_intact(t, &f, "calls with their output in the hypercall page");
}

TEST(input_in_odd_places,
     PROMISE("Parameter lists in the hypercall page or in device registers do no harm")
     COVERS("ROB-1 GEN-10") ABI() DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Makes each call with its input in the hypercall page, in the registers of the local "
           "APIC, and in a page of zeros.")
     EXPECTS("Any status, which is recorded; nothing has changed.")
     IF_IT_FAILS("The host reads device registers on the guest's behalf, or acts on zeros."))
{
    struct call_fixture f = call_fixture_open(t);
    const uint64_t places[] = {hypercall_init()->page, LOCAL_APIC, gpa_of(f.output.data)};
    struct tally tally = {0};

    memset(f.output.data, 0, f.output.size); /* all zero names partition 0, which does not exist */
    for (unsigned p = 0; p < ARRAY_SIZE(places); p++) {
        FOR_EACH_CALL(call)
        {
            uint64_t result =
                hypercall_raw(call_control(call), places[p], gpa_of(f.output.data) + PAGE_SIZE);

            tally_add(&tally, hv_result_status(result));
        }
    }
    buffer_refresh(&f.output);
    observe_tally(t, "odd input pages", &tally);
    call_fixture_expect_intact(t, &f, "calls with their input in odd places");
}

OBSERVATION(overlapping_lists,
            PROMISE("An output that overlaps the input: the status, and that nothing outside the "
                    "two is written")
            COVERS("ROB-1") ABI() DEVICES(NONE) KINDS("dma bad-input")
            STEPS("Makes both queries with an output that overlaps the input at each 8-byte step.")
            EXPECTS("Any status, which is recorded; nothing outside of the two has changed.")
            IF_IT_FAILS("The host copies more than the two structures."))
{
    struct call_fixture f = call_fixture_open(t);
    struct tally tally = {0};

    FOR_EACH_CALL(call)
    {
        for (unsigned shift = 0; call_output_size(call) && shift < call_input_size(call);
             shift += HV_PARAMETER_ALIGNMENT) {
            uint64_t result;

            call_put(&f, call, f.input.data);
            result = hypercall_raw(call_control(call), gpa_of(f.input.data),
                                   gpa_of(f.input.data) + shift);
            tally_add(&tally, hv_result_status(result));
            memset(f.input.data, POISON_FRESH, call_input_size(call) + call_output_size(call));
            expect_untouched(t, &f.input, "memory around an output that overlaps its input");
        }
    }
    observe_tally(t, "overlap", &tally);
    call_fixture_expect_intact(t, &f, "calls whose output overlaps their input");
}
