/* SPDX-License-Identifier: MIT */
/*
 * Numbers that come around. A host numbers what it makes and does: tags for its caches, handles,
 * sequence numbers of invalidations. 16 bits of them are used up within seconds; what has the same
 * number then must not be taken for what is still alive, and nothing may have run out.
 */
#define TEST_GROUP "lifecycle"
#include "abi/hypercall.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"

#define RESIDENTS_FIRST UINT32_C(0x00600000)
#define RESIDENTS_MAX   4096u
#define COMERS_FIRST    UINT32_C(0x00700000)
#define ROOM            8u       /* domains that are left to those that come and go */
#define AROUND          0x10000u /* numbers of 16 bits */
#define CHAINS          61u      /* a prime: numbers that differ by a power of two lead elsewhere */
#define LENGTH          8u
#define LOOK            64u /* between two looks at those that stay */
#define WORKERS         4u

/* Domains without tables of their own: IOVA leads to one of 61 pages, by the number of the domain.
 */
struct town {
    struct domain *chain[CHAINS];
    struct buffer page;
    struct dma_engine *visitor, *worker[WORKERS]; /* these stay in a domain each */
    unsigned workers, residents;
};

static void settle(struct test_run *t, struct town *w, uint32_t id, unsigned number)
{
    CHECK_SUCCESS(iommu_create(id), "CREATE of one of many domains");
    CHECK_SUCCESS(iommu_configure(id, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL,
                                  stage1_root_gpa(&w->chain[number % CHAINS]->table)),
                  "CONFIGURE of one of many domains");
}

/* The device, in domain `number`, reaches the page of that domain. A DMA that lands elsewhere is
 * missing there, so that all the other pages are looked at only then, and now and then: after an
 * exit each of them costs a walk of two sets of tables. */
static void expect_home(struct test_run *t, struct town *w, struct dma_engine *e, unsigned number,
                        const char *what)
{
    uint8_t *page = w->page.data + (size_t)(number % CHAINS) * PAGE_SIZE;
    bool reached;

    fill_by_device(t, e, IOVA, LENGTH, what);
    reached = *page == e->ops->fill_value;
    for (unsigned k = 0; k < CHAINS && (!reached || number % LOOK == 0); k++)
        CHECK(k == number % CHAINS || w->page.data[k * PAGE_SIZE] != e->ops->fill_value,
              "%s: the DMA reached page %u, and not that of domain %u", what, k, number);
    CHECK(reached, "%s: the DMA did not reach page %u of domain %u", what, number % CHAINS, number);
    memset(page, POISON_FRESH, LENGTH);
}

static void visit(struct test_run *t, struct town *w, uint32_t id, unsigned number,
                  const char *what)
{
    CHECK_SUCCESS(iommu_attach(id, w->visitor->device_id), "ATTACH to one of many domains");
    expect_home(t, w, w->visitor, number, what);
}

/* A host may have room for some tens of domains alone (DOM-7). */
static void need_room(struct test_run *t, unsigned wanted)
{
    unsigned room = 0;

    while (room < wanted && iommu_create(RESIDENTS_FIRST + room) == HV_STATUS_SUCCESS)
        room++;
    for (unsigned i = 0; i < room; i++)
        CHECK_SUCCESS(iommu_delete(RESIDENTS_FIRST + i), "DELETE of one of many domains");
    if (room < wanted)
        SKIP("needs %u domains, and the host has room for %u", wanted, room);
}

static struct town town(struct test_run *t)
{
    struct dma_engine *e[DMA_ENGINES_MAX];
    unsigned devices = fast_devices(t, e, 2);
    struct town w = {.page = buffer(t, CHAINS), .visitor = e[devices - 1]};

    need_room(t, CHAINS + 2);
    w.workers = devices - 1 < WORKERS ? devices - 1 : WORKERS;
    for (unsigned i = 0; i < w.workers; i++)
        w.worker[i] = e[devices - 2 - i]; /* the first ones behind the unit of the visitor */

    for (unsigned k = 0; k < CHAINS; k++) {
        w.chain[k] = domain_paging_with(t, 4, PAGE_SIZE);
        map_gpa(t, w.chain[k], IOVA, gpa_of(w.page.data) + k * PAGE_SIZE, PAGE_SIZE, RW);
    }
    return w;
}

/* Number of the domain in which a worker stays. */
static unsigned home_of(const struct town *w, unsigned worker)
{
    return worker * (w->residents / WORKERS);
}

