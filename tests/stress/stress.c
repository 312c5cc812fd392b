/* SPDX-License-Identifier: MIT */
/*
 * Long random sequences of all that a guest does, each step checked by DMA against a model.
 *
 * The other groups each have a scenario, and a scenario shows the defects that its author thought
 * of. Defects of state are different: they need three or four steps in the right order, such as a
 * flush that removes an entry of another domain whose id was used before, or a DETACH after a
 * partial list flush. A random sequence finds orders that no other test contains.
 *
 * The model (tests/harness/stress_model.h) keeps a set for each page of each paging domain: where a
 * write may land. A change of a leaf adds the new target and keeps the old one, because without a
 * flush a host may use either (FL-5). A new mapping removes the hole at once, since a host must not
 * cache that a page was absent (FL-3). A flush that covers the page, and the DETACH of the only
 * device of a domain, leave only what the tables say now. The model says nothing of caches; it is
 * the ABI as a set, so a host that flushes more than it has to passes.
 *
 * Each write must land whole, in one place, and that place must be in the set. Three devices write
 * after each step: to the page that changed last, where a defect is likely, and to one by chance.
 * The same seed repeats the same sequence on every host; after a failure the harness leaves out of
 * it what the failure does not need (tests/harness/replay.h), and the report has the rest.
 *
 * Two things could hide a defect. A sequence that changes pages the devices never use fills no
 * cache: half of the changes are on the three pages that the devices use all the time, and the
 * first test writes to the page that changed last. A set that only grows would allow everything:
 * one step in four is a flush, and there are eight pages. The second test runs the same steps while
 * the devices never stop, so that each call meets requests in flight (FL-6, ATT-5).
 */
#include "tests/harness/stress_model.h"

#include "lib/bits.h"
#include "tests/harness/continuous_dma.h"
#include "tests/harness/replay.h"

#define TEST_GROUP "stress"
#define SLOT       1u

static bool nowhere(uint32_t set)
{
    return (set & (STRESS_NOWHERE | STRESS_DENIED)) != 0;
}

static void write_and_look(struct stress *s, unsigned device, unsigned page, unsigned number)
{
    struct dma_engine *e = s->engine[device];
    struct test_run *t = s->t;
    uint32_t allowed = stress_allowed(s, device, page), landed;

    STEP("device 0x%llx writes at IOVA 0x%llx; it may land in 0x%llx", e->device_id,
         stress_iova(s, device, page), allowed);
    fill_by_device(t, e, stress_iova(s, device, page), STRESS_LENGTH, "DMA");
    landed = stress_landed(s, device, page);
    CHECK(landed ? is_power_of_two(landed) && (landed & allowed) : nowhere(allowed),
          "operation %u: the DMA landed in the set 0x%x instead of one of 0x%x (bits %u and %u: "
          "dropped)",
          number, landed, allowed, STRESS_TARGETS, STRESS_TARGETS + 1);
}

static void play(struct stress *s, struct operation o)
{
    unsigned number;

    replay_note(&o);
    (void)replay_played(&number);
    if (o.kind == OPERATION_WRITE)
        write_and_look(s, o.argument[0], o.argument[1], number);
    else
        stress_do(s, &o);
}

static void play_round_by_chance(struct stress *s)
{
    play(s, stress_chance(s));
    for (uint8_t device = 0; device < STRESS_DEVICES; device++) {
        uint8_t page = (uint8_t)random_below(&s->t->random, STRESS_PAGES);

        play(s, (struct operation){OPERATION_WRITE, {device, (uint8_t)s->changed}});
        play(s, (struct operation){OPERATION_WRITE, {device, page}});
    }
}

/* The soak adds these numbers up. */
static void observe_operations(struct test_run *t)
{
    unsigned count;

    (void)replay_played(&count);
    OBSERVE("%u operations of the random model", count);
}

