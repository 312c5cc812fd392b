/* SPDX-License-Identifier: MIT */
/*
 * Calls and requests with contents by chance. Their remains, domains, attached devices and fault
 * records, is for the harness to find: the tests that follow in the same boot would suffer from it.
 */
#define TEST_GROUP "hostile"
#include "abi/hypercall.h"
#include "abi/oracle.h"
#include "drivers/dmaprobe.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/harness/second_processor.h"
#include "tests/hostile/aliased_code.h"
#include "tests/hostile/hostile.h"

#define CALLS        800u
#define IDS          4u
#define PLACES       12u
#define SOME_DEVICES 4u

/* Values that both processors choose from. */
struct fuzz {
    struct random random;
    struct caller caller;
    uint32_t ids[IDS];
    uint64_t places[PLACES];
    uint64_t devices[SOME_DEVICES];
    unsigned device_count;
    unsigned calls, accepted;
};

static const uint16_t codes[] = {
    HVCALL_CREATE_DEVICE_DOMAIN,
    HVCALL_ATTACH_DEVICE_DOMAIN,
    HVCALL_DETACH_DEVICE_DOMAIN,
    HVCALL_DELETE_DEVICE_DOMAIN,
    HVCALL_CONFIGURE_DEVICE_DOMAIN,
    HVCALL_FLUSH_DEVICE_DOMAIN,
    HVCALL_FLUSH_DEVICE_DOMAIN_LIST,
    HVCALL_GET_IOMMU_CAPABILITIES,
    HVCALL_GET_LOGICAL_DEVICE_PROPERTY,
    HVCALL_GET_PARTITION_ID,
    HVCALL_ORACLE_FAULT,
    HVCALL_ORACLE_COUNTERS,
    HVCALL_ORACLE_INFO,
    HVCALL_HOST_INTEGRITY,
};

static uint64_t pick(struct fuzz *f, const uint64_t *from, unsigned count)
{
    return from[random_below(&f->random, count)];
}

/* Mostly right, so that the call gets past the first check. */
static void fill_input(struct fuzz *f, uint16_t code)
{
    uint64_t words[8];
    bool list = code == HVCALL_FLUSH_DEVICE_DOMAIN_LIST;

    for (unsigned i = 0; i < 8; i++) {
        unsigned kind = (unsigned)random_below(&f->random, 8);

        words[i] = kind == 0                      ? random_u64(&f->random)
                   : kind == 1                    ? pick(f, f->places, PLACES)
                   : kind == 2 && f->device_count ? pick(f, f->devices, f->device_count)
                   : kind < 5                     ? 1ull << random_below(&f->random, 64)
                                                  : random_below(&f->random, 4);
    }
    memcpy(f->caller.input, words, sizeof(words));
    if (random_below(&f->random, 8) != 0 && code != HVCALL_GET_LOGICAL_DEVICE_PROPERTY) {
        struct hv_input_device_domain name = {0};

        pviommu_fill_domain(&name, f->ids[random_below(&f->random, IDS)]);
        memcpy(f->caller.input, &name, sizeof(name));
    }
    if (list)
        memset(f->caller.input + PAGE_SIZE - 64, (int)random_below(&f->random, 256), 64);
}

static void one_call(struct fuzz *f)
{
    uint16_t code = random_below(&f->random, 16) == 0
                        ? (uint16_t)(0x8000 | random_u64(&f->random))
                        : codes[random_below(&f->random, ARRAY_SIZE(codes))];
    uint64_t control = hv_control(code, 0, 0, 0), in = gpa_of(f->caller.input),
             out = gpa_of(f->caller.output);

    fill_input(f, code);
    if (code == HVCALL_FLUSH_DEVICE_DOMAIN_LIST) {
        control = hv_control(code, 0, (unsigned)random_below(&f->random, 64),
                             (unsigned)random_below(&f->random, 4));
    }
    switch (random_below(&f->random, 12)) {
    case 0:
        control ^= 1ull << random_below(&f->random, 64);
        break;
    case 1:
        in = pick(f, f->places, PLACES) + random_below(&f->random, PAGE_SIZE);
        break;
    case 2:
        out = pick(f, f->places, PLACES) + random_below(&f->random, 2) * (PAGE_SIZE - 8);
        break;
    default:
        break;
    }
    f->accepted += hv_result_status(hypercall_raw(control, in, out)) == HV_STATUS_SUCCESS;
    f->calls++;
}

