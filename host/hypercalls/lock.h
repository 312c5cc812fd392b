/* SPDX-License-Identifier: MIT */
/*
 * One lock around every hypercall: simple calls are atomic with respect to each other, and so is each part of a rep
 * call. It is held with interrupts off (the host runs with GIF clear) and for microseconds, so that spinning is right.
 */
#ifndef PVT_HOST_HYPERCALLS_LOCK_H
#define PVT_HOST_HYPERCALLS_LOCK_H

struct host_lock {
    unsigned next, serving; /* tickets: processors are served in the order of their arrival */
};

static inline void host_lock_take(struct host_lock *lock)
{
    unsigned ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);

    while (__atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) != ticket)
        __builtin_ia32_pause();
}

static inline void host_lock_release(struct host_lock *lock)
{
    __atomic_store_n(&lock->serving, lock->serving + 1, __ATOMIC_RELEASE);
}

#endif
