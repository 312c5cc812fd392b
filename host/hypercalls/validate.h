/* SPDX-License-Identifier: MIT */
/* Checks of a call before any handler runs (Reference 2.1 to 2.3). */
#ifndef PVT_HOST_HYPERCALLS_VALIDATE_H
#define PVT_HOST_HYPERCALLS_VALIDATE_H

#include "host/hypercalls/call.h"

/* A parameter list in guest memory; `size` 0: the call has none, and `gpa` is ignored. */
struct parameter_list {
    uint64_t gpa;
    uint32_t size; /* bytes */
};

/* The control word of a known call. Status INVALID_HYPERCALL_INPUT names no further reason: the log does. */
enum hv_status validate_control(const struct call *call, uint64_t control);
/* Alignment, page, address space, RAM. Rounds `list->gpa` down under a defect only. */
enum hv_status validate_list(struct parameter_list *list);
enum hv_status validate_overlap(const struct parameter_list *input, const struct parameter_list *output);

#endif
