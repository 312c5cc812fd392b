/* SPDX-License-Identifier: MIT */
/* The state of a running call, and the table of calls. */
#ifndef PVT_HOST_HYPERCALLS_CALL_H
#define PVT_HOST_HYPERCALLS_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/hypercall.h"
#include "abi/status.h"

struct domain;
struct hypercall_frame;

/* A parameter list in guest memory; `size` 0: the call has none, and `gpa` is ignored. */
struct parameter_list {
    uint64_t gpa;
    uint32_t size; /* bytes */
};

#define CALL_OUTPUT_MAX 256u /* bytes: the longest output of any call, with room */

/* Of each processor one. Valid from the entry into the front end to the return from it. */
struct call_context {
    const struct call *call;
    uint64_t control;
    bool accepted; /* control word and lists are valid, and `input` is the call's */
    uint32_t vp_index;
    uint32_t index;                          /* of the element that is handled, in a rep call */
    struct domain *domain;                   /* that the header of a list names */
    struct parameter_list in_list, out_list; /* in_list.gpa is 0 in register form */
    /* The one copy of the input: the guest may change its page while the call runs. */
    union {
        uint8_t bytes[HV_PAGE_SIZE];
        uint64_t words[HV_PAGE_SIZE / sizeof(uint64_t)];
    } input;
    uint64_t output[CALL_OUTPUT_MAX / sizeof(uint64_t)];
};

enum call_class { CALL_SIMPLE, CALL_REP };

/* Input of a call, or the header of a rep call with the elements after it. */
static inline void *call_input(struct call_context *context)
{
    return context->input.bytes;
}

/* Zeroed before the handler runs, and copied to the guest after SUCCESS only. */
static inline void *call_output(struct call_context *context)
{
    return context->output;
}

typedef enum hv_status call_handler(struct call_context *context);
/* One element of a rep call; the handler has accepted the header. */
typedef enum hv_status element_handler(struct call_context *context, uint64_t element);

struct call {
    const char *name;
    call_handler *handler;
    element_handler *element;
    enum call_class class;
    uint16_t code;
    uint16_t input_size, element_size, output_size; /* bytes */
    bool offered;
    bool vmbus;           /* offered where there is VMBus */
    bool variable_header; /* may have a header beyond input_size */
    bool device_domain;   /* counted as a call of the pvIOMMU */
};

/* After each part of a call, also of one that was refused; `call` is NULL for a code that the host
 * does not offer. Set before launch; NULL: none. */
typedef void call_observer_function(const struct call_context *context,
                                    const struct hypercall_frame *frame);
extern call_observer_function *call_observer;

/* Size of the variable header, which follows the fixed input. */
uint32_t call_header_qwords(const struct call_context *context);

/* NULL when the host does not offer a call of this code. */
const struct call *call_find(uint16_t code);

/* All calls, offered or not. Entries change before launch only. */
#define CALL_COUNT 18u
extern struct call calls[CALL_COUNT];
/* NULL when the table has no call of this code. */
struct call *call_entry(uint16_t code);

call_handler call_create_domain, call_configure_domain, call_attach_domain, call_detach_domain,
    call_delete_domain;
call_handler call_flush_domain, call_flush_list;
element_handler call_flush_list_element;
call_handler call_iommu_capabilities, call_device_property, call_partition_id;
call_handler call_post_message, call_signal_event, call_retarget_interrupt, call_bus_control;
call_handler call_oracle_fault, call_oracle_counters, call_oracle_info, call_host_integrity;

#endif
