/* SPDX-License-Identifier: MIT */
/*
 * The hypercall page as memory: an overlay that can be read and run, not written; enabled only
 * inside the guest's space, and only for ring 0. The overlay is moved and switched here, so
 * everything is collected first and checked when it is back in its place.
 */
#define TEST_GROUP "discovery"
#include "abi/hypercall.h"
#include "abi/msr.h"
#include "kernel/paging.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"

/* For a test that changes it. */
static uint64_t hypercall_msr(struct test_run *t)
{
    uint64_t value = 0;

    if (hypercall_page_is_locked())
        SKIP("the hypercall page is locked where it is");
    CHECK(msr_read_safe(HV_MSR_HYPERCALL, &value) == TRAP_NONE,
          "RDMSR HYPERCALL raised an exception");
    return value;
}

/* A call through the page must be answered as before; a host without pvIOMMU does not know this
 * one, and says so. */
static void expect_answer(struct test_run *t, const char *what)
{
    struct hv_output_get_iommu_capabilities caps;

    CHECK_STATUS(pviommu_get_capabilities(&caps),
                 pviommu_capabilities() ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_HYPERCALL_CODE,
                 what);
}

/* --- stores, each by another instruction --- */

static void store_byte(void *page)
{
    __asm__ volatile("movb $0x90, (%0)" : : "r"(page) : "memory");
}

static void store_quadword_at_the_end(void *page)
{
    __asm__ volatile("movq %1, 4088(%0)" : : "r"(page), "r"(0x9090909090909090ull) : "memory");
}

static void exchange(void *page)
{
    uint32_t value = 0x90909090;

    __asm__ volatile("xchgl %0, 64(%1)" : "+r"(value) : "r"(page) : "memory");
}

static void store_string(void *page)
{
    uint64_t count = 16;

    __asm__ volatile("rep stosb" : "+D"(page), "+c"(count) : "a"(0x90) : "memory");
}

/* Restores the page, so that a host which let it be changed still runs until the report. */
static void put_back(void *before)
{
    memcpy(gpa_pointer(hypercall_init()->page), before, PAGE_SIZE);
}

TEST(store_faults,
     PROMISE("The guest can read the hypercall page, and each store to it raises #GP and changes "
             "nothing")
     COVERS("DISC-6") ABI() DEVICES(NONE) KINDS("bad-input")
     STEPS("Makes the hypercall page writable in the tables of the guest and stores to it in four "
           "ways: a byte, a quadword at its end, an exchange, a string. Compares its bytes with a "
           "copy, and makes a call.")
     EXPECTS("Each store raises #GP, no byte changes, and the call succeeds.")
     IF_IT_FAILS("The page is mapped writable in the second stage, or stores that the host "
                 "emulates skip the check. Code that all processors of the guest run could be "
                 "overwritten."))
{
    static void (*const stores[])(void *page) = {store_byte, store_quadword_at_the_end, exchange,
                                                 store_string};
    enum { STORES = ARRAY_SIZE(stores) };
    uint64_t gpa = hypercall_init()->page;
    uint8_t *before = page_alloc(1, PAGE_SIZE);
    enum trap_vector vectors[STORES];
    enum paging_access access = paging_get(gpa);
    bool same;

    REQUIRE(before, "no memory");
    memcpy(before, gpa_pointer(gpa), PAGE_SIZE);
    /* Writable in our own tables: the fault that comes now is the host's. */
    paging_set(gpa, PAGE_SIZE, PAGING_RW);
    for (unsigned i = 0; i < STORES; i++)
        vectors[i] = trap_catch(stores[i], gpa_pointer(gpa), NULL);
    same = memcmp(before, gpa_pointer(gpa), PAGE_SIZE) == 0;
    if (!same)
        trap_catch(put_back, before, NULL);
    paging_set(gpa, PAGE_SIZE, access);

    for (unsigned i = 0; i < STORES; i++) {
        CHECK(vectors[i] == TRAP_GP,
              "store %u to the hypercall page: exception %u instead of #GP (256 = none)", i,
              (unsigned)vectors[i]);
    }
    CHECK(same, "a store changed the hypercall page");
    expect_answer(t, "a call after the stores");
}

