/* SPDX-License-Identifier: MIT */
#include "tests/harness/second_processor.h"
#include "kernel/cpu.h"
#include "kernel/percpu.h"
#include "kernel/smp.h"
#include "lib/string.h"

/* For a processor that is stuck in the host, where no deadline reaches it. */
#define STUCK_US      200000u
#define RENDEZVOUS_US 1000000u

static uint64_t rendezvous_us = RENDEZVOUS_US;
/* Calls in a row without progress. */
#define STALLS 16u

unsigned processor_count(void)
{
    return smp_count(NULL);
}

unsigned processors_present(void)
{
    unsigned present;

    (void)smp_count(&present);
    return present;
}

const char *processor_name(unsigned number)
{
    static const char *const names[CPUS_MAX] = {"the first processor",   "the second processor",
                                                "the third processor",   "the fourth processor",
                                                "the fifth processor",   "the sixth processor",
                                                "the seventh processor", "the eighth processor"};

    return names[number];
}

void need_processor(struct test_run *t, unsigned number)
{
    enum smp_state state = smp_start(number);

    if (state != SMP_READY && state != SMP_NO_ANSWER)
        SKIP("needs %u processors: %s", number + 1, smp_state_text(state));
    REQUIRE(state == SMP_READY, "%s", smp_state_text(state));
}

void *second_memory(struct test_run *t, size_t size)
{
    void *memory = page_alloc((size + PAGE_SIZE - 1) / PAGE_SIZE, PAGE_SIZE);

    REQUIRE(memory, "no memory");
    return memory;
}

/* Less than the deadline of the test, so that the report has the reason and not only a deadline. */
static uint64_t second_us(const struct test_run *t)
{
    return t->deadline_us / 4 * 3;
}

void processor_begin(struct test_run *t, unsigned number, void (*fn)(void *argument),
                     void *argument)
{
    need_processor(t, number);
    rendezvous_us = (uint64_t)RENDEZVOUS_US * t->patience;
    smp_call(number, fn, argument, second_us(t));
}

void processor_end(struct test_run *t, unsigned number)
{
    bool back = smp_wait(number, second_us(t) + STUCK_US);

    t->overran = !back || smp_end(number) == CONTAINMENT_DEADLINE;
    CHECK(back, "%s does not come back, not even by its deadline: it is in the host",
          processor_name(number));
    if (smp_end(number) == CONTAINMENT_RETURNED)
        return;
    t->trap = *smp_report(number);
    t->trapped = true;
    if (smp_end(number) == CONTAINMENT_DEADLINE) {
        test_error(t, PVT_WHERE, "%s did not end within its deadline of %llu ms",
                   processor_name(number), (unsigned long long)second_us(t) / 1000);
    }
    test_error(t, PVT_WHERE, "exception %llu (error 0x%llx) at 0x%llx on %s, CR2 0x%llx",
               (unsigned long long)t->trap.frame.vector, (unsigned long long)t->trap.frame.error,
               (unsigned long long)t->trap.frame.rip, processor_name(number),
               (unsigned long long)t->trap.cr2);
}

void on_processor(struct test_run *t, unsigned number, void (*fn)(void *argument), void *argument)
{
    processor_begin(t, number, fn, argument);
    processor_end(t, number);
}

/* Never on the stack: see second_memory(). */
static struct {
    struct test_run *test;
    unsigned number; /* of the processor that makes the calls; 0: the first one itself */
    unsigned usual;
    struct hypercall_registers registers;
    enum trap_vector vector;
} sent;

static void make_sent_call(void *argument)
{
    (void)argument;
    sent.vector = hypercall_raw_registers_here(&sent.registers);
}

/* A call of the other processor itself, or one while it is at work, stays where it is. */
static enum trap_vector send_there(struct hypercall_registers *registers)
{
    if (cpu_this() != cpu_at(0) || !smp_done(sent.number))
        return hypercall_raw_registers_here(registers);
    sent.registers = *registers;
    on_processor(sent.test, sent.number, make_sent_call, NULL);
    *registers = sent.registers;
    return sent.vector;
}