STRESS(random_operations,
       PROMISE("Whatever a guest does in whatever order, each DMA reaches what the tables allow "
               "now or since the last flush")
       COVERS("FL-5 FL-1 FL-2 FL-3 ATT-4 DEL-3 ISO-1") DEVICES(ALL) KINDS("dma flush")
       STEPS("Three devices, and a blocking, an identity and three paging domains. Three hundred "
             "times the guest does one thing by chance: maps a page, unmaps it, points it "
             "elsewhere, changes its permission, flushes (domain, everything, exact list or "
             "covering block), moves or detaches a device, or deletes an idle domain and creates "
             "its id again; then each device writes to the page that was changed last, and to one "
             "by chance.")
       EXPECTS("The write is where the entry leads, or where it led since the page was last "
               "flushed, whole and in one place; nothing else in memory changes.")
       IF_IT_FAILS("The operations are the fewest that lead there, and --replay does them again. "
                   "Any of the flush, attach and delete paths may be at fault."))
{
    const struct operation *given;
    struct stress s;
    unsigned count;

    stress_begin(&s, t);
    given = replay_given(&count);
    for (unsigned i = 0; i < count; i++)
        play(&s, given[i]);
    for (unsigned round = 0; !given && round < rounds_on(s.engine[0], 300, 75); round++)
        play_round_by_chance(&s);
    stress_end(&s);
    observe_operations(t);
}

/* All places where DMA of each device landed since the last look. */
static void look(struct stress *s, const uint32_t *allowed, bool reached, unsigned number,
                 const char *when)
{
    struct test_run *t = s->t;

    for (unsigned i = 0; i < STRESS_DEVICES; i++) {
        uint32_t landed = stress_landed(s, i, i);

        CHECK(!(landed & ~allowed[i]),
              "operation %u, %s: device %u wrote to the set 0x%x, only 0x%x is allowed", number,
              when, i, landed, allowed[i]);
        CHECK(!reached || landed || nowhere(allowed[i]),
              "operation %u, %s: device %u reaches none of 0x%x", number, when, i, allowed[i]);
    }
}

static void allowed_now(const struct stress *s, uint32_t *allowed)
{
    for (unsigned i = 0; i < STRESS_DEVICES; i++)
        allowed[i] = stress_allowed(s, i, i);
}

static void play_under_fire(struct stress *s, struct operation o)
{
    uint32_t now[STRESS_DEVICES], either[STRESS_DEVICES];
    unsigned number;

    replay_note(&o);
    (void)replay_played(&number);
    allowed_now(s, either);
    stress_do(s, &o);
    allowed_now(s, now);
    for (unsigned i = 0; i < STRESS_DEVICES; i++)
        either[i] |= now[i];
    look(s, either, false, number, "during it");
    continuous_dma_pass(s->engine[0], DMA_SETTLE_EXITS);
    look(s, now, true, number, "after it");
}

STRESS(random_operations_under_fire,
       PROMISE("Whatever a guest does while three devices never rest, no DMA reaches what is not "
               "allowed at that moment")
       COVERS("FL-6 ATT-5 FL-5 FL-3 ISO-2") DEVICES(PROBE) KINDS("dma flush")
       STEPS("As random_operations, two hundred times, but each device writes to a page of its own "
             "over and over, and so is at work during every call.")
       EXPECTS("During a step a write may land where it was allowed before or after the step, and "
               "after it only where it is allowed then; a mapped page is reached.")
       IF_IT_FAILS("A call returns before DMA through the old translation is over, or opens a gap "
                   "while it works."))
{
    const struct operation *given;
    struct stress s;
    unsigned count;

    stress_begin(&s, t);
    for (unsigned i = 0; i < STRESS_DEVICES; i++)
        continuous_dma_start(t, s.engine[i], SLOT, stress_iova(&s, i, i), STRESS_LENGTH,
                             stress_value(i));
    given = replay_given(&count);
    for (unsigned i = 0; i < count; i++)
        play_under_fire(&s, given[i]);
    for (unsigned round = 0; !given && round < 200; round++)
        play_under_fire(&s, stress_chance(&s));
    for (unsigned i = 0; i < STRESS_DEVICES; i++) {
        (void)continuous_dma_stop(t, s.engine[i], SLOT);
        (void)stress_landed(&s, i, i);
    }
    stress_end(&s);
    observe_operations(t);
}
