/* SPDX-License-Identifier: MIT */
/* Domains that devices have left: none of them is in the way of a DELETE (DEL-6). */
#include "tests/harness/fixture.h"

#define TEST_GROUP      "delete"
#define KINDS_OF_DOMAIN 3u
#define DETACHED        KINDS_OF_DOMAIN /* the way out that leads to no domain */

static struct domain *domain_of(struct test_run *t, unsigned kind)
{
    return kind == DOMAIN_IDENTITY  ? domain_identity(t)
           : kind == DOMAIN_BLOCKED ? domain_blocked(t)
                                    : domain_paging(t);
}

static void leave(struct test_run *t, struct dma_engine *e, struct domain *const to[], unsigned way)
{
    if (way != DETACHED) {
        attach(t, to[way], e);
        return;
    }
    STEP("detach device 0x%llx", e->device_id);
    CHECK_SUCCESS(iommu_detach(e->device_id), "detaching an attached device");
}

TEST(domain_that_a_device_left,
     PROMISE("A domain of any kind can be deleted as soon as its only device has left it, by "
             "DETACH or to a domain of any kind")
     COVERS("DEL-6 DET-1 ATT-4") ABI() DEVICES(ALL) KINDS("device")
     STEPS("For each kind of domain and each way out, a device is attached to a new domain, in "
           "every second round twice, and is detached or attached to a paging, an identity or a "
           "blocking domain. The domain that it left is deleted, and the device is attached to "
           "the paging domain.")
     EXPECTS("Every DELETE succeeds, and so does every ATTACH after it.")
     IF_IT_FAILS("The host still counts the device as a member of the domain that it has left: a "
                 "way out on which the translation stays the same has been cut short, or a device "
                 "that was attached twice is counted twice."))
{
    struct dma_engine *e = device(t);
    struct domain *to[KINDS_OF_DOMAIN];

    for (unsigned kind = 0; kind < KINDS_OF_DOMAIN; kind++)
        to[kind] = domain_of(t, kind);
    for (unsigned kind = 0; kind < KINDS_OF_DOMAIN; kind++) {
        for (unsigned way = 0; way <= DETACHED; way++) {
            for (unsigned again = 0; again < 2; again++) {
                struct domain *d = domain_of(t, kind);

                attach(t, d, e);
                if (again)
                    attach(t, d, e);
                leave(t, e, to, way);
                delete_domain(t, d);
                attach(t, to[DOMAIN_PAGING], e);
            }
        }
    }
}

TEST(domain_that_all_devices_left,
     PROMISE("A domain of any kind can be deleted as soon as the last of several devices has left "
             "it, whatever ways they took")
     COVERS("DEL-6 DET-1 ATT-9") ABI() DEVICES(NONE) KINDS("device")
     STEPS("For each kind of domain, all devices that are not slow are attached to a new one. They "
           "leave it by DETACH and to domains of each kind in turn: in the order in which they "
           "came, and in the opposite one. The domain is deleted.")
     EXPECTS("Every DELETE succeeds.")
     IF_IT_FAILS("The host loses a member of a list from which one at its head, its end or between "
                 "was taken, or counts members instead of keeping them."))
{
    struct dma_engine *e[DMA_ENGINES_MAX];
    unsigned count = fast_devices(t, e, 2);
    struct domain *to[KINDS_OF_DOMAIN];

    for (unsigned kind = 0; kind < KINDS_OF_DOMAIN; kind++)
        to[kind] = domain_of(t, kind);
    for (unsigned kind = 0; kind < KINDS_OF_DOMAIN; kind++) {
        for (unsigned backwards = 0; backwards < 2; backwards++) {
            struct domain *d = domain_of(t, kind);

            for (unsigned i = 0; i < count; i++)
                attach(t, d, e[i]);
            for (unsigned i = 0; i < count; i++)
                leave(t, e[backwards ? count - 1 - i : i], to, (i + kind) % (DETACHED + 1));
            delete_domain(t, d);
        }
    }
    for (unsigned i = 0; i < count; i++)
        attach(t, to[DOMAIN_BLOCKED], e[i]);
}
