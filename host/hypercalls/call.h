/* SPDX-License-Identifier: MIT */
/* The table of calls and what a handler gets. */
#ifndef PVT_HOST_HYPERCALLS_CALL_H
#define PVT_HOST_HYPERCALLS_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/status.h"

enum call_class { CALL_SIMPLE, CALL_REP };

/* A private copy of the input (fixed header for a rep call); `output` is zeroed and copied to the guest after SUCCESS
 * only. */
typedef enum hv_status call_handler(const void *input, void *output);
/* One element of a rep call; the header was accepted by the handler. */
typedef enum hv_status element_handler(const void *input, uint32_t index, uint32_t count, uint64_t element);

struct call {
    uint16_t code;
    enum call_class class;
    bool fast;                                      /* may be made in register form */
    bool variable_header;                           /* may have a header beyond input_size */
    bool device_domain;                             /* counted as a call of the pvIOMMU */
    uint16_t input_size, element_size, output_size; /* bytes */
    const char *name;
    call_handler *handler;
    element_handler *element;
};

/* VP index of the processor that makes the running call. */
uint32_t call_vp_index(void);
/* Size of the variable header, which follows the fixed input. */
uint32_t call_header_qwords(void);
/* For DEFECT_DOUBLE_FETCH: what the guest has now in a word of the input that the handler was given. */
uint64_t call_word_again(const uint64_t *word);

/* NULL when the host does not know the code. */
const struct call *call_find(uint16_t code);

call_handler call_create_domain, call_configure_domain, call_attach_domain, call_detach_domain, call_delete_domain;
call_handler call_flush_domain, call_flush_list;
element_handler call_flush_list_element;
call_handler call_iommu_capabilities, call_device_property, call_partition_id;
call_handler call_post_message, call_signal_event, call_retarget_interrupt;
call_handler call_oracle_fault, call_oracle_counters, call_oracle_info;

#endif
