/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls on the second processor, alone and together with the first.
 *
 * A host that was written and tested with one virtual processor often has state that only the boot
 * processor sets up, or that two processors share by mistake: an input buffer for the copied
 * parameter list, the processor whose registers get the result, a lock that a processor holds when
 * it is stopped. One processor after the other shows none of this.
 *
 * Each call is made on the first and on the second processor, and all registers and statuses have
 * to agree. Both processors make calls at the same time, each with data of its own, so that a
 * buffer that is shared shows as a wrong status or as the answer to the call of the other one. The
 * second processor is stopped by INIT while it makes calls: a host that leaves a lock taken does
 * not answer the first processor any more.
 *
 * Real simultaneity is not certain: an emulator may run both processors in turn on one thread, and
 * change between them only at a pause or an exit. rendezvous() brings both to the same place before
 * each round, and many rounds follow each other. A defect that needs a window has one in the
 * reference host (host/defects/race_window.h), where the host waits for the other processor instead
 * of for luck. On a host of your own a pass means that the race was not lost in these rounds, not
 * that there is none.
 */
#define TEST_GROUP "concurrency"
#include "abi/msr.h"
#include "kernel/percpu.h"
#include "kernel/smp.h"
#include "kernel/time.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/calls/call_fixture.h"
#include "tests/harness/second_processor.h"

/* One call with all registers, wherever it is made. */
struct full_call {
    struct hypercall_registers before, after;
    enum trap_vector vector;
    unsigned made;
};

static void make_call(void *argument)
{
    struct full_call *call = argument;

    call->after = call->before;
    call->vector = hypercall_raw_registers(&call->after);
}

static void expect_preserved(struct test_run *t, const char *name, const struct full_call *call,
                             bool rep)
{
    struct hypercall_registers after = call->after;

    CHECK(call->vector == TRAP_NONE, "%s on the second processor raises exception %u", name,
          (unsigned)call->vector);
    after.rax = call->before.rax;
    after.rcx = rep ? call->before.rcx : after.rcx;
    CHECK(memcmp(&after, &call->before, sizeof(after)) == 0,
          "%s on the second processor changes another register than RAX", name);
}

#define RESULT (HV_RESULT_STATUS_MASK | HV_RESULT_REPS_MASK) /* other bits are to be ignored */

/* The same parameters on both processors; the calls that need an object that the first of them
 * would use up are made on the second one alone. */
TEST(same_answers,
     PROMISE("Every call means on the second processor what it means on the first")
     COVERS("GEN-16 CAP-5 GEN-11") ABI() DEVICES(NONE) KINDS("flush bad-input")
     STEPS("Makes each of the nine calls with flawless parameters on the second processor, with "
           "random values in all other registers. Questions and flushes are made on the first one, "
           "too, and malformed calls on both.")
     EXPECTS("Each call succeeds on the second processor as on the first, gives the same result "
             "and output, and changes no register but RAX, and RCX of a rep call.")
     IF_IT_FAILS("The host treats the processors differently: look at the entry of a hypercall, "
                 "for state that is set up for the first processor only."))
{
    struct call_fixture f = call_fixture_open(t);
    struct full_call first = {.vector = TRAP_NONE}, *second = second_memory(t, sizeof(*second));

    need_second(t);
    FOR_EACH_CALL(call)
    {
        uint64_t body[CALL_WORDS_MAX];
        bool again = call_output_size(call) || call_is_rep(call) || call == CALL_FLUSH;

        if (!call_can_succeed(&f, call))
            continue;
        call_body(&f, call, body);
        memcpy(f.input.data, body, call_input_size(call));
        for (size_t at = 0; at < sizeof(first.before); at++)
            ((uint8_t *)&first.before)[at] = (uint8_t)random_u64(&t->random);
        first.before.rdx = gpa_of(f.input.data);
        first.before.r8 = gpa_of(f.output.data);
        for (unsigned flaw = 0; flaw < 2; flaw++) {
            first.before.rcx = call_control(call) | (flaw ? HV_CONTROL_RESERVED_LOW : 0);
            *second = first;
            buffer_refresh(&f.output);
            on_second(t, make_call, second);
            STEP("%s on the second processor: %s", call_name(call),
                 hv_status_name(hv_result_status(second->after.rax)));
            expect_preserved(t, call_name(call), second, call_is_rep(call));
            CHECK(flaw || hv_result_status(second->after.rax) == HV_STATUS_SUCCESS,
                  "%s is refused on the second processor", call_name(call));
            if (!flaw && !call_is_rep(call) && call != CALL_FLUSH) {
                CHECK(call_effect_success(t, &f, call, body, f.output.data) == EFFECT_DONE,
                      "%s on the second processor succeeds without its effect", call_name(call));
            }
            if (again || flaw) {
                uint8_t answer[sizeof(struct hv_output_get_iommu_capabilities)];

                memcpy(answer, f.output.data, call_output_size(call));
                make_call(&first);
                CHECK_EQ(second->after.rax & RESULT, first.after.rax & RESULT,
                         "result on the second processor, compared with the first");
                CHECK(memcmp(answer, f.output.data, call_output_size(call)) == 0,
                      "the answers to %s differ", call_name(call));
            }
        }
    }
}

