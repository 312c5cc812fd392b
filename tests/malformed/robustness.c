/* SPDX-License-Identifier: MIT */
/*
 * Malformed calls: thousands with random control words and with parameter lists that are right but
 * for a few bits. Afterwards the host still answers, a canary is undisturbed, and no memory has
 * changed but the outputs that were asked for.
 *
 * Left out on purpose: calls outside the device-domain interface that a real host knows (they may
 * have their normal effect on this guest), the ids of the canary and of the harness, and output
 * addresses at which a correct host would destroy this image.
 */
#define TEST_GROUP "robustness"
#include "abi/device_id.h"
#include "lib/string.h"
#include "tests/harness/calls/call_fixture.h"
#include "tests/harness/suite.h"

#define RANDOM_CALLS  1000u
#define HALF_VALID    1000u
#define OUTPUT_OFFSET 1024u
#define OUTPUT_MAX    512u /* no public call with these codes writes more */
#define LIST_BYTES    64u
#define CREATED_MAX   256u
#define FUZZ_DOMAINS  8u
#define FUZZ_FIRST    UINT32_C(0x00500000)

struct fuzz {
    struct call_fixture fixture;
    struct domain *blocked; /* for all devices in the end */
    struct tally tally;
    uint32_t created[CREATED_MAX]; /* ids that a CREATE has made */
    unsigned created_count;
};

static uint64_t below(struct test_run *t, uint64_t bound)
{
    return random_below(&t->random, bound);
}

/* A code of the interface, one next to it, or one from an unused range. */
static uint16_t random_code(struct test_run *t)
{
    switch (below(t, 4)) {
    case 0:
        return (uint16_t)(0x00B0 + below(t, 0x28));
    case 1:
        return (uint16_t)(0x0124 + below(t, 6));
    case 2:
        return (uint16_t)(0x1000 + below(t, 0x6E00));
    default:
        return call_table[below(t, CALL_COUNT)].code;
    }
}

static uint64_t random_control(struct test_run *t)
{
    uint64_t control = hv_control(random_code(t), 0, 0, 0);

    switch (below(t, 4)) {
    case 0:
        return control;
    case 1:
        return control | hv_control(0, (uint32_t)below(t, 4), (uint32_t)below(t, 4), 0);
    case 2:
        return control | 1ull << (16 + below(t, 48));
    default:
        return control | (random_u64(&t->random) & ~HV_CONTROL_CODE_MASK);
    }
}

/* Our own input page at any offset, just before its end, an address without memory, or any number.
 */
static uint64_t random_input_gpa(struct test_run *t, const struct call_fixture *c)
{
    switch (below(t, 5)) {
    case 0:
        return gpa_of(c->input.data) + below(t, PAGE_SIZE);
    case 1:
        return gpa_of(c->input.data) + PAGE_SIZE - 8 * below(t, 8);
    case 2:
        return memory_hole();
    case 3:
        return random_u64(&t->random);
    default:
        return gpa_of(c->input.data);
    }
}

/* The place where output may land; off by some bytes; across the page end; above every address
 * width. */
static uint64_t random_output_gpa(struct test_run *t, const struct call_fixture *c)
{
    switch (below(t, 4)) {
    case 0:
        return gpa_of(c->output.data) + OUTPUT_OFFSET + 1 + below(t, 7);
    case 1:
        return gpa_of(c->output.data) + PAGE_SIZE - 8;
    case 2:
        return random_u64(&t->random) | 1ull << 63;
    default:
        return gpa_of(c->output.data) + OUTPUT_OFFSET;
    }
}

static void remember_id(struct test_run *t, struct fuzz *f, uint32_t id)
{
    REQUIRE(f->created_count < CREATED_MAX, "random calls have made more than %u domains",
            CREATED_MAX);
    f->created[f->created_count++] = id;
}

static bool is_protected(const struct fuzz *f, uint32_t id)
{
    for (unsigned i = 0; i < PLACES; i++)
        if (id == f->fixture.place[i].domain->id)
            return true;
    return id == f->fixture.canary.domain->id || id == f->fixture.bare || id == f->blocked->id ||
           id == REST_DOMAIN_ID;
}

