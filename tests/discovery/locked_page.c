/* SPDX-License-Identifier: MIT */
/*
 * The lock of the hypercall register, which holds until a reset of the machine. Other tests move
 * the page: this is the last one of a run, and skips itself anywhere else.
 */
#define TEST_GROUP "write-once"
#include "abi/cpuid.h"
#include "abi/hypercall.h"
#include "abi/msr.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/harness/second_processor.h"

#define RET      0xC3
#define CODE_MAX 16u

struct attempt {
    uint64_t written, page; /* what the page is expected to be, to put it back */
    uint64_t read;
    enum trap_vector vector, read_vector;
};

static void write_register(void *argument)
{
    struct attempt *a = argument;

    a->vector = msr_write_safe(HV_MSR_HYPERCALL, a->written);
    a->read_vector = msr_read_safe(HV_MSR_HYPERCALL, &a->read);
}

/* Bytes of the page that lead to its return: what follows may change at any time. */
static size_t code_size(const uint8_t *page)
{
    size_t size = 0;

    while (size < CODE_MAX && page[size] != RET)
        size++;
    return size < CODE_MAX ? size + 1 : size;
}

/* A host that does not hold the lock has its page back, so that the run gets to its report. */
static void put_back(uint64_t locked)
{
    (void)msr_write_safe(HV_MSR_HYPERCALL, locked);
}

static void expect_locked(struct test_run *t, unsigned processor, struct attempt *a,
                          const char *what, const uint8_t *code, const uint8_t *place)
{
    const uint64_t locked = a->page;
    bool same, untouched;

    if (processor == 0)
        write_register(a);
    else
        on_processor(t, processor, write_register, a);
    same = memcmp(gpa_pointer(locked & HV_HYPERCALL_MSR_GPFN), code, code_size(code)) == 0;
    untouched = !memory_find_other(place, PAGE_SIZE, POISON_FRESH);
    put_back(locked);

    STEP("%s, by %s: exception %llu, then HYPERCALL reads 0x%llx", what, processor_name(processor),
         a->vector, a->read);
    CHECK(a->vector == TRAP_NONE || a->vector == TRAP_GP,
          "%s: WRMSR of a locked register raises exception %u", what, (unsigned)a->vector);
    CHECK(a->read_vector == TRAP_NONE, "%s: RDMSR HYPERCALL raises exception %u", what,
          (unsigned)a->read_vector);
    CHECK(a->read == locked, "%s: HYPERCALL reads 0x%llx, and was locked at 0x%llx", what,
          (unsigned long long)a->read, (unsigned long long)locked);
    CHECK(same, "%s: the hypercall page has left its place", what);
    CHECK(untouched, "%s: the place that was written shows the hypercall page", what);
    CHECK_STATUS(hypercall_simple(0, NULL, 0, NULL, 0), HV_STATUS_INVALID_HYPERCALL_CODE,
                 "a call of code 0 through the locked page");
}

TEST(hypercall_register,
     PROMISE("A locked hypercall register keeps its value, and the page its place, whatever is "
             "written to it by whichever processor")
     COVERS("DISC-10") ABI() DEVICES(NONE) KINDS("bad-input")
     STEPS("Sets the lock bit of HYPERCALL, as the last test of the run. The first processor and "
           "the second one, if there is one, write the register: the same without the lock, "
           "disabled with and without it, another page with and without it, and 0. After each "
           "write it is read on that processor, the code of the page and the bytes of the other "
           "place are compared, and a call is made.")
     EXPECTS("Each write raises #GP or has no effect. The register reads as it was locked, and "
             "the page keeps its code, and the other place its bytes.")
     IF_IT_FAILS("The host looks at the lock in some writes only. Code of the guest that is not "
                 "trusted can take the hypercall page away, or put it over other memory."))
{
    struct attempt *a;
    uint64_t home = 0, locked, there;
    uint8_t code[CODE_MAX], *place;

    if (!(cpu_cpuid(HV_CPUID_FEATURES, 0).edx & HV_CPUID_FEATURES_EDX_HYPERCALL_MSR_LOCK))
        SKIP("the host offers no lock of the hypercall register");
    if (!t->last)
        SKIP("the lock stays until a reset: only the last test of a run can set it");
    place = page_alloc(1, PAGE_SIZE);
    REQUIRE(place, "no memory");
    a = second_memory(t, sizeof(*a));
    CHECK(msr_read_safe(HV_MSR_HYPERCALL, &home) == TRAP_NONE,
          "RDMSR HYPERCALL raises an exception");
    memset(place, POISON_FRESH, PAGE_SIZE);
    locked = home | HV_HYPERCALL_MSR_LOCKED;
    there = (home & ~HV_HYPERCALL_MSR_GPFN) | gpa_of(place);

    CHECK(locked == home || msr_write_safe(HV_MSR_HYPERCALL, locked) == TRAP_NONE,
          "WRMSR HYPERCALL that sets the lock raises an exception");
    memcpy(code, gpa_pointer(home & HV_HYPERCALL_MSR_GPFN), sizeof(code));
    for (unsigned p = 0; p < processor_count() && p < 2; p++) {
        const struct {
            uint64_t value;
            const char *what;
        } writes[] = {
            {locked, "the value that it has"},
            {home & ~HV_HYPERCALL_MSR_LOCKED, "the lock bit clear"},
            {locked & ~HV_HYPERCALL_MSR_ENABLE, "disabled, and locked"},
            {home & ~(HV_HYPERCALL_MSR_ENABLE | HV_HYPERCALL_MSR_LOCKED), "disabled"},
            {there | HV_HYPERCALL_MSR_LOCKED, "another page, and locked"},
            {there & ~HV_HYPERCALL_MSR_LOCKED, "another page"},
            {0, "0"},
        };

        if (p > 0)
            need_processor(t, p);
        for (unsigned i = 0; i < ARRAY_SIZE(writes); i++) {
            *a = (struct attempt){.written = writes[i].value, .page = locked};
            expect_locked(t, p, a, writes[i].what, code, place);
        }
    }
}
