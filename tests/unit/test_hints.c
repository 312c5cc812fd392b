/* SPDX-License-Identifier: MIT */
/* Hints at mistakes of a driver, on domains whose devices are behind a software IOMMU. */
#include <string.h>

#include "host/base/memory.h"
#include "host/domains/domains.h"
#include "host/hints/hints.h"
#include "host/iommu/soft_backend.h"
#include "tests/unit/host_calls.h"
#include "tests/unit/host_fixture.h"

/* GPAs; host_calls.h has the pages of parameters. */
#define ROOT   0x1000u
#define LEVEL2 0x2000u
#define LEVEL1 0x5000u
#define LEAVES 0x6000u
#define DATA   0x9000u
#define IOVA   UINT64_C(0x4000000)
#define WINDOW UINT64_C(0xFEE00000)
#define TABLE  0x027u
#define RW     0x067u
#define RO     0x025u

#define DOMAIN 7u
#define DEVICE FIXTURE_BDF(0)

struct soft_options soft_options;

static struct softiommu *iommu;
static void *storage;
static bool locked;

void soft_lock(void)
{
    assert_false(locked);
    locked = true;
}

void soft_unlock(void)
{
    assert_true(locked);
    locked = false;
}

struct softiommu *soft_iommu(void)
{
    return iommu;
}

uint64_t soft_device_id(unsigned device)
{
    return FIXTURE_BDF(device);
}

static bool stage2(void *owner, uint64_t gpa, enum oracle_access access, uint64_t *spa,
                   uint64_t *size)
{
    (void)owner;
    (void)access;
    *spa = gpa;
    *size = PAGE_SIZE - gpa % PAGE_SIZE;
    return guest_is_ram(gpa, 1);
}

static uint64_t read64(void *owner, uint64_t spa)
{
    uint64_t value;

    (void)owner;
    memcpy(&value, guest_memory + spa, sizeof(value));
    return value;
}

static bool compare_exchange64(void *owner, uint64_t spa, uint64_t expected, uint64_t desired)
{
    if (read64(owner, spa) != expected)
        return false;
    memcpy(guest_memory + spa, &desired, sizeof(desired));
    return true;
}

static struct softiommu_translation soft(const struct translation *t)
{
    static const enum softiommu_kind kinds[] = {
        [TRANSLATION_BLOCKED] = SOFTIOMMU_BLOCKED,
        [TRANSLATION_IDENTITY] = SOFTIOMMU_IDENTITY,
        [TRANSLATION_PAGING] = SOFTIOMMU_PAGING,
    };

    return (struct softiommu_translation){kinds[t->kind], t->root, t->levels, t->did};
}

static void set_translation(uint16_t bdf, const struct translation *from,
                            const struct translation *to)
{
    struct softiommu_translation target = soft(to);

    (void)from;
    assert_true(
        softiommu_switch_device(iommu, (bdf - FIXTURE_BDF(0)) / 8u, &target, SOFTIOMMU_ATTACH));
}

static void flush_domain(const struct translation *t)
{
    softiommu_flush_domain(iommu, t->did);
}

static void flush_range(const struct translation *t, struct page_range range)
{
    softiommu_flush_range(iommu, t->did, range.first, log2_floor(range.count));
}

static const struct backend_limits *limits(void)
{
    return backend_fake.limits();
}

static const struct iommu_backend backend = {
    .name = "software",
    .limits = limits,
    .set_translation = set_translation,
    .flush_domain = flush_domain,
    .flush_range = flush_range,
};

static void entry(uint64_t table, uint64_t iova, unsigned level, uint64_t value)
{
    memcpy(guest_memory + table + (iova >> (12 + 9 * level)) % 512 * 8, &value, sizeof(value));
}

