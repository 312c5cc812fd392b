/* SPDX-License-Identifier: MIT */
/*
 * The hypercall page belongs to the partition: where one processor moves it, all processors see it.
 *
 * The page is an overlay on guest memory. A host puts it there by changing the second-stage
 * translation, and has to flush the old translation of that address on all processors before the
 * write to the MSR returns. A host that does so for the processor that wrote the MSR only passes
 * every test with one processor. The other processor goes on reading the RAM below the page, or,
 * after the page was taken away, goes on executing code from a page that the host uses for
 * something else.
 *
 * The second processor reads the new place before the move, so that its TLB holds the translation,
 * and reads it again after the move. In between it neither makes a call nor takes an exception, and
 * touches nothing that could evict the entry: a flush of the TLB by accident would hide the defect.
 * A flag in memory tells it that the move is over, and it reads the place once more. That one read
 * has to return the new content, since the WRMSR of the first processor has returned.
 *
 * The host chooses what is in the page, and may change it at each move: what the processor that
 * has moved it sees there is what the others have to see.
 *
 * The same is done in the other direction: after the page has moved back home, the second processor
 * has to see the RAM that was below it. The page is back at home when the test ends, whatever it
 * finds, because all later calls need it.
 */
#define TEST_GROUP "concurrency"
#include "abi/msr.h"
#include "kernel/percpu.h"
#include "kernel/time.h"
#include "lib/string.h"
#include "tests/harness/second_processor.h"

#define WAIT_US 1000000u

/* Bytes that the second processor reads at the new place, before and after the page came there. The
 * processor neither makes a call nor takes an exception in between, so nothing flushes its TLB by
 * accident. */
struct watcher {
    const uint8_t *place;
    uint64_t before, after;
    bool watching, moved;
};

static uint64_t look(const uint8_t *place)
{
    return *(const volatile uint64_t *)place;
}

static void watch(void *argument)
{
    struct watcher *w = argument;

    const uint64_t end = time_us() + 2 * WAIT_US;

    w->before = look(w->place);
    __atomic_store_n(&w->watching, true, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&w->moved, __ATOMIC_ACQUIRE) && time_us() < end) {
        (void)look(w->place);
        give_way();
    }
    w->after = look(w->place);
}

static bool is_watching(void *argument)
{
    const struct watcher *w = argument;

    return __atomic_load_n(&w->watching, __ATOMIC_ACQUIRE);
}

static bool set_page(uint64_t gpa)
{
    uint64_t value;

    return msr_read_safe(HV_MSR_HYPERCALL, &value) == TRAP_NONE &&
           msr_write_safe(HV_MSR_HYPERCALL, hv_hypercall_msr_enable(value, gpa)) == TRAP_NONE;
}

/* True when the MSR took it. The page is moved in any case: it must be back when the test ends. */
static bool move_watched(struct test_run *t, struct watcher *w, uint64_t gpa)
{
    bool watched, set;

    second_begin(t, watch, w);
    watched = time_wait(is_watching, w, WAIT_US);
    set = set_page(gpa);
    __atomic_store_n(&w->moved, watched, __ATOMIC_RELEASE);
    return set;
}

/* A page of RAM that the hypercall page can be moved to; the test is skipped where it is locked. */
static uint8_t *place_for_page(struct test_run *t)
{
    uint8_t *place = page_alloc(1, PAGE_SIZE);
    uint64_t msr = 0;

    REQUIRE(place, "no memory");
    CHECK(msr_read_safe(HV_MSR_HYPERCALL, &msr) == TRAP_NONE,
          "RDMSR HYPERCALL raises an exception");
    if (msr & HV_HYPERCALL_MSR_LOCKED)
        SKIP("the hypercall page is locked where it is");
    memset(place, HYPERCALL_UNDERLAY, PAGE_SIZE);
    return place;
}

TEST(page_moves_for_all,
     PROMISE("If one processor moves the hypercall page, the other one sees it at once, and the "
             "RAM once it has left")
     COVERS("GEN-16 DISC-8") ABI() DEVICES(NONE) KINDS("none")
     STEPS("The second processor reads the start of a page of RAM. The first one moves the "
           "hypercall page there, and the second one reads again, without leaving the guest in "
           "between. Then the page is moved back, and the same is done again.")
     EXPECTS("The second processor sees the hypercall page while it is there, and the RAM when it "
             "has gone.")
     IF_IT_FAILS("The host changes the nested tables of all processors, but only the one that "
                 "wrote the MSR drops what it holds of the old ones."))
{
    uint64_t home = hypercall_init()->page, code;
    struct watcher *coming = second_memory(t, 2 * sizeof(*coming)), *going = coming + 1;
    uint8_t *place;
    bool moved, back;

    capabilities(t);
    need_second(t);
    place = place_for_page(t);
    coming->place = going->place = place;

    moved = move_watched(t, coming, gpa_of(place));
    if (!moved)
        (void)set_page(home);
    second_end(t);
    code = look(place);
    back = move_watched(t, going, home);
    second_end(t);

    CHECK(moved && back, "WRMSR HYPERCALL raises an exception");
    REQUIRE(coming->moved && going->moved, "the second processor did not come to look");
    CHECK(look(place) == coming->before, "the RAM below the page has changed");
    CHECK(code != coming->before, "the hypercall page is not where it was moved to");
    CHECK_EQ(coming->after, code,
             "start of the hypercall page as the second processor sees it after a move");
    CHECK_EQ(going->before, code, "the same, seen by a second look");
    CHECK_EQ(going->after, coming->before,
             "the RAM as the second processor sees it when the page has left");
}