/* A parameter list that would be right, on ids of our own, with up to three bits or bytes changed.
 */
static void half_valid_list(struct test_run *t, struct fuzz *f, enum call_id call, uint8_t *list)
{
    struct hv_device_domain_id name;
    struct dma_engine *first = dma_engine_fast();
    uint64_t device_id =
        first && !canary_has(&f->fixture.canary, first) ? first->device_id : random_u64(&t->random);
    const size_t name_at = offsetof(struct hv_input_device_domain, domain_id);
    bool names_domain = call_table[call].names_domain;

    call_put(&f->fixture, call, list);
    if (names_domain) {
        memcpy(&name, list + name_at, sizeof(name));
        name.id = below(t, 8) ? FUZZ_FIRST + (uint32_t)below(t, FUZZ_DOMAINS)
                              : (uint32_t)random_u64(&t->random);
        memcpy(list + name_at, &name, sizeof(name));
    }
    if (call == CALL_ATTACH) {
        memcpy(list + offsetof(struct hv_input_attach_device_domain, device_id), &device_id,
               sizeof(device_id));
    } else if (call == CALL_DETACH) {
        memcpy(list + offsetof(struct hv_input_detach_device_domain, device_id), &device_id,
               sizeof(device_id));
    }
    for (uint64_t changes = below(t, 4); changes > 0; changes--) {
        /* The partition id, which is checked first, stays right most of the time. */
        uint64_t skip = below(t, 8) ? sizeof(uint64_t) : 0,
                 at = skip + below(t, call_input_size(call) - skip);

        if (below(t, 2))
            list[at] ^= (uint8_t)(1u << below(t, 8));
        else
            list[at] = (uint8_t)random_u64(&t->random);
    }
    if (names_domain) {
        memcpy(&name, list + name_at, sizeof(name));
        if (is_protected(f, name.id))
            memset(list + name_at, 0, sizeof(name));
    }
}

/* A device id may have been changed into that of the canary. */
static bool hits_canary(const struct fuzz *f, enum call_id call, const uint8_t *list)
{
    size_t at = call == CALL_ATTACH ? offsetof(struct hv_input_attach_device_domain, device_id)
                                    : offsetof(struct hv_input_detach_device_domain, device_id);
    const struct canary *canary = &f->fixture.canary;
    uint64_t device_id;

    if (call != CALL_ATTACH && call != CALL_DETACH)
        return false;
    memcpy(&device_id, list + at, sizeof(device_id));
    device_id = hv_device_id_logical(device_id);
    return (canary->engine && device_id == canary->engine->device_id) ||
           (canary->holder && device_id == canary->holder->device_id);
}

/* Random changes may have made the id of a device that is none of the engines, and perhaps on no
 * bus that the machine shows. It must not stay in a domain. */
static void release_stranger(const uint8_t *list)
{
    struct hv_input_attach_device_domain input;
    size_t count;
    const struct dma_engine *e = dma_engines(&count);

    memcpy(&input, list, sizeof(input));
    for (size_t i = 0; i < count; i++)
        if (e[i].device_id == input.device_id)
            return; /* sweep() takes it out */
    (void)pviommu_detach(input.device_id);
}

/* A call in memory form has succeeded. */
static void note_create(struct test_run *t, struct fuzz *f, const uint8_t *list)
{
    struct hv_device_domain_id name;

    memcpy(&name, list + offsetof(struct hv_input_device_domain, domain_id), sizeof(name));
    remember_id(t, f, name.id);
}

/* Devices out of the domains that random calls made, then these domains away. */
static void sweep(struct test_run *t, struct fuzz *f)
{
    size_t count;
    struct dma_engine *e = dma_engines(&count);

    for (size_t i = 0; i < count; i++)
        if (!canary_has(&f->fixture.canary, &e[i]))
            attach(t, f->blocked, &e[i]);
    if (f->fixture.engine)
        attach(t, f->fixture.place[PLACE_HOME].domain, f->fixture.engine);
    for (uint32_t id = FUZZ_FIRST; id < FUZZ_FIRST + FUZZ_DOMAINS; id++)
        pviommu_delete(id);
    for (unsigned i = 0; i < f->created_count; i++)
        pviommu_delete(f->created[i]);
}