void processor_makes_calls(struct test_run *t, unsigned number)
{
    sent.test = t;
    sent.number = number ? number : sent.usual;
    if (sent.number)
        need_processor(t, sent.number);
    hypercall_send_with(sent.number ? send_there : NULL);
}

void processor_makes_all_calls(struct test_run *t, unsigned number)
{
    sent.usual = number;
    processor_makes_calls(t, 0);
}

struct rendezvous {
    const uint32_t *arrivals;
    uint32_t wanted;
};

static bool all_there(void *argument)
{
    const struct rendezvous *m = argument;

    return (int32_t)(__atomic_load_n(m->arrivals, __ATOMIC_ACQUIRE) - m->wanted) >= 0;
}

bool rendezvous_of(unsigned count, uint32_t *arrivals, uint32_t round)
{
    struct rendezvous m = {arrivals, count * (round + 1)};

    __atomic_add_fetch(arrivals, 1, __ATOMIC_ACQ_REL);
    smp_wake();
    return smp_sleep(all_there, &m, rendezvous_us);
}

struct caller caller(struct test_run *t)
{
    struct caller c = {page_alloc(1, PAGE_SIZE), page_alloc(1, PAGE_SIZE)};

    REQUIRE(c.input && c.output, "no memory for parameter pages");
    return c;
}

enum hv_status caller_call(const struct caller *c, uint16_t code, const void *input, size_t size)
{
    memcpy(c->input, input, size);
    return hv_result_status(
        hypercall_raw(hv_control(code, 0, 0, 0), gpa_of(c->input), gpa_of(c->output)));
}

enum hv_status caller_flush(const struct caller *c, uint32_t domain_id)
{
    struct hv_input_flush_device_domain flush = {.flags = 0};

    if (!iommu_promises(IOMMU_HYPERCALLS))
        return iommu_flush(domain_id);

    pviommu_fill_domain(&flush.device_domain, domain_id);
    return caller_call(c, HVCALL_FLUSH_DEVICE_DOMAIN, &flush, sizeof(flush));
}

static enum hv_status flush_page_of_unit(uint32_t domain_id, uint64_t iova, unsigned count,
                                         unsigned *done)
{
    uint64_t elements[HV_FLUSH_LIST_MAX];

    for (unsigned i = 0; i < count; i++)
        elements[i] = hv_iommu_range(iova >> HV_PAGE_SHIFT, 0);
    return iommu_flush_list(domain_id, elements, count, done);
}

enum hv_status caller_flush_page(const struct caller *c, uint32_t domain_id, uint64_t iova,
                                 unsigned count, unsigned *done)
{
    struct hv_input_flush_device_domain_list *list = (void *)c->input;
    unsigned stalls = 0;

    if (!iommu_promises(IOMMU_HYPERCALLS))
        return flush_page_of_unit(domain_id, iova, count, done);
    memset(list, 0, sizeof(*list));
    pviommu_fill_domain(&list->device_domain, domain_id);
    list->flags = HV_FLUSH_LIST_IOMMU_FORMAT;
    for (unsigned i = 0; i < count; i++)
        list->range[i] = hv_iommu_range(iova >> HV_PAGE_SHIFT, 0);
    *done = 0;
    while (*done < count && stalls < STALLS) {
        uint64_t result = hypercall_raw(
            hv_control(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, count, *done, 0), gpa_of(c->input), 0);

        if (hv_result_status(result) != HV_STATUS_SUCCESS)
            return hv_result_status(result);
        stalls = hv_result_reps(result) > *done ? 0 : stalls + 1;
        *done = hv_result_reps(result);
    }
    return *done < count ? HV_STATUS_TIME_OUT : HV_STATUS_SUCCESS;
}

enum hv_status caller_attach(const struct caller *c, uint32_t domain_id, uint64_t device_id)
{
    struct hv_input_attach_device_domain attach = {.device_id = device_id};

    if (!iommu_promises(IOMMU_HYPERCALLS))
        return iommu_attach(domain_id, device_id);
    pviommu_fill_domain(&attach.device_domain, domain_id);
    return caller_call(c, HVCALL_ATTACH_DEVICE_DOMAIN, &attach, sizeof(attach));
}
