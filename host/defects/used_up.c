/* SPDX-License-Identifier: MIT */
/*
 * Numbers that a refused call takes and does not give back: the call takes one from a pool before
 * it finds out that it has to refuse. When the pool is empty, no call of that kind succeeds again.
 */
#include "abi/hypercall.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "lib/bits.h"

#define NUMBERS 0x10000u
#define FEW     400u

static call_handler *right[CALL_COUNT];

static struct pool {
    enum defect defect;
    uint16_t code;
    enum hv_status refused; /* SUCCESS: with any status */
    uint32_t size;
    enum hv_status empty; /* what calls get then */
    uint32_t used;
} pools[] = {
    {DEFECT_CREATE_REFUSED_TAG, HVCALL_CREATE_DEVICE_DOMAIN, HV_STATUS_KEY_ALREADY_EXISTS, NUMBERS,
     HV_STATUS_INSUFFICIENT_DEVICE_DOMAINS, 0},
    {DEFECT_CREATE_REFUSED_TAG_OF_FEW, HVCALL_CREATE_DEVICE_DOMAIN, HV_STATUS_KEY_ALREADY_EXISTS,
     FEW, HV_STATUS_INSUFFICIENT_DEVICE_DOMAINS, 0},
    {DEFECT_CREATE_FULL_TAG, HVCALL_CREATE_DEVICE_DOMAIN, HV_STATUS_INSUFFICIENT_DEVICE_DOMAINS,
     NUMBERS, HV_STATUS_INSUFFICIENT_DEVICE_DOMAINS, 0},
    {DEFECT_CREATE_FULL_TAG_OF_FEW, HVCALL_CREATE_DEVICE_DOMAIN,
     HV_STATUS_INSUFFICIENT_DEVICE_DOMAINS, FEW, HV_STATUS_INSUFFICIENT_DEVICE_DOMAINS, 0},
    {DEFECT_ATTACH_REFUSED_NUMBER, HVCALL_ATTACH_DEVICE_DOMAIN, HV_STATUS_SUCCESS, NUMBERS,
     HV_STATUS_INSUFFICIENT_MEMORY, 0},
    {DEFECT_ATTACH_REFUSED_NUMBER_OF_FEW, HVCALL_ATTACH_DEVICE_DOMAIN, HV_STATUS_SUCCESS, FEW,
     HV_STATUS_INSUFFICIENT_MEMORY, 0},
    {DEFECT_CONFIGURE_REFUSED_NUMBER, HVCALL_CONFIGURE_DEVICE_DOMAIN, HV_STATUS_SUCCESS, NUMBERS,
     HV_STATUS_INSUFFICIENT_MEMORY, 0},
    {DEFECT_CONFIGURE_REFUSED_NUMBER_OF_FEW, HVCALL_CONFIGURE_DEVICE_DOMAIN, HV_STATUS_SUCCESS, FEW,
     HV_STATUS_INSUFFICIENT_MEMORY, 0},
};

/* The status of a call that needs a number when there is none. */
static enum hv_status take(const struct pool *pool, enum hv_status status)
{
    return status == HV_STATUS_SUCCESS && pool->used >= pool->size ? pool->empty : status;
}

static enum hv_status handler(struct call_context *context)
{
    enum hv_status status = HV_STATUS_SUCCESS;

    for (unsigned i = 0; i < ARRAY_SIZE(pools); i++)
        if (defect_active(pools[i].defect) && pools[i].code == context->call->code &&
            call_header_valid(context))
            status = take(&pools[i], status);
    if (status != HV_STATUS_SUCCESS)
        return status;
    status = right[context->call - calls](context);
    for (unsigned i = 0; i < ARRAY_SIZE(pools); i++)
        if (pools[i].code == context->call->code && status != HV_STATUS_SUCCESS &&
            (pools[i].refused == HV_STATUS_SUCCESS || pools[i].refused == status))
            pools[i].used += pools[i].used < pools[i].size;
    return status;
}

void defects_install_used_up(void)
{
    bool any = false;

    for (unsigned i = 0; i < ARRAY_SIZE(pools); i++)
        any |= defect_active(pools[i].defect);
    if (any)
        calls_in_front(handler, right);
}
