/* SPDX-License-Identifier: MIT */
#ifndef PVT_ABI_SYNIC_H
#define PVT_ABI_SYNIC_H

#include <stdint.h>

#include "assert.h"

/* MSRs of the synthetic interrupt controller, each per VP. SCONTROL is 0 at reset on some hosts and
 * 1 on others. */
#define HV_MSR_SCONTROL 0x40000080u
#define HV_MSR_SVERSION 0x40000081u /* read-only */
#define HV_MSR_SIEFP    0x40000082u /* page of event flags */
#define HV_MSR_SIMP     0x40000083u /* page of messages */
#define HV_MSR_EOM      0x40000084u /* write-only */
#define HV_MSR_SINT0    0x40000090u
#define HV_MSR_SINT15   0x4000009Fu

#define HV_SINTS 16u

#define HV_SCONTROL_ENABLE UINT64_C(1)
#define HV_SVERSION_1      UINT64_C(1)

/* SIEFP and SIMP. RSVDP bits must be written back as they were read. */
#define HV_SYNIC_PAGE_ENABLE UINT64_C(0x0000000000000001)
#define HV_SYNIC_PAGE_RSVDP  UINT64_C(0x0000000000000FFE)
#define HV_SYNIC_PAGE_GPFN   UINT64_C(0xFFFFFFFFFFFFF000)

#define HV_SINT_VECTOR_MASK  UINT64_C(0x00000000000000FF)
#define HV_SINT_VECTOR_FIRST 16u /* smaller ones are exceptions */
#define HV_SINT_MASKED       (UINT64_C(1) << 16)
#define HV_SINT_AUTO_EOI     (UINT64_C(1) << 17)
#define HV_SINT_POLLING      (UINT64_C(1) << 18) /* counts as unmasked, sends no vector */
#define HV_SINT_RESET        HV_SINT_MASKED

/* Page of messages: one slot for each SINT. */
#define HV_MESSAGE_PAYLOAD_MAX 240u

struct hv_message {
    uint32_t
        type; /* HV_MESSAGE_*; 0: the slot is free. Written last by the host, first by the guest */
    uint8_t size; /* of the payload */
    uint8_t flags;
    uint16_t reserved;
    uint64_t origin;
    uint8_t payload[HV_MESSAGE_PAYLOAD_MAX];
};
ABI_SIZE(struct hv_message, 256);
ABI_OFFSET(struct hv_message, type, 0);
ABI_OFFSET(struct hv_message, size, 4);
ABI_OFFSET(struct hv_message, flags, 5);
ABI_OFFSET(struct hv_message, reserved, 6);
ABI_OFFSET(struct hv_message, origin, 8);
ABI_OFFSET(struct hv_message, payload, 16);

#define HV_MESSAGE_FREE    0x00000000u
#define HV_MESSAGE_CHANNEL 0x00000001u

#define HV_MESSAGE_FLAG_PENDING                                                                    \
    0x01u /* another message waits for the slot: write EOM after freeing it */

/* Page of event flags: 2048 bits for each SINT. */
#define HV_EVENT_FLAGS_PER_SINT 2048u

struct hv_event_flags {
    uint32_t word[HV_EVENT_FLAGS_PER_SINT / 32];
};
ABI_SIZE(struct hv_event_flags, 256);

struct hv_input_post_message {
    uint32_t connection_id;
    uint32_t reserved;
    uint32_t message_type;
    uint32_t payload_size;
    uint8_t payload[HV_MESSAGE_PAYLOAD_MAX];
};
ABI_SIZE(struct hv_input_post_message, 256);
ABI_OFFSET(struct hv_input_post_message, connection_id, 0);
ABI_OFFSET(struct hv_input_post_message, reserved, 4);
ABI_OFFSET(struct hv_input_post_message, message_type, 8);
ABI_OFFSET(struct hv_input_post_message, payload_size, 12);
ABI_OFFSET(struct hv_input_post_message, payload, 16);

/* Also in register form. */
struct hv_input_signal_event {
    uint32_t connection_id;
    uint16_t flag_number;
    uint16_t reserved;
};
ABI_SIZE(struct hv_input_signal_event, 8);
ABI_OFFSET(struct hv_input_signal_event, connection_id, 0);
ABI_OFFSET(struct hv_input_signal_event, flag_number, 4);
ABI_OFFSET(struct hv_input_signal_event, reserved, 6);

#endif
