/* SPDX-License-Identifier: MIT */
/*
 * Modes of the local APIC that the host did not choose. A host that sends interrupts of its own
 * through a register that the guest has switched off faults, or does not reach the other processor.
 *
 * One processor switches its x2APIC off and moves the hypercall page; the other one has read the
 * new place before, so that its TLB holds the old translation, and reads it again.
 */
#define TEST_GROUP "hostile"
#include "abi/msr.h"
#include "kernel/lapic.h"
#include "kernel/time.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/harness/second_processor.h"
#include "tests/hostile/hostile.h"

#define MSR_APIC_BASE    0x1Bu
#define APIC_BASE_ENABLE BIT(11)
#define APIC_BASE_X2APIC BIT(10)
#define WAIT_US          2000000u

struct mover {
    uint64_t home, place;
    uint64_t code; /* that the mover sees in the new place; hosts may change what is in the page */
    bool xapic;    /* else the APIC is off */
    bool moved, moved_back;
    bool seen; /* by the first processor */
};

static bool set_page(uint64_t gpa)
{
    uint64_t value;

    return msr_read_safe(HV_MSR_HYPERCALL, &value) == TRAP_NONE &&
           msr_write_safe(HV_MSR_HYPERCALL, hv_hypercall_msr_enable(value, gpa)) == TRAP_NONE;
}

static uint64_t look(uint64_t gpa)
{
    return *(const volatile uint64_t *)gpa_pointer(gpa);
}

static void move(void *argument)
{
    struct mover *m = argument;
    uint64_t base = cpu_rdmsr(MSR_APIC_BASE), start = cpu_rdtsc();
    bool came;

    cpu_interrupts_off();
    cpu_wrmsr(MSR_APIC_BASE, base & ~(APIC_BASE_ENABLE | APIC_BASE_X2APIC));
    if (m->xapic)
        cpu_wrmsr(MSR_APIC_BASE, (base & ~APIC_BASE_X2APIC) | APIC_BASE_ENABLE);
    came = set_page(m->place);
    m->code = look(m->place);
    __atomic_store_n(&m->moved, came, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&m->seen, __ATOMIC_ACQUIRE) && cpu_rdtsc() - start < 4000000000ull)
        give_way();
    m->moved_back = set_page(m->home);
    cpu_wrmsr(MSR_APIC_BASE, base & ~(APIC_BASE_ENABLE | APIC_BASE_X2APIC));
    cpu_wrmsr(MSR_APIC_BASE, (base & ~APIC_BASE_X2APIC) | APIC_BASE_ENABLE);
    cpu_wrmsr(MSR_APIC_BASE, base);
    lapic_init_other();
    cpu_interrupts_on();
}

static bool has_moved(void *argument)
{
    const struct mover *m = argument;

    return __atomic_load_n(&m->moved, __ATOMIC_ACQUIRE);
}

static void check_move(struct test_run *t, uint64_t place, bool xapic)
{
    struct mover *m = second_memory(t, sizeof(*m));
    uint64_t before = look(place), there;
    bool came;

    *m = (struct mover){.home = hypercall_init()->page, .place = place, .xapic = xapic};
    (void)look(place);
    second_begin(t, move, m);
    came = time_wait(has_moved, m, WAIT_US);
    there = look(place);
    __atomic_store_n(&m->seen, true, __ATOMIC_RELEASE);
    second_end(t);
    CHECK(came && m->moved_back, "WRMSR HYPERCALL raised an exception");
    CHECK(m->code != before, "the page is not in its new place");
    CHECK_EQ(there, m->code,
             "start of the new place of the hypercall page, seen by the other processor");
    CHECK_EQ(look(place), before, "the RAM there when the page is back");
}

STRESS(page_moved_without_x2apic,
       PROMISE("A processor without x2APIC, or without any APIC, moves the hypercall page for all")
       COVERS("ISO-3 GEN-16") DEVICES(NONE) KINDS("bad-input")
       STEPS("The second processor goes to xAPIC mode, moves the hypercall page, and waits until "
             "the first one has looked; then it moves the page back and goes to x2APIC mode. The "
             "same with its APIC switched off.")
       EXPECTS("The first processor sees the page at its new place, and the RAM after that; the "
               "host goes on.")
       IF_IT_FAILS("The host sends interrupts of its own through a register that the guest can "
                   "switch off: it faults, or the other processor goes on with an old "
                   "translation."))
{
    uint8_t *place = page_alloc(1, PAGE_SIZE);

    need_integrity(t, NULL);
    need_second(t);
    REQUIRE(place, "no memory");
    if (hypercall_page_is_locked())
        SKIP("the hypercall page is locked where it is");
    if (!lapic_has_x2apic())
        SKIP("this processor has no x2APIC");
    REQUIRE(cpu_rdmsr(MSR_APIC_BASE) & APIC_BASE_X2APIC, "the x2APIC is off");
    memset(place, HYPERCALL_UNDERLAY, PAGE_SIZE);
    check_move(t, gpa_of(place), true);
    check_move(t, gpa_of(place), false);
}