/* All IOVAs of a test share one table of each level. */
static void map(uint64_t iova, uint64_t value)
{
    entry(ROOT, iova, 3, LEVEL2 | TABLE);
    entry(LEVEL2, iova, 2, LEVEL1 | TABLE);
    entry(LEVEL1, iova, 1, LEAVES | TABLE);
    entry(LEAVES, iova, 0, value);
}

static bool dma(uint64_t iova, enum oracle_access access)
{
    uint64_t spa, size;

    return softiommu_translate(iommu, 0, iova, access, &spa, &size) == SOFTIOMMU_REASON_NONE;
}

/* Hints of a name in the log. */
static unsigned told(const char *name)
{
    char line[64];
    unsigned count = 0;

    snprintf(line, sizeof(line), "hint %s ", name);
    for (const char *at = fixture_log; (at = strstr(at, line)); at++)
        count++;
    return count;
}

static bool logged(const char *line)
{
    return strstr(fixture_log, line);
}

/* A domain with a device, and two pages that the device has used. */
static int reset(void **state)
{
    struct softiommu_config config = {
        .policy = SOFTIOMMU_CACHE_ADVERSARIAL,
        .devices = FIXTURE_DEVICES,
        .iova_bits = 48,
        .physical_bits = 40,
        .page_sizes = BIT(12) | BIT(21) | BIT(30),
        .iotlb_entries = 64,
        .walk_cache_entries = 64,
        .device_tlb_entries = 64,
    };
    struct softiommu_callbacks callbacks = {
        .stage2 = stage2, .read64 = read64, .compare_exchange64 = compare_exchange64};
    size_t size = softiommu_storage_size(&config);

    fixture_reset(state);
    hints_install();
    callbacks.on_translation = soft_options.on_translation;
    storage = malloc(size);
    iommu = softiommu_init(&config, &callbacks, storage, size);
    assert_non_null(iommu);
    domains_init(&backend);
    for (unsigned i = 0; i < FIXTURE_DEVICES; i++)
        domains_add_device(FIXTURE_BDF(i), FIXTURE_BDF(i));
    map(IOVA, DATA | RW);
    map(IOVA + PAGE_SIZE, (DATA + PAGE_SIZE) | RW);
    assert_int_equal(host_call_create(DOMAIN), HV_STATUS_SUCCESS);
    assert_int_equal(host_call_configure(DOMAIN, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL, ROOT),
                     0);
    assert_int_equal(host_call_attach(DOMAIN, DEVICE), HV_STATUS_SUCCESS);
    assert_true(dma(IOVA, ORACLE_ACCESS_WRITE));
    assert_true(dma(IOVA + PAGE_SIZE, ORACLE_ACCESS_WRITE));
    assert_int_equal(told(""), 0);
    return 0;
}

static int cleanup(void **state)
{
    free(storage);
    return fixture_free(state);
}

static void flush_page(uint64_t iova)
{
    assert_int_equal(host_call_flush_page(DOMAIN, iova / PAGE_SIZE), HV_STATUS_SUCCESS);
}

static void calls_are_logged_with_their_fields(void **state)
{
    (void)state;
    host_call_flush_page(DOMAIN, IOVA / PAGE_SIZE);
    host_call_detach(DEVICE);
    host_call_delete(DOMAIN + 1);
    host_call(HVCALL_DELETE_DEVICE_DOMAIN | HV_CONTROL_NESTED, HOST_CALLS_INPUT, 0);
    host_call(HVCALL_UNKNOWN_0126, 0, 0);
    assert_true(logged("guest: CREATE_DEVICE_DOMAIN domain 0x7: SUCCESS\n"));
    assert_true(
        logged("guest: CONFIGURE_DEVICE_DOMAIN domain 0x7 flags 0x1 root 0x1000: SUCCESS\n"));
    assert_true(logged("guest: ATTACH_DEVICE_DOMAIN domain 0x7 device 0x10: SUCCESS\n"));
    assert_true(
        logged("guest: FLUSH_DEVICE_DOMAIN_LIST domain 0x7 ranges 1 first 0x4000000: SUCCESS\n"));
    assert_true(logged("guest: DETACH_DEVICE_DOMAIN device 0x10: SUCCESS\n"));
    assert_true(logged("guest: DELETE_DEVICE_DOMAIN domain 0x8: NOT_FOUND\n"));
    assert_true(
        logged("guest: DELETE_DEVICE_DOMAIN control 0x800000c5: INVALID_HYPERCALL_INPUT\n"));
    assert_true(logged("call of no known code control 0x126: INVALID_HYPERCALL_CODE\n"));
}

