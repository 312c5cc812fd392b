/* SPDX-License-Identifier: MIT */
/* The guest's ways to configuration space. */
#ifndef PVT_HOST_VDEV_CONFIG_TRAP_H
#define PVT_HOST_VDEV_CONFIG_TRAP_H

#include <stdint.h>

#include "host/vdev/vdev.h"

/* Takes the function's page out of ECAM; other functions of the bus stay as they are. */
void config_trap_hide(uint16_t bdf);
/* Takes a function of the machine off the PCI bus, for ECAM and ports. */
void config_trap_remove(uint16_t bdf);
/* Traps the pages that were hidden. */
void config_trap_init(void);

/* Configuration space of an emulated function, with all that follows from a write. */
uint64_t vdev_config_read(const struct vdev_function *function, unsigned offset, unsigned size);
typedef void vdev_config_writer(struct vdev_function *function, unsigned offset, unsigned size,
                                uint64_t value);
extern vdev_config_writer *vdev_config_write; /* written before launch only */

/* Handlers of ports 0xCF8 to 0xCFF; `size` 1, 2 or 4. Accesses to real functions go on to the
 * machine. */
uint32_t config_port_read(uint16_t port, unsigned size);
void config_port_write(uint16_t port, unsigned size, uint32_t value);

#endif
