/* SPDX-License-Identifier: MIT */
/*
 * The nine calls made by each other processor, each judged by what devices can do afterwards and by
 * what the first processor finds. A host with a table, a copy of the input or a lookup of its own
 * for each processor gives the right status there, and acts on something else.
 *
 * The first processor has made a call of the same kind about another object just before, so that
 * what is left of it shows.
 */
#define TEST_GROUP "concurrency"
#include "abi/cpuid.h"
#include "abi/hypercall.h"
#include "lib/bits.h"
#include "lib/cpu_instructions.h"
#include "lib/string.h"
#include "tests/harness/calls/mutated_call.h"
#include "tests/harness/second_processor.h"

#define NO_DEVICE      UINT64_C(0xFFFF)
#define OTHER_VTL      UINT64_C(0x12) /* target VTL 2, with the bit that says so */
#define WORD_OF_VTL    1u
#define LIST_PAGES     24u
#define FIRST_ROUNDS   2u
#define NEIGHBOR_SHIFT 12 /* of the id of a domain: its 12 top bits are flipped */

static void call_of_first(struct test_run *t, const struct call_fixture *f, enum call_id call)
{
    struct hv_output_get_logical_device_property other;

    if (call == CALL_PROPERTY)
        (void)pviommu_get_device_property(NO_DEVICE, &other);
    else if (call == CALL_FLUSH || call == CALL_FLUSH_LIST)
        flush(t, f->place[PLACE_VICTIM].domain);
}

static void flawed(struct test_run *t, struct call_fixture *f, struct mutated_call *m,
                   const char *what, unsigned word, uint64_t flip)
{
    uint64_t body[CALL_WORDS_MAX];

    call_body(f, m->call, body);
    body[word] ^= flip;
    m->what = what;
    m->how = "bits";
    m->number = flip;
    m->rule = call_output_size(m->call) ? RULE_OPEN : RULE_REFUSE;
    mutated_call_send_body(t, f, m, body);
}

static enum rule rule_of_field(const struct call_field *field)
{
    return field->kind == FIELD_RESERVED ? RULE_REFUSE_OR_IGNORE : RULE_NO_EFFECT;
}

/* The flaws of the malformed calls, one of each kind: a field whose bits are all flipped, the name
 * of a neighbor, and bits of the control word. */
static void matrix_from_second(struct test_run *t, struct call_fixture *f, struct mutated_call *m)
{
    const uint64_t control = m->control,
                   bits[] = {HV_CONTROL_RESERVED_LOW, HV_CONTROL_RESERVED_MIDDLE,
                             HV_CONTROL_RESERVED_HIGH};
    uint64_t body[CALL_WORDS_MAX];
    const struct call_field *field;

    for (unsigned n = 0; (field = call_field(m->call, n)); n++) {
        bool named = field->kind == FIELD_DOMAIN && m->call != CALL_CREATE;

        if (field->kind != FIELD_RESERVED && field->kind != FIELD_DEVICE && !named)
            continue;
        call_body(f, m->call, body);
        body[field->word] ^= named ? field->mask & ~(field->mask >> NEIGHBOR_SHIFT) : field->mask;
        m->what = field->name;
        m->how = "bits flipped on the second processor";
        m->number = field->mask;
        m->rule = rule_of_field(field);
        mutated_call_send_body(t, f, m, body);
    }
    call_body(f, m->call, body);
    m->what = "control word";
    m->rule = RULE_REFUSE;
    for (unsigned i = 0; i < ARRAY_SIZE(bits); i++) {
        m->control = control | bits[i];
        m->number = bits[i];
        mutated_call_send_body(t, f, m, body);
    }
    m->control = control;
}

static void rounds_from(struct test_run *t, struct call_fixture *f, struct mutated_call *m,
                        unsigned processor)
{
    uint64_t body[CALL_WORDS_MAX];

    f->processor = processor;
    for (unsigned round = 0; round < FIRST_ROUNDS; round++) {
        call_body(f, m->call, body);
        call_of_first(t, f, m->call);
        m->what = processor_name(processor);
        m->rule = RULE_ACCEPT;
        m->how = "right call";
        m->number = round;
        mutated_call_send_body(t, f, m, body);
        flawed(t, f, m, "partition of another processor's call", 0, 1);
        if (call_table[m->call].names_domain)
            flawed(t, f, m, "VTL of another processor's call", WORD_OF_VTL, OTHER_VTL);
    }
}

static void from_others(struct test_run *t, enum call_id call)
{
    struct call_fixture f = call_fixture_for(t, call);
    uint64_t body[CALL_WORDS_MAX];
    struct mutated_call m = mutated_call_begin(&f, call, body);

    need_second(t);
    f.proven[call] = true; /* by the rounds below, for the requirements of this test */
    for (unsigned n = processor_count() - 1; n > 0; n--)
        rounds_from(t, &f, &m, n);
    matrix_from_second(t, &f, &m);
    mutated_call_end(t, &f, call, "calls of other processors");
}

#define CALLS_OF_SECOND(ROW, test)                                                                 \
    ROW(test, create, CALL_CREATE, WORD(call, "CREATE") COVERS("DOM-1"))                           \
    ROW(test, attach, CALL_ATTACH, WORD(call, "ATTACH") COVERS("ATT-1") KINDS("device"))           \
    ROW(test, detach, CALL_DETACH, WORD(call, "DETACH") COVERS("DET-1") KINDS("device"))           \
    ROW(test, delete, CALL_DELETE, WORD(call, "DELETE") COVERS("DEL-4"))                           \
    ROW(test, configure, CALL_CONFIGURE, WORD(call, "CONFIGURE") COVERS("CFG-1"))                  \
    ROW(test, flush, CALL_FLUSH, WORD(call, "FLUSH") COVERS("FL-1 CON-1"))                         \
    ROW(test, flush_list, CALL_FLUSH_LIST, WORD(call, "FLUSH_LIST") COVERS("LS-1 CON-1"))          \
    ROW(test, capabilities, CALL_CAPABILITIES, WORD(call, "GET_CAPABILITIES") COVERS("CAP-5"))     \
    ROW(test, property, CALL_PROPERTY, WORD(call, "GET_PROPERTY") COVERS("PROP-1") KINDS("device"))

