/* SPDX-License-Identifier: MIT */
#ifndef PVT_ABI_RETARGET_INTERRUPT_H
#define PVT_ABI_RETARGET_INTERRUPT_H

#include <stdint.h>

#include "assert.h"

/*
 * HVCALL_RETARGET_DEVICE_INTERRUPT (Reference 3.1, 4), a simple call: moves an interrupt of a vPCI
 * device. It names the device by the same logical id as the device-domain calls.
 */
struct hv_input_retarget_device_interrupt {
    uint64_t partition_id;
    uint64_t device_id;
    uint32_t source;
    uint32_t reserved;
    uint32_t address; /* low half of the MSI address that the host returned */
    uint32_t data;
    uint64_t reserved2;
    uint32_t vector;
    uint32_t flags;
    uint64_t processor_mask; /* with PROCESSOR_SET: the format of the set, which follows as a
                                variable header */
};
ABI_SIZE(struct hv_input_retarget_device_interrupt, 56);
ABI_OFFSET(struct hv_input_retarget_device_interrupt, partition_id, 0);
ABI_OFFSET(struct hv_input_retarget_device_interrupt, device_id, 8);
ABI_OFFSET(struct hv_input_retarget_device_interrupt, source, 16);
ABI_OFFSET(struct hv_input_retarget_device_interrupt, reserved, 20);
ABI_OFFSET(struct hv_input_retarget_device_interrupt, address, 24);
ABI_OFFSET(struct hv_input_retarget_device_interrupt, data, 28);
ABI_OFFSET(struct hv_input_retarget_device_interrupt, reserved2, 32);
ABI_OFFSET(struct hv_input_retarget_device_interrupt, vector, 40);
ABI_OFFSET(struct hv_input_retarget_device_interrupt, flags, 44);
ABI_OFFSET(struct hv_input_retarget_device_interrupt, processor_mask, 48);

#define HV_INTERRUPT_SOURCE_MSI UINT32_C(1)

#define HV_RETARGET_MULTICAST      (UINT32_C(1) << 0)
#define HV_RETARGET_PROCESSOR_SET  (UINT32_C(1) << 1)
#define HV_PROCESSOR_SET_SPARSE_4K UINT64_C(0)

/* The variable header: which banks of 64 processors are given, then those, in ascending order. */
#define HV_PROCESSOR_SET_BANKS     64u
#define HV_PROCESSOR_SET_BANK_BITS 64u

struct hv_processor_set_header {
    uint64_t valid_banks;
    uint64_t bank[HV_PROCESSOR_SET_BANKS]; /* as many as valid_banks has bits set */
};
ABI_SIZE(struct hv_processor_set_header, 520);
ABI_OFFSET(struct hv_processor_set_header, valid_banks, 0);
ABI_OFFSET(struct hv_processor_set_header, bank, 8);

#endif
