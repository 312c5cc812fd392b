/* SPDX-License-Identifier: MIT */
/*
 * Flushes and attachments on two processors at the same time, each of which must have its full
 * effect (CON-1).
 *
 * The hardware has one invalidation queue for each unit, and a host has one list of devices for
 * each domain. Two calls that use them at the same time can lose an effect without any error: the
 * second call overwrites the descriptor or the tail of the first, waits for a completion that the
 * other one consumed, skips a device because the list changed below it, or returns early because it
 * saw the flush of the other processor complete. Both statuses are SUCCESS in each case, so only
 * the device shows it.
 *
 * In each round both processors meet, make one call each, and meet again. Before the round the
 * device has used the pages, so that stale entries exist; after the round it tries to use them. The
 * pages of the two processors differ, and one call alone cannot make up for the other: exact list
 * elements of one page are used, not a flush of the domain. At the end of a round the whole domain
 * is flushed, since tables became empty.
 *
 * Three things could hide a defect. If one processor came late, the calls would run one after the
 * other: the rendezvous is directly before the call, and its failure is an error of the test. A
 * host that has one lock for all calls passes, which is right. Luck decides whether two short calls
 * overlap: there are eight rounds, and defects of this kind in the reference host wait for the
 * other processor (host/defects/race_window.h).
 *
 * The last test keeps a device at work from the second processor while the first one moves it and
 * flushes: there, every exit of either processor carries a pass of the device on.
 */
#define TEST_GROUP "concurrency"
#include "drivers/dmaprobe.h"
#include "tests/harness/second_processor.h"

#define BASE_IOVA 0x05000000ull
#define IOVA_2    0x05801000ull

#define ROUNDS 8u
#define BURST  1u /* slot */

/* The second processor does one thing per round, between two arrivals. */
struct partner {
    struct caller caller;
    uint32_t arrivals;
    uint32_t domain[2];
    uint64_t iova, device_id;
    bool attaches; /* else it flushes the page */
    unsigned rounds;
    enum hv_status status; /* the first that was not SUCCESS */
};

static enum hv_status act(struct partner *p, unsigned round)
{
    unsigned done;

    if (p->attaches)
        return caller_attach(&p->caller, p->domain[round % 2], p->device_id);
    return caller_flush_page(&p->caller, p->domain[0], p->iova, 1, &done);
}

static void take_part(void *argument)
{
    struct partner *p = argument;

    for (p->rounds = 0; p->rounds < ROUNDS; p->rounds++) {
        enum hv_status status;

        if (!rendezvous(&p->arrivals, 2 * p->rounds))
            return;
        status = act(p, p->rounds);
        p->status = p->status == HV_STATUS_SUCCESS ? status : p->status;
        if (!rendezvous(&p->arrivals, 2 * p->rounds + 1))
            return;
    }
}

static struct partner *partner(struct test_run *t)
{
    struct partner *p = second_memory(t, sizeof(*p));

    need_second(t);
    p->caller = caller(t);
    return p;
}

/* The first processor's side of a round: what is between the two meets what the partner does. */
static void start_round(struct test_run *t, struct partner *p, unsigned round)
{
    REQUIRE(rendezvous(&p->arrivals, 2 * round), "the second processor does not come to round %u",
            round);
}

static void end_round(struct test_run *t, struct partner *p, unsigned round)
{
    REQUIRE(rendezvous(&p->arrivals, 2 * round + 1), "the second processor does not end round %u",
            round);
    CHECK_SUCCESS(p->status, p->attaches ? "ATTACH on the second processor"
                                         : "list flush on the second processor");
}