TEST(outside_gpa_space,
     PROMISE("Enabling the page at a GPA above the physical address width raises #GP and leaves "
             "the page in force usable")
     COVERS("DISC-7") ABI() DEVICES(NONE) KINDS("bad-input")
     STEPS("For each address bit above the physical address width, tries to enable the page at "
           "that bit alone and at its present place plus this bit. Reads HYPERCALL, and makes a "
           "call.")
     EXPECTS("Each write raises #GP, HYPERCALL keeps its value, and the call succeeds.")
     IF_IT_FAILS("The host cuts the address to fit, or stores it before it checks: the page ends "
                 "up at a place that the guest has not named, or is not placed at all."))
{
    uint64_t before = hypercall_msr(t);

    for (unsigned bit = memory_physical_bits(); bit < 64; bit++) {
        uint64_t gpas[] = {1ull << bit, 1ull << bit | (before & HV_HYPERCALL_MSR_GPFN)};

        for (unsigned i = 0; i < 2; i++) {
            enum trap_vector vector =
                msr_write_safe(HV_MSR_HYPERCALL, gpas[i] | HV_HYPERCALL_MSR_ENABLE);
            uint64_t after = 0;

            msr_read_safe(HV_MSR_HYPERCALL, &after);
            REQUIRE(hypercall_reenable(), "the hypercall page cannot be enabled again");
            STEP("WRMSR HYPERCALL 0x%llx: exception %llu, then it reads 0x%llx",
                 gpas[i] | HV_HYPERCALL_MSR_ENABLE, vector, after);
            CHECK(vector == TRAP_GP,
                  "a page at GPA 0x%llx: exception %u instead of #GP (256 = none)",
                  (unsigned long long)gpas[i], (unsigned)vector);
            CHECK_EQ(after, before, "HYPERCALL after a write that faulted");
        }
        expect_answer(t, "a call after a write that faulted");
    }
}

TEST(disabled_page_shows_ram,
     PROMISE("While the page is disabled, the guest sees the RAM below it with the content it had "
             "before")
     COVERS("DISC-8") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Copies the page while it is enabled, disables it, copies what is there then, enables "
           "it and copies again. The memory below was filled with 0xCC before.")
     EXPECTS("While it is disabled, every byte is 0xCC; while it is enabled, not all are.")
     IF_IT_FAILS("The page is written into the memory of the guest instead of being laid over it: "
                 "a guest that disables it gets its memory back with changed bytes."))
{
    uint64_t gpa = hypercall_init()->page, msr = hypercall_msr(t);
    uint8_t *on = page_alloc(1, PAGE_SIZE), *off = page_alloc(1, PAGE_SIZE),
            *again = page_alloc(1, PAGE_SIZE);
    enum trap_vector vector;

    if (!memory_is_ours(gpa, PAGE_SIZE))
        SKIP("firmware chose the hypercall page, what lies below it is unknown");
    REQUIRE(on && off && again, "no memory");
    memcpy(on, gpa_pointer(gpa), PAGE_SIZE);
    vector = msr_write_safe(HV_MSR_HYPERCALL, msr & ~HV_HYPERCALL_MSR_ENABLE);
    memcpy(off, gpa_pointer(gpa), PAGE_SIZE);
    REQUIRE(hypercall_reenable(), "the hypercall page cannot be enabled again");
    memcpy(again, gpa_pointer(gpa), PAGE_SIZE);

    CHECK(vector == TRAP_NONE, "disabling the hypercall page raised exception %u",
          (unsigned)vector);
    CHECK(memory_find_other(on, PAGE_SIZE, HYPERCALL_UNDERLAY),
          "the enabled page shows the RAM below it");
    CHECK(!memory_find_other(off, PAGE_SIZE, HYPERCALL_UNDERLAY),
          "the RAM below the disabled page was changed");
    CHECK(memory_find_other(again, PAGE_SIZE, HYPERCALL_UNDERLAY),
          "the page enabled again shows the RAM below it");
}

struct call_at {
    const void *entry;
    uint64_t control, rdx, r8, rax;
};

static void call_through(void *argument)
{
    struct call_at *c = argument;
    /* cppcheck-suppress constStatement */
    register uint64_t r8 __asm__("r8") = c->r8;
    uint64_t rcx = c->control, rdx = c->rdx;

    __asm__ volatile("call *%[entry]"
                     : "=a"(c->rax), "+c"(rcx), "+d"(rdx), "+r"(r8)
                     : [entry] "r"(c->entry)
                     : "r9", "r10", "r11", "memory", "cc");
}

