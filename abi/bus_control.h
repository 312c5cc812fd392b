/* SPDX-License-Identifier: MIT */
#ifndef PVT_ABI_BUS_CONTROL_H
#define PVT_ABI_BUS_CONTROL_H

#include <stdint.h>

#include "assert.h"

/*
 * Optional control of the reference host's vPCI buses (docs/bus-control.md), for tests of devices
 * that come and go. Not a part of Hyper-V: tests that need it skip where it is absent.
 */

/* EAX = version of the interface; EBX, ECX, EDX = "PvtBusCtl" and NULs. Compare all. */
#define HV_BUS_CONTROL_CPUID          0x40000110u
#define HV_BUS_CONTROL_VERSION        1u
#define HV_BUS_CONTROL_CPUID_EBX_PVTB UINT32_C(0x42747650)
#define HV_BUS_CONTROL_CPUID_ECX_USCT UINT32_C(0x74437375)
#define HV_BUS_CONTROL_CPUID_EDX_L    UINT32_C(0x0000006C)

/* A simple call in memory form without output. */
#define HVCALL_BUS_CONTROL 0x7F11u

struct bus_control_input {
    uint64_t device_id; /* of any function of the bus */
    uint32_t action;    /* enum bus_control_action */
    uint32_t reserved;
};
ABI_SIZE(struct bus_control_input, 16);
ABI_OFFSET(struct bus_control_input, device_id, 0);
ABI_OFFSET(struct bus_control_input, action, 8);
ABI_OFFSET(struct bus_control_input, reserved, 12);

enum bus_control_action {
    BUS_CONTROL_EJECT =
        1, /* asks the guest to let go of the function; the bus is rescinded when it has */
    BUS_CONTROL_RESCIND = 2, /* takes the bus away, whatever the guest does with it */
    BUS_CONTROL_OFFER = 3,   /* offers it again after it was taken away and released */
};

#endif