TEST(flushes_from_two,
     PROMISE("Two processors flush two pages at the same time, and the device reaches neither "
             "after that")
     COVERS("CON-1 LS-1") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("In each of eight rounds a device uses two pages, both are unmapped, and then each "
           "processor flushes one of them by a list, both at the same time.")
     EXPECTS("After both flushes the device reaches neither page, in every round.")
     IF_IT_FAILS("A flush is lost or cut short when another one is under way: look at the queue to "
                 "the hardware and at what the host shares between flushes."))
{
    struct dma_engine *e = device(t);
    struct partner *p = partner(t);
    struct domain *d = domain_paging(t);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);
    struct caller own = caller(t);

    attach(t, d, e);
    p->domain[0] = d->id;
    p->iova = IOVA_2;
    second_begin(t, take_part, p);
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned done;
        enum hv_status status;

        map(t, d, BASE_IOVA, &a, RW);
        map(t, d, IOVA_2, &b, RW);
        warm(t, e, BASE_IOVA, &a, "the first processor's page");
        warm(t, e, IOVA_2, &b, "the second processor's page");
        unmap(t, d, BASE_IOVA, PAGE_SIZE);
        unmap(t, d, IOVA_2, PAGE_SIZE);
        start_round(t, p, i);
        status = caller_flush_page(&own, d->id, BASE_IOVA, 1, &done);
        end_round(t, p, i);
        CHECK_SUCCESS(status, "list flush on the first processor");
        expect_write_fault(t, e, BASE_IOVA, 16, &a, ORACLE_FAULT_CLASS_NOT_PRESENT,
                           "the page that the first processor flushed");
        expect_write_fault(t, e, IOVA_2, 16, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                           "the page that the second processor flushed");
        flush(t, d); /* the tables that became empty */
    }
    second_end(t);
}

TEST(flush_during_attach,
     PROMISE("A flush on one processor and an ATTACH on another, made at the same time, both have "
             "their effect")
     COVERS("CON-1 LS-1 ATT-1") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("In each of eight rounds a device uses a page, which is unmapped. Then the first "
           "processor moves another device from one domain to another while the second one flushes "
           "the page.")
     EXPECTS("The flushed page is out of reach, and the moved device writes to the page of the "
             "domain that it is in.")
     IF_IT_FAILS("A flush that meets an ATTACH of another device is lost, or the ATTACH is: look "
                 "at what the two share."))
{
    struct dma_engine *stayer = device_n(t, 0), *mover = device_n(t, 1);
    struct partner *p = partner(t);
    struct domain *d = domain_paging(t), *goals[2] = {domain_paging(t), domain_paging(t)};
    struct buffer b = buffer(t, 1), at_goal[2] = {buffer(t, 1), buffer(t, 1)};
    struct caller own = caller(t);

    for (unsigned i = 0; i < 2; i++)
        map(t, goals[i], BASE_IOVA, &at_goal[i], RW);
    attach(t, d, stayer);
    attach(t, goals[1], mover);
    p->domain[0] = d->id;
    p->iova = BASE_IOVA;
    second_begin(t, take_part, p);
    for (unsigned i = 0; i < ROUNDS; i++) {
        enum hv_status status;

        map(t, d, BASE_IOVA, &b, RW);
        warm(t, stayer, BASE_IOVA, &b, "the page before it is unmapped");
        unmap(t, d, BASE_IOVA, PAGE_SIZE);
        start_round(t, p, i);
        status = caller_attach(&own, goals[i % 2]->id, mover->device_id);
        end_round(t, p, i);
        CHECK_SUCCESS(status, "ATTACH on the first processor");
        expect_write_fault(t, stayer, BASE_IOVA, 16, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                           "the page flushed during an ATTACH");
        expect_write(t, mover, BASE_IOVA, &at_goal[i % 2], 0, 16,
                     "the device attached during a flush");
        expect_untouched(t, &at_goal[1 - i % 2], "the page of the domain that the device has left");
        flush(t, d);
    }
    second_end(t);
}

TEST(attach_from_two,
     PROMISE("Two processors attach two devices at the same time, and each device is in its new "
             "domain after that")
     COVERS("CON-1 ATT-1") DEVICES(ALL) KINDS("dma")
     STEPS("In each of eight rounds the two processors move two devices between two domains, in "
           "opposite directions and at the same time.")
     EXPECTS("Each device then writes to the page of the domain that it was moved to, and nothing "
             "else changes.")
     IF_IT_FAILS("Two ATTACH calls at the same time mix up their devices or domains: look at the "
                 "lists of devices and the tables of the hardware."))
{
    struct dma_engine *mine = device_n(t, 0), *theirs = device_n(t, 1);
    struct partner *p = partner(t);
    struct domain *d[2] = {domain_paging(t), domain_paging(t)};
    struct buffer b[2] = {buffer(t, 1), buffer(t, 1)};
    struct caller own = caller(t);

    for (unsigned i = 0; i < 2; i++) {
        map(t, d[i], BASE_IOVA, &b[i], RW);
        p->domain[i] = d[i]->id;
    }
    attach(t, d[0], mine);
    attach(t, d[1], theirs);
    p->attaches = true;
    p->device_id = theirs->device_id;
    second_begin(t, take_part, p);
    for (unsigned i = 0; i < ROUNDS; i++) {
        enum hv_status status;

        start_round(t, p, i);
        status = caller_attach(&own, d[1 - i % 2]->id, mine->device_id);
        end_round(t, p, i);
        CHECK_SUCCESS(status, "ATTACH on the first processor");
        expect_write(t, mine, BASE_IOVA, &b[1 - i % 2], 0, 16,
                     "the device that the first processor attached");
        expect_untouched(t, &b[i % 2], "the page of the domain that it has left");
        expect_write(t, theirs, BASE_IOVA, &b[i % 2], 0, 16,
                     "the device that the second processor attached");
    }
    second_end(t);
}