VARIANTS(const enum call_id, calls_of_second, CALLS_OF_SECOND);

EACH_TEST(CALLS_OF_SECOND, from_second,
          PROMISE("{call} of another processor has its effect, and none when it is refused")
          COVERS("GEN-16 GEN-10 ISO-3") ABI() DEVICES(NONE) KINDS("dma bad-input")
          STEPS("Each other processor, the second one last, makes a right {call}, one for another "
                "partition and one for another VTL, twice. The second one then makes one with each "
                "reserved field, device or domain id and control word changed. Before each right "
                "one the first processor makes such a call about something else. After each the "
                "first processor and a device look at the objects.")
          EXPECTS("The right call does on each processor all that it does on the first; the "
                  "others are refused, and nothing has changed.")
          IF_IT_FAILS("The host keeps for each processor what belongs to the partition: domains, "
                      "the copy of the input, the device that was looked up. Or a processor other "
                      "than the first skips checks."))
{
    from_others(t, VARIANT(calls_of_second));
}

TEST(long_list_from_second,
     PROMISE("A list flush of the second processor drops each page of the list")
     COVERS("GEN-16 LS-4 FL-1") ABI() DEVICES(ALL) KINDS("dma fault flush")
     STEPS("The device uses 24 pages that are not neighbors. All are unmapped, and the second "
           "processor flushes them with one list. The device writes to each of them again.")
     EXPECTS("The list is done as a whole, and no page is reached.")
     IF_IT_FAILS("Elements after the first are lost on that processor: look at where the host "
                 "continues a list."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, LIST_PAGES);
    const unsigned count = rounds_on(e, LIST_PAGES, 2);
    uint64_t element[LIST_PAGES];
    unsigned done = 0;

    need_second(t);
    attach(t, d, e);
    for (unsigned i = 0; i < count; i++) {
        map_gpa(t, d, IOVA + 2ull * i * PAGE_SIZE, gpa_of(b.data) + i * PAGE_SIZE, PAGE_SIZE, RW);
        fill_by_device(t, e, IOVA + 2ull * i * PAGE_SIZE, 4, "mapped");
        element[i] = hv_iommu_range((IOVA >> HV_PAGE_SHIFT) + 2ull * i, 0);
    }
    buffer_refresh(&b);
    for (unsigned i = 0; i < count; i++)
        *leaf_entry(t, d, IOVA + 2ull * i * PAGE_SIZE) = 0;
    second_makes_calls(t, true);
    CHECK_SUCCESS(pviommu_flush_list(d->id, element, count, &done),
                  "a list flush on the second processor");
    second_makes_calls(t, false);
    CHECK_EQ(done, count, "elements completed");
    for (unsigned i = 0; i < count; i++) {
        STEP("page %llu of the list", i);
        expect_write_fault(t, e, IOVA + 2ull * i * PAGE_SIZE, 4, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                           "a page that the second processor has flushed");
    }
}

struct leaves {
    bool hypervisor; /* in leaf 1 */
    struct cpuid_result leaf[HV_CPUID_LIMITS - HV_CPUID_VENDOR + 1];
};

static void read_leaves(void *argument)
{
    struct leaves *leaves = argument;

    leaves->hypervisor = (cpu_cpuid(CPUID_1, 0).ecx & CPUID_1_ECX_HYPERVISOR_PRESENT) != 0;
    for (uint32_t i = 0; i < ARRAY_SIZE(leaves->leaf); i++)
        leaves->leaf[i] = cpu_cpuid(HV_CPUID_VENDOR + i, 0);
}

TEST(hypervisor_leaves,
     PROMISE("All processors find the same hypervisor")
     COVERS("GEN-16 DISC-1 DISC-2") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Reads CPUID leaf 1 and leaves 0x40000000 to 0x40000005 on all processors.")
     EXPECTS("The hypervisor bit of leaf 1 is set on all of them, and all four registers of each "
             "other leaf are the same.")
     IF_IT_FAILS("The leaves of the hypervisor are set up for one processor: an operating system "
                 "that asks on another one finds no interface, or another one."))
{
    struct leaves first, *other = second_memory(t, sizeof(*other));

    capabilities(t);
    need_second(t);
    read_leaves(&first);
    for (unsigned n = 1; n < processor_count(); n++) {
        on_processor(t, n, read_leaves, other);
        STEP("CPUID on %s", processor_name(n));
        CHECK(other->hypervisor, "CPUID.1:ECX[31] is clear on %s", processor_name(n));
        for (uint32_t i = 0; i < ARRAY_SIZE(first.leaf); i++) {
            CHECK(memcmp(&first.leaf[i], &other->leaf[i], sizeof(first.leaf[i])) == 0,
                  "leaf 0x%x: EAX 0x%x, EBX 0x%x, ECX 0x%x, EDX 0x%x on %s, and others on the "
                  "first",
                  HV_CPUID_VENDOR + i, other->leaf[i].eax, other->leaf[i].ebx, other->leaf[i].ecx,
                  other->leaf[i].edx, processor_name(n));
        }
    }
}
