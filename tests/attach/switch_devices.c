/* SPDX-License-Identifier: MIT */
/*
 * Several devices move between domains, and none of them ever stops its DMA (ATT-5, ISO-2, ATT-9).
 * Each writes a value of its own at a place of its own in whatever page its domain leads to, so
 * that memory tells who was where.
 */
#include "lib/string.h"
#include "tests/harness/continuous_dma.h"

#define TEST_GROUP   "switch"
#define SLOT         1u
#define LENGTH       64u
#define DEVICE_COUNT 3u
#define MOVES        100u

enum home { HOME_IDENTITY, HOME_BLOCKED, HOME_PAGING, HOMES = HOME_PAGING + 4 };

struct town {
    struct domain *domain[HOMES];
    struct buffer page[HOMES]; /* of the blocking domain: mapped by no domain */
    struct dma_engine *device[DEVICE_COUNT];
    unsigned home[DEVICE_COUNT];
    uint64_t iova;
};

static uint8_t value_of(unsigned device)
{
    return (uint8_t)(0x11 * (device + 1));
}

static uint8_t *place(struct town *w, unsigned home, unsigned device)
{
    return w->page[home].data + device * LENGTH;
}

static void refresh(struct town *w)
{
    for (unsigned home = 0; home < HOMES; home++)
        memset(w->page[home].data, POISON_FRESH, DEVICE_COUNT * LENGTH);
}

/* Every IOVA is the GPA of the identity domain's page. */
static void build(struct test_run *t, struct town *w)
{
    for (unsigned home = 0; home < HOMES; home++)
        w->page[home] = buffer(t, 1);
    w->iova = gpa_of(w->page[HOME_IDENTITY].data);
    for (unsigned home = 0; home < HOMES; home++) {
        w->domain[home] = home == HOME_IDENTITY  ? domain_identity(t)
                          : home == HOME_BLOCKED ? domain_blocked(t)
                                                 : domain_paging(t);
        if (home >= HOME_PAGING)
            map(t, w->domain[home], w->iova, &w->page[home], RW);
    }
    for (unsigned i = 0; i < DEVICE_COUNT; i++) {
        w->device[i] = device_n(t, i);
        w->home[i] = HOME_PAGING;
        attach(t, w->domain[HOME_PAGING], w->device[i]);
        continuous_dma_start(t, w->device[i], SLOT, w->iova + i * LENGTH, LENGTH, value_of(i));
    }
    continuous_dma_pass(w->device[0], DMA_SETTLE_EXITS);
    refresh(w);
}

/* While one device moved, it could be in either domain; each other device stayed in its own. */
static void expect_at_home(struct test_run *t, struct town *w, unsigned mover, unsigned left,
                           const char *when)
{
    for (unsigned home = 0; home < HOMES; home++) {
        for (unsigned i = 0; i < DEVICE_COUNT; i++) {
            bool allowed = home == w->home[i] || (i == mover && home == left);

            CHECK(allowed || !memory_find_other(place(w, home, i), LENGTH, POISON_FRESH),
                  "%s: device %u wrote to the page of domain 0x%x, in which it is not", when, i,
                  w->domain[home]->id);
        }
    }
}

static void move(struct test_run *t, struct town *w, unsigned mover, unsigned to)
{
    unsigned left = w->home[mover];

    w->home[mover] = to;
    attach(t, w->domain[to], w->device[mover]);
    expect_at_home(t, w, mover, left, "during ATTACH");
    refresh(w);
    continuous_dma_pass(w->device[0], DMA_SETTLE_EXITS);
    expect_at_home(t, w, mover, to, "after ATTACH");
    for (unsigned i = 0; i < DEVICE_COUNT; i++) {
        CHECK(w->home[i] == HOME_BLOCKED ||
                  !memory_find_other(place(w, w->home[i], i), LENGTH, value_of(i)),
              "after ATTACH of device %u: device %u does not reach its domain's page", mover, i);
    }
    refresh(w);
}

TEST(several_devices_at_random,
     PROMISE("Three devices that never rest wander through six domains, and none is seen in a "
             "domain that it left")
     COVERS("ATT-5 ATT-9 ISO-1 ISO-2") DEVICES(PROBE) KINDS("dma")
     STEPS("Three devices write over and over. A hundred times one of them, by chance, moves to "
           "another of six domains: identity, blocking, and four paging ones. Two or three devices "
           "are often in the same domain.")
     EXPECTS("After each ATTACH every device writes to its domain's page alone. While ATTACH runs, "
             "the mover is in the old or in the new one, and the others stay where they are.")
     IF_IT_FAILS("A device keeps state of a domain that it left, or a move changes devices that "
                 "did not move."))
{
    struct town w;

    build(t, &w);
    for (unsigned i = 0; i < MOVES; i++) {
        unsigned mover = (unsigned)random_below(&t->random, DEVICE_COUNT);
        unsigned by = 1 + (unsigned)random_below(&t->random, HOMES - 1);

        move(t, &w, mover, (w.home[mover] + by) % HOMES);
    }
    for (unsigned i = 0; i < DEVICE_COUNT; i++)
        (void)continuous_dma_stop(t, w.device[i], SLOT);
    refresh(&w);
}

TEST(several_devices_one_by_one,
     PROMISE("Three devices leave a domain one by one, and no DMA of any of them is refused or "
             "goes astray")
     COVERS("ATT-5 ATT-9 ISO-2") DEVICES(PROBE) KINDS("dma")
     STEPS("Three devices in one domain write over and over. They move to a second domain one by "
           "one, and back one by one, six times.")
     EXPECTS("Each writes to the page of the domain that it is in; no write of any device is "
             "refused, as both domains map the IOVA.")
     IF_IT_FAILS("A move of one device drops, blocks or moves others of its domain for a short "
                 "time."))
{
    struct town w;

    build(t, &w);
    for (unsigned i = 0; i < 12 * DEVICE_COUNT; i++)
        move(t, &w, i % DEVICE_COUNT, HOME_PAGING + (i / DEVICE_COUNT + 1) % 2);
    for (unsigned i = 0; i < DEVICE_COUNT; i++) {
        CHECK_EQ(continuous_dma_stop(t, w.device[i], SLOT).faults, 0,
                 "refused passes of continuous DMA");
    }
    refresh(&w);
}