static void many_calls(void *argument)
{
    struct fuzz *f = argument;

    for (unsigned i = 0; i < CALLS; i++) {
        one_call(f);
        if (i % 64 == 0)
            give_way();
    }
}

static void prepare(struct test_run *t, struct fuzz *f, const struct integrity_output *host)
{
    const uint64_t places[PLACES] = {
        host->target,
        host->text,
        host->text + host->text_length - 8,
        0xFEE00000,
        0xFEC00000,
        0xFED00000,
        0xFED90000,
        memory_hole(),
        (1ull << memory_physical_bits()) - PAGE_SIZE,
        1ull << memory_physical_bits(),
        ~7ull,
        gpa_of(hypercall_entry()),
    };
    size_t count;
    const struct dma_engine *e = dma_engines(&count);

    random_seed(&f->random, random_u64(&t->random));
    f->caller = caller(t);
    memcpy(f->places, places, sizeof(places));
    for (size_t i = 0; i < count && f->device_count < SOME_DEVICES; i += 3)
        f->devices[f->device_count++] = e[i].device_id;
}

STRESS(calls_on_two_processors,
       PROMISE("Calls by chance on two processors at once leave the host sound")
       COVERS("ISO-3 CON-1") DEVICES(NONE) KINDS("bad-input")
       STEPS("Both processors make eight hundred calls each, with control words, inputs and "
             "addresses of lists that are mostly right and partly random: host memory, registers, "
             "holes, the end of the address space. Both use the same four domain ids and the same "
             "devices.")
       EXPECTS("Every call has an answer; the harness gets all devices and domains back; the "
               "host's memory is unchanged.")
       IF_IT_FAILS("State of the host that two calls change at once, or an input that is not "
                   "checked."))
{
    struct integrity_output host;
    struct fuzz *f = second_memory(t, 2 * sizeof(*f));

    need_integrity(t, &host);
    capabilities(t);
    need_second(t);
    prepare(t, &f[0], &host);
    prepare(t, &f[1], &host);
    for (unsigned i = 0; i < IDS; i++)
        f[0].ids[i] = f[1].ids[i] = fresh_domain_id(t);
    second_begin(t, many_calls, &f[1]);
    many_calls(&f[0]);
    second_end(t);
    /* Some outputs were given a place in the hypercall page. */
    REQUIRE(hypercall_restore_underlay(), "the hypercall page cannot be enabled again");
    OBSERVE("%u calls, %u of them accepted", f[0].calls + f[1].calls,
            f[0].accepted + f[1].accepted);
}

/* Ids that are those of no device on a bus of this machine. */
static uint64_t unseen_id(const struct dma_engine *e, unsigned n)
{
    static const uint64_t made_up[] = {0x12345678, UINT64_C(0x3FFFFFFFFFFFFFFF)};

    if (n < ARRAY_SIZE(made_up))
        return made_up[n];
    return (e ? e->device_id : made_up[0]) ^ UINT64_C(1) << (20 + n);
}

