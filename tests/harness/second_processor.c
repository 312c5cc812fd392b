/* SPDX-License-Identifier: MIT */
#include "tests/harness/second_processor.h"
#include "kernel/cpu.h"
#include "kernel/smp.h"
#include "lib/string.h"

/* Less than the deadline of a test, so that the report has the reason and not only a deadline. */
#define SECOND_US 1500000u
/* For a processor that is stuck in the host, where no deadline reaches it. */
#define STUCK_US      200000u
#define RENDEZVOUS_US 1000000u
/* Calls in a row without progress. */
#define STALLS 16u

void need_second(struct test_run *t)
{
    enum smp_state state = smp_start();

    if (state != SMP_READY && state != SMP_NO_ANSWER)
        SKIP("needs two processors: %s", smp_state_text(state));
    REQUIRE(state == SMP_READY, "%s", smp_state_text(state));
}

void *second_memory(struct test_run *t, size_t size)
{
    void *memory = page_alloc((size + PAGE_SIZE - 1) / PAGE_SIZE, PAGE_SIZE);

    REQUIRE(memory, "no memory");
    return memory;
}

static uint64_t second_us(const struct test_run *t)
{
    return t->has_class && dma_class_is_slow(t->class) ? (uint64_t)SECOND_US * SLOW_DEADLINE_FACTOR
                                                       : SECOND_US;
}

void second_begin(struct test_run *t, void (*fn)(void *argument), void *argument)
{
    need_second(t);
    smp_call(fn, argument, second_us(t));
}

void second_end(struct test_run *t)
{
    CHECK(smp_wait(second_us(t) + STUCK_US),
          "the second processor does not come back, not even by its deadline: it is in the host");
    if (smp_end() == CONTAINMENT_RETURNED)
        return;
    t->trap = *smp_report();
    t->trapped = true;
    if (smp_end() == CONTAINMENT_DEADLINE) {
        test_error(t, PVT_WHERE, "the second processor did not end within its deadline of %llu ms",
                   (unsigned long long)second_us(t) / 1000);
    }
    test_error(t, PVT_WHERE,
               "exception %llu (error 0x%llx) at 0x%llx on the second processor, CR2 0x%llx",
               (unsigned long long)t->trap.frame.vector, (unsigned long long)t->trap.frame.error,
               (unsigned long long)t->trap.frame.rip, (unsigned long long)t->trap.cr2);
}

void on_second(struct test_run *t, void (*fn)(void *argument), void *argument)
{
    second_begin(t, fn, argument);
    second_end(t);
}

/* Never on the stack: see second_memory(). */
static struct {
    struct test_run *test;
    struct hypercall_registers registers;
    enum trap_vector vector;
} sent;

static void make_sent_call(void *argument)
{
    (void)argument;
    sent.vector = hypercall_raw_registers_here(&sent.registers);
}

static enum trap_vector send_there(struct hypercall_registers *registers)
{
    sent.registers = *registers;
    on_second(sent.test, make_sent_call, NULL);
    *registers = sent.registers;
    return sent.vector;
}

void second_makes_calls(struct test_run *t, bool on)
{
    need_second(t);
    sent.test = t;
    hypercall_send_with(on ? send_there : NULL);
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

bool rendezvous(uint32_t *arrivals, uint32_t round)
{
    struct rendezvous m = {arrivals, 2 * (round + 1)};

    __atomic_add_fetch(arrivals, 1, __ATOMIC_ACQ_REL);
    smp_wake();
    return smp_sleep(all_there, &m, RENDEZVOUS_US);
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
