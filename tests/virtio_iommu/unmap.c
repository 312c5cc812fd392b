/* SPDX-License-Identifier: MIT */
/* UNMAP: whole mappings, however many, and never a part of one. */
#include "tests/virtio_iommu/requests.h"

/* Pages from IOVA on; a mapping is made by one request each. */
struct pages {
    uint8_t first, count;
};
#define MAPPINGS 3u
#define PAGES    8u
struct scene {
    struct pages mappings[MAPPINGS], unmap;
};

static void set_up(struct test_run *t, struct dma_engine *e, const struct scene *s,
                   struct buffer *b)
{
    enter(t, DOMAIN_A, e);
    *b = buffer(t, PAGES);
    for (unsigned i = 0; i < MAPPINGS && s->mappings[i].count > 0; i++) {
        const uint64_t offset = s->mappings[i].first * PAGE_SIZE,
                       size = s->mappings[i].count * PAGE_SIZE;
        const union virtio_iommu_request r =
            map_request(DOMAIN_A, IOVA + offset, IOVA + offset + (size - 1),
                        gpa_of(b->data) + offset, VIRTIO_IOMMU_READ | VIRTIO_IOMMU_WRITE);

        expect_status(t, &r, VIRTIO_IOMMU_OK, "MAP into a hole");
        expect_write(t, e, IOVA + offset, b, offset, size, "a mapping before UNMAP");
    }
}

/* Every page of every mapping: it is there, or all those are gone that UNMAP covers. */
static void look(struct test_run *t, struct dma_engine *e, const struct scene *s, struct buffer *b,
                 bool removed)
{
    const unsigned end = s->unmap.first + s->unmap.count;

    for (unsigned i = 0; i < MAPPINGS; i++) {
        for (unsigned p = s->mappings[i].first; p < s->mappings[i].first + s->mappings[i].count;
             p++) {
            const uint64_t offset = p * PAGE_SIZE;

            if (removed && p >= s->unmap.first && p < end)
                expect_unmapped(t, e, IOVA + offset, b, "a mapping that UNMAP has covered");
            else
                expect_write(t, e, IOVA + offset, b, offset, PAGE_SIZE, "a mapping that stays");
        }
    }
}

static union virtio_iommu_request request_of(const struct scene *s)
{
    const uint64_t first = IOVA + s->unmap.first * PAGE_SIZE;

    return unmap_request(DOMAIN_A, first, first + (s->unmap.count * PAGE_SIZE - 1));
}

#define SCENE(...) ((struct scene){__VA_ARGS__})
/* The examples of 5.13.6.6 by their numbers, and one with a neighbor that stays. */
#define WHOLE(ROW, test)                                                                           \
    ROW(test, nothing, SCENE(.mappings = {{5, 1}}, .unmap = {0, 4}),                               \
        WORD(what, "a range without mappings"))                                                    \
    ROW(test, one, SCENE(.mappings = {{1, 2}, {3, 2}}, .unmap = {1, 2}),                           \
        WORD(what, "just one mapping, beside another one"))                                        \
    ROW(test, two_neighbors, SCENE(.mappings = {{1, 2}, {3, 2}, {5, 1}}, .unmap = {1, 4}),         \
        WORD(what, "two mappings side by side"))                                                   \
    ROW(test, one_and_a_hole, SCENE(.mappings = {{1, 2}, {6, 1}}, .unmap = {0, 5}),                \
        WORD(what, "a mapping and holes on both sides"))                                           \
    ROW(test, two_and_a_hole, SCENE(.mappings = {{0, 2}, {4, 2}, {7, 1}}, .unmap = {0, 6}),        \
        WORD(what, "two mappings with a hole between them"))

VARIANTS(const struct scene, whole, WHOLE);

TEST_EACH(unmap, WHOLE,
          PROMISE("UNMAP of {what} succeeds and removes what it covers, and nothing else")
          COVERS("VIO-42 VIO-43") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma fault flush")
          STEPS("Makes mappings and uses them, sends the UNMAP, and has the device write to every "
                "page of every mapping.")
          EXPECTS("Status OK; covered pages are out of reach, all others work.")
          IF_IT_FAILS("UNMAP stops at the first mapping or hole, or its end is taken for one past "
                      "the end; or a removed translation stays in a cache."))
{
    const struct scene *s = &VARIANT(whole);
    struct dma_engine *e = device(t);
    const union virtio_iommu_request r = request_of(s);
    struct buffer b;

    set_up(t, e, s, &b);
    expect_status(t, &r, VIRTIO_IOMMU_OK, "UNMAP of whole mappings");
    look(t, e, s, &b, true);
}

#define SPLITS(ROW, test)                                                                          \
    ROW(test, beginning, SCENE(.mappings = {{1, 3}}, .unmap = {1, 1}),                             \
        WORD(what, "the beginning"))                                                               \
    ROW(test, middle, SCENE(.mappings = {{1, 3}}, .unmap = {2, 1}), WORD(what, "the middle"))      \
    ROW(test, end, SCENE(.mappings = {{1, 3}}, .unmap = {3, 2}), WORD(what, "the end"))            \
    ROW(test, neighbor, SCENE(.mappings = {{1, 1}, {2, 3}}, .unmap = {1, 2}),                      \
        WORD(what, "the beginning, after a whole one,"))

VARIANTS(const struct scene, splits, SPLITS);

TEST_EACH(unmap_splits, SPLITS,
          PROMISE("UNMAP of {what} of a mapping is rejected with RANGE, and removes nothing")
          COVERS("VIO-41") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma bad-input")
          STEPS("Makes mappings and uses them, sends the UNMAP, and has the device write to every "
                "page of every mapping.")
          EXPECTS("Status RANGE, and every page works.")
          IF_IT_FAILS("The mapping is removed as a whole under a driver that believes to have it, "
                      "or mappings before it are removed before the check."))
{
    const struct scene *s = &VARIANT(splits);
    struct dma_engine *e = device(t);
    const union virtio_iommu_request r = request_of(s);
    struct buffer b;

    set_up(t, e, s, &b);
    expect_status(t, &r, VIRTIO_IOMMU_RANGE, "UNMAP that splits a mapping");
    look(t, e, s, &b, false);
}

OBSERVATION(unmap_with_reserved,
            PROMISE("UNMAP with a reserved field that is not zero: status and effect are recorded")
            COVERS("VIO-38") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma bad-input")
            STEPS("UNMAP of a mapping that is in use, with a reserved bit set; then DMA.")
            EXPECTS("OK with the mapping gone, or INVAL with whatever effect.")
            IF_IT_FAILS("The unit reports success, and the mapping is still there."))
{
    struct dma_engine *e = device(t);
    struct buffer b = in_domain_a(t, e, 1);
    union virtio_iommu_request r = unmap_request(DOMAIN_A, IOVA, IOVA + (PAGE_SIZE - 1));
    uint8_t status;
    bool lands;

    r.unmap.reserved = 1;
    status = send_bytes(t, &r, request_size(&r)).status;
    lands = may_write(t, e, IOVA, &b, 0, 4, "after UNMAP with a reserved bit");
    CHECK(status == VIRTIO_IOMMU_INVALID || (status == VIRTIO_IOMMU_OK && !lands),
          "UNMAP with a reserved bit: status %u, and the mapping is %s", status,
          lands ? "there" : "gone");
    OBSERVE("UNMAP with a reserved bit: status %u, the mapping is %s", status,
            lands ? "there" : "gone");
}