#define STOPS 3u

/* Calls without an end. */
static void call_on(void *argument)
{
    struct full_call *call = argument;

    for (;;) {
        make_call(call);
        __atomic_store_n(&call->made, call->made + 1, __ATOMIC_RELEASE);
        give_way();
    }
}

static bool has_called(void *argument)
{
    return __atomic_load_n(&((struct full_call *)argument)->made, __ATOMIC_ACQUIRE) > 0;
}

TEST(stopped_in_a_call,
     PROMISE("A processor that is reset while it makes calls neither stops the calls of another "
             "one, nor its own after its restart")
     COVERS("GEN-16") ABI() DEVICES(NONE) KINDS("flush")
     STEPS("The second processor makes calls without a pause, and is stopped by INIT somewhere in "
           "the midst of them. The first processor then makes a call, starts the second one again, "
           "and has it make a call. Three times.")
     EXPECTS("All calls succeed.")
     IF_IT_FAILS("A processor that is reset in the host takes something with it, a lock for "
                 "example; or what the host keeps per processor is not initialized again."))
{
    struct full_call *second = second_memory(t, sizeof(*second));
    struct caller theirs = caller(t), own = caller(t);
    struct domain *d = domain_paging(t);
    struct hv_input_flush_device_domain flush = {.flags = 0};

    need_second(t);
    pviommu_fill_domain(&flush.device_domain, d->id);
    memcpy(theirs.input, &flush, sizeof(flush));
    second->before.rcx = hv_control(HVCALL_FLUSH_DEVICE_DOMAIN, 0, 0, 0);
    second->before.rdx = gpa_of(theirs.input);
    for (unsigned i = 0; i < STOPS; i++) {
        second->made = 0;
        second_begin(t, call_on, second);
        REQUIRE(time_wait(has_called, second, 2000000), "the second processor makes no call");
        STEP("the second processor is stopped by INIT, time %llu", i + 1);
        REQUIRE(!smp_settle(), "the second processor has stopped by itself");
        CHECK_SUCCESS(caller_flush(&own, d->id), "a call while the second processor is stopped");
        need_second(t);
        on_second(t, make_call, second);
        CHECK(second->vector == TRAP_NONE, "a call on the restarted processor raises exception %u",
              (unsigned)second->vector);
        CHECK_SUCCESS(hv_result_status(second->after.rax), "a call on the restarted processor");
    }
}

struct msr_values {
    uint64_t index, os_id, hypercall;
    bool readable;
};

static void read_msrs(void *argument)
{
    struct msr_values *v = argument;

    v->readable = msr_read_safe(HV_MSR_VP_INDEX, &v->index) == TRAP_NONE &&
                  msr_read_safe(HV_MSR_GUEST_OS_ID, &v->os_id) == TRAP_NONE &&
                  msr_read_safe(HV_MSR_HYPERCALL, &v->hypercall) == TRAP_NONE;
}

TEST(synthetic_msrs,
     PROMISE("Each processor has an index of its own, and all see the guest's identity and the "
             "hypercall page")
     COVERS("DISC-2 DISC-3 GEN-16") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Reads VP_INDEX, GUEST_OS_ID and HYPERCALL on all processors.")
     EXPECTS("The indexes differ; the two others, which belong to the partition, are the same.")
     IF_IT_FAILS("The host keeps per processor what belongs to the partition, or the other way "
                 "round."))
{
    struct msr_values *of = second_memory(t, CPUS_MAX * sizeof(*of));
    unsigned count = processor_count();

    capabilities(t);
    need_second(t);
    read_msrs(&of[0]);
    for (unsigned n = 1; n < count; n++) {
        on_processor(t, n, read_msrs, &of[n]);
        STEP("MSRs on %s: VP index %llu", processor_name(n), of[n].index);
        CHECK(of[0].readable && of[n].readable, "a synthetic MSR raises an exception");
        CHECK_EQ(of[n].os_id, of[0].os_id, "GUEST_OS_ID on another processor");
        CHECK_EQ(of[n].hypercall, of[0].hypercall, "HYPERCALL on another processor");
        for (unsigned other = 0; other < n; other++)
            CHECK(of[n].index != of[other].index, "two processors have the VP index %llu",
                  (unsigned long long)of[n].index);
    }
}

