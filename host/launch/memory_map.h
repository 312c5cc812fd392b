/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_LAUNCH_MEMORY_MAP_H
#define PVT_HOST_LAUNCH_MEMORY_MAP_H

#include "host/launch/launch.h"

/* Tells host_memory which memory of the firmware's map is RAM that the guest may use. */
void memory_map_import(const struct launch_args *args);

#endif
