/* SPDX-License-Identifier: MIT */
/*
 * Calls that are refused over and over. A host that takes a number from a pool before it finds out
 * that it has to refuse, and does not give it back, is right until the pool is empty: after some
 * hundreds of calls, or after 65,536. Tests of hundreds are in every run, those of all numbers of
 * 16 bits in the long ones.
 */
#define TEST_GROUP "lifecycle"
#include "abi/hypercall.h"
#include "lib/bits.h"
#include "tests/harness/fixture.h"

#define FILLERS_FIRST UINT32_C(0x00800000)
#define FILLERS_MAX   4096u
#define ROOM_LEFT     8u
#define HUNDREDS      440u
#define AROUND        (0x10000u + HUNDREDS)
#define LENGTH        8u

struct scene {
    struct dma_engine *e;
    struct domain *d; /* with the device */
    struct buffer b;
    uint32_t unknown; /* the id of no domain */
    unsigned room;
};

static void fill_up(struct test_run *t, struct scene *s)
{
    while (s->room < FILLERS_MAX && iommu_create(FILLERS_FIRST + s->room) == HV_STATUS_SUCCESS)
        s->room++;
    if (s->room == FILLERS_MAX)
        SKIP("the host has room for %u domains and more", FILLERS_MAX);
}

/* Deletes those that were made, but for the first `staying`. */
static void empty(struct test_run *t, struct scene *s, unsigned staying)
{
    for (; s->room > staying; s->room--)
        CHECK_SUCCESS(iommu_delete(FILLERS_FIRST + s->room - 1), "DELETE of one of many domains");
}

static void create_existing(struct test_run *t, struct scene *s)
{
    CHECK_REFUSED(iommu_create(s->d->id), "CREATE of an id that exists");
}

/* A host may find more memory meanwhile. */
static void create_at_limit(struct test_run *t, struct scene *s)
{
    if (iommu_create(FILLERS_FIRST + s->room) == HV_STATUS_SUCCESS && ++s->room == FILLERS_MAX)
        SKIP("the host has room for %u domains and more", FILLERS_MAX);
}

static void attach_unknown(struct test_run *t, struct scene *s)
{
    CHECK_REFUSED(iommu_attach(s->unknown, s->e->device_id), "ATTACH to an unknown domain");
}

static void configure_unknown(struct test_run *t, struct scene *s)
{
    CHECK_REFUSED(iommu_configure(s->unknown, HV_DEVICE_DOMAIN_SETTINGS_BLOCKING, 0),
                  "CONFIGURE of an unknown domain");
}

/* It may succeed (CFG-7), and changes nothing then. */
static void configure_in_use(struct test_run *t, struct scene *s)
{
    (void)t;
    (void)iommu_configure(s->d->id, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL,
                          stage1_root_gpa(&s->d->table));
}

struct refusal {
    void (*once)(struct test_run *t, struct scene *s);
    bool full; /* no room for one more domain meanwhile */
    const char *name;
};

#define REFUSALS(ROW, test)                                                                        \
    ROW(test, create_existing,                                                                     \
        ((struct refusal){create_existing, false, "CREATE of an id that exists"}),                 \
        WORD(call, "CREATE of an id that exists"))                                                 \
    ROW(test, create_at_limit,                                                                     \
        ((struct refusal){create_at_limit, true,                                                   \
                          "CREATE of an id that the host has no room for"}),                       \
        WORD(call, "CREATE of an id that the host has no room for"))                               \
    ROW(test, attach_unknown,                                                                      \
        ((struct refusal){attach_unknown, false, "ATTACH to an unknown domain"}),                  \
        WORD(call, "ATTACH to an unknown domain"))                                                 \
    ROW(test, configure_unknown,                                                                   \
        ((struct refusal){configure_unknown, false, "CONFIGURE of an unknown domain"}),            \
        WORD(call, "CONFIGURE of an unknown domain"))                                              \
    ROW(test, configure_in_use,                                                                    \
        ((struct refusal){configure_in_use, false, "CONFIGURE of a domain in use"}),               \
        WORD(call, "CONFIGURE of a domain in use"))

VARIANTS(const struct refusal, refusals, REFUSALS);

