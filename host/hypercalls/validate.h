/* SPDX-License-Identifier: MIT */
/* Checks of a call: its form, before any handler runs, and the fields that several calls share. */
#ifndef PVT_HOST_HYPERCALLS_VALIDATE_H
#define PVT_HOST_HYPERCALLS_VALIDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/device_domain.h"
#include "abi/status.h"
#include "host/hypercalls/call.h"

/* The control word of a known call. */
enum hv_status validate_control(const struct call *call, uint64_t control);
/* Alignment, page, address space, RAM. */
enum hv_status validate_list(const struct parameter_list *list, uint32_t alignment);
enum hv_status validate_overlap(const struct parameter_list *input,
                                const struct parameter_list *output);

/* The answer of GET_PARTITION_ID where it is offered: a small number, as a real host gives out. */
#define OWN_PARTITION_ID UINT64_C(2)

/* The caller may act for itself only. */
enum hv_status check_partition(uint64_t partition_id);
/* Reserved bits of a field are zero, or the host ignores them. */
bool reserved_valid(uint64_t field, uint64_t reserved);
/* Partition, VTL and domain name, in this order; padding is ignored (Reference 2.2). Does not look
 * the domain up. */
enum hv_status check_device_domain(const struct hv_input_device_domain *name);

#endif