TEST(page_can_be_moved,
     PROMISE("A page moved to other memory works there, and what it covered reappears unchanged at "
             "both places")
     COVERS("DISC-6 DISC-8") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Writes another address to HYPERCALL without disabling the page first, and makes a call "
           "with an unknown code through the new place. Looks at the memory at the old place, "
           "moves the page back and looks at the memory at the new place.")
     EXPECTS("No exception; HYPERCALL reads the new address; the call gives the same status as at "
             "the old place; the memory at both places is what it was.")
     IF_IT_FAILS("The move leaves the page at its old place too, loses the memory that it covers, "
                 "or the new place is not executable."))
{
    uint64_t home = hypercall_init()->page, msr = hypercall_msr(t);
    bool ours = memory_is_ours(home, PAGE_SIZE), moved, home_bare, other_covered;
    struct buffer other = buffer(t, 1);
    struct call_at call = {.entry = other.data, .control = hv_control(0x7000, 0, 0, 0)};
    enum hv_status status_at_home = hv_result_status(hypercall_raw(call.control, 0, 0));
    enum trap_vector vector, called;
    uint64_t now = 0;

    vector = msr_write_safe(HV_MSR_HYPERCALL, hv_hypercall_msr_enable(msr, gpa_of(other.data)));
    msr_read_safe(HV_MSR_HYPERCALL, &now);
    moved = now == hv_hypercall_msr_enable(msr, gpa_of(other.data));
    paging_set(gpa_of(other.data), PAGE_SIZE, PAGING_RX);
    called = trap_catch(call_through, &call, NULL);
    paging_set(gpa_of(other.data), PAGE_SIZE, PAGING_RW);
    other_covered = memory_find_other(other.data, PAGE_SIZE, POISON_FRESH);
    home_bare = !memory_find_other(gpa_pointer(home), PAGE_SIZE, HYPERCALL_UNDERLAY);
    REQUIRE(hypercall_reenable(), "the hypercall page cannot be enabled again");

    CHECK(vector == TRAP_NONE, "moving the hypercall page raised exception %u", (unsigned)vector);
    CHECK(moved, "HYPERCALL reads 0x%llx after the page was moved to GPA 0x%llx",
          (unsigned long long)now, (unsigned long long)gpa_of(other.data));
    CHECK(other_covered, "the moved page does not cover the RAM at its new place");
    CHECK(called == TRAP_NONE, "a call through the moved page raised exception %u",
          (unsigned)called);
    CHECK_STATUS(hv_result_status(call.rax), status_at_home,
                 "an unknown call code through the moved page");
    CHECK(home_bare || !ours, "the RAM at the place that the page left was changed");
    expect_untouched(t, &other, "RAM that the hypercall page covered for a while");
}

#define NEAR_PLACES 4u /* pages of one 2 MiB region */

TEST(page_leaves_nothing_behind,
     PROMISE("A page that moves several times, near and far, leaves RAM unchanged at each place, "
             "and also where it is disabled")
     COVERS("DISC-8") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Moves the page through three pages of one 2 MiB region and to another region, and "
           "disables it there; enables it in the first region, moves it to the next page, and "
           "disables it. Looks at each place that it has left.")
     EXPECTS("The RAM is what it was, at once.")
     IF_IT_FAILS("The host puts back the first place only, or uses a table that it has split for "
                 "the old place again."))
{
    uint64_t msr = hypercall_msr(t);
    struct buffer near = buffer_aligned(t, NEAR_PLACES, SIZE_2M), far = buffer(t, 1);
    const uint8_t *const place[] = {
        near.data, near.data + PAGE_SIZE,     near.data + 3 * PAGE_SIZE, far.data,
        NULL,      near.data + 2 * PAGE_SIZE, near.data + PAGE_SIZE,     NULL}; /* NULL: disabled */
    bool written[ARRAY_SIZE(place)], bare[ARRAY_SIZE(place)];

    for (unsigned i = 0; i < ARRAY_SIZE(place); i++) {
        uint64_t value = place[i] ? hv_hypercall_msr_enable(msr, gpa_of(place[i]))
                                  : msr & ~HV_HYPERCALL_MSR_ENABLE;

        written[i] = msr_write_safe(HV_MSR_HYPERCALL, value) == TRAP_NONE;
        bare[i] =
            i == 0 || !place[i - 1] || !memory_find_other(place[i - 1], PAGE_SIZE, POISON_FRESH);
    }
    REQUIRE(hypercall_reenable(), "the hypercall page cannot be enabled again");
    for (unsigned i = 0; i < ARRAY_SIZE(place); i++) {
        CHECK(written[i], "step %u raised an exception", i);
        CHECK(bare[i], "step %u: the RAM that the page has left was changed", i);
    }
    expect_untouched(t, &near, "RAM that the hypercall page covered for a while");
    expect_untouched(t, &far, "RAM that the hypercall page covered for a while");
    expect_answer(t, "a call after the moves");
}