/* Everything that takes a number still gets one. */
static void expect_served(struct test_run *t, struct scene *s)
{
    expect_write(t, s->e, IOVA, &s->b, 0, LENGTH, "DMA of the device that was in its domain");
    CHECK_SUCCESS(iommu_create(s->unknown), "CREATE after many refusals");
    CHECK_SUCCESS(iommu_configure(s->unknown, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL,
                                  stage1_root_gpa(&s->d->table)),
                  "CONFIGURE after many refusals");
    CHECK_SUCCESS(iommu_attach(s->unknown, s->e->device_id), "ATTACH after many refusals");
    expect_write(t, s->e, IOVA, &s->b, 0, LENGTH, "DMA in a domain that was made afterwards");
    attach(t, s->d, s->e);
    CHECK_SUCCESS(iommu_delete(s->unknown), "DELETE of a domain without devices");
}

static struct scene scene(struct test_run *t)
{
    struct dma_engine *e[DMA_ENGINES_MAX];
    struct scene s = {.unknown = fresh_domain_id(t)};

    (void)fast_devices(t, e, 1);
    s.e = e[0];
    s.b = buffer(t, 1);
    s.d = domain_mapping(t, IOVA, &s.b);
    attach(t, s.d, s.e);
    for (unsigned i = 0; i < FILLERS_MAX; i++)
        track_domain_id(t, FILLERS_FIRST + i);
    return s;
}

static void repeat(struct test_run *t, struct scene *s, const struct refusal *refusal,
                   unsigned times)
{
    STEP("%llu times: %s", times, refusal->name);
    for (unsigned i = 0; i < times; i++)
        refusal->once(t, s);
}

/* Refuses each of the calls so many times; there is as much room afterwards as before. */
static void refuse(struct test_run *t, const struct refusal *refusal, unsigned kinds,
                   unsigned times)
{
    struct scene s = scene(t);
    unsigned room;

    fill_up(t, &s);
    room = s.room;
    STEP("the host has room for %llu more domains", room);
    for (unsigned i = 0; i < kinds; i++)
        if (refusal[i].full)
            repeat(t, &s, &refusal[i], times);
    /* With little room left the first domain that is missing shows. */
    empty(t, &s, room > ROOM_LEFT ? room - ROOM_LEFT : 0);
    expect_served(t, &s);
    for (unsigned i = 0; i < kinds; i++) {
        if (!refusal[i].full)
            repeat(t, &s, &refusal[i], times);
        expect_served(t, &s);
    }
    fill_up(t, &s);
    CHECK(s.room >= room, "room for %u domains after %u refused calls, and for %u before", s.room,
          times, room);
    empty(t, &s, 0);
    forget_domain_ids(t);
}

STRESS(refused_hundreds_of_times,
       PROMISE("After hundreds of refused calls of one kind new domains are made, configured and "
               "used, as many as before")
       COVERS("GEN-10 DOM-7 DOM-1") ABI() DEVICES(NONE) KINDS("dma bad-input device")
       STEPS("Makes domains until one is refused, and goes on for 440 times; deletes eight. Then "
             "440 times each: CREATE of an id that exists, ATTACH to an unknown domain, CONFIGURE "
             "of an unknown domain and of one in use. After each kind a domain is made and "
             "configured, and a device moves there and writes. Counts again how many can be made.")
       EXPECTS("All the right calls succeed, the DMA arrives, and the numbers are equal.")
       IF_IT_FAILS("The host takes a tag or a number before it refuses, out of a pool of some "
                   "hundreds, and does not give it back."))
{
    refuse(t, refusals, ARRAY_SIZE(refusals), HUNDREDS);
}

TEST_EACH(refusals_come_around, REFUSALS,
          PROMISE("After more than 65,536 times {call} new domains are made, configured and used, "
                  "as many as before")
          COVERS("GEN-10 DOM-7 DOM-1") LEVEL(stress) TIER(stress) ABI() DEVICES(NONE)
          KINDS("dma bad-input device")
          STEPS("Makes domains until one is refused, and deletes eight. Makes 65,976 times this "
                "call: {call}. Makes a domain, configures it, and a device moves there and writes. "
                "Counts how many more can be made.")
          EXPECTS("All the right calls succeed, the DMA arrives, and the numbers are equal.")
          IF_IT_FAILS("The host takes a tag or a number of 16 bits before it refuses, and does not "
                      "give it back: after 65,536 refusals nothing is left."))
{
    refuse(t, &VARIANT(refusals), 1, AROUND);
}