/* Keeps the device at work: its repeating request makes a pass at every exit of any processor. */
struct driver {
    struct dma_engine *engine;
    bool stop;
    uint64_t turns;
};

static void drive(void *argument)
{
    struct driver *d = argument;

    while (!__atomic_load_n(&d->stop, __ATOMIC_RELAXED)) {
        (void)dmaprobe_register(d->engine, DMAPROBE_PENDING);
        __atomic_add_fetch(&d->turns, 1, __ATOMIC_RELAXED);
        give_way();
    }
}

static bool has_turned(const struct buffer *b, uint8_t value)
{
    return !memory_find_other(b->data, 64, value);
}

TEST(attach_under_fire,
     PROMISE("While another processor keeps a device writing, ATTACH and flushes take effect "
             "before they return")
     COVERS("CON-1 ATT-5 FL-6") DEVICES(PROBE) KINDS("dma fault flush")
     STEPS("A device writes to one IOVA again and again, kept at it by the second processor, while "
           "the first one moves it between two paging domains and a blocking one. In between, the "
           "page is unmapped and the domain flushed.")
     EXPECTS("After each ATTACH only the page of the domain in force is written to, and after the "
             "flush none.")
     IF_IT_FAILS("A switch or flush ends before the transfers that it has to wait for, or before "
                 "the other processor's view of the device has changed."))
{
    struct dma_engine *e = device(t);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);
    struct domain *d[3] = {domain_paging(t), domain_paging(t), domain_blocked(t)};
    struct dmaprobe_request burst = {.operation = DMAPROBE_FILL,
                                     .flags = DMAPROBE_REPEAT,
                                     .iova = BASE_IOVA,
                                     .length = 64,
                                     .operand = e->ops->fill_value};
    struct driver *driver = second_memory(t, sizeof(*driver));

    need_second(t);
    driver->engine = e;
    map(t, d[0], BASE_IOVA, &a, RW);
    map(t, d[1], BASE_IOVA, &b, RW);
    attach(t, d[2], e);
    dmaprobe_start(e, BURST, &burst);
    REQUIRE(burst.state == DMAPROBE_RUNNING, "the device did not start its DMA");
    second_begin(t, drive, driver);
    for (unsigned i = 0; i < 2 * ROUNDS; i++) {
        unsigned now = i % 3;

        attach(t, d[now], e);
        buffer_refresh(&a);
        buffer_refresh(&b);
        (void)dmaprobe_pending(e); /* exits, so that the device has had its turn in any case */
        (void)dmaprobe_pending(e);
        CHECK_EQ(has_turned(&a, e->ops->fill_value), now == 0,
                 "the first domain's page is written to");
        CHECK_EQ(has_turned(&b, e->ops->fill_value), now == 1,
                 "the second domain's page is written to");
        if (now == 0) {
            unmap(t, d[0], BASE_IOVA, PAGE_SIZE);
            flush(t, d[0]);
            buffer_refresh(&a);
            (void)dmaprobe_pending(e);
            expect_untouched(t, &a, "the page that was unmapped and flushed during continuous DMA");
            map(t, d[0], BASE_IOVA, &a, RW);
        }
    }
    __atomic_store_n(&driver->stop, true, __ATOMIC_RELAXED);
    second_end(t);
    (void)dmaprobe_release(e, BURST, &burst);
    drain_faults(t, e);
}