OBSERVATION(unseen_devices_are_left,
            PROMISE("A device that no bus shows, if ATTACH takes it, holds its domain no longer "
                    "than until it is detached")
            COVERS("ATT-8") ABI() DEVICES(NONE) KINDS("bad-input")
            STEPS("Ids that are those of no device are attached to two domains, in memory form "
                  "and in register form, and are left there.")
            EXPECTS("The host refuses them, or the harness detaches them and deletes the domains.")
            IF_IT_FAILS("DETACH of a device that ATTACH has taken does not take it out of its "
                        "domain."))
{
    enum { IDS_TRIED = 12 };
    const struct dma_engine *e = dma_engine_fast();
    const struct domain *d[] = {domain_paging(t), domain_blocked(t)};
    unsigned taken = 0;

    for (unsigned n = 0; n < IDS_TRIED; n++) {
        struct hv_input_attach_device_domain input = {.device_id = unseen_id(e, n)};
        struct hypercall_registers registers = {
            .rcx = hv_control(HVCALL_ATTACH_DEVICE_DOMAIN, 0, 0, 0) | HV_CONTROL_FAST};
        uint64_t words[sizeof(input) / sizeof(uint64_t)];

        if (device_exists(input.device_id))
            continue;
        pviommu_fill_domain(&input.device_domain, d[n / 2 % 2]->id);
        if (n % 2 == 0) {
            taken += hypercall_simple(HVCALL_ATTACH_DEVICE_DOMAIN, &input, sizeof(input), NULL,
                                      0) == HV_STATUS_SUCCESS;
            continue;
        }
        memcpy(words, &input, sizeof(input));
        registers.rdx = words[0];
        registers.r8 = words[1];
        memcpy(registers.xmm, &words[2], sizeof(input) - 2 * sizeof(words[0]));
        taken += hypercall_raw_registers(&registers) == TRAP_NONE &&
                 hv_result_status(registers.rax) == HV_STATUS_SUCCESS;
    }
    OBSERVE("%u of %u ids were taken", taken, (unsigned)IDS_TRIED);
}

