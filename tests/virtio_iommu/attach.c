/* SPDX-License-Identifier: MIT */
/* ATTACH and DETACH: what is refused, what stays, what ends. */
#include "tests/virtio_iommu/requests.h"

/* Each spoils a right ATTACH of the device to DOMAIN_B. */
static void unknown_endpoint(union virtio_iommu_request *r)
{
    r->attach.endpoint = NO_ENDPOINT;
}

static void reserved(union virtio_iommu_request *r)
{
    r->attach.reserved = 1u << 24;
}

static void unknown_flag(union virtio_iommu_request *r)
{
    r->attach.flags = 1u << 1;
}

static void highest_flag(union virtio_iommu_request *r)
{
    r->attach.flags = 1u << 31;
}

struct flaw {
    void (*spoil)(union virtio_iommu_request *r);
    enum virtio_iommu_status status;
};

#define FLAWS(ROW, test)                                                                           \
    ROW(test, unknown_endpoint, ((struct flaw){unknown_endpoint, VIRTIO_IOMMU_NO_ENTRY}),          \
        WORD(flaw, "an endpoint that does not exist") WORD(status, "NOENT") COVERS("VIO-19"))      \
    ROW(test, reserved_field, ((struct flaw){reserved, VIRTIO_IOMMU_INVALID}),                     \
        WORD(flaw, "a reserved field that is not zero") WORD(status, "INVAL") COVERS("VIO-17"))    \
    ROW(test, unknown_flag, ((struct flaw){unknown_flag, VIRTIO_IOMMU_INVALID}),                   \
        WORD(flaw, "an unknown flag in bit 1") WORD(status, "INVAL") COVERS("VIO-18"))             \
    ROW(test, highest_flag, ((struct flaw){highest_flag, VIRTIO_IOMMU_INVALID}),                   \
        WORD(flaw, "an unknown flag in bit 31") WORD(status, "INVAL") COVERS("VIO-18"))

VARIANTS(const struct flaw, flaws, FLAWS);

TEST_EACH(attach_with, FLAWS,
          PROMISE("ATTACH with {flaw} is rejected with {status}, and the device keeps its domain")
          COVERS("VIO-22") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma bad-input")
          STEPS("The device uses a mapping of domain A. An ATTACH to domain B with {flaw} follows, "
                "then DMA, then the same with domain A in the place of B.")
          EXPECTS("Status {status}, and DMA lands as before.")
          IF_IT_FAILS("The request is not checked, or only after the device has left its domain."))
{
    const struct flaw *flaw = &VARIANT(flaws);
    struct dma_engine *e = device(t);
    struct buffer b = in_domain_a(t, e, 1);

    for (unsigned i = 0; i < 2; i++) {
        union virtio_iommu_request r = attach_request(i ? DOMAIN_A : DOMAIN_B, e, 0);

        flaw->spoil(&r);
        expect_status(t, &r, flaw->status, "ATTACH with a flaw");
        expect_mapped(t, e, IOVA, &b, "after an ATTACH that was rejected");
    }
}

TEST(attach_with_other_bypass,
     PROMISE("ATTACH whose flag BYPASS contradicts the domain is rejected with INVAL, and the "
             "device keeps its domain")
     COVERS("VIO-20 VIO-22") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma bad-input")
     STEPS("Another device is in domain B, which has no bypass. The device uses a mapping of "
           "domain A; an ATTACH to domain B with the flag BYPASS follows, and DMA; then a "
           "domain of the other kind, and an ATTACH without the flag.")
     EXPECTS("Both have status INVAL, and DMA lands as before.")
     IF_IT_FAILS("The device is taken out of its domain before the new one is looked at. With the "
                 "bypass field at 1 it then reaches all memory."))
{
    struct dma_engine *e = device(t), *other = device_n(t, 1);
    struct buffer b = in_domain_a(t, e, 1);

    for (unsigned i = 0; i < 2; i++) {
        const uint32_t kind = i ? VIRTIO_IOMMU_BYPASSES : 0;
        const union virtio_iommu_request in = attach_request(DOMAIN_B + i, other, kind),
                                         r = attach_request(DOMAIN_B + i, e,
                                                            kind ^ VIRTIO_IOMMU_BYPASSES);

        expect_status(t, &in, VIRTIO_IOMMU_OK, "ATTACH of another device to domain B");
        expect_status(t, &r, VIRTIO_IOMMU_INVALID, "ATTACH with the other kind of flag BYPASS");
        expect_mapped(t, e, IOVA, &b, "after an ATTACH that was rejected");
    }
}

TEST(attach_moves,
     PROMISE("ATTACH to another domain takes the device out of the one that it was in")
     COVERS("VIO-21 VIO-23") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma fault")
     STEPS("The device uses a mapping of domain A, and is attached to domain B, where another "
           "IOVA is mapped. It writes at both; then it goes back to domain A, which another "
           "device has kept.")
     EXPECTS("DMA lands by the mappings of the domain that it is in, and by no other.")
     IF_IT_FAILS("The move is reported and not made, or the old domain's translations stay in a "
                 "cache."))
{
    struct dma_engine *e = device(t), *other = device_n(t, 1);
    struct buffer a = in_domain_a(t, e, 1), b = buffer(t, 1);
    const uint64_t in_b = IOVA + SIZE_2M;

    enter(t, DOMAIN_A, other);
    enter(t, DOMAIN_B, e);
    expect_unmapped(t, e, in_b, &b, "before anything was mapped in domain B");
    map_bytes(t, DOMAIN_B, in_b, &b);
    expect_mapped(t, e, in_b, &b, "in domain B");
    expect_unmapped(t, e, IOVA, &a, "at the IOVA of the domain that it has left");
    enter(t, DOMAIN_A, e);
    expect_mapped(t, e, IOVA, &a, "back in domain A");
    expect_unmapped(t, e, in_b, &b, "at the IOVA of domain B");
}

