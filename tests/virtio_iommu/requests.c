/* SPDX-License-Identifier: MIT */
#include "tests/virtio_iommu/requests.h"

#include "lib/string.h"

union virtio_iommu_request attach_request(uint32_t domain, const struct dma_engine *e,
                                          uint32_t flags)
{
    return (union virtio_iommu_request){.attach = {.type = VIRTIO_IOMMU_ATTACH,
                                                   .domain = domain,
                                                   .endpoint = e->function.bdf,
                                                   .flags = flags}};
}

union virtio_iommu_request detach_request(uint32_t domain, const struct dma_engine *e)
{
    return (union virtio_iommu_request){
        .detach = {.type = VIRTIO_IOMMU_DETACH, .domain = domain, .endpoint = e->function.bdf}};
}

union virtio_iommu_request map_request(uint32_t domain, uint64_t first, uint64_t last, uint64_t gpa,
                                       uint32_t flags)
{
    return (union virtio_iommu_request){.map = {.type = VIRTIO_IOMMU_MAP,
                                                .domain = domain,
                                                .start = first,
                                                .end = last,
                                                .physical = gpa,
                                                .flags = flags}};
}

union virtio_iommu_request unmap_request(uint32_t domain, uint64_t first, uint64_t last)
{
    return (union virtio_iommu_request){
        .unmap = {.type = VIRTIO_IOMMU_UNMAP, .domain = domain, .start = first, .end = last}};
}

union virtio_iommu_request probe_request(uint32_t endpoint)
{
    return (union virtio_iommu_request){
        .probe = {.type = VIRTIO_IOMMU_PROBE, .endpoint = endpoint}};
}

uint32_t request_size(const union virtio_iommu_request *r)
{
    static const uint8_t sizes[] = {
        [VIRTIO_IOMMU_ATTACH] = sizeof(r->attach), [VIRTIO_IOMMU_DETACH] = sizeof(r->detach),
        [VIRTIO_IOMMU_MAP] = sizeof(r->map),       [VIRTIO_IOMMU_UNMAP] = sizeof(r->unmap),
        [VIRTIO_IOMMU_PROBE] = sizeof(r->probe),
    };

    return r->type < sizeof(sizes) && sizes[r->type] ? sizes[r->type] : sizeof(r->detach);
}

struct reply send_bytes(struct test_run *t, const union virtio_iommu_request *r, uint32_t size)
{
    struct virtio_iommu_facts facts;
    struct reply reply = {.room = sizeof(struct virtio_iommu_tail)};

    if (r->type == VIRTIO_IOMMU_PROBE) {
        virtio_iommu_facts(&facts);
        reply.room += facts.probe_size;
    }
    reply.answer = virtio_iommu_exchange(r, size, reply.room, &reply.used);
    CHECK(reply.answer, "the unit does not give a request of type %u and %u bytes back", r->type,
          size);
    reply.status = reply.answer[reply.room - sizeof(struct virtio_iommu_tail)];
    STEP("request of type %llu, %llu bytes: status %llu, %llu bytes written", r->type, size,
         reply.status, reply.used);
    return reply;
}

void expect_status(struct test_run *t, const union virtio_iommu_request *r,
                   enum virtio_iommu_status status, const char *what)
{
    const struct reply reply = send_bytes(t, r, request_size(r));

    CHECK_EQ(reply.status, status, what);
}

void enter(struct test_run *t, uint32_t domain, const struct dma_engine *e)
{
    const union virtio_iommu_request r = attach_request(domain, e, 0);

    expect_status(t, &r, VIRTIO_IOMMU_OK, "ATTACH of a device to a domain");
}

void map_bytes(struct test_run *t, uint32_t domain, uint64_t iova, const struct buffer *b)
{
    const union virtio_iommu_request r =
        map_request(domain, iova, iova + (b->size - 1), gpa_of(b->data),
                    VIRTIO_IOMMU_READ | VIRTIO_IOMMU_WRITE);

    expect_status(t, &r, VIRTIO_IOMMU_OK, "MAP of a buffer into a hole");
}

void expect_mapped(struct test_run *t, struct dma_engine *e, uint64_t iova, struct buffer *b,
                   const char *what)
{
    expect_write(t, e, iova, b, 0, PAGE_SIZE, what);
}

void expect_unmapped(struct test_run *t, struct dma_engine *e, uint64_t iova, struct buffer *b,
                     const char *what)
{
    (void)expect_write_fault(t, e, iova, 4, b, FAULT_ANY, what);
}

struct buffer in_domain_a(struct test_run *t, struct dma_engine *e, size_t pages)
{
    struct buffer b = buffer(t, pages);

    enter(t, DOMAIN_A, e);
    map_bytes(t, DOMAIN_A, IOVA, &b);
    expect_mapped(t, e, IOVA, &b, "a mapping of domain A");
    return b;
}
