/* SPDX-License-Identifier: MIT */
#include "host/base/power.h"

#include "host/base/instructions.h"

#define DEBUG_EXIT_PORT 0xF4
/* PM1a control register where OVMF places it on q35; SLP_EN with SLP_TYP 0 is S5 there. */
#define PM1A_CONTROL_PORT  0x604
#define PM1A_SLEEP_ENABLE  0x2000
#define RESET_CONTROL_PORT 0xCF9
#define RESET_CONTROL_FULL 0x0E

static void __attribute__((noreturn)) restart(void)
{
    cpu_out8(RESET_CONTROL_PORT, RESET_CONTROL_FULL);
    for (;;)
        __asm__ volatile("cli; hlt");
}

void host_restart(uint8_t code)
{
    cpu_out8(DEBUG_EXIT_PORT, code);
    restart();
}

void host_power_off(uint8_t code)
{
    cpu_out8(DEBUG_EXIT_PORT, code);
    cpu_out16(PM1A_CONTROL_PORT, PM1A_SLEEP_ENABLE);
    restart();
}