TEST(two_endpoints,
     PROMISE("Two devices of one domain use the same mappings, and DETACH of one leaves the other")
     COVERS("VIO-24 VIO-23") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma fault")
     STEPS("Two devices are attached to domain A and write at its IOVA; then the first one is "
           "detached, and both write again.")
     EXPECTS("All land but the last write of the detached device.")
     IF_IT_FAILS("A domain has room for one device, or is emptied when one of them leaves."))
{
    struct dma_engine *e = device(t), *other = device_n(t, 1);
    struct buffer b = in_domain_a(t, e, 1);
    const union virtio_iommu_request in = attach_request(DOMAIN_A, other, 0),
                                     out = detach_request(DOMAIN_A, e);
    const uint8_t status = send_bytes(t, &in, request_size(&in)).status;

    if (status == VIRTIO_IOMMU_UNSUPPORTED)
        SKIP("the unit cannot put a second device into a domain");
    CHECK_EQ(status, VIRTIO_IOMMU_OK, "ATTACH of a second device");
    expect_mapped(t, other, IOVA, &b, "the second device");
    expect_mapped(t, e, IOVA, &b, "the first device");
    expect_status(t, &out, VIRTIO_IOMMU_OK, "DETACH of the first device");
    expect_unmapped(t, e, IOVA, &b, "the first device, detached");
    expect_mapped(t, other, IOVA, &b, "the second device, which has stayed");
}

TEST(detach_ends_access,
     PROMISE("After DETACH the device reaches no mapping of the domain, and a domain that its last "
             "device has left is gone")
     COVERS("VIO-28 VIO-29") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma fault")
     STEPS("The device uses a mapping of domain A, is detached, and writes again. It is attached "
           "to the same id once more, and writes; then the IOVA is mapped again.")
     EXPECTS("Both writes are lost, and the last one lands.")
     IF_IT_FAILS("The device's cached translations survive, or the domain keeps its mappings for "
                 "the next owner of the id."))
{
    struct dma_engine *e = device(t);
    struct buffer b = in_domain_a(t, e, 1);
    const union virtio_iommu_request out = detach_request(DOMAIN_A, e);

    expect_status(t, &out, VIRTIO_IOMMU_OK, "DETACH");
    expect_unmapped(t, e, IOVA, &b, "after DETACH");
    enter(t, DOMAIN_A, e);
    expect_unmapped(t, e, IOVA, &b, "in a new domain with the id of the old one");
    map_bytes(t, DOMAIN_A, IOVA, &b);
    expect_mapped(t, e, IOVA, &b, "mapped in the new domain");
}

TEST(detach_of_unknown_endpoint,
     PROMISE("DETACH of an endpoint that does not exist is rejected with NOENT, and disturbs none")
     COVERS("VIO-26") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma bad-input")
     STEPS("The device uses a mapping of domain A; a DETACH from it names an endpoint that no "
           "device has.")
     EXPECTS("Status NOENT, and DMA lands as before.")
     IF_IT_FAILS("The endpoint is not looked up, or the domain is emptied."))
{
    struct dma_engine *e = device(t);
    struct buffer b = in_domain_a(t, e, 1);
    union virtio_iommu_request r = detach_request(DOMAIN_A, e);

    r.detach.endpoint = NO_ENDPOINT;
    expect_status(t, &r, VIRTIO_IOMMU_NO_ENTRY, "DETACH of an unknown endpoint");
    expect_mapped(t, e, IOVA, &b, "after a DETACH that was rejected");
}

TEST(detach_ignores_reserved,
     PROMISE("DETACH does its work whatever its reserved field holds")
     COVERS("VIO-25") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma fault")
     STEPS("The device uses a mapping, and is detached by a request with all reserved bits set.")
     EXPECTS("Status OK, and the next write is lost.")
     IF_IT_FAILS("The unit rejects what the specification tells it to ignore."))
{
    struct dma_engine *e = device(t);
    struct buffer b = in_domain_a(t, e, 1);
    union virtio_iommu_request r = detach_request(DOMAIN_A, e);

    r.detach.reserved[0] = r.detach.reserved[1] = UINT32_MAX;
    expect_status(t, &r, VIRTIO_IOMMU_OK, "DETACH with reserved bits");
    expect_unmapped(t, e, IOVA, &b, "after DETACH with reserved bits");
}

OBSERVATION(detach_from_wrong_domain,
            PROMISE("DETACH that names a domain in which the device is not: status and effect are "
                    "recorded")
            COVERS("VIO-27") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma bad-input")
            STEPS("The device uses a mapping of domain A. DETACH requests name domain B, which "
                  "another device uses, and a domain that does not exist.")
            EXPECTS("INVAL is recorded, or what else the unit says. If the device still reaches "
                    "the mapping, nothing else of its page has changed.")
            IF_IT_FAILS("A request that names another domain opens memory that is not mapped."))
{
    struct dma_engine *e = device(t), *other = device_n(t, 1);
    struct buffer b = in_domain_a(t, e, 1);
    const uint32_t domains[] = {DOMAIN_B, NO_DOMAIN};
    uint8_t status[2];
    bool lands;

    enter(t, DOMAIN_B, other);
    for (unsigned i = 0; i < 2; i++) {
        const union virtio_iommu_request r = detach_request(domains[i], e);

        status[i] = send_bytes(t, &r, request_size(&r)).status;
    }
    lands = may_write(t, e, IOVA, &b, 0, 4, "after DETACH that named other domains");
    OBSERVE("DETACH from another domain: status %u; from none: %u; the device %s its domain",
            status[0], status[1], lands ? "keeps" : "loses");
}