/* As many as fit into the time: on a loaded machine an emulated processor gets little of it. */
#define ROUNDS_MAX 2000u
#define CHAT_US    40000u

/* Alternates between two calls with different answers, so that one that acts on the other
 * processor's parameters shows.
 */
struct chatter {
    struct caller caller;
    uint32_t *arrivals;
    unsigned processors;
    uint32_t domain, none; /* a domain that exists, and an id that does not */
    uint64_t iova;
    unsigned rounds, wrong_found, wrong_refused, wrong_reps;
    enum hv_status wrong_status;
};

static void note(struct chatter *c, unsigned *counter, enum hv_status status)
{
    *counter += 1;
    c->wrong_status = status;
}

static void chat(void *argument)
{
    struct chatter *c = argument;

    uint64_t end;

    if (!rendezvous_of(c->processors, c->arrivals, 0))
        return;
    end = time_us() + CHAT_US;
    for (c->rounds = 0; c->rounds < ROUNDS_MAX && time_us() < end; c->rounds++) {
        unsigned done, count = c->rounds % 16 ? 1 : 100;
        enum hv_status status = caller_flush(&c->caller, c->domain);

        if (status != HV_STATUS_SUCCESS)
            note(c, &c->wrong_refused, status);
        status = caller_flush(&c->caller, c->none);
        if (status == HV_STATUS_SUCCESS)
            note(c, &c->wrong_found, status);
        status = caller_flush_page(&c->caller, c->domain, c->iova, count, &done);
        if (status != HV_STATUS_SUCCESS || done != count)
            note(c, &c->wrong_reps, status);
        give_way();
    }
}

static void judge(struct test_run *t, const struct chatter *c, const char *who)
{
    STEP("%s: %llu rounds of three calls, %llu wrongly refused, %llu wrongly accepted", who,
         c->rounds, c->wrong_refused, c->wrong_found);
    REQUIRE(c->rounds > 0, "%s made no call", who);
    CHECK(c->wrong_refused == 0,
          "%s: %u of %u flushes of its own domain are refused, the last one with %s", who,
          c->wrong_refused, c->rounds, hv_status_name(c->wrong_status));
    CHECK(c->wrong_found == 0, "%s: %u of %u flushes of a domain that does not exist succeed", who,
          c->wrong_found, c->rounds);
    CHECK(c->wrong_reps == 0,
          "%s: %u of %u list flushes fail or are cut short, the last one with %s", who,
          c->wrong_reps, c->rounds, hv_status_name(c->wrong_status));
}

TEST(simultaneous_calls,
     PROMISE("Calls that are made at the same time on several processors all complete, each with "
             "its own result")
     COVERS("GEN-16 CON-1") ABI() DEVICES(NONE) KINDS("flush bad-input")
     STEPS("All processors make up to 6000 calls each at the same time: in turn a flush of a "
           "domain of their own, a flush of a domain that does not exist, and a list of 1 or 100 "
           "pages.")
     EXPECTS("Every call of the first and third kind succeeds completely, and every one of the "
             "second kind is refused.")
     IF_IT_FAILS("Calls of several processors share state of the host, such as the copy of the "
                 "parameters, without a lock."))
{
    struct chatter *all = second_memory(t, CPUS_MAX * sizeof(*all));
    uint32_t *arrivals = second_memory(t, sizeof(*arrivals));
    unsigned count = processor_count();

    need_second(t);
    for (unsigned n = 0; n < count; n++) {
        if (n > 0)
            need_processor(t, n);
        all[n] = (struct chatter){.caller = caller(t),
                                  .arrivals = arrivals,
                                  .processors = count,
                                  .iova = (n + 1) * 0x1000000ull};
        all[n].domain = domain_paging(t)->id;
        all[n].none = fresh_domain_id(t);
    }
    for (unsigned n = 1; n < count; n++)
        processor_begin(t, n, chat, &all[n]);
    chat(&all[0]);
    for (unsigned n = 1; n < count; n++)
        processor_end(t, n);
    for (unsigned n = 0; n < count; n++)
        judge(t, &all[n], processor_name(n));
}