/* As many domains as the host takes, but for a few; each has been used. */
static void fill(struct test_run *t, struct town *w)
{
    unsigned room = 0;

    for (unsigned i = 0; i < RESIDENTS_MAX; i++)
        track_domain_id(t, RESIDENTS_FIRST + i);
    while (room < RESIDENTS_MAX && iommu_create(RESIDENTS_FIRST + room) == HV_STATUS_SUCCESS)
        room++;
    for (unsigned i = 0; i < room; i++)
        CHECK_SUCCESS(iommu_delete(RESIDENTS_FIRST + i), "DELETE of one of many domains");
    REQUIRE(room > ROOM, "the host has room for %u more domains only", room);
    w->residents = room - ROOM;
    for (unsigned i = 0; i < w->residents; i++) {
        settle(t, w, RESIDENTS_FIRST + i, i);
        visit(t, w, RESIDENTS_FIRST + i, i, "a domain that stays");
    }
    for (unsigned i = 0; i < w->workers; i++)
        CHECK_SUCCESS(iommu_attach(RESIDENTS_FIRST + home_of(w, i), w->worker[i]->device_id),
                      "ATTACH to one of many domains");
}

static void expect_at_work(struct test_run *t, struct town *w)
{
    for (unsigned i = 0; i < w->workers; i++)
        expect_home(t, w, w->worker[i], home_of(w, i), "a device at work");
}

STRESS(domain_numbers_come_around,
       PROMISE("While as many domains as the host takes stay alive, 65,536 others come and go, and "
               "as many new ones as stay are apart from all of them")
       COVERS("ISO-1 DOM-1 DOM-2 DOM-7 DEL-3") ABI() DEVICES(NONE) KINDS("dma device") TIER(stress)
       STEPS("Makes domains until one is refused and keeps all but eight, each used by a device. "
             "Up to four devices are at work in some of them. Domains are made under new ids, "
             "configured and deleted, almost 65,536 of them. Then four times as many as have "
             "stayed are made, used by the visiting device and deleted, one after the other. Last "
             "the visitor goes through all that have stayed.")
       EXPECTS("Every CREATE succeeds, and each DMA lands in the page of the domain of its device.")
       IF_IT_FAILS("The host numbers domains, or their tags, in 16 bits, and a new one has the "
                   "number of one that is alive; or it does not take numbers back."))
{
    struct town w = town(t);
    unsigned comers = 0;

    fill(t, &w);
    /* The numbers of those that stay lie behind the last ones. */
    for (; comers + 2 * w.residents < AROUND; comers++) {
        STEP("domain %llu of %llu that come and go", comers, AROUND);
        settle(t, &w, COMERS_FIRST + comers, comers);
        CHECK_SUCCESS(iommu_delete(COMERS_FIRST + comers), "DELETE of a domain without devices");
        if (comers % LOOK == 0)
            expect_at_work(t, &w);
    }
    for (unsigned end = comers + 4 * w.residents; comers < end; comers++) {
        STEP("new domain %llu", comers);
        settle(t, &w, COMERS_FIRST + comers, comers);
        visit(t, &w, COMERS_FIRST + comers, comers, "a new domain");
        expect_at_work(t, &w);
        attach(t, w.chain[0], w.visitor);
        CHECK_SUCCESS(iommu_delete(COMERS_FIRST + comers), "DELETE of a domain without devices");
    }
    for (unsigned i = 0; i < w.residents; i++)
        visit(t, &w, RESIDENTS_FIRST + i, i, "a domain that has stayed");
    attach(t, w.chain[0], w.visitor);
    for (unsigned i = 0; i < w.workers; i++)
        attach(t, w.chain[0], w.worker[i]);
    for (unsigned i = 0; i < w.residents; i++)
        CHECK_SUCCESS(iommu_delete(RESIDENTS_FIRST + i), "DELETE of one of many domains");
    forget_domain_ids(t);
    OBSERVE("%u domains stayed", w.residents);
}

/* A device in a domain: the domain's tables are those of `number`. */
struct home {
    struct dma_engine *device;
    uint32_t id;
    unsigned number;
};

/* The page of `one` moves to the next one and back, and is flushed each time, by the domain and by
 * a list. Of what is cached that of `other` is the newest. */
static void expect_flushes_of(struct test_run *t, struct town *w, const struct home *one,
                              const struct home *other)
{
    const uint64_t element = hv_iommu_range(IOVA >> HV_PAGE_SHIFT, 0);
    uint64_t *leaf = leaf_entry(t, w->chain[one->number % CHAINS], IOVA), value = *leaf;
    uint64_t first = value - (uint64_t)(one->number % CHAINS) * PAGE_SIZE;

    for (unsigned by_list = 0; by_list < 2; by_list++) {
        unsigned to = one->number + 1 - by_list;

        CHECK_SUCCESS(iommu_flush(other->id), "FLUSH of the other domain");
        expect_home(t, w, one->device, one->number + by_list, "before the page moves");
        expect_home(t, w, other->device, other->number, "the other domain, used last");
        *leaf = first + (uint64_t)(to % CHAINS) * PAGE_SIZE;
        if (by_list != 0)
            CHECK_SUCCESS(iommu_flush_list(one->id, &element, 1, NULL), "FLUSH_LIST of the page");
        else
            CHECK_SUCCESS(iommu_flush(one->id), "FLUSH of the domain whose page has moved");
        expect_home(t, w, one->device, to, "a page that was moved and flushed");
    }
}

