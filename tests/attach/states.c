/* SPDX-License-Identifier: MIT */
/*
 * Every way of a device from one state to another: detached, in an identity, a blocking and a
 * paging domain, and from one domain to another of its kind; with DMA before, and with DMA in
 * flight.
 */
#include "drivers/dmaprobe.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/continuous_dma.h"

#define TEST_GROUP "attach"
#define LENGTH     16u
#define SLOT       2u
#define HELD       256u /* offset of what is in flight */
#define TWINS      2u   /* domains of each kind */

enum state { STATE_DETACHED, STATE_IDENTITY, STATE_BLOCKED, STATE_PAGING, STATES };

static const char *const names[STATES] = {"no domain", "an identity domain", "a blocking domain",
                                          "a paging domain"};

/* One IOVA: the GPA of `open`, which paging domains lead to a page each. */
struct country {
    struct domain *domain[STATES][TWINS];
    struct buffer open, paged[TWINS];
    uint64_t iova;
};

static void country_open(struct test_run *t, struct country *c)
{
    c->open = buffer(t, 1);
    c->iova = gpa_of(c->open.data);
    for (unsigned twin = 0; twin < TWINS; twin++) {
        c->paged[twin] = buffer(t, 1);
        c->domain[STATE_IDENTITY][twin] = domain_identity(t);
        c->domain[STATE_BLOCKED][twin] = domain_blocked(t);
        c->domain[STATE_PAGING][twin] = domain_mapping(t, c->iova, &c->paged[twin]);
    }
}

static void go(struct test_run *t, struct country *c, struct dma_engine *e, enum state state,
               unsigned twin)
{
    if (state == STATE_DETACHED) {
        enum hv_status status = iommu_detach(e->device_id);

        STEP("detach device 0x%llx: %s", e->device_id, hv_status_name(status));
    } else {
        attach(t, c->domain[state][twin], e);
    }
}

static void refresh(struct country *c)
{
    memset(c->open.data, POISON_FRESH, HELD + LENGTH);
    for (unsigned twin = 0; twin < TWINS; twin++)
        memset(c->paged[twin].data, POISON_FRESH, HELD + LENGTH);
}

/* The device writes, and memory tells the state. */
static void expect_state(struct test_run *t, struct country *c, struct dma_engine *e,
                         enum state state, unsigned twin, const char *what)
{
    bool landed[1 + TWINS], wanted[1 + TWINS] = {state == STATE_IDENTITY};

    wanted[1 + twin] = state == STATE_PAGING;
    fill_by_device(t, e, c->iova, LENGTH, what);
    drain_faults(t, e);
    for (unsigned i = 0; i <= TWINS; i++) {
        const uint8_t *at = i == 0 ? c->open.data : c->paged[i - 1].data;

        landed[i] = memory_find_other(at, LENGTH, POISON_FRESH);
        CHECK(!landed[i] || !memory_find_other(at, LENGTH, e->ops->fill_value),
              "%s: bytes that the device does not write", what);
        CHECK(!landed[i] || wanted[i], "%s: device 0x%llx, in %s, reaches %s", what,
              (unsigned long long)e->device_id, names[state],
              i == 0 ? "memory by its GPA" : "the page of a paging domain in which it is not");
        CHECK(landed[i] || !wanted[i], "%s: device 0x%llx, in %s, does not reach its page", what,
              (unsigned long long)e->device_id, names[state]);
    }
    refresh(c);
}

/* True: the device holds a write, to a place that it reaches in its state. */
static bool hold(struct test_run *t, struct country *c, struct dma_engine *e, enum state state)
{
    if (!dmaprobe_is(e) || state == STATE_BLOCKED || state == STATE_DETACHED)
        return false;
    continuous_dma_hold(t, e, SLOT,
                        (struct dmaprobe_request){.operation = DMAPROBE_FILL,
                                                  .iova = c->iova + HELD,
                                                  .length = LENGTH,
                                                  .operand = e->ops->fill_value});
    return true;
}

/* A write that was in flight has landed by now or never does. */
static void expect_nothing_late(struct test_run *t, struct country *c, struct dma_engine *e,
                                const char *what)
{
    refresh(c);
    (void)continuous_dma_release(t, e, SLOT);
    expect_untouched(t, &c->open, what);
    for (unsigned twin = 0; twin < TWINS; twin++)
        expect_untouched(t, &c->paged[twin], what);
}

static void take(struct test_run *t, struct country *c, struct dma_engine *e, enum state from,
                 enum state to, bool busy)
{
    char what[TEXT_MAX];
    unsigned twin = from == to;
    bool held;

    if (from == STATE_DETACHED)
        go(t, c, e, STATE_PAGING, 0);
    go(t, c, e, from, 0);
    fmt_snprintf(what, sizeof(what), "before the way from %s to %s", names[from], names[to]);
    expect_state(t, c, e, from, 0, what);
    held = busy && hold(t, c, e, from);
    go(t, c, e, to, twin);
    fmt_snprintf(what, sizeof(what), "after the way from %s to %s%s", names[from], names[to],
                 held ? ", with DMA in flight" : "");
    if (held)
        expect_nothing_late(t, c, e, what);
    expect_state(t, c, e, to, twin, what);
}

TEST(each_state_to_each,
     PROMISE("A device goes from each state to each, and its next DMA is that of the new state, "
             "whether the last one was done or in flight")
     COVERS("ATT-1 ATT-2 ATT-7 ID-1 DET-1 DET-2 DET-3") ABI() DEVICES(NONE)
     KINDS("dma fault device")
     STEPS("The first and the last device that is not slow go through all pairs of: no domain, an "
           "identity, a blocking and a paging domain, and to a second domain of the same kind. "
           "Each writes before and after. A device that can holds a DMA during the call, and lets "
           "it go afterwards.")
     EXPECTS("Each write lands where the state at that moment leads, or nowhere; nothing lands "
             "after the call that was in flight before.")
     IF_IT_FAILS("The host takes a short way from one state to another: it skips a switch for "
                 "states that look alike, or for a device that is busy."))
{
    struct dma_engine *e[DMA_ENGINES_MAX], *pair[2];
    unsigned count = fast_devices(t, e, 1);
    struct country c;

    pair[0] = e[0];
    pair[1] = e[count - 1];
    country_open(t, &c);
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned from = 0; from < STATES; from++) {
            for (unsigned to = 0; to < STATES; to++) {
                take(t, &c, pair[i], (enum state)from, (enum state)to, false);
                take(t, &c, pair[i], (enum state)from, (enum state)to, true);
            }
        }
        go(t, &c, pair[i], STATE_BLOCKED, 0);
    }
}
