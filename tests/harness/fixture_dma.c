/* SPDX-License-Identifier: MIT */
/*
 * DMA with its expected effect. Memory decides; where the oracle is present, the fault record must
 * agree with it.
 *
 * Before each operation a buffer holds POISON_FRESH everywhere (or random bytes for an inversion),
 * so every byte that the device touched, inside or outside of the range, is visible afterwards.
 */
#include "drivers/dmaprobe.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"
#include "tests/harness/suite.h"
#include "tests/harness/transcript.h"

static void unexpected_byte(struct test_run *t, const uint8_t *at, const struct buffer *b,
                            uint8_t expected, const char *what, const char *why)
{
    fmt_snprintf(t->expected, sizeof(t->expected), "0x%02x", expected);
    fmt_snprintf(t->actual, sizeof(t->actual), "0x%02x at GPA 0x%llx (buffer offset %lld)", *at,
                 (unsigned long long)gpa_of(at), (long long)(at - b->data));
    test_fail(t, PVT_WHERE, "%s: %s", what, why);
}

/* Every byte of b outside [offset, offset + length), and the guards. */
static void check_surroundings(struct test_run *t, const struct buffer *b, size_t offset,
                               size_t length, const char *what)
{
    const uint8_t *bad = memory_find_other(b->data, offset, POISON_FRESH);

    if (!bad)
        bad = memory_find_other(b->data + offset + length, b->size - offset - length, POISON_FRESH);
    if (bad)
        unexpected_byte(t, bad, b, POISON_FRESH, what, "a byte outside of the DMA's range changed");
    bad = buffer_damaged_guard(b);
    if (bad)
        unexpected_byte(t, bad, b, POISON_GUARD, what, "a guard byte changed");
}

void expect_untouched(struct test_run *t, const struct buffer *b, const char *what)
{
    const uint8_t *bad = memory_find_other(b->data, b->size, POISON_FRESH);

    if (bad)
        unexpected_byte(t, bad, b, POISON_FRESH, what, "memory changed that no DMA may reach");
    check_surroundings(t, b, 0, b->size, what);
}

void drain_faults(struct test_run *t, struct dma_engine *e)
{
    struct oracle_fault fault;

    (void)t;
    while (oracle_take_fault(e->device_id, &fault) && (fault.valid & ORACLE_FAULT_VALID)) {
    }
}

static void expect_no_fault(struct test_run *t, struct dma_engine *e, const char *what)
{
    struct oracle_fault fault;

    if (oracle_take_fault(e->device_id, &fault) && (fault.valid & ORACLE_FAULT_VALID)) {
        fmt_snprintf(t->expected, sizeof(t->expected), "no fault");
        oracle_fault_text(t->actual, sizeof(t->actual), &fault);
        test_fail(t, PVT_WHERE, "%s: the host recorded a fault", what);
    }
}

/*
 * A record must name this device, an IOVA of the range, the access and the class (FAULT_ANY:
 * whatever class). There may be none: a host need not record faults, and is asked not to for a
 * blocked device (docs/oracle.md). True = there was one.
 */
static bool expect_fault(struct test_run *t, struct dma_engine *e, uint64_t iova, size_t length,
                         enum oracle_access access, enum oracle_fault_class class, const char *what)
{
    struct oracle_fault fault;

    if (!oracle_take_fault(e->device_id, &fault) || !(fault.valid & ORACLE_FAULT_VALID))
        return false;
    if ((e->ops->features & DMA_QUEUED) && fault.device_id == e->device_id &&
        e->staging_iova != 0 && fault.iova >= e->staging_iova &&
        fault.iova - e->staging_iova < e->scratch_size) {
        drain_faults(t, e);
        return true; /* it does not even reach its queues */
    }
    if (fault.device_id == e->device_id &&
        (fault.access == access || !iommu_promises(IOMMU_FAULT_DIRECTIONS)) &&
        (class == FAULT_ANY || fault.reason_class == class || !is_within_width(iova, length) ||
         !iommu_promises(IOMMU_FAULT_CLASSES)) &&
        fault.iova >= (iova & ~(PAGE_SIZE - 1)) && fault.iova < iova + length) {
        drain_faults(t, e);
        return true;
    }
    fmt_snprintf(t->expected, sizeof(t->expected), "%s of IOVA 0x%llx, %s, device 0x%llx",
                 access == ORACLE_ACCESS_WRITE ? "write" : "read", (unsigned long long)iova,
                 class == FAULT_ANY ? "any class" : oracle_fault_class_name(class),
                 (unsigned long long)e->device_id);
    oracle_fault_text(t->actual, sizeof(t->actual), &fault);
    test_fail(t, PVT_WHERE, "%s: memory is right, but the fault record is not", what);
}