static void expect_outputs_only(struct test_run *t, struct fuzz *f)
{
    memset(f->fixture.output.data + OUTPUT_OFFSET, POISON_FRESH, OUTPUT_MAX);
    expect_untouched(t, &f->fixture.output, "memory around the outputs of random calls");
}

static struct fuzz fuzz_begin(struct test_run *t)
{
    return (struct fuzz){.fixture = call_fixture_open(t), .blocked = domain_blocked(t)};
}

static void fuzz_end(struct test_run *t, struct fuzz *f, const char *after)
{
    sweep(t, f);
    expect_outputs_only(t, f);
    buffer_refresh(&f->fixture.input);
    call_fixture_expect_intact(t, &f->fixture, after);
    observe_tally(t, after, &f->tally);
}

TEST(random_control_words,
     PROMISE("Random control words, addresses and parameter lists leave the host answering and "
             "other domains intact")
     COVERS("ROB-1") ABI() DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Makes a thousand calls with random control words, addresses and parameters.")
     EXPECTS("The host answers each; nothing changes but the outputs that were asked for, and the "
             "canary is as before.")
     IF_IT_FAILS("The host hangs, or writes outside of its output. The last step names the call."))
{
    struct fuzz f = fuzz_begin(t);
    struct call_fixture *c = &f.fixture;

    for (unsigned i = 0; i < RANDOM_CALLS; i++) {
        uint64_t control = random_control(t), input = random_input_gpa(t, c),
                 output = random_output_gpa(t, c);
        enum hv_status status;

        for (size_t at = 0; at < LIST_BYTES; at += sizeof(uint64_t)) {
            uint64_t word = random_u64(&t->random);

            memcpy(c->input.data + at, &word, sizeof(word));
        }
        STEP("call %llu: control 0x%llx, RDX 0x%llx, R8 0x%llx", i, control, input, output);
        /* In fast form RDX and R8 are the parameters themselves: only random ones, never
         * half-valid. */
        status = hv_result_status(hypercall_raw(control, input, output));
        tally_add(&f.tally, status);
        if (status == HV_STATUS_SUCCESS &&
            hv_control_code(control) == HVCALL_CREATE_DEVICE_DOMAIN &&
            (control & HV_CONTROL_FAST) == 0 && memory_is_ours(input, LIST_BYTES))
            note_create(t, &f, gpa_pointer(input));
    }
    fuzz_end(t, &f, "random calls");
}

TEST(half_valid_lists,
     PROMISE("Each call with a parameter list that is right but for a few bits leaves other "
             "domains intact")
     COVERS("ROB-1") ABI() DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Makes a thousand calls that are right but for up to three bits or bytes, on domains of "
           "their own.")
     EXPECTS("The canary and all objects of the calls are as before, and no memory around the "
             "outputs has changed.")
     IF_IT_FAILS("A parameter that is almost right reaches objects that it does not name."))
{
    struct fuzz f = fuzz_begin(t);
    struct call_fixture *c = &f.fixture;

    for (unsigned i = 0; i < HALF_VALID; i++) {
        enum call_id call = (enum call_id)below(t, CALL_COUNT);
        uint8_t list[LIST_BYTES] = {0};
        enum hv_status status;

        half_valid_list(t, &f, call, list);
        if (hits_canary(&f, call, list))
            continue;
        memcpy(c->input.data, list, sizeof(list));
        STEP("call %llu: %s", i, call_name(call));
        status = hv_result_status(hypercall_raw(call_control(call), gpa_of(c->input.data),
                                                gpa_of(c->output.data) + OUTPUT_OFFSET));
        tally_add(&f.tally, status);
        if (call == CALL_CREATE && status == HV_STATUS_SUCCESS)
            note_create(t, &f, list);
        if (call == CALL_ATTACH && status == HV_STATUS_SUCCESS)
            release_stranger(list);
    }
    fuzz_end(t, &f, "half-valid calls");
}
