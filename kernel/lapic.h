/* SPDX-License-Identifier: MIT */
/* Local APIC: the one-shot timer for test deadlines. xAPIC by MMIO, or x2APIC by MSR when it is
 * already on. */
#ifndef PVT_KERNEL_LAPIC_H
#define PVT_KERNEL_LAPIC_H

#include <stdbool.h>
#include <stdint.h>

#define VECTOR_DEADLINE 0xE0
#define VECTOR_WAKE     0xE1 /* a processor has something to do */
#define VECTOR_SPURIOUS 0xFF

/* Needs time_init(). Panics when there is no local APIC, because then no deadline could be kept. */
void lapic_init(void);
/* The processor has x2APIC, on or off. */
bool lapic_has_x2apic(void);
uint32_t lapic_id(void);

/* One interrupt at VECTOR_DEADLINE after `ns` nanoseconds, or earlier when the counter is too
 * short: the handler looks at the clock and arms again. */
void lapic_timer_arm(uint64_t ns);
void lapic_timer_stop(void);

/* For the start of other processors, which are reached by the number that the ACPI tables give.
 * Turns the x2APIC on where the processor has it: its messages need no page that a host would have
 * to watch. */
void lapic_prepare_messages(void);
/* The running processor, which is not the first, gets the same mode and timer. */
void lapic_init_other(void);
enum lapic_message {
    LAPIC_FIXED = 0x000, /* joined with a vector */
    LAPIC_INIT = 0x500,
    LAPIC_START =
        0x600, /* joined with the number of the page below 1 MiB where the processor starts */
};
void lapic_send(uint32_t apic_id, unsigned message);

/* An interrupt with `vector` has arrived and not been taken yet. */
bool lapic_requested(unsigned vector);
/* The same for 32 vectors at once: bit n stands for vector first + n; `first` is a multiple of 32.
 */
uint32_t lapic_requested_of(unsigned first);

/* End of interrupt, if the local APIC really has `vector` in service. */
void lapic_eoi(unsigned vector);

#endif
