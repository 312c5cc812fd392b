/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_BASE_FRAME_LINK_H
#define PVT_HOST_BASE_FRAME_LINK_H

#include <stdint.h>

/* How many frames a report of a stack prints. */
#define FRAMES_MAX 24

/* At the address in RBP, in code that keeps frame pointers. */
struct frame_link {
    uint64_t caller_rbp, return_address;
};

#endif
