/* SPDX-License-Identifier: MIT */
#include "tests/unit/host_fixture.h"
#include "lib/bits.h"

#include <string.h>

#include "abi/iommu_capabilities.h"
#include "host/base/counters.h"
#include "host/base/log.h"
#include "host/base/memory.h"
#include "host/base/panic.h"
#include "host/domains/domains.h"
#include "host/hypercalls/call.h"
#include "host/hypercalls/state.h"
#include "host/platform/pci_functions.h"
#include "host/vmbus/vmbus.h"

uint8_t guest_memory[GUEST_RAM_SIZE];
char fixture_log[16384];
struct fixture fixture;

#define BLOCKS_MAX 64
static void *blocks[BLOCKS_MAX];
static unsigned block_count;

void *host_pages(size_t pages)
{
    assert_true(block_count < BLOCKS_MAX);
    blocks[block_count] = calloc(pages, PAGE_SIZE);
    assert_non_null(blocks[block_count]);
    return blocks[block_count++];
}

bool guest_is_ram(uint64_t gpa, uint64_t length)
{
    if (length == 0 || gpa + length < gpa || gpa + length > GUEST_RAM_SIZE)
        return false;
    return gpa + length <= GUEST_HOLE || gpa >= GUEST_HOLE + PAGE_SIZE;
}

uint64_t guest_gpa_limit(void)
{
    return GUEST_GPA_LIMIT;
}

bool guest_read(uint64_t gpa, void *to, size_t length)
{
    if (!guest_is_ram(gpa, length))
        return false;
    memcpy(to, guest_memory + gpa, length);
    return true;
}

bool guest_load64(uint64_t gpa, uint64_t *value)
{
    return guest_read(gpa, value, sizeof(*value));
}

bool guest_write(uint64_t gpa, const void *from, size_t length)
{
    if (!guest_is_ram(gpa, length))
        return false;
    memcpy(guest_memory + gpa, from, length);
    return true;
}

void host_log(enum log_level level, const char *format, ...)
{
    size_t used = strlen(fixture_log);
    va_list args;

    (void)level;
    va_start(args, format);
    vsnprintf(fixture_log + used, sizeof(fixture_log) - used, format, args);
    va_end(args);
}

bool log_takes(enum log_level level)
{
    (void)level;
    return true;
}

void host_panic(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    abort();
}

struct oracle_counters *cpu_counters(void)
{
    static struct oracle_counters counters;

    return &counters;
}

void cpu_counters_sum(struct oracle_counters *sum)
{
    *sum = *cpu_counters();
}

/* This host has no VMBus. */
bool vmbus_present(void)
{
    return false;
}

static enum hv_status no_vmbus(struct call_context *context)
{
    (void)context;
    return HV_STATUS_INVALID_HYPERCALL_CODE;
}

enum hv_status call_bus_control(struct call_context *context)
{
    return no_vmbus(context);
}

/* Nor a launch after which its memory could be compared. */
enum hv_status call_host_integrity(struct call_context *context)
{
    return no_vmbus(context);
}

enum hv_status call_post_message(struct call_context *context)
{
    return no_vmbus(context);
}

enum hv_status call_signal_event(struct call_context *context)
{
    return no_vmbus(context);
}

enum hv_status call_retarget_interrupt(struct call_context *context)
{
    return no_vmbus(context);
}

static const struct pci_function pci[] = {
    {FIXTURE_BDF(0), FIXTURE_BDF(0), FIXTURE_BDF(0), true, false, PCI_CHIPSET_NONE},
    {FIXTURE_BDF(1), FIXTURE_BDF(1), FIXTURE_BDF(1), true, false, PCI_CHIPSET_NONE},
    {FIXTURE_BDF(2), FIXTURE_BDF(2), FIXTURE_BDF(2), true, false, PCI_CHIPSET_NONE},
    {0xFA, 0xFA, 0xFA, false, false, PCI_CHIPSET_NONE},
};

const struct pci_function *pci_function_find(uint64_t device_id)
{
    for (size_t i = 0; i < ARRAY_SIZE(pci); i++)
        if (pci[i].device_id == device_id)
            return &pci[i];
    return NULL;
}

static unsigned device_index(uint16_t bdf)
{
    for (unsigned i = 0; i < FIXTURE_DEVICES; i++)
        if (FIXTURE_BDF(i) == bdf)
            return i;
    fail_msg("the backend was asked for %04x", bdf);
    return 0;
}

static const struct backend_limits *fake_limits(void)
{
    static const struct backend_limits limits = {
        .iova_bits = 47, .page_sizes = HV_IOMMU_PGSIZE_ALL, .dids = 65536};

    return &limits;
}

static void fake_set_translation(uint16_t bdf, const struct translation *from,
                                 const struct translation *to)
{
    unsigned i = device_index(bdf);

    assert_memory_equal(from, &fixture.device[i], sizeof(*from));
    fixture.last_from = *from;
    fixture.device[i] = *to;
    fixture.switches++;
}

static void fake_flush_domain(const struct translation *t)
{
    fixture.domain_flushes++;
    fixture.last_flushed = t->did;
}

static void fake_flush_range(const struct translation *t, struct page_range range)
{
    assert_true(fixture.ranges < ARRAY_SIZE(fixture.range));
    fixture.range[fixture.ranges++] = (struct flushed){t->did, range};
}

static bool fake_take_fault(uint64_t device_id, bool clear, struct oracle_fault *fault)
{
    (void)clear;
    *fault = (struct oracle_fault){.device_id = device_id, .valid = ORACLE_FAULT_VALID};
    return true;
}

const struct iommu_backend backend_fake = {
    .name = "fake",
    .limits = fake_limits,
    .set_translation = fake_set_translation,
    .flush_domain = fake_flush_domain,
    .flush_range = fake_flush_range,
    .take_fault = fake_take_fault,
};

const struct iommu_backend *hypercalls_backend(void)
{
    return &backend_fake;
}

int fixture_free(void **state)
{
    (void)state;
    while (block_count != 0)
        free(blocks[--block_count]);
    return 0;
}

int fixture_reset(void **state)
{
    fixture_free(state);
    memset(guest_memory, 0, sizeof(guest_memory));
    memset(&fixture, 0, sizeof(fixture));
    fixture_log[0] = '\0';
    domains_init(&backend_fake);
    for (unsigned i = 0; i < FIXTURE_DEVICES; i++)
        domains_add_device(FIXTURE_BDF(i), FIXTURE_BDF(i));
    fixture.switches = 0;
    return 0;
}
