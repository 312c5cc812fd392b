/* SPDX-License-Identifier: MIT */
/*
 * The edges of the guest's memory: the first and the last page of every gap in it (ID-1, TR-10), by
 * identity, by leaves of 4 KiB, and by large leaves that begin in memory and end in a gap; and DMA
 * over an edge.
 */
#include "drivers/dmaprobe.h"
#include "kernel/boot_info.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "stage2"

#define WINDOW_FIRST 0xFEE00000ull
#define WINDOW_END   0xFEF00000ull
#define EDGES_MAX    24u

/* A multiple of every size of a leaf. */
#define FIRST_IOVA (64 * SIZE_1G)

static void read_byte(void *at)
{
    (void)*(volatile uint8_t *)at;
}

/* Whether no owner is in sight for the page: a hole of the memory map that no device answers in, or
 * memory that even the processor cannot read. */
static bool is_foreign(uint64_t page, bool hole)
{
    if (page >= WINDOW_FIRST && page < WINDOW_END)
        return false;
    return hole || trap_catch(read_byte, gpa_pointer(page), NULL) == TRAP_GP;
}

struct edges {
    uint64_t page[EDGES_MAX];
    unsigned count;
};

static void add(struct edges *edges, uint64_t page, bool hole)
{
    if (edges->count < EDGES_MAX && (edges->count == 0 || edges->page[edges->count - 1] != page) &&
        is_foreign(page, hole))
        edges->page[edges->count++] = page;
}

/* First and last page of each hole between two regions, of the one above all of them, and of each
 * foreign region. */
static struct edges edges_of_memory(struct test_run *t)
{
    size_t count;
    const struct memory_region *region = memory_regions(&count);
    struct edges edges = {0};

    for (size_t i = 0; i < count; i++) {
        uint64_t end = region[i].start + region[i].length;

        if (region[i].kind == MEMORY_RESERVED) {
            add(&edges, region[i].start, false);
            add(&edges, end - PAGE_SIZE, false);
        }
        if (i + 1 == count || region[i + 1].start > end) {
            add(&edges, end, true);
            if (i + 1 < count)
                add(&edges, region[i + 1].start - PAGE_SIZE, true);
        }
    }
    REQUIRE(edges.count != 0, "no gap in the memory of this machine");
    STEP("%llu edges of gaps, from GPA 0x%llx to 0x%llx", edges.count, edges.page[0],
         edges.page[edges.count - 1]);
    return edges;
}

static void expect_refused(struct test_run *t, struct dma_engine *e, uint64_t iova, uint64_t gpa)
{
    static const uint32_t operations[] = {DMAPROBE_READ, DMAPROBE_FILL};

    for (unsigned i = 0; i < 2; i++) {
        struct dmaprobe_request r = {
            .operation = operations[i], .iova = iova, .length = 64, .operand = e->ops->fill_value};

        STEP("device 0x%llx: operation %llu at IOVA 0x%llx, GPA 0x%llx", e->device_id, r.operation,
             iova, gpa);
        dmaprobe_start(e, 0, &r);
        CHECK(r.status == DMAPROBE_FAULT && r.moved == 0,
              "a device %s GPA 0x%llx, which is not the guest's memory",
              i == 0 ? "reads" : "writes", (unsigned long long)gpa);
        drain_faults(t, e);
    }
}

/* Whether the device reaches the first bytes there. */
static bool reads(struct test_run *t, struct dma_engine *e, uint64_t iova)
{
    struct dmaprobe_request r = {.operation = DMAPROBE_READ, .iova = iova, .length = 64};

    dmaprobe_start(e, 0, &r);
    drain_faults(t, e);
    return r.moved == 64;
}