static void calls_of_the_oracle_are_logged_when_refused(void **state)
{
    (void)state;
    assert_int_equal(hv_result_status(host_call(HVCALL_ORACLE_COUNTERS, 0, HOST_CALLS_OUTPUT)),
                     HV_STATUS_SUCCESS);
    assert_false(logged("ORACLE_COUNTERS"));
    host_call(HVCALL_ORACLE_COUNTERS | HV_CONTROL_NESTED, 0, HOST_CALLS_OUTPUT);
    assert_true(logged("call ORACLE_COUNTERS control 0x80007f02: INVALID_HYPERCALL_INPUT\n"));
}

static void a_list_flush_that_leaves_a_page_out(void **state)
{
    (void)state;
    map(IOVA, 0);
    map(IOVA + PAGE_SIZE, 0);
    flush_page(IOVA);
    flush_page(IOVA);
    assert_int_equal(told("flush-list-too-short"), 0);
    flush_page(IOVA);
    assert_int_equal(told("flush-list-too-short"), 1);
    assert_true(logged("domain 0x7 left IOVA 0x4001000 out"));
    flush_page(IOVA);
    flush_page(IOVA);
    flush_page(IOVA);
    assert_int_equal(told("flush-list-too-short"), 1);
}

/* No mistakes: the whole list, a list in several calls, a domain flush, a page that is mapped again
 * as it was, and pages that no device has used. */
static void list_flushes_that_cover_all(void **state)
{
    (void)state;
    map(IOVA, 0);
    flush_page(IOVA);
    map(IOVA + PAGE_SIZE, 0);
    flush_page(IOVA + 2 * PAGE_SIZE);
    flush_page(IOVA + PAGE_SIZE);
    map(IOVA, DATA | RW);
    assert_true(dma(IOVA, ORACLE_ACCESS_READ));
    map(IOVA, 0);
    flush_page(IOVA + PAGE_SIZE);
    assert_int_equal(host_call_flush(DOMAIN), HV_STATUS_SUCCESS);
    map(IOVA, DATA | RW);
    assert_true(dma(IOVA, ORACLE_ACCESS_READ));
    map(IOVA, 0);
    flush_page(IOVA + PAGE_SIZE);
    map(IOVA, DATA | RW);
    for (unsigned i = 0; i < 4; i++)
        flush_page(IOVA + PAGE_SIZE);
    assert_int_equal(told("flush-list-too-short"), 0);
}

static void a_leaf_that_is_cleared_and_used(void **state)
{
    (void)state;
    map(IOVA, 0);
    assert_true(dma(IOVA + 8, ORACLE_ACCESS_READ));
    assert_true(dma(IOVA + 16, ORACLE_ACCESS_READ));
    assert_int_equal(told("stale-leaf-used"), 1);
    assert_true(logged("device 0x10 reads IOVA 0x4000008 by a leaf"));
    flush_page(IOVA);
    assert_false(dma(IOVA, ORACLE_ACCESS_READ));
    assert_int_equal(told("stale-leaf-used"), 1);
}

