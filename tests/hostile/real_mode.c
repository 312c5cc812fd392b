/* SPDX-License-Identifier: MIT */
/*
 * Instructions of a hypervisor's interface on a processor that has never left real mode, and in
 * protected mode without paging. The second processor starts with code of real_mode_start.S instead
 * of the kernel's, and halts at its end.
 */
#define TEST_GROUP "hostile"
#include "abi/hypercall.h"
#include "abi/status.h"
#include "kernel/lapic.h"
#include "kernel/paging.h"
#include "kernel/smp.h"
#include "kernel/smp_start.h"
#include "kernel/time.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/harness/second_processor.h"
#include "tests/hostile/hostile.h"

/* Places on the page of that code, after it. */
#define REAL_VECTORS 0x400 /* 256 entries of 4 bytes */
#define GATES        0x800 /* of protected mode, 8 bytes each */
#define SEGMENTS     0x900
#define MAILBOX      0xE00

#define VECTORS      256u
#define GATE_COUNT   32u
#define GATE_16      0x86u /* 16-bit interrupt gate, present */
#define SELECTOR_16  0x08
#define SELECTOR_32  0x10
#define SELECTOR_DS  0x18
#define SEGMENT_16   0x00009B000000FFFFull
#define SEGMENT_32   0x00409B000000FFFFull
#define SEGMENT_DATA 0x000093000000FFFFull

#define DONE       1u
#define OTHER_TRAP 2u
#define INIT_US    10000u
#define START_US   20000u
#define RUNS_US    2000000u
#define STARTS     10u
#define SVM_FORMS  7u /* VMRUN, VMLOAD, VMSAVE, STGI, CLGI, SKINIT, INVLPGA */

/* Known to both processors; real_mode_start.S names the fields by offset. */
struct mailbox {
    uint16_t done, refused; /* #UD so far */
    uint16_t refused_real, refused_16, refused_32;
    uint16_t padding;
    uint32_t answer; /* EAX after VMMCALL in 32-bit code */
    struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) real_vectors, gates, segments;
} __attribute__((packed));
_Static_assert(offsetof(struct mailbox, answer) == 12, "real_mode_start.S");
_Static_assert(offsetof(struct mailbox, real_vectors) == 16, "real_mode_start.S");
_Static_assert(offsetof(struct mailbox, gates) == 22, "real_mode_start.S");
_Static_assert(offsetof(struct mailbox, segments) == 28, "real_mode_start.S");

#define HIDDEN __attribute__((visibility("hidden")))
extern const uint8_t hostile_real[] HIDDEN, hostile_real_ud[] HIDDEN, hostile_real_other[] HIDDEN,
    hostile_real_end[] HIDDEN;

static uint16_t offset_of(const uint8_t *label)
{
    return (uint16_t)(label - hostile_real);
}

static uint64_t with_base(uint64_t segment, uint64_t base)
{
    return segment | (base & 0xFFFFFF) << 16 | (base >> 24 & 0xFF) << 56;
}

/* Returns what the code will write. */
static volatile struct mailbox *put_code(uint64_t page)
{
    uint8_t *to = gpa_pointer(page);
    const struct mailbox mailbox = {
        .real_vectors = {4 * VECTORS - 1, (uint32_t)page + REAL_VECTORS},
        .gates = {8 * GATE_COUNT - 1, (uint32_t)page + GATES},
        .segments = {4 * 8 - 1, (uint32_t)page + SEGMENTS},
    };
    const uint64_t segments[] = {0, with_base(SEGMENT_16, page), with_base(SEGMENT_32, page),
                                 with_base(SEGMENT_DATA, page)};

    paging_set(page, PAGE_SIZE, PAGING_RW);
    memset(to, 0, PAGE_SIZE);
    memcpy(to, hostile_real, offset_of(hostile_real_end));
    for (unsigned v = 0; v < VECTORS; v++) {
        uint16_t handler = offset_of(v == TRAP_UD ? hostile_real_ud : hostile_real_other);
        const uint16_t real[2] = {handler, (uint16_t)(page >> 4)};
        const uint16_t gate[4] = {handler, SELECTOR_16, GATE_16 << 8, 0};

        memcpy(to + REAL_VECTORS + v * sizeof(real), real, sizeof(real));
        if (v < GATE_COUNT)
            memcpy(to + GATES + v * sizeof(gate), gate, sizeof(gate));
    }
    memcpy(to + SEGMENTS, segments, sizeof(segments));
    memcpy(to + MAILBOX, &mailbox, sizeof(mailbox));
    return (volatile struct mailbox *)(to + MAILBOX);
}

struct second {
    uint32_t apic_id;
    bool runs;
};

static void spin(void *argument)
{
    struct second *second = argument;

    second->apic_id = lapic_id();
    __atomic_store_n(&second->runs, true, __ATOMIC_RELEASE);
    for (;;)
        give_way();
}

static bool runs(void *argument)
{
    const struct second *second = argument;

    return __atomic_load_n(&second->runs, __ATOMIC_ACQUIRE);
}

static bool is_done(void *argument)
{
    return ((volatile struct mailbox *)argument)->done != 0;
}

STRESS(real_mode,
       PROMISE("In real mode and in protected mode without paging no SVM instruction is carried "
               "out, and VMMCALL is answered in 32-bit code alone")
       COVERS("ISO-3 DISC-9") DEVICES(NONE) KINDS("bad-input")
       STEPS("Starts the second processor with code that executes VMRUN, VMLOAD, VMSAVE, STGI, "
             "CLGI, SKINIT, INVLPGA and VMMCALL with an unknown call code in real mode, then in "
             "16-bit and in 32-bit code of protected mode.")
       EXPECTS("#UD for each, but for VMMCALL in 32-bit code, which has a status.")
       IF_IT_FAILS("The host takes real mode for a mode in which a kernel runs, or the processor "
                   "has its SVM instructions on for the guest."))
{
    struct second *second = second_memory(t, sizeof(*second));
    volatile struct mailbox *found;

    need_integrity(t, NULL);
    need_second(t);
    second_begin(t, spin, second);
    REQUIRE(time_wait(runs, second, RUNS_US), "the second processor does not run");
    REQUIRE(!smp_settle(), "the second processor has stopped by itself");
    found = put_code((uint64_t)smp_start_page() * PAGE_SIZE);
    lapic_send(second->apic_id, LAPIC_INIT);
    time_delay_us(INIT_US);
    for (unsigned i = 0; i < STARTS && !is_done((void *)found); i++) {
        lapic_send(second->apic_id, LAPIC_START | smp_start_page());
        (void)time_wait(is_done, (void *)found, START_US);
    }
    (void)time_wait(is_done, (void *)found, RUNS_US);
    lapic_send(second->apic_id, LAPIC_INIT);
    STEP("#UD: %llu in real mode, %llu and %llu after 16-bit and 32-bit code; EAX 0x%llx",
         found->refused_real, found->refused_16, found->refused_32, found->answer);
    CHECK(found->done != OTHER_TRAP, "an exception other than #UD in real or protected mode");
    CHECK_EQ(found->done, DONE, "end of the code of the second processor");
    CHECK_EQ(found->refused_real, SVM_FORMS + 1, "#UD in real mode");
    CHECK_EQ(found->refused_16, 2 * (SVM_FORMS + 1), "#UD in real mode and in 16-bit code");
    CHECK_EQ(found->refused_32, 2 * (SVM_FORMS + 1) + SVM_FORMS, "#UD in all three modes");
    CHECK_EQ(found->answer & 0xFFFF, HV_STATUS_INVALID_HYPERCALL_CODE,
             "status of VMMCALL in 32-bit code");
}