TEST(identity_at_edges_of_memory,
     PROMISE("In an identity domain the first and the last page of every gap of the guest's memory "
             "are out of reach")
     COVERS("ID-1") DEVICES(PROBE) KINDS("dma fault")
     STEPS("In an identity domain the device reads and writes in the first and the last page of "
           "every hole of the memory map and of every range that the processor cannot read, up to "
           "24 of them.")
     EXPECTS("Each DMA ends with a fault and has moved nothing; the guest's own page works.")
     IF_IT_FAILS("The range of guest memory is one page too long, or only writes are checked: "
                 "devices reach the host."))
{
    struct dma_engine *e = device(t);
    struct edges edges = edges_of_memory(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_identity(t);

    attach(t, d, e);
    for (unsigned i = 0; i < edges.count; i++)
        if (e->iova_bits >= 64 || edges.page[i] >> e->iova_bits == 0)
            expect_refused(t, e, edges.page[i], edges.page[i]);
    expect_write(t, e, gpa_of(b.data), &b, 0, 64, "the guest's own page");
}

TEST(leaf_to_edges_of_memory,
     PROMISE("Leaves to the first and the last page of every gap of the guest's memory lead "
             "nowhere")
     COVERS("TR-10") DEVICES(PROBE) KINDS("dma fault")
     STEPS("Leaves of 4 KiB point at the first and the last page of every hole of the memory map "
           "and of every range that the processor cannot read, up to 24 of them. The device reads "
           "and writes through them.")
     EXPECTS("Each DMA ends with a fault and has moved nothing; the guest's own page works.")
     IF_IT_FAILS("The range of guest memory is one page too long: devices reach the host."))
{
    struct dma_engine *e = device(t);
    struct edges edges = edges_of_memory(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);

    for (unsigned i = 0; i < edges.count; i++)
        map_gpa(t, d, IOVA + (1 + i) * PAGE_SIZE, edges.page[i], PAGE_SIZE, RW);
    attach(t, d, e);
    for (unsigned i = 0; i < edges.count; i++)
        expect_refused(t, e, IOVA + (1 + i) * PAGE_SIZE, edges.page[i]);
    expect_write(t, e, IOVA, &b, 0, 64, "the guest's own page");
}

#define TABLE_LEVELS 3u

TEST(tables_at_edges_of_memory,
     PROMISE("Tables of each level in the first and the last page of every gap of the guest's "
             "memory are not even read")
     COVERS("TR-11") DEVICES(PROBE) KINDS("dma fault")
     STEPS("Entries of level 1, 2 and 3 point to tables in the first and the last page of every "
           "hole of the memory map and of every range that the processor cannot read, up to 24 of "
           "them. The device writes to an IOVA below each.")
     EXPECTS("Each DMA ends with a fault that says the table cannot be read, where there is a "
             "record, and has moved nothing; the guest's own page works.")
     IF_IT_FAILS("The range of guest memory is a page too long, or rounded to larger pages, when a "
                 "table is read: devices read the host through its walker."))
{
    struct dma_engine *e = device(t);
    struct edges edges = edges_of_memory(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_four_levels(t, IOVA, &b);
    struct stage1_walk w;

    REQUIRE(stage1_walk(&d->table, IOVA, &w) == STAGE1_OK, "our own mapping is gone");
    attach(t, d, e);
    for (unsigned i = 0; i < edges.count; i++) {
        for (unsigned level = 1; level <= TABLE_LEVELS; level++) {
            /* Another entry of the same table, for an IOVA that differs in the index of the level.
             */
            uint64_t iova = IOVA ^ UINT64_C(1) << (12 + 9 * level);

            if (!is_within_width(iova, 8))
                continue;
            w.entry[level][1] = edges.page[i] | (*w.entry[level] & 0xFFF);
            STEP("an entry of level %llu points to a table at GPA 0x%llx", level, edges.page[i]);
            (void)expect_write_fault(t, e, iova, 8, &b, ORACLE_FAULT_CLASS_TABLE_UNREADABLE,
                                     "a walk through a table at the edge of memory");
            expect_refused(t, e, iova, edges.page[i]);
        }
        flush(t, d);
    }
    expect_write(t, e, IOVA, &b, 0, 64, "the guest's own page");
}

/* Leaves of `size` that begin in memory and hold an edge of a gap. */
static void beyond_memory(struct test_run *t, uint64_t size)
{
    struct dma_engine *e = device(t);
    struct edges edges = edges_of_memory(t);
    bool begins_in_memory[EDGES_MAX];
    unsigned tried = 0;
    struct domain *d;

    need_page_size(t, size);
    d = domain_paging(t);
    attach(t, domain_identity(t), e);
    for (unsigned i = 0; i < edges.count; i++)
        begins_in_memory[i] = reads(t, e, edges.page[i] & ~(size - 1));
    attach(t, d, e);
    for (unsigned i = 0; i < edges.count; i++) {
        uint64_t start = edges.page[i] & ~(size - 1), offset = edges.page[i] - start;

        if (!begins_in_memory[i])
            continue;
        map_gpa(t, d, IOVA_1G, start, size, RW);
        expect_refused(t, e, IOVA_1G + offset, edges.page[i]);
        CHECK(reads(t, e, IOVA_1G),
              "the memory at GPA 0x%llx, where a leaf begins, is out of reach",
              (unsigned long long)start);
        expect_refused(t, e, IOVA_1G + offset, edges.page[i]);
        unmap(t, d, IOVA_1G, size);
        flush(t, d);
        tried++;
    }
    if (tried == 0) {
        SKIP("no 0x%llx bytes of this machine begin in memory and hold an edge of a gap",
             (unsigned long long)size);
    }
}

#define LARGE_LEAVES(ROW, test)                                                                    \
    ROW(test, large_leaf, SIZE_2M, WORD(size, "2 MiB"))                                            \
    ROW(test, 1g_leaf, SIZE_1G, WORD(size, "1 GiB"))

VARIANTS(const uint64_t, large_leaves, LARGE_LEAVES);

EACH_TEST(LARGE_LEAVES, beyond_memory,
          PROMISE("A {size} leaf that begins in the guest's memory does not reach the gap in which "
                  "it ends")
          COVERS("TR-10 TR-5") DEVICES(PROBE) KINDS("dma fault flush")
          STEPS("Leaves of {size} begin in memory and hold the first or the last page of a gap. "
                "The device reads and writes in these pages, at first, and after it has read in "
                "the memory at the start of the leaf. An identity domain shows before what is "
                "memory.")
          EXPECTS("Each DMA in a gap ends with a fault and has moved nothing.")
          IF_IT_FAILS("The host checks where a large page begins, or when it is cached, and not "
                      "what is reached in it."))
{
    beyond_memory(t, VARIANT(large_leaves));
}

/* Reads of memory right before a gap, and on into it. */
#define BEFORE 256u
#define MARK   0x3C

static void expect_cut(struct test_run *t, struct dma_engine *e, uint64_t iova, uint64_t gpa)
{
    uint8_t *bytes = dmaprobe_buffer(e);
    struct dmaprobe_request r = {
        .operation = DMAPROBE_READ, .iova = iova - BEFORE, .length = BEFORE + PAGE_SIZE};

    memset(bytes + BEFORE, MARK, PAGE_SIZE);
    STEP("device 0x%llx reads 0x%llx bytes at IOVA 0x%llx, up to GPA 0x%llx and on", e->device_id,
         r.length, r.iova, gpa);
    dmaprobe_start(e, 0, &r);
    CHECK(r.status == DMAPROBE_FAULT && r.moved <= BEFORE,
          "a DMA that begins in memory moves %llu bytes, and memory ends after %u, at GPA 0x%llx",
          (unsigned long long)r.moved, BEFORE, (unsigned long long)gpa);
    for (unsigned i = 0; i < PAGE_SIZE; i++)
        CHECK(bytes[BEFORE + i] == MARK,
              "a device has a byte of GPA 0x%llx, which is not the guest's",
              (unsigned long long)gpa + i);
    drain_faults(t, e);
}

#define LEAVES(ROW, test)                                                                          \
    ROW(test, 4k, PAGE_SIZE, WORD(leaves, "4 KiB"))                                                \
    ROW(test, 2m, SIZE_2M, WORD(leaves, "2 MiB") COVERS("TR-5"))                                   \
    ROW(test, 1g, SIZE_1G, WORD(leaves, "1 GiB") COVERS("TR-5"))

VARIANTS(const uint64_t, leaves_at_edges, LEAVES);

TEST_EACH(dma_out_of_memory, LEAVES,
          PROMISE("A DMA through leaves of {leaves} that begins in the guest's memory ends where "
                  "the memory does")
          COVERS("TR-10") DEVICES(PROBE) KINDS("dma fault")
          STEPS("Leaves of {leaves} cover the last page of memory before a gap and the gap's first "
                "page, for each gap of the memory map and each range that the processor cannot "
                "read. In one DMA the device reads the last bytes of the memory and a page after "
                "them, twice. An identity domain shows before what is memory.")
          EXPECTS("Each DMA ends with a fault, and the device has no byte of the gap.")
          IF_IT_FAILS("The host asks whether the target of a DMA is guest memory where the DMA "
                      "begins, or enters a large page, and not up to its end: devices reach the "
                      "host."))
{
    const uint64_t size = VARIANT(leaves_at_edges);
    struct dma_engine *e = device(t);
    struct edges edges = edges_of_memory(t);
    bool is_end[EDGES_MAX];
    unsigned tried = 0;
    struct domain *d;

    need_page_size(t, size);
    d = domain_paging(t);
    attach(t, domain_identity(t), e);
    for (unsigned i = 0; i < edges.count; i++)
        is_end[i] = edges.page[i] != 0 && reads(t, e, edges.page[i] - BEFORE);
    attach(t, d, e);
    for (unsigned i = 0; i < edges.count; i++) {
        uint64_t gap = edges.page[i], first = (gap - PAGE_SIZE) & ~(size - 1);
        uint64_t iova = FIRST_IOVA + 2 * i * size, end = (gap & ~(size - 1)) + size;

        if (!is_end[i])
            continue;
        map_gpa(t, d, iova, first, end - first, RW);
        expect_cut(t, e, iova + (gap - first), gap);
        expect_cut(t, e, iova + (gap - first), gap);
        tried++;
    }
    if (tried == 0)
        SKIP("no gap of this machine follows memory that a device reaches");
}
