/* SPDX-License-Identifier: MIT */
/* A function on a vPCI bus: one that the host emulates (virtual_function.c) or one of the machine
 * (machine_function.c).
 */
#ifndef PVT_HOST_VPCI_FUNCTION_H
#define PVT_HOST_VPCI_FUNCTION_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/vpci.h"
#include "host/vpci/vpci_rules.h"

struct vpci_bus;
struct vpci_function;
struct vdev_function;
struct machine_function;

struct vpci_function_ops {
    /* Configuration space. `size` is 1, 2 or 4, `offset` a multiple of it. */
    uint32_t (*read)(struct vpci_function *function, unsigned offset, unsigned size);
    void (*write)(struct vpci_function *function, unsigned offset, unsigned size, uint32_t value);
    /* As at power-on: no BAR, no bus mastering, no interrupt, nothing in flight. */
    void (*reset)(struct vpci_function *function);
    /* Messages that the host gave out for the function lead elsewhere now; or NULL. */
    void (*retargeted)(struct vpci_function *function);
};

struct vpci_function {
    const struct vpci_function_ops *ops;
    struct vpci_bus *bus;
    uint16_t bdf; /* of its DMA; the lower bits are its number on the bus */
    uint64_t device_id;
    uint32_t bar_mask[VPCI_BARS]; /* a BAR after all ones were written */
    struct vdev_function *virtual_function;
    struct machine_function *machine;
};

static inline uint32_t vpci_function_slot(const struct vpci_function *function)
{
    return vpci_slot(vpci_rules.device, function->bdf & 7u);
}

/* A BAR of memory that takes two registers; of its mask or of its value. */
static inline bool vpci_bar_is_wide(uint32_t bar)
{
    return (bar & 7u) == 4u;
}

/* The upper half of one. */
static inline bool vpci_bar_is_upper(const struct vpci_function *function, unsigned index)
{
    return index > 0 && vpci_bar_is_wide(function->bar_mask[index - 1]);
}

/* Sets up `function`, of which bdf and device_id are filled in. False: it cannot stand on such a
 * bus. Before launch. */
bool virtual_function_init(struct vpci_function *function);
bool machine_function_init(struct vpci_function *function);

/* Registers of the machine's functions that the guest does not reach directly. False: there is none
 * at this address. */
bool machine_access(uint64_t gpa, unsigned size, uint64_t *value, bool write);

#endif
