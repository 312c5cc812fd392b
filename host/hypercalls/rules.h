/* SPDX-License-Identifier: MIT */
/*
 * Numbers and statuses by which the front end checks a call. The values in rules.c are those of
 * this host; another host, right or wrong, is made by other values before launch (host/variants,
 * host/defects).
 */
#ifndef PVT_HOST_HYPERCALLS_RULES_H
#define PVT_HOST_HYPERCALLS_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/device_domain.h"
#include "abi/status.h"

struct call_rules {
    /* Bits of the control word that must be zero: in any call, and besides in a simple one. A call
     * that takes a variable header has its size there. */
    uint64_t control_reserved, control_reserved_simple;
    /* Bytes of input in register form: of calls of the pvIOMMU, and of all others, which every
     * guest may count on (Reference 2.1: a guest signals events in registers). */
    uint32_t fast_input_max, fast_input_max_other;
    uint32_t rep_batch; /* elements between two returns to the guest */

    struct {
        uint32_t input_alignment, output_alignment;
        uint32_t end;           /* offset in its page at which a list ends at the latest */
        enum hv_status beyond;  /* of a list that ends later */
        enum hv_status outside; /* of an address outside of the address space */
        enum hv_status overlap; /* of an output that overlaps its input */
    } list;

    /* The caller is SELF, compared in these bits, or this number, where the host tells the guest
     * its own. */
    uint64_t partition_bits, partition_number;

    uint64_t reserved_bits; /* that must be zero where a field calls them reserved */
    uint8_t vtl_bits;       /* of the target VTL that must be zero: VTL 0 is the only one */
    /* Of each type of a domain. */
    enum hv_status domain_type[HV_DEVICE_DOMAIN_TYPE_MASK + 1];
    bool reserved_ids; /* a guest may name the reserved domain ids */
};

extern struct call_rules call_rules;

#endif
