/* SPDX-License-Identifier: MIT */
/* The well-formed ways to make a call (reference 2.1, 2.2): simple in memory, simple in registers,
 * and repeated. */
#include "abi/hypercall.h"
#include "drivers/hypercall.h"
#include "kernel/memory.h"
#include "lib/bits.h"
#include "lib/string.h"

/* A host may return early at any time, but a call that completes no element this often in a row
 * will never end. */
#define REP_CALLS_WITHOUT_PROGRESS 16

/* Puts a parameter list into its page, padded with zeros to the unit that the ABI demands. */
static void place_input(const void *input, size_t size)
{
    uint8_t *page = hypercall_input_page();
    size_t padded = align_up(size, HV_PARAMETER_ALIGNMENT);

    if (size > 0)
        memcpy(page, input, size);
    memset(page + size, 0, padded - size);
}

enum hv_status hypercall_simple(uint16_t code, const void *input, size_t input_size, void *output,
                                size_t output_size)
{
    uint64_t output_gpa = 0;
    enum hv_status status;

    if (!hypercall_entry())
        return HV_STATUS_FEATURE_UNAVAILABLE;
    if (input_size > HV_PAGE_SIZE || output_size > HV_PAGE_SIZE)
        return HV_STATUS_INSUFFICIENT_BUFFER;
    place_input(input, input_size);
    if (output_size > 0) {
        memset(hypercall_output_page(), 0, align_up(output_size, HV_PARAMETER_ALIGNMENT));
        output_gpa = gpa_of(hypercall_output_page());
    }
    status = hv_result_status(
        hypercall_raw(hv_control(code, 0, 0, 0), gpa_of(hypercall_input_page()), output_gpa));
    if (status == HV_STATUS_SUCCESS && output_size > 0)
        memcpy(output, hypercall_output_page(), output_size);
    return status;
}

enum hv_status hypercall_fast(uint16_t code, const void *input, size_t input_size, uint64_t *result)
{
    uint64_t registers[2] = {0, 0};
    uint64_t rax;

    if (input_size > HV_FAST_INPUT_MAX)
        return HV_STATUS_INSUFFICIENT_BUFFER;
    memcpy(registers, input, input_size);
    rax = hypercall_raw(hv_control(code, 0, 0, HV_CONTROL_FAST), registers[0], registers[1]);
    if (result)
        *result = rax;
    return hv_result_status(rax);
}

/*
 * A host that runs out of its time slice normally continues by itself. It may also return SUCCESS
 * with fewer elements done than asked for; the call then goes on from there, as guests in the field
 * do (reference 2.2).
 */
static enum hv_status repeat_until_done(uint16_t code, unsigned count, unsigned *done)
{
    unsigned stalled = 0;
    unsigned furthest = 0; /* a host that goes back and forth makes no progress either */

    *done = 0;
    do {
        uint64_t result =
            hypercall_raw(hv_control(code, count, *done, 0), gpa_of(hypercall_input_page()), 0);
        unsigned reps = hv_result_reps(result);

        *done = reps;
        stalled = reps > furthest ? 0 : stalled + 1;
        furthest = reps > furthest ? reps : furthest;
        if (hv_result_status(result) != HV_STATUS_SUCCESS)
            return hv_result_status(result);
    } while (*done < count && stalled < REP_CALLS_WITHOUT_PROGRESS);

    return *done < count ? HV_STATUS_TIME_OUT : HV_STATUS_SUCCESS;
}

enum hv_status hypercall_rep(uint16_t code, const void *header, size_t header_size,
                             const uint64_t *elements, unsigned count, unsigned *done)
{
    size_t padded = align_up(header_size, HV_PARAMETER_ALIGNMENT);
    unsigned total = 0;
    enum hv_status status;

    if (!hypercall_entry()) {
        status = HV_STATUS_FEATURE_UNAVAILABLE;
    } else if (header_size > HV_PAGE_SIZE || count > (HV_PAGE_SIZE - padded) / sizeof(*elements)) {
        status = HV_STATUS_INSUFFICIENT_BUFFER;
    } else {
        place_input(header, header_size);
        memcpy((uint8_t *)hypercall_input_page() + padded, elements, count * sizeof(*elements));
        status = repeat_until_done(code, count, &total);
    }
    if (done)
        *done = total;
    return status;
}
