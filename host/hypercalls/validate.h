/* SPDX-License-Identifier: MIT */
/* Checks of a call before any handler runs (Reference 2.1 to 2.3). */
#ifndef PVT_HOST_HYPERCALLS_VALIDATE_H
#define PVT_HOST_HYPERCALLS_VALIDATE_H

#include "host/hypercalls/call.h"

/* The control word of a known call. */
enum hv_status validate_control(const struct call *call, uint64_t control);
/* Alignment, page, address space, RAM. */
enum hv_status validate_list(const struct parameter_list *list, uint32_t alignment);
enum hv_status validate_overlap(const struct parameter_list *input, const struct parameter_list *output);

#endif
