/* SPDX-License-Identifier: MIT */
/* Checks of fields that several calls share. */
#ifndef PVT_HOST_HYPERCALLS_VALIDATE_HEADER_H
#define PVT_HOST_HYPERCALLS_VALIDATE_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/device_domain.h"
#include "abi/status.h"

/* The answer of GET_PARTITION_ID where it is offered: a small number, as a real host gives out. */
#define OWN_PARTITION_ID UINT64_C(2)

/* The caller may act for itself only. */
enum hv_status check_partition(uint64_t partition_id);
/* Reserved bits of a field are zero, or the host ignores them. */
bool reserved_valid(uint64_t field, uint64_t reserved);
/* Partition, VTL and domain name, in this order; padding is ignored (Reference 2.2). Does not look the domain up. */
enum hv_status check_device_domain(const struct hv_input_device_domain *name);

#endif