static void a_leaf_that_is_changed_and_used(void **state)
{
    (void)state;
    map(IOVA, (DATA + PAGE_SIZE) | RW);
    assert_true(dma(IOVA, ORACLE_ACCESS_READ));
    assert_int_equal(told("stale-leaf-used"), 1);
    map(IOVA + PAGE_SIZE, (DATA + PAGE_SIZE) | RO);
    assert_true(dma(IOVA + PAGE_SIZE, ORACLE_ACCESS_READ));
    assert_int_equal(told("stale-leaf-used"), 1);
    assert_true(dma(IOVA + PAGE_SIZE, ORACLE_ACCESS_WRITE));
    assert_int_equal(told("stale-leaf-used"), 2);
}

static void a_domain_that_is_deleted_with_devices(void **state)
{
    (void)state;
    assert_int_equal(host_call_delete(DOMAIN), HV_STATUS_OBJECT_IN_USE);
    assert_int_equal(told("delete-with-devices"), 1);
    host_call_detach(DEVICE);
    assert_int_equal(host_call_delete(DOMAIN), HV_STATUS_SUCCESS);
    assert_int_equal(told("delete-with-devices"), 1);
}

static void a_leaf_in_the_msi_window(void **state)
{
    (void)state;
    map(IOVA, 0);
    map(IOVA + PAGE_SIZE, 0);
    map(WINDOW - PAGE_SIZE, DATA | RW);
    assert_int_equal(host_call_flush(DOMAIN), HV_STATUS_SUCCESS);
    assert_int_equal(told("msi-window-mapped"), 0);
    map(WINDOW + 0xFF000, DATA | RW);
    assert_int_equal(host_call_flush(DOMAIN), HV_STATUS_SUCCESS);
    assert_int_equal(host_call_flush(DOMAIN), HV_STATUS_SUCCESS);
    assert_int_equal(told("msi-window-mapped"), 1);
    assert_true(logged("domain 0x7 maps IOVA 0xfeeff000: writes from 0xfee00000"));
}

/* A large leaf, the end of the window, and tables outside of memory or without an end. */
static void walks_end(void **state)
{
    (void)state;
    entry(LEVEL2, WINDOW, 2, LEVEL1 | TABLE);
    entry(LEVEL1, WINDOW, 1, UINT64_C(0x40000000) | RW | 0x80);
    assert_int_equal(host_call_flush(DOMAIN), HV_STATUS_SUCCESS);
    assert_int_equal(told("msi-window-mapped"), 1);
    assert_true(dma(IOVA, ORACLE_ACCESS_READ));
    assert_int_equal(told("stale-leaf-used"), 0);
    entry(LEVEL2, IOVA, 2, UINT64_C(0x40000000) | TABLE);
    assert_true(dma(IOVA, ORACLE_ACCESS_READ));
    assert_int_equal(told("stale-leaf-used"), 1);
    for (unsigned i = 0; i < 512; i++)
        entry(ROOT, (uint64_t)i << 39, 3, ROOT | TABLE);
    assert_int_equal(host_call_flush(DOMAIN), HV_STATUS_SUCCESS);
}

static void a_hint_that_repeats_is_told_less_often(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(host_call_delete(DOMAIN), HV_STATUS_OBJECT_IN_USE);
    assert_in_range(told("delete-with-devices"), 1, 40);
    assert_true(logged("hint delete-with-devices 64: "));
    assert_false(logged("hint delete-with-devices 65: "));
}

#define HINT_TEST(name) cmocka_unit_test_setup_teardown(name, reset, cleanup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HINT_TEST(calls_are_logged_with_their_fields),
        HINT_TEST(calls_of_the_oracle_are_logged_when_refused),
        HINT_TEST(a_list_flush_that_leaves_a_page_out),
        HINT_TEST(list_flushes_that_cover_all),
        HINT_TEST(a_leaf_that_is_cleared_and_used),
        HINT_TEST(a_leaf_that_is_changed_and_used),
        HINT_TEST(a_domain_that_is_deleted_with_devices),
        HINT_TEST(a_leaf_in_the_msi_window),
        HINT_TEST(walks_end),
        HINT_TEST(a_hint_that_repeats_is_told_less_often),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