struct descriptor_register {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

#define ALIAS     0x7000000000ull /* nothing is there */
#define OUTPUT_AT 0xF00u          /* in a page of the guest, after the part that is used */

/* The output goes to `gpa`; the instruction after it needs the structure there. */
static void expect_output(struct test_run *t, uint64_t gpa, const char *what)
{
    struct integrity_input *input = hypercall_input_page();

    memset(input, 0, PAGE_SIZE);
    CHECK_SUCCESS(hv_result_status(hypercall_raw(hv_control(HVCALL_HOST_INTEGRITY, 0, 0, 0),
                                                 gpa_of(input), gpa)),
                  what);
    (void)cpu_cpuid(0, 0);
}

STRESS(structures_as_output,
       PROMISE("The output of a call may lie beside the guest's descriptor tables, page tables and "
               "stack")
       COVERS("ISO-3") DEVICES(NONE) KINDS("bad-input")
       STEPS("Has a call write its output to the page of the GDT in use, to that of the IDT in "
             "use, to each page table of a tree in use, and to the stack.")
       EXPECTS("The call succeeds, and the guest goes on.")
       IF_IT_FAILS("The host reads structures of the guest while it writes to them, or keeps what "
                   "it has read."))
{
    struct integrity_output host;
    struct descriptor_register gdt, idt, moved;
    uint8_t *page = page_alloc(1, PAGE_SIZE), stack[sizeof(struct integrity_output) + 64];
    struct aliased_code code;
    uint64_t cr3 = cr3_read(), table;

    need_integrity(t, &host);
    REQUIRE(page, "no memory");
    __asm__ volatile("sgdt %0; sidt %1" : "=m"(gdt), "=m"(idt));
    REQUIRE(gdt.limit < OUTPUT_AT && idt.limit < PAGE_SIZE, "the descriptor tables are too large");
    memcpy(page, gpa_pointer(gdt.base), gdt.limit + 1u);
    moved = (struct descriptor_register){.limit = gdt.limit, .base = gpa_of(page)};
    __asm__ volatile("lgdt %0" : : "m"(moved));
    expect_output(t, gpa_of(page) + OUTPUT_AT, "output to the page of the GDT");
    __asm__ volatile("lgdt %0" : : "m"(gdt));
    memcpy(page, gpa_pointer(idt.base), idt.limit + 1u);
    moved = (struct descriptor_register){.limit = OUTPUT_AT - 1, .base = gpa_of(page)};
    __asm__ volatile("cli; lidt %0" : : "m"(moved));
    expect_output(t, gpa_of(page) + OUTPUT_AT, "output to the page of the IDT");
    __asm__ volatile("lidt %0; sti" : : "m"(idt));
    code = aliased_code(t, ALIAS);
    table = code.root;
    cr3_write(code.root);
    for (unsigned level = 4, shift = 39; level >= 1; level--, shift -= 9) {
        expect_output(t, table + OUTPUT_AT, "output to a page table");
        table = *(const uint64_t *)gpa_pointer(table + (ALIAS >> shift) % 512 * 8) & BITS(51, 12);
    }
    cr3_write(cr3);
    expect_output(t, (gpa_of(stack) + 15) & ~7ull, "output to the stack");
}

#define REQUESTS 400u

STRESS(requests_by_chance,
       PROMISE("Requests by chance to a virtual function reach only what its domain maps")
       COVERS("ISO-3 TR-10") DEVICES(PROBE) KINDS("dma bad-input")
       STEPS("Four hundred requests with random operation, flags, length, offsets, list and delay, "
             "in random slots, with addresses in and near the one page that is mapped and "
             "anywhere; doorbells without a request, releases, resets.")
       EXPECTS("Guards and host memory are unchanged, and the function answers a right request in "
               "the end.")
       IF_IT_FAILS("A field of a request is not checked, or a request outlives its reset."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);
    volatile uint32_t *registers = (volatile uint32_t *)e->registers;

    need_integrity(t, NULL);
    attach(t, d, e);
    for (unsigned i = 0; i < REQUESTS; i++) {
        uint64_t chance = random_u64(&t->random);
        struct dmaprobe_request r = {
            .operation = (uint32_t)chance % 12,
            .flags = (uint32_t)(chance >> 8) & (chance & 1 ? ~0u : 0x2Fu) & ~DMAPROBE_INTERRUPT,
            .iova = chance & 2 ? IOVA + random_below(&t->random, 2 * PAGE_SIZE) - 64
                               : random_u64(&t->random),
            .length = chance & 4 ? (uint32_t)random_below(&t->random, 300)
                                 : (uint32_t)random_u64(&t->random),
            .buffer = chance & 8 ? (uint32_t)random_below(&t->random, DMAPROBE_BUFFER_SIZE)
                                 : (uint32_t)random_u64(&t->random),
            .operand = random_u64(&t->random),
            .delay_us = (uint32_t)random_below(&t->random, 100),
            .elements = (uint32_t)random_below(&t->random, 5),
        };

        dmaprobe_scatter(e)[random_below(&t->random, 5)] = (struct dmaprobe_element){
            .iova = r.iova, .length = (uint32_t)(chance >> 40), .reserved = (uint32_t)(chance % 3)};
        STEP("operation %llu, flags 0x%llx, IOVA 0x%llx, %llu bytes", r.operation, r.flags, r.iova,
             r.length);
        dmaprobe_start(e, (unsigned)random_below(&t->random, DMAPROBE_SLOTS), &r);
        if (i % 16 == 0) {
            registers[DMAPROBE_DOORBELL / 4] = (uint32_t)chance;
            registers[DMAPROBE_RELEASE / 4] = (uint32_t)(chance >> 32);
        }
    }
    registers[DMAPROBE_CONTROL / 4] = DMAPROBE_CONTROL_RESET;
    CHECK_EQ(registers[DMAPROBE_ID / 4], DMAPROBE_ID_VALUE, "id of the function");
    drain_faults(t, e);
    buffer_refresh(&b);
    expect_write(t, e, IOVA, &b, 0, 64, "after the requests");
}
