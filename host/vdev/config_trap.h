/* SPDX-License-Identifier: MIT */
/* The guest's ways to configuration space. */
#ifndef PVT_HOST_VDEV_CONFIG_TRAP_H
#define PVT_HOST_VDEV_CONFIG_TRAP_H

#include <stdint.h>

/* Takes the function's page out of ECAM; other functions of the bus stay as they are. */
void config_trap_hide(uint16_t bdf);
/* Traps the pages that were hidden. */
void config_trap_init(void);

/* Handlers of ports 0xCF8 to 0xCFF; `size` 1, 2 or 4. Accesses to real functions go on to the machine. */
uint32_t config_port_read(uint16_t port, unsigned size);
void config_port_write(uint16_t port, unsigned size, uint32_t value);

#endif
