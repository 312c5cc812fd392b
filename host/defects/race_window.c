/* SPDX-License-Identifier: MIT */
#include "host/defects/race_window.h"

#include "host/base/counters.h"
#include "host/base/instructions.h"
#include "host/base/lock.h"
#include "host/base/memory.h"
#include "host/cpu/processors.h"
#include "host/cpu/vcpu.h"

#define WAIT_TICKS 5000000u /* of the TSC: about two milliseconds */
#define WAIT_PAUSES                                                                                \
    1000u /* at least: on a busy machine the time may pass without a turn of the other processor   \
           */
#define IN_VAIN_MAX                                                                                \
    40u /* in a row: no second processor is active then, until one enters the host again */

static struct {
    unsigned in_vain;
    uint64_t exits_of_others; /* at the last look */
} patience;

/* Has the guest started another processor? */
static bool others_run(void)
{
    for (unsigned i = 0; i < processors_count(); i++)
        if (cpu_by_index(i) != cpu_current() && cpu_by_index(i)->running)
            return true;
    return false;
}

/* How often the other processors have left the guest so far. */
static uint64_t count_exits_of_others(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < processors_count(); i++)
        if (cpu_by_index(i) != cpu_current())
            sum += __atomic_load_n(&cpu_counters_of(i)->exits_total, __ATOMIC_RELAXED);
    return sum;
}

struct look {
    bool (*happened)(const struct look *look);
    const uint32_t *counter;
    uint32_t old_count;
    uint64_t gpa, old_word;
};

static bool wait_for(const struct look *look)
{
    uint64_t first = cpu_rdtsc(), exits = count_exits_of_others();

    if (!others_run())
        return false;
    if (exits != patience.exits_of_others)
        patience.in_vain = 0;
    patience.exits_of_others = exits;
    for (unsigned pauses = 0; patience.in_vain < IN_VAIN_MAX &&
                              (pauses < WAIT_PAUSES || cpu_rdtsc() - first < WAIT_TICKS);
         pauses++) {
        if (look->happened(look)) {
            patience.in_vain = 0;
            return true;
        }
        __builtin_ia32_pause();
    }
    patience.in_vain += patience.in_vain < IN_VAIN_MAX;
    return false;
}

/* Has another processor left the guest, and waits for the host's lock? */
static bool exit_waits(const struct look *look)
{
    (void)look;
    for (unsigned i = 0; i < processors_count(); i++) {
        const struct cpu *cpu = cpu_by_index(i);

        if (cpu != cpu_current() && cpu->running &&
            __atomic_load_n(&cpu->in_host, __ATOMIC_SEQ_CST))
            return true;
    }
    return false;
}

bool race_window_until_exit(void)
{
    const struct look look = {.happened = exit_waits};

    return wait_for(&look);
}

static bool counted(const struct look *look)
{
    return __atomic_load_n(look->counter, __ATOMIC_ACQUIRE) != look->old_count;
}

bool race_window_until_count(const uint32_t *counter, uint32_t old)
{
    const struct look look = {.happened = counted, .counter = counter, .old_count = old};
    bool happened;

    host_lock_release(&host_lock);
    happened = wait_for(&look);
    processors_take_lock(cpu_current()); /* and may be stopped there */
    return happened;
}

static bool stored(const struct look *look)
{
    uint64_t now = look->old_word;

    return guest_read(look->gpa, &now, sizeof(now)) && now != look->old_word;
}

bool race_window_until_store(uint64_t gpa, const uint64_t *old)
{
    const struct look look = {.happened = stored, .gpa = gpa, .old_word = *old};

    return wait_for(&look);
}