/* On a device with fewer address lines than the host's IOVAs have bits, or that moves no single
 * bytes, the rest of the test has no meaning. */
static void need_address_lines(struct test_run *t, const struct dma_engine *e, uint64_t iova,
                               size_t length)
{
    uint64_t last = iova + (length - 1);

    if (e->iova_bits < 64 && (last < iova || last >> e->iova_bits != 0)) {
        SKIP("device 0x%llx emits addresses of %u bits, and the test needs IOVA 0x%llx",
             (unsigned long long)e->device_id, e->iova_bits, (unsigned long long)last);
    }
    if ((e->ops->features & DMA_DWORDS) && (iova % 4 != 0 || length % 4 != 0)) {
        SKIP("device 0x%llx moves whole dwords, and the test needs %zu bytes at IOVA 0x%llx",
             (unsigned long long)e->device_id, length, (unsigned long long)iova);
    }
}

/* A device that cannot show what it reads. */
static void need_reads(struct test_run *t, const struct dma_engine *e)
{
    if (!(e->ops->features & (DMA_SHOWS_READS | DMA_READ_MODIFY))) {
        SKIP("device 0x%llx of class %s cannot show what it reads",
             (unsigned long long)e->device_id, e->ops->name);
    }
}

/* A device that takes its commands from memory that it does not reach cannot be expected to do
 * anything. */
static void need_queues(struct test_run *t, const struct dma_engine *e)
{
    if ((e->ops->features & DMA_QUEUED) && e->staging_iova == 0) {
        SKIP("device 0x%llx takes its commands from memory, and the test maps none for it",
             (unsigned long long)e->device_id);
    }
}

/* The device's own report of its operation, for the report of a failure. */
static void note_outcome(struct test_run *t, const struct dma_engine *e)
{
    if (e->outcome) {
        STEP("device 0x%llx: %s 0x%llx", e->device_id, (uint64_t)(uintptr_t)e->outcome,
             e->outcome_code);
    }
}

static void finished(struct test_run *t, struct dma_engine *e, bool done, const char *what)
{
    note_outcome(t, e);
    if (!done) {
        test_error(t, PVT_WHERE, "%s: device 0x%llx did not finish its DMA", what,
                   (unsigned long long)e->device_id);
    }
}

/* A DMA_STAGED device reads and writes through scratch, which the domain maps. */
static void finished_by_scratch(struct test_run *t, struct dma_engine *e, bool done,
                                const char *what)
{
    if (!done && (e->ops->features & DMA_STAGED) && dma_finish(e)) {
        test_fail(t, PVT_WHERE,
                  "%s: device 0x%llx does not reach its own memory at IOVA 0x%llx, which is mapped",
                  what, (unsigned long long)e->device_id, (unsigned long long)e->staging_iova);
    }
    finished(t, e, done, what);
}

void fill_by_device(struct test_run *t, struct dma_engine *e, uint64_t iova, size_t length,
                    const char *what)
{
    need_address_lines(t, e, iova, length);
    finished(t, e, dma_fill(e, iova, length), what);
}

/* One scatter list, where the device has them: an exit instead of one for each. False where it has
 * none, or where it could not do all of it. `each`: also where some of it is refused. */
