/* SPDX-License-Identifier: MIT */
#include "host/defects/race_window.h"

#include "host/base/instructions.h"
#include "host/base/lock.h"
#include "host/base/memory.h"
#include "host/cpu/processors.h"

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

struct look {
    bool (*happened)(const struct look *look);
    const uint32_t *counter;
    uint32_t old_count;
    uint64_t gpa, old_word;
};

static bool wait_for(const struct look *look)
{
    uint64_t first = cpu_rdtsc(), exits = processors_exits_of_others();

    if (!processors_others_run())
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

static bool exit_waits(const struct look *look)
{
    (void)look;
    return processors_wait_for_lock();
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
