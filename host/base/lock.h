/* SPDX-License-Identifier: MIT */
/*
 * One lock, the host's, is held from a #VMEXIT to the next entry: whatever the host changes, it
 * changes for one processor at a time. It is held with interrupts off (the host runs with GIF
 * clear) and for microseconds, so that spinning is right. It is no ticket lock: a processor that
 * waits may be stopped for good, and its turn would never end.
 */
#ifndef PVT_HOST_BASE_LOCK_H
#define PVT_HOST_BASE_LOCK_H

#include <stdbool.h>

struct host_lock {
    bool held;
};

static inline bool host_lock_try(struct host_lock *lock)
{
    return !__atomic_load_n(&lock->held, __ATOMIC_RELAXED) &&
           !__atomic_exchange_n(&lock->held, true, __ATOMIC_ACQUIRE);
}

static inline void host_lock_take(struct host_lock *lock)
{
    while (!host_lock_try(lock))
        __builtin_ia32_pause();
}

static inline void host_lock_release(struct host_lock *lock)
{
    __atomic_store_n(&lock->held, false, __ATOMIC_RELEASE);
}

/* Taken in host/cpu/exit.c. */
extern struct host_lock host_lock;

#endif