TEST(user_mode_call,
     PROMISE("A hypercall at CPL 3 raises #UD and is not carried out; calls from ring 0 go on "
             "working")
     COVERS("DISC-9") ABI() DEVICES(NONE) KINDS("bad-input")
     STEPS("Goes to ring 3 and calls CREATE_DEVICE_DOMAIN through the hypercall page with valid "
           "input. Then, in ring 0, creates and deletes the domain id that was named.")
     EXPECTS("The call from ring 3 raises #UD; CREATE and DELETE in ring 0 succeed.")
     IF_IT_FAILS("The privilege level is not checked, or it is checked after the call was carried "
                 "out: any process of the guest could reconfigure its IOMMU."))
{
    uint32_t id = fresh_domain_id(t);
    struct hv_input_create_device_domain create = {
        .flags = HV_CREATE_DEVICE_DOMAIN_FORWARD_PROGRESS_REQUIRED};
    struct buffer input = buffer(t, 1);
    uint64_t rax = 0;
    enum trap_vector vector;

    pviommu_fill_domain(&create.device_domain, id);
    memcpy(input.data, &create, sizeof(create));
    vector = user_call(hypercall_entry(), hv_control(HVCALL_CREATE_DEVICE_DOMAIN, 0, 0, 0),
                       gpa_of(input.data), 0, &rax);
    STEP("CREATE_DEVICE_DOMAIN at CPL 3: exception %llu, RAX 0x%llx", vector, rax);
    CHECK(vector == TRAP_UD,
          "CREATE_DEVICE_DOMAIN at CPL 3 ended with exception %u instead of #UD (3 = it returned)",
          (unsigned)vector);
    if (!pviommu_capabilities())
        return; /* nor would this host create a domain for ring 0 */
    CHECK_SUCCESS(pviommu_create(id), "CREATE from ring 0 of the id that was named at CPL 3");
    CHECK_SUCCESS(pviommu_delete(id), "DELETE of a domain just created");
}

OBSERVATION(reserved_page_bits,
            PROMISE("Bits 11:2 of HYPERCALL are kept, dropped, or refused with #GP; the page in "
                    "force stays usable")
            COVERS("ROB-1") ABI() DEVICES(NONE) KINDS("bad-input")
            STEPS("Flips each of the bits 2 to 11 of HYPERCALL, reads it back, makes a call, and "
                  "restores the value.")
            EXPECTS("A flip may stick, vanish or raise #GP, which is recorded. The page number "
                    "stays, and every call succeeds.")
            IF_IT_FAILS("A reserved bit is taken for a part of the address or for a switch, so "
                        "that a guest which preserves these bits loses its page."))
{
    uint64_t msr = hypercall_msr(t), kept = 0, faults = 0;

    for (unsigned bit = 0; bit < 12; bit++) {
        enum trap_vector vector;
        uint64_t now = 0;

        if (!(HV_HYPERCALL_MSR_RSVDP >> bit & 1))
            continue;
        vector = msr_write_safe(HV_MSR_HYPERCALL, msr ^ 1ull << bit);
        msr_read_safe(HV_MSR_HYPERCALL, &now);
        faults |= (uint64_t)(vector != TRAP_NONE) << bit;
        kept |= (now ^ msr) & 1ull << bit;
        CHECK(vector == TRAP_NONE || vector == TRAP_GP, "bit %u of HYPERCALL raised exception %u",
              bit, (unsigned)vector);
        CHECK_EQ(now & HV_HYPERCALL_MSR_GPFN, msr & HV_HYPERCALL_MSR_GPFN,
                 "page number after a reserved bit changed");
        expect_answer(t, "a call after a reserved bit of HYPERCALL changed");
        msr_write_safe(HV_MSR_HYPERCALL, msr);
    }
    OBSERVE("kept: 0x%llx, refused with #GP: 0x%llx", (unsigned long long)kept,
            (unsigned long long)faults);
}