static bool fill_by_list(struct dma_engine *e, uint64_t first, uint64_t stride, unsigned count,
                         size_t length, bool each)
{
    struct dmaprobe_request request = {.operation = DMAPROBE_FILL,
                                       .flags = DMAPROBE_SCATTERED | (each ? DMAPROBE_EACH : 0),
                                       .operand = e->ops->fill_value,
                                       .elements = count};
    struct dmaprobe_element *list;

    if (!dmaprobe_is(e) || count > DMAPROBE_SCATTER_LENGTH || transcript_is_on())
        return false;
    list = dmaprobe_scatter(e);
    for (unsigned i = 0; i < count; i++)
        list[i] = (struct dmaprobe_element){.iova = first + i * stride, .length = (uint32_t)length};
    dmaprobe_start(e, 0, &request);
    return request.status == DMAPROBE_OK || (each && request.status == DMAPROBE_FAULT);
}

void fill_each_by_device(struct test_run *t, struct dma_engine *e, uint64_t first, uint64_t stride,
                         unsigned count, size_t length, const char *what)
{
    if (fill_by_list(e, first, stride, count, length, false))
        return;
    for (unsigned i = 0; i < count; i++)
        fill_by_device(t, e, first + i * stride, length, what);
}

void try_each_by_device(struct test_run *t, struct dma_engine *e, uint64_t first, uint64_t stride,
                        unsigned count, size_t length, const char *what)
{
    for (unsigned done = 0, part; done < count; done += part) {
        uint64_t iova = first + done * stride;

        part = count - done < DMAPROBE_SCATTER_LENGTH ? count - done : DMAPROBE_SCATTER_LENGTH;
        if (fill_by_list(e, iova, stride, part, length, true))
            continue;
        for (unsigned i = 0; i < part; i++)
            fill_by_device(t, e, iova + i * stride, length, what);
    }
}

void start_by_device(struct test_run *t, struct dma_engine *e, uint64_t iova, size_t length)
{
    need_address_lines(t, e, iova, length);
    REQUIRE(dma_start_fill(e, iova, length), "device 0x%llx did not start its DMA",
            (unsigned long long)e->device_id);
}

/* Puts the scratch memory of a DMA_STAGED device into reach of the domain that it is in. Does not
 * walk tables in which it was mapped last: a test may have broken them since. */
static void reach_scratch(struct test_run *t, struct dma_engine *e)
{
    struct placed *p = placed(t, e);
    struct stage1_walk walk;

    if (!p->domain || p->domain->kind == DOMAIN_BLOCKED) {
        SKIP("class %s shows what it reads by way of memory, and its domain reaches none",
             e->ops->name);
    }
    if (e->ops->features & DMA_QUEUED) {
        need_queues(t, e);
        return;
    }
    if (p->domain->kind == DOMAIN_IDENTITY) {
        need_address_lines(t, e, gpa_of(e->scratch), e->scratch_size);
        e->staging_iova = gpa_of(e->scratch);
    } else if (p->staged == p->domain) {
        e->staging_iova = p->staging_iova;
    } else if (stage1_walk(&p->domain->table, STAGING_IOVA, &walk) == STAGE1_OK) {
        e->staging_iova = STAGING_IOVA;
    } else {
        stage(t, p->domain, e);
    }
}

/* A page for what a device has read, which the image file need not hold. */
static uint8_t *seen_page(void)
{
    static uint8_t *page;

    if (!page)
        page = memory_boot_pages(1);
    return page;
}

void expect_write(struct test_run *t, struct dma_engine *e, uint64_t iova, struct buffer *b,
                  size_t offset, size_t length, const char *what)
{
    const uint8_t *bad;

    STEP("device 0x%llx writes %llu bytes at IOVA 0x%llx, expected at GPA 0x%llx", e->device_id,
         length, iova, gpa_of(b->data) + offset);
    need_queues(t, e);
    fill_by_device(t, e, iova, length, what);
    bad = memory_find_other(b->data + offset, length, e->ops->fill_value);
    if (bad)
        unexpected_byte(t, bad, b, e->ops->fill_value, what, "the device's write did not arrive");
    check_surroundings(t, b, offset, length, what);
    expect_no_fault(t, e, what);
    memset(b->data + offset, POISON_FRESH, length);
}

