/* SPDX-License-Identifier: MIT */
/* The values of this host's virtual functions, as data. Written before launch only. */
#ifndef PVT_HOST_VDEV_VDEV_RULES_H
#define PVT_HOST_VDEV_VDEV_RULES_H

#include <stdbool.h>
#include <stdint.h>

struct vdev_function;

struct vdev_rules {
    bool root_ports;         /* there are functions below root ports, and IOAT, too */
    bool single;             /* there is one function, and no more */
    bool registers_at_top;   /* as high as the processor's addresses reach, wherever the root bridge
                                passes on */
    uint64_t message_window; /* bits 63:20 of the address of an interrupt message */
    /* Sends an interrupt message of the function; false: it is lost. */
    bool (*send_message)(const struct vdev_function *function, uint64_t address, uint32_t data);
};
extern struct vdev_rules vdev_rules;

#endif
