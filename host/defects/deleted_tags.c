/* SPDX-License-Identifier: MIT */
/*
 * Tags of deleted domains that do not come back, by what was done with the domain. They are of a
 * pool, and when it is empty no CREATE succeeds any more. Tags of a pool of few are lost by one id
 * alone, again and again: such a pool is that of an id.
 */
#include "abi/hypercall.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "lib/bits.h"

#define TAGS    0x10000u
#define FEW     400u
#define HISTORY 256u /* domains that are remembered, by their ids */

enum life { CONFIGURED_NEVER, CONFIGURED_TWICE, LEFT, REFUSED };

static struct past {
    uint32_t id;
    uint8_t configured; /* how often */
    bool attached, refused;
} past[HISTORY];

static const struct pool {
    enum defect defect;
    enum life life;
    uint32_t size;
} pools[] = {
    {DEFECT_DELETED_UNCONFIGURED_TAG, CONFIGURED_NEVER, TAGS},
    {DEFECT_DELETED_TWICE_CONFIGURED_TAG_OF_FEW, CONFIGURED_TWICE, FEW},
    {DEFECT_DELETED_LEFT_TAG_OF_FEW, LEFT, FEW},
    {DEFECT_DELETED_REFUSED_TAG_OF_FEW, REFUSED, FEW},
};
static struct {
    uint32_t lost, id;
} used[ARRAY_SIZE(pools)];

static call_handler *right[CALL_COUNT];

static bool was(const struct past *p, enum life life)
{
    switch (life) {
    case CONFIGURED_NEVER:
        return p->configured == 0;
    case CONFIGURED_TWICE:
        return p->configured > 1;
    case LEFT:
        return p->attached;
    default:
        return p->refused;
    }
}

static void deleted(const struct past *p)
{
    for (unsigned i = 0; i < ARRAY_SIZE(pools); i++) {
        if (!was(p, pools[i].life))
            continue;
        if (pools[i].size == FEW && used[i].id != p->id)
            used[i].lost = 0;
        used[i].id = p->id;
        used[i].lost += used[i].lost < pools[i].size;
    }
}

static bool is_empty(uint32_t id)
{
    for (unsigned i = 0; i < ARRAY_SIZE(pools); i++)
        if (defect_active(pools[i].defect) && used[i].lost == pools[i].size &&
            (pools[i].size == TAGS || used[i].id == id))
            return true;
    return false;
}

static enum hv_status handler(struct call_context *context)
{
    const uint16_t code = context->call->code;
    const bool names = call_names_domain(context->call) && call_header_valid(context);
    const struct hv_input_device_domain *name = call_input(context);
    const uint32_t id = names ? name->domain_id.id : 0;
    struct past *p = &past[id % HISTORY];
    enum hv_status status;

    if (names && code == HVCALL_CREATE_DEVICE_DOMAIN && is_empty(id))
        return HV_STATUS_INSUFFICIENT_DEVICE_DOMAINS;
    status = right[context->call - calls](context);
    if (!names)
        return status;
    if (code == HVCALL_CREATE_DEVICE_DOMAIN && status == HV_STATUS_SUCCESS)
        *p = (struct past){.id = id};
    if (p->id != id)
        return status;
    p->refused |= status != HV_STATUS_SUCCESS && code != HVCALL_CREATE_DEVICE_DOMAIN;
    if (status != HV_STATUS_SUCCESS)
        return status;
    p->configured += code == HVCALL_CONFIGURE_DEVICE_DOMAIN && p->configured < 2;
    p->attached |= code == HVCALL_ATTACH_DEVICE_DOMAIN;
    if (code == HVCALL_DELETE_DEVICE_DOMAIN)
        deleted(p);
    return status;
}

void defects_install_deleted_tags(void)
{
    bool any = false;

    for (unsigned i = 0; i < ARRAY_SIZE(pools); i++)
        any |= defect_active(pools[i].defect);
    if (any)
        calls_in_front(handler, right);
}