/* One processor moves the page once all others watch the place. */
struct mover {
    struct watcher watcher[CPUS_MAX]; /* by processor; that of the mover is not used */
    unsigned number, count;
    uint64_t gpa;
    uint64_t shown; /* at the place, to the mover, after the move */
    bool watched, set;
};

static bool all_watch(void *argument)
{
    struct mover *m = argument;

    for (unsigned i = 0; i < m->count; i++)
        if (i != m->number && !is_watching(&m->watcher[i]))
            return false;
    return true;
}

static void move(void *argument)
{
    struct mover *m = argument;

    m->watched = time_wait(all_watch, m, WAIT_US);
    m->set = set_page(m->gpa);
    m->shown = look(m->watcher[m->number].place);
    for (unsigned i = 0; i < m->count; i++)
        __atomic_store_n(&m->watcher[i].moved, m->watched, __ATOMIC_RELEASE);
}

/* Moves the page there, as *m says; watched from `place`. */
static void move_for_all(struct test_run *t, struct mover *m, const uint8_t *place)
{
    for (unsigned i = 0; i < m->count; i++)
        m->watcher[i] = (struct watcher){.place = place};
    for (unsigned i = 1; i < m->count; i++)
        if (i == m->number)
            processor_begin(t, i, move, m);
        else
            processor_begin(t, i, watch, &m->watcher[i]);
    if (m->number == 0)
        move(m);
    else
        watch(&m->watcher[0]);
    for (unsigned i = 1; i < m->count; i++)
        processor_end(t, i);
}

static void expect_seen(struct test_run *t, const struct mover *m, uint64_t before, uint64_t after)
{
    CHECK(m->set, "WRMSR HYPERCALL raises an exception");
    REQUIRE(m->watched, "a processor did not come to look");
    for (unsigned i = 0; i < m->count; i++) {
        if (i == m->number)
            continue;
        STEP("seen by %s", processor_name(i));
        REQUIRE(m->watcher[i].moved, "the processor did not hear of the move");
        CHECK_EQ(m->watcher[i].before, before, "start of the place before the move");
        CHECK_EQ(m->watcher[i].after, after, "start of the place after the move");
    }
}

TEST(page_moved_by_each,
     PROMISE("Whichever processor moves the hypercall page, all others see it at once, and the RAM "
             "once it has left")
     COVERS("GEN-16 DISC-8") ABI() DEVICES(NONE) KINDS("none")
     STEPS("All processors but one read the start of a page of RAM. That one moves the hypercall "
           "page there, and the others read again, without leaving the guest in between. Then it "
           "moves the page back, and the same is done again. Each processor is the one that moves, "
           "in turn.")
     EXPECTS("All others see the hypercall page while it is there, and the RAM when it has gone.")
     IF_IT_FAILS("The host calls only some of the processors out of the guest when its nested "
                 "tables change: those after the one that changed them, or those that are not the "
                 "first."))
{
    const uint64_t home = hypercall_init()->page;
    struct mover *coming = second_memory(t, 2 * sizeof(*coming)), *going = coming + 1;
    const unsigned count = processor_count();
    uint64_t ram;
    uint8_t *place;

    capabilities(t);
    for (unsigned i = 1; i < (count > 2 ? count : 2); i++)
        need_processor(t, i);
    place = place_for_page(t);
    ram = look(place);
    for (unsigned number = 0; number < count; number++) {
        coming->number = going->number = number;
        coming->count = going->count = count;
        coming->gpa = gpa_of(place);
        going->gpa = home;
        move_for_all(t, coming, place);
        move_for_all(t, going, place);
        STEP("moved by %s", processor_name(number));
        CHECK(coming->shown != ram, "the hypercall page is not where it was moved to");
        expect_seen(t, coming, ram, coming->shown);
        STEP("moved back by %s", processor_name(number));
        expect_seen(t, going, coming->shown, ram);
    }
}