void invert_by_device(struct test_run *t, struct dma_engine *e, uint64_t iova, size_t length,
                      const uint8_t *from, const char *what)
{
    uint8_t *seen = seen_page();

    need_address_lines(t, e, iova, length);
    if (e->ops->features & DMA_READ_MODIFY) {
        finished(t, e, dma_invert(e, iova, length), what);
        return;
    }
    need_reads(t, e);
    reach_scratch(t, e);
    for (size_t done = 0, part; done < length; done += part) {
        part = length - done < PAGE_SIZE ? length - done : PAGE_SIZE;
        expect_read(t, e, iova + done, part, from + done, what);
        for (size_t i = 0; i < part; i++)
            seen[i] = (uint8_t)~from[done + i];
        finished_by_scratch(t, e, dma_write(e, iova + done, seen, part), what);
    }
}

void expect_invert(struct test_run *t, struct dma_engine *e, uint64_t iova, struct buffer *b,
                   size_t offset, size_t length, const char *what)
{
    uint64_t seed = random_u64(&t->random);
    struct random bytes;

    random_seed(&bytes, seed);
    for (size_t i = 0; i < length; i++)
        b->data[offset + i] = (uint8_t)random_u64(&bytes);
    STEP("device 0x%llx inverts %llu bytes at IOVA 0x%llx, expected at GPA 0x%llx", e->device_id,
         length, iova, gpa_of(b->data) + offset);
    invert_by_device(t, e, iova, length, b->data + offset, what);
    random_seed(&bytes, seed);
    for (size_t i = 0; i < length; i++) {
        uint8_t expected = (uint8_t)~random_u64(&bytes);

        if (b->data[offset + i] != expected) {
            unexpected_byte(t, b->data + offset + i, b, expected, what,
                            "the device did not read and write this byte");
        }
    }
    memset(b->data + offset, POISON_FRESH, length);
    check_surroundings(t, b, 0, 0, what);
    expect_no_fault(t, e, what);
}

/* For a class without DMA_READ_MODIFY. If the device does not reach scratch either, the bytes that
 * it has read stay unknown. */
static void expect_nothing_read(struct test_run *t, struct dma_engine *e, uint64_t iova,
                                size_t length, const struct buffer *b, const char *what)
{
    uint8_t *seen = seen_page();

    need_reads(t, e);
    REQUIRE(length <= PAGE_SIZE, "%zu bytes are more than class %s can show", length, e->ops->name);
    reach_scratch(t, e);
    STEP("device 0x%llx tries to read %llu bytes at IOVA 0x%llx", e->device_id, length, iova);
    memset(seen, 0, length);
    if (dma_read(e, iova, seen, length) && b && !memory_find_other(seen, length, POISON_FRESH)) {
        fmt_snprintf(t->actual, sizeof(t->actual), "%zu bytes 0x%02x, which only that memory holds",
                     length, POISON_FRESH);
        test_fail(t, PVT_WHERE, "%s: the device read memory that no DMA may reach", what);
    }
}

static void expect_blocked(struct test_run *t, struct buffer *b, const char *what)
{
    if (b)
        expect_untouched(t, b, what);
}

bool expect_write_fault(struct test_run *t, struct dma_engine *e, uint64_t iova, size_t length,
                        struct buffer *b, enum oracle_fault_class class, const char *what)
{
    drain_faults(t, e);
    STEP("device 0x%llx tries to write %llu bytes at IOVA 0x%llx", e->device_id, length, iova);
    fill_by_device(t, e, iova, length, what);
    expect_blocked(t, b, what);
    return expect_fault(t, e, iova, length, ORACLE_ACCESS_WRITE, class, what);
}

