/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_BASE_POWER_H
#define PVT_HOST_BASE_POWER_H

#include <stdint.h>

/* Value for QEMU's isa-debug-exit; the guest uses 0x10 to 0x12. QEMU ends with (value << 1) | 1. */
#define HOST_EXIT_ERROR 0x13u

/* Debug-exit port, then ACPI S5 of q35, then a reset. */
void host_power_off(uint8_t code) __attribute__((noreturn));

/* Shutdown of a processor: debug-exit port for a runner that waits for it, then a reset. */
void host_restart(uint8_t code) __attribute__((noreturn));

#endif
