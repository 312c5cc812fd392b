/* SPDX-License-Identifier: MIT */
/* MAP: which bytes it opens, and what is refused. */
#include "tests/virtio_iommu/requests.h"

#define RIGHTS (VIRTIO_IOMMU_READ | VIRTIO_IOMMU_WRITE)

TEST(map_opens_its_bytes,
     PROMISE("A mapping opens the bytes from virt_start to virt_end and no other")
     COVERS("VIO-30") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma fault")
     STEPS("Three pages are mapped by one request, into the middle of a buffer of five. The device "
           "writes single bytes: the first and the last one of the range, and those beside it.")
     EXPECTS("The two inside land at virt_start's distance from phys_start, the two outside change "
             "nothing.")
     IF_IT_FAILS("The range is taken for one byte more, or its end for one past the end."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 5);
    const uint64_t size = 3 * PAGE_SIZE;
    const union virtio_iommu_request r =
        map_request(DOMAIN_A, IOVA, IOVA + (size - 1), gpa_of(b.data) + PAGE_SIZE, RIGHTS);

    enter(t, DOMAIN_A, e);
    expect_status(t, &r, VIRTIO_IOMMU_OK, "MAP of three pages");
    expect_write(t, e, IOVA, &b, PAGE_SIZE, 1, "first byte");
    expect_write(t, e, IOVA + size - 1, &b, PAGE_SIZE + size - 1, 1, "last byte");
    expect_write(t, e, IOVA + 0x1234, &b, PAGE_SIZE + 0x1234, 100, "bytes in the middle");
    (void)expect_write_fault(t, e, IOVA + size, 1, &b, FAULT_ANY, "byte after the last one");
    (void)expect_write_fault(t, e, IOVA - 1, 1, &b, FAULT_ANY, "byte before the first one");
}

/* A MAP of two pages at IOVA, moved by so many bytes. */
struct shift {
    uint64_t start, end, physical;
};

#define SHIFTS(ROW, test)                                                                          \
    ROW(test, start, ((struct shift){0x800, 0, 0}), WORD(field, "virt_start"))                     \
    ROW(test, end, ((struct shift){0, (uint64_t)-0x800, 0}), WORD(field, "virt_end + 1"))          \
    ROW(test, physical, ((struct shift){0, 0, 0x800}), WORD(field, "phys_start"))

VARIANTS(const struct shift, shifts, SHIFTS);

TEST_EACH(map_unaligned, SHIFTS,
          PROMISE("MAP whose {field} is not aligned to the granule is rejected with RANGE, and "
                  "opens nothing")
          COVERS("VIO-31") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma bad-input")
          STEPS("MAP of two pages of which {field} lies half a granule of 4 KiB beside its place; "
                "the device then writes into both pages.")
          EXPECTS("Status RANGE, and no byte changes.")
          IF_IT_FAILS("Such a mapping leads to other bytes than the driver meant, or opens the "
                      "rest of the page: data of another owner."))
{
    const struct shift *shift = &VARIANT(shifts);
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 3);
    struct virtio_iommu_facts facts;
    const union virtio_iommu_request r =
        map_request(DOMAIN_A, IOVA + shift->start, IOVA + (2 * PAGE_SIZE - 1) + shift->end,
                    gpa_of(b.data) + shift->physical, RIGHTS);

    virtio_iommu_facts(&facts);
    if ((facts.page_sizes & (PAGE_SIZE - 1)) != 0)
        SKIP("the granule is smaller than 4 KiB");
    enter(t, DOMAIN_A, e);
    expect_status(t, &r, VIRTIO_IOMMU_RANGE, "MAP beside the granule");
    expect_unmapped(t, e, IOVA + 0x900, &b, "in the first page");
    expect_unmapped(t, e, IOVA + 0x1100, &b, "in the second page");
}

