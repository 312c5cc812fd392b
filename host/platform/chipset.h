/* SPDX-License-Identifier: MIT */
/*
 * Registers of the machine's bridges by which memory is mapped or moved: windows of configuration
 * space and of chipset registers, shadow memory, SMM memory, the block of power management. The
 * host relies on where they are.
 */
#ifndef PVT_HOST_PLATFORM_CHIPSET_H
#define PVT_HOST_PLATFORM_CHIPSET_H

#include <stdbool.h>
#include <stdint.h>

/* A host bridge or an ISA bridge on bus 0. */
bool chipset_is_guarded(uint16_t bdf);
/* The guest may write these bytes of such a function's configuration space. */
bool chipset_write_allowed(uint16_t bdf, unsigned offset, unsigned size);
/* First of four ports that choose the sources of SMIs; 0: unknown on this machine. */
uint16_t chipset_smi_enable_port(void);
/* First of two ports by which the machine is put to sleep; 0: unknown on this machine. */
uint16_t chipset_power_control_port(void);
/* Would this value of the register put the processors to sleep and leave memory as it is? They wake
 * up in the firmware, which starts without the host. */
bool chipset_sleep_keeps_memory(uint32_t control);

#endif
