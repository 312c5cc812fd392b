/* SPDX-License-Identifier: MIT */
/*
 * Requests to a virtio-iommu by hand. The devices of these tests are in no domain of the harness
 * that translates, so that the unit knows of them only what the test tells it; the reset between
 * two tests takes them out of the test's domains.
 */
#ifndef PVT_TESTS_VIRTIO_IOMMU_REQUESTS_H
#define PVT_TESTS_VIRTIO_IOMMU_REQUESTS_H

#include "drivers/units/virtio_iommu.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "virtio-iommu"

/* Domains of these tests; the ids of the harness are far from them. */
#define DOMAIN_A 0x51000001u
#define DOMAIN_B 0x51000002u
/* A requester id that no function of the machine has. */
#define NO_ENDPOINT 0xFFF7u
#define NO_DOMAIN   0x5100FFFFu

union virtio_iommu_request attach_request(uint32_t domain, const struct dma_engine *e,
                                          uint32_t flags);
union virtio_iommu_request detach_request(uint32_t domain, const struct dma_engine *e);
/* first to last, both included. */
union virtio_iommu_request map_request(uint32_t domain, uint64_t first, uint64_t last, uint64_t gpa,
                                       uint32_t flags);
union virtio_iommu_request unmap_request(uint32_t domain, uint64_t first, uint64_t last);
union virtio_iommu_request probe_request(uint32_t endpoint);
/* Of the part that the unit reads. */
uint32_t request_size(const union virtio_iommu_request *r);

/* The answer to a request. */
struct reply {
    const uint8_t *answer; /* `room` bytes */
    uint32_t room, used;
    uint8_t status;
};
/* Sends `size` bytes with room for a tail, and for the properties before it where it is a PROBE;
 * FAIL when the unit does not give the request back. */
struct reply send_bytes(struct test_run *t, const union virtio_iommu_request *r, uint32_t size);
/* The whole request must have this status. */
void expect_status(struct test_run *t, const union virtio_iommu_request *r,
                   enum virtio_iommu_status status, const char *what);

/* These succeed, as set-up. */
void enter(struct test_run *t, uint32_t domain, const struct dma_engine *e);
void map_bytes(struct test_run *t, uint32_t domain, uint64_t iova, const struct buffer *b);
/* The device in DOMAIN_A, where IOVA leads to a fresh buffer of that many pages; shown by DMA. */
struct buffer in_domain_a(struct test_run *t, struct dma_engine *e, size_t pages);
/* DMA of the whole first page lands at the IOVA, and what this shows. */
void expect_mapped(struct test_run *t, struct dma_engine *e, uint64_t iova, struct buffer *b,
                   const char *what);
void expect_unmapped(struct test_run *t, struct dma_engine *e, uint64_t iova, struct buffer *b,
                     const char *what);

#endif