TEST(map_backwards,
     PROMISE("MAP that ends before it begins is not carried out")
     COVERS("VIO-37") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma bad-input")
     STEPS("MAP from the second page down to the end of the one before the first; then the device "
           "writes into three pages, and one of them is mapped as it should be.")
     EXPECTS("Not OK; no byte changes, and the right MAP succeeds and works.")
     IF_IT_FAILS("The range enters the list of mappings and stands in the way of right ones, or "
                 "opens memory."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    const union virtio_iommu_request r =
        map_request(DOMAIN_A, IOVA + PAGE_SIZE, IOVA - 1, gpa_of(b.data), RIGHTS);

    enter(t, DOMAIN_A, e);
    CHECK(send_bytes(t, &r, request_size(&r)).status != VIRTIO_IOMMU_OK,
          "MAP that ends before it begins succeeds");
    for (unsigned i = 0; i < 3; i++)
        expect_unmapped(t, e, IOVA - PAGE_SIZE + i * PAGE_SIZE, &b, "after a MAP backwards");
    map_bytes(t, DOMAIN_A, IOVA, &b);
    expect_mapped(t, e, IOVA, &b, "mapped after a MAP backwards");
}

TEST(map_overlaps,
     PROMISE("MAP of a range in which a mapping exists is rejected with INVAL, and the old mapping "
             "stays")
     COVERS("VIO-32") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma bad-input")
     STEPS("Two pages are mapped. MAP requests lead the same range, its first and its last page, "
           "and ranges over its edges to another buffer.")
     EXPECTS("Status INVAL each time; DMA lands in the first buffer, and beside it nowhere.")
     IF_IT_FAILS("A look-up finds only mappings that are equal, or the new one replaces the old."))
{
    struct dma_engine *e = device(t);
    struct buffer b = in_domain_a(t, e, 2), elsewhere = buffer(t, 4);
    /* First page and number of pages, from one page before the mapping on. */
    static const uint8_t ranges[][2] = {{1, 2}, {1, 1}, {2, 1}, {0, 2}, {2, 2}, {0, 4}};

    for (unsigned i = 0; i < ARRAY_SIZE(ranges); i++) {
        const uint64_t first = IOVA + (ranges[i][0] - UINT64_C(1)) * PAGE_SIZE;
        const union virtio_iommu_request r =
            map_request(DOMAIN_A, first, first + (ranges[i][1] * PAGE_SIZE - 1),
                        gpa_of(elsewhere.data), RIGHTS);

        expect_status(t, &r, VIRTIO_IOMMU_INVALID, "MAP over a mapping");
        expect_mapped(t, e, IOVA, &b, "after a MAP over it was rejected");
        expect_untouched(t, &elsewhere, "the buffer of a MAP that was rejected");
    }
    expect_unmapped(t, e, IOVA - PAGE_SIZE, &elsewhere, "before the mapping");
    expect_unmapped(t, e, IOVA + 2 * PAGE_SIZE, &elsewhere, "after the mapping");
}

TEST(map_unknown_flags,
     PROMISE("MAP with a flag that the unit does not know is rejected with INVAL, and opens "
             "nothing")
     COVERS("VIO-33") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma bad-input")
     STEPS("A MAP of a page for reads and writes, with one more flag: MMIO, which was not "
           "negotiated, and each of bits 3 to 31.")
     EXPECTS("Status INVAL each time, and the device's write is lost.")
     IF_IT_FAILS("The unit ignores what it does not know, and a driver relies on it."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);

    enter(t, DOMAIN_A, e);
    for (unsigned bit = 3; bit < 32; bit++) {
        const union virtio_iommu_request r =
            map_request(DOMAIN_A, IOVA, IOVA + (PAGE_SIZE - 1), gpa_of(b.data), RIGHTS | 1u << bit);

        expect_status(t, &r, VIRTIO_IOMMU_INVALID, "MAP with an unknown flag");
    }
    expect_unmapped(t, e, IOVA, &b, "after MAPs that were rejected");
}

TEST(map_and_unmap_of_no_domain,
     PROMISE("MAP and UNMAP in a domain that does not exist are rejected with NOENT")
     COVERS("VIO-34 VIO-39") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma bad-input")
     STEPS("MAP and UNMAP name a domain in which no device is; then the device is attached to a "
           "domain of that id, and writes.")
     EXPECTS("Status NOENT twice, and the write is lost.")
     IF_IT_FAILS("A domain is made on the way, with mappings that its first device finds."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    const union virtio_iommu_request add = map_request(NO_DOMAIN, IOVA, IOVA + (PAGE_SIZE - 1),
                                                       gpa_of(b.data), RIGHTS),
                                     drop = unmap_request(NO_DOMAIN, IOVA, IOVA + (PAGE_SIZE - 1));

    expect_status(t, &add, VIRTIO_IOMMU_NO_ENTRY, "MAP in no domain");
    expect_status(t, &drop, VIRTIO_IOMMU_NO_ENTRY, "UNMAP in no domain");
    enter(t, NO_DOMAIN, e);
    expect_unmapped(t, e, IOVA, &b, "in a domain that was named before it existed");
}

TEST(map_without_write,
     PROMISE("No write reaches a range that was mapped without the flag WRITE")
     COVERS("VIO-36") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma fault")
     STEPS("Three pages side by side are mapped: for reads, for nothing, and for both. The device "
           "writes to each.")
     EXPECTS("Only the write to the last page lands.")
     IF_IT_FAILS("Flags are not kept, or neighbors share them."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 3);
    static const uint32_t flags[] = {VIRTIO_IOMMU_READ, 0, RIGHTS};

    enter(t, DOMAIN_A, e);
    for (unsigned i = 0; i < 3; i++) {
        const uint64_t at = IOVA + i * PAGE_SIZE;
        const union virtio_iommu_request r = map_request(DOMAIN_A, at, at + (PAGE_SIZE - 1),
                                                         gpa_of(b.data) + i * PAGE_SIZE, flags[i]);
        const uint8_t status = send_bytes(t, &r, request_size(&r)).status;

        /* Combinations of flags may be unsupported, but for the usual one. */
        CHECK(status == VIRTIO_IOMMU_OK || flags[i] != RIGHTS, "MAP for reads and writes fails: %u",
              status);
    }
    expect_unmapped(t, e, IOVA, &b, "mapped for reads");
    expect_unmapped(t, e, IOVA + PAGE_SIZE, &b, "mapped without rights");
    expect_write(t, e, IOVA + 2 * PAGE_SIZE, &b, 2 * PAGE_SIZE, 64, "mapped for both");
}

TEST(map_outside_of_input_range,
     PROMISE("MAP of addresses outside of input_range fails, and its last page can be mapped")
     COVERS("VIO-15") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma bad-input")
     STEPS("MAP of the last page of input_range, of the page right after it, of both pages "
           "together, and of the last page of all addresses. The device writes to each.")
     EXPECTS("The first one works; the others fail, and the device's writes are lost.")
     IF_IT_FAILS("The configuration tells another range than the unit has: on hardware with fewer "
                 "bits such an address is another one."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 2);
    struct virtio_iommu_facts facts;
    uint64_t last;

    virtio_iommu_facts(&facts);
    last = facts.last_iova;
    if (!(facts.features & VIRTIO_IOMMU_F_INPUT_RANGE) || last == UINT64_MAX)
        SKIP("no address is outside of input_range");
    enter(t, DOMAIN_A, e);
    for (unsigned i = 0; i < 3; i++) {
        const uint64_t first = i == 0   ? last + 1
                               : i == 1 ? last - (PAGE_SIZE - 1)
                                        : UINT64_MAX - (PAGE_SIZE - 1);
        const union virtio_iommu_request r = map_request(
            DOMAIN_A, first, i == 2 ? UINT64_MAX : last + PAGE_SIZE, gpa_of(b.data), RIGHTS);

        CHECK(send_bytes(t, &r, request_size(&r)).status != VIRTIO_IOMMU_OK,
              "MAP 0x%llx to 0x%llx succeeds, and input_range ends at 0x%llx",
              (unsigned long long)r.map.start, (unsigned long long)r.map.end,
              (unsigned long long)last);
    }
    expect_unmapped(t, e, last + 1, &b, "right after input_range");
    map_bytes(t, DOMAIN_A, last - (2 * PAGE_SIZE - 1), &b);
    expect_write(t, e, last - (PAGE_SIZE - 1), &b, PAGE_SIZE, PAGE_SIZE, "end of input_range");
}