bool expect_read_fault(struct test_run *t, struct dma_engine *e, uint64_t iova, size_t length,
                       struct buffer *b, enum oracle_fault_class class, const char *what)
{
    need_address_lines(t, e, iova, length);
    drain_faults(t, e);
    if (e->ops->features & DMA_READ_MODIFY) {
        STEP("device 0x%llx tries to read and write back %llu bytes at IOVA 0x%llx", e->device_id,
             length, iova);
        finished(t, e, dma_invert(e, iova, length), what);
    } else {
        expect_nothing_read(t, e, iova, length, b, what);
    }
    expect_blocked(t, b, what);
    return expect_fault(t, e, iova, length, ORACLE_ACCESS_READ, class, what);
}

void read_and_try_to_write(struct test_run *t, struct dma_engine *e, uint64_t iova, size_t length)
{
    need_address_lines(t, e, iova, length);
    STEP("device 0x%llx reads %llu bytes at IOVA 0x%llx and tries to write them back", e->device_id,
         length, iova);
    if (e->ops->features & DMA_READ_MODIFY) {
        finished(t, e, dma_invert(e, iova, length), "read and write");
    } else {
        (void)dma_read(e, iova, seen_page(),
                       length); /* false when the domain does not reach scratch */
        fill_by_device(t, e, iova, length, "write");
    }
    drain_faults(t, e);
}

bool faults_are_recorded(struct test_run *t, struct dma_engine *e)
{
    attach(t, domain_paging(t), e);
    return expect_write_fault(t, e, PAGE_SIZE, 4, NULL, FAULT_ANY,
                              "write in a domain that maps nothing");
}

bool may_write(struct test_run *t, struct dma_engine *e, uint64_t iova, struct buffer *b,
               size_t offset, size_t length, const char *what)
{
    bool landed;

    fill_by_device(t, e, iova, length, what);
    landed = !memory_find_other(b->data + offset, length, e->ops->fill_value);
    STEP("device 0x%llx writes %llu bytes at IOVA 0x%llx; reached the buffer: %llu", e->device_id,
         length, iova, landed);
    if (landed)
        memset(b->data + offset, POISON_FRESH, length);
    check_surroundings(t, b, 0, 0, what);
    drain_faults(t, e);
    return landed;
}

void warm(struct test_run *t, struct dma_engine *e, uint64_t iova, struct buffer *b,
          const char *what)
{
    expect_write(t, e, iova, b, 0, 4, what);
}

void staged_at(struct test_run *t, struct domain *d, struct dma_engine *e, uint64_t iova)
{
    struct placed *p = placed(t, e);

    p->staged = d;
    p->staging_iova = iova;
    e->staging_iova = iova;
}

void stage(struct test_run *t, struct domain *d, struct dma_engine *e)
{
    if (!(e->ops->features & DMA_STAGED) || (e->ops->features & DMA_QUEUED))
        return;
    map_gpa(t, d, STAGING_IOVA, gpa_of(e->scratch), e->scratch_size, STAGE1_READ | STAGE1_WRITE);
    staged_at(t, d, e, STAGING_IOVA);
    REQUIRE(dma_prepare(e), "device 0x%llx cannot load its patterns",
            (unsigned long long)e->device_id);
}

void expect_read(struct test_run *t, struct dma_engine *e, uint64_t iova, size_t length,
                 const uint8_t *expected, const char *what)
{
    uint8_t *seen = seen_page();

    need_address_lines(t, e, iova, length);
    need_reads(t, e);
    REQUIRE((e->ops->features & DMA_SHOWS_READS) && length <= PAGE_SIZE,
            "class %s cannot show %zu bytes read", e->ops->name, length);
    STEP("device 0x%llx reads %llu bytes at IOVA 0x%llx", e->device_id, length, iova);
    memset(seen, POISON_FRESH, length);
    finished_by_scratch(t, e, dma_read(e, iova, seen, length), what);
    for (size_t i = 0; i < length; i++) {
        if (seen[i] != expected[i]) {
            fmt_snprintf(t->expected, sizeof(t->expected), "0x%02x", expected[i]);
            fmt_snprintf(t->actual, sizeof(t->actual),
                         "0x%02x at offset %zu of what the device read", seen[i], i);
            test_fail(t, PVT_WHERE, "%s: the device read something else", what);
        }
    }
}