#define FEWEST 256u
#define MOST   4096u /* CREATEs after that of the domain that stays */
#define NEAR   2u    /* a host may make domains of its own, or count from elsewhere */

STRESS(domain_numbers_of_few_bits,
       PROMISE("A domain that stays is apart from the one that is made 256, 512, 1,024, 2,048 or "
               "4,096 CREATEs later, and a flush of either drops its pages")
       COVERS("ISO-1 DOM-1 FL-1 LS-1") ABI() DEVICES(NONE) KINDS("dma flush device")
       STEPS("A device is at work in a domain. Others are made and deleted, so many that the next "
             "ones are as many CREATEs after the first as a number of 8, 9, 10, 11 or 12 bits can "
             "count. Of these, and of two on both sides, each is configured and used by a second "
             "device, and then the first device writes again. A page of each of the two moves and "
             "is flushed after the other domain was used, by the domain and by a list.")
       EXPECTS("Each DMA lands in the page of the domain of its device, also after the page moved.")
       IF_IT_FAILS("The host keeps as many bits of the tag of a domain as domains can exist at "
                   "once, though tags go on: two living domains share what is cached, or a flush "
                   "takes what is cached of one for that of the other."))
{
    struct town w = town(t);
    unsigned made = 1;

    REQUIRE(w.workers > 0, "no second device");
    track_domain_id(t, RESIDENTS_FIRST);
    settle(t, &w, RESIDENTS_FIRST, 0);
    CHECK_SUCCESS(iommu_attach(RESIDENTS_FIRST, w.worker[0]->device_id), "ATTACH of a device");
    for (unsigned after = FEWEST; after <= MOST; after *= 2) {
        STEP("%llu CREATEs after that of the domain that stays", after);
        for (; made < after - NEAR; made++) {
            CHECK_SUCCESS(iommu_create(COMERS_FIRST + made), "CREATE of one of many domains");
            CHECK_SUCCESS(iommu_delete(COMERS_FIRST + made), "DELETE of one of many domains");
        }
        for (; made <= after + NEAR; made++) {
            track_domain_id(t, COMERS_FIRST + made);
            expect_home(t, &w, w.worker[0], 0, "the domain that stays");
            settle(t, &w, COMERS_FIRST + made, made);
            visit(t, &w, COMERS_FIRST + made, made, "a new domain");
            expect_home(t, &w, w.worker[0], 0, "the domain that stays, beside a new one");
            if (made % CHAINS != 0) { /* otherwise they have the same tables */
                struct home stays = {w.worker[0], RESIDENTS_FIRST, 0},
                            comes = {w.visitor, COMERS_FIRST + made, made};

                expect_flushes_of(t, &w, &stays, &comes);
                expect_flushes_of(t, &w, &comes, &stays);
            }
            attach(t, w.chain[0], w.visitor);
            CHECK_SUCCESS(iommu_delete(COMERS_FIRST + made), "DELETE of a domain without devices");
        }
    }
    attach(t, w.chain[0], w.worker[0]);
    CHECK_SUCCESS(iommu_delete(RESIDENTS_FIRST), "DELETE of a domain without devices");
    forget_domain_ids(t);
}

STRESS(attach_numbers_come_around,
       PROMISE("Each of more than 65,536 ATTACHs moves the device")
       COVERS("ATT-2 ATT-1 ATT-9") ABI() DEVICES(NONE) KINDS("dma device") TIER(stress)
       STEPS("A device is moved through 61 domains, over and over, more than 65,536 times, and "
             "writes after each move.")
       EXPECTS("Each ATTACH succeeds, and each DMA lands in the page of the domain.")
       IF_IT_FAILS("The host counts moves, or members of a domain, in 16 bits."))
{
    struct town w = town(t);

    for (unsigned i = 0; i < AROUND + CHAINS; i++) {
        STEP("ATTACH %llu", i);
        visit(t, &w, w.chain[i % CHAINS]->id, i, "a device that moved");
    }
}

STRESS(flush_numbers_come_around,
       PROMISE("Each of more than 65,536 flushes drops what is cached of its domain")
       COVERS("FL-1 FL-2") DEVICES(NONE) KINDS("dma flush device") TIER(stress)
       STEPS("The leaf of a page is changed to another target and flushed, and the device writes. "
             "More than 65,536 times, 61 targets in turn.")
       EXPECTS("Each DMA lands in the new target.")
       IF_IT_FAILS("The host waits for an invalidation by a number of 16 bits, and takes one of a "
                   "round before for it."))
{
    struct town w = town(t);
    struct domain *d = w.chain[0];
    uint64_t *leaf = leaf_entry(t, d, IOVA), value = *leaf;

    attach(t, d, w.visitor);
    for (unsigned i = 0; i < AROUND + CHAINS; i++) {
        STEP("flush %llu", i);
        *leaf = value + (uint64_t)(i % CHAINS) * PAGE_SIZE;
        CHECK_SUCCESS(iommu_flush(d->id), "FLUSH of a domain");
        expect_home(t, &w, w.visitor, i, "a target that was changed and flushed");
    }
}
