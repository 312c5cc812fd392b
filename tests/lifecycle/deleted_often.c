/* SPDX-License-Identifier: MIT */
/*
 * Domains that are deleted over and over, each after another life. A tag of the caches, and all
 * else that a host takes for a domain, has to come back whatever was done with the domain: nothing
 * at all, CONFIGURE twice, a device that came and went, calls that were refused. A loss shows when
 * the pool is empty, after some hundreds of domains or after 65,536.
 */
#define TEST_GROUP "lifecycle"
#include "abi/hypercall.h"
#include "lib/bits.h"
#include "tests/harness/fixture.h"

#define HUNDREDS 440u
#define AROUND   (0x10000u + HUNDREDS)
#define LENGTH   8u

struct scene {
    struct dma_engine *e;
    struct domain *d, *rest;
    struct buffer b;
    uint32_t id; /* of the domain that comes and goes */
};

static void configure(struct test_run *t, const struct scene *s, bool paging)
{
    CHECK_SUCCESS(iommu_configure(s->id,
                                  paging ? HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL
                                         : HV_DEVICE_DOMAIN_SETTINGS_BLOCKING,
                                  paging ? stage1_root_gpa(&s->d->table) : 0),
                  "CONFIGURE of a domain that comes and goes");
}

static void unconfigured(struct test_run *t, struct scene *s)
{
    (void)t;
    (void)s;
}

static void configured_blocked(struct test_run *t, struct scene *s)
{
    configure(t, s, false);
}

/* The second one may be refused (CFG-7). */
static void configured_twice(struct test_run *t, struct scene *s)
{
    configure(t, s, true);
    (void)iommu_configure(s->id, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL,
                          stage1_root_gpa(&s->d->table));
}

static void left_by_a_device(struct test_run *t, struct scene *s)
{
    configure(t, s, true);
    CHECK_SUCCESS(iommu_attach(s->id, s->e->device_id), "ATTACH to a domain that comes and goes");
    CHECK_SUCCESS(iommu_attach(s->rest->id, s->e->device_id), "ATTACH to another domain");
}

/* ATTACH of no device, and CONFIGURE of no kind. */
static void after_refusals(struct test_run *t, struct scene *s)
{
    CHECK_REFUSED(iommu_attach(s->id, UINT64_MAX), "ATTACH of a device that there is not");
    configure(t, s, true);
    CHECK_REFUSED(iommu_attach(s->id, UINT64_MAX), "ATTACH of a device that there is not");
}

typedef void life(struct test_run *t, struct scene *s);

static life *const lives[] = {unconfigured, configured_blocked, configured_twice, left_by_a_device,
                              after_refusals};

static struct scene scene(struct test_run *t)
{
    struct dma_engine *e[DMA_ENGINES_MAX];
    struct scene s = {.id = fresh_domain_id(t), .rest = domain_blocked(t)};

    (void)fast_devices(t, e, 1);
    s.e = e[0];
    s.b = buffer(t, 1);
    s.d = domain_mapping(t, IOVA, &s.b);
    attach(t, s.d, s.e);
    return s;
}

static void live(struct test_run *t, struct scene *s, life *of, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        CHECK_SUCCESS(iommu_create(s->id), "CREATE of an id whose domain was deleted");
        of(t, s);
        CHECK_SUCCESS(iommu_delete(s->id), "DELETE of a domain without devices");
    }
    CHECK_SUCCESS(iommu_create(s->id), "CREATE after many");
    configure(t, s, true);
    CHECK_SUCCESS(iommu_attach(s->id, s->e->device_id), "ATTACH after many");
    expect_write(t, s->e, IOVA, &s->b, 0, LENGTH, "in a domain that was made after many");
    attach(t, s->d, s->e);
    CHECK_SUCCESS(iommu_delete(s->id), "DELETE after many");
}

TEST(deleted_hundreds_of_times,
     PROMISE("A domain can be made again after hundreds of domains of its id, whatever was done "
             "with them before DELETE")
     COVERS("DOM-2 DOM-7 DEL-4") ABI() DEVICES(NONE) KINDS("dma bad-input device")
     STEPS("440 times each a domain is made and deleted: at once, after one CONFIGURE and after "
           "two, after a device was there, after a refused ATTACH. After each kind a device moves "
           "to a new domain of that id and writes.")
     EXPECTS("All the right calls succeed, and the DMA arrives.")
     IF_IT_FAILS("DELETE does not give everything back on one of its ways, out of a pool of some "
                 "hundreds."))
{
    struct scene s = scene(t);

    for (unsigned i = 0; i < ARRAY_SIZE(lives); i++)
        live(t, &s, lives[i], HUNDREDS);
    forget_domain_ids(t);
}

/* The lives that take no more than seconds. */
#define SHORT_LIVES(ROW, test)                                                                     \
    ROW(test, unconfigured, unconfigured, WORD(life, "that was never configured"))                 \
    ROW(test, configured, configured_blocked, WORD(life, "that was configured"))

VARIANTS(life *const, short_lives, SHORT_LIVES);

TEST_EACH(deletes_come_around, SHORT_LIVES,
          PROMISE("A domain can be made after more than 65,536 were deleted, each {life}")
          COVERS("DOM-2 DOM-7 DEL-4") LEVEL(stress) TIER(stress) ABI() DEVICES(NONE)
          KINDS("dma bad-input device")
          STEPS("65,976 times a domain is made and deleted {life}. A device moves to a new domain "
                "of that id and writes.")
          EXPECTS("All the right calls succeed, and the DMA arrives.")
          IF_IT_FAILS("DELETE does not give the tag of such a domain back: after 65,536 of them "
                      "CREATE has none."))
{
    struct scene s = scene(t);

    live(t, &s, VARIANT(short_lives), AROUND);
    forget_domain_ids(t);
}
