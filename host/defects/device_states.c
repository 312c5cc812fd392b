/* SPDX-License-Identifier: MIT */
/* Ways of a device from one state to another that are not taken right: at power-on, detached,
 * identity, blocked, paging.
 */
#include "abi/hypercall.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"
#include "host/domains/rules.h"
#include "host/iommu/domain_id.h"
#include "host/iommu/soft_backend.h"
#include "host/vdev/dmaprobe_private.h"
#include "lib/bits.h"

enum state {
    STATE_POWER_ON,
    STATE_DETACHED,
    STATE_IDENTITY,
    STATE_BLOCKED,
    STATE_PAGING,
    STATE_ANY
};

static const struct iommu_backend *right;
static const struct iommu_backend *(*right_backend)(const struct iommu_backend *found);
static call_handler *right_detach;
static bool moved[DOMAIN_DEVICES_MAX]; /* since power-on */

static struct device *device_of(uint16_t bdf)
{
    for (unsigned i = 0; i < domain_table.devices; i++)
        if (domain_table.device[i].bdf == bdf)
            return &domain_table.device[i];
    return NULL;
}

static enum state state_of(const struct translation *t)
{
    if (t->did == DID_DEFAULT)
        return STATE_POWER_ON;
    if (t->did == DID_NONE)
        return STATE_DETACHED;
    return t->kind == TRANSLATION_IDENTITY  ? STATE_IDENTITY
           : t->kind == TRANSLATION_BLOCKED ? STATE_BLOCKED
                                            : STATE_PAGING;
}

static bool is_busy(uint16_t bdf)
{
    const struct vdev_function *function = vdev_find(bdf);

    for (unsigned s = 0; function && function->probe && s < DMAPROBE_SLOTS; s++)
        if (function->probe->slot[s].waiting)
            return true;
    return false;
}

enum instead { INSTEAD_STAYS, INSTEAD_OPENS, INSTEAD_BLOCKS };

static const struct way {
    enum defect defect;
    enum state from, to;
    bool busy; /* only with an access in flight */
    enum instead instead;
} ways[] = {
    {DEFECT_POWER_ON_TO_PAGING_LOST, STATE_POWER_ON, STATE_PAGING, false, INSTEAD_STAYS},
    {DEFECT_POWER_ON_TO_BLOCKED_LOST, STATE_POWER_ON, STATE_BLOCKED, false, INSTEAD_STAYS},
    {DEFECT_POWER_ON_TO_IDENTITY_BLOCKS, STATE_POWER_ON, STATE_IDENTITY, false, INSTEAD_BLOCKS},
    {DEFECT_DETACHED_TO_IDENTITY_LOST, STATE_DETACHED, STATE_IDENTITY, false, INSTEAD_STAYS},
    {DEFECT_DETACHED_TO_BLOCKED_OPENS, STATE_DETACHED, STATE_BLOCKED, false, INSTEAD_OPENS},
    {DEFECT_IDENTITY_TO_DETACHED_LOST, STATE_IDENTITY, STATE_DETACHED, false, INSTEAD_STAYS},
    {DEFECT_BLOCKED_TO_DETACHED_OPENS, STATE_BLOCKED, STATE_DETACHED, false, INSTEAD_OPENS},
    {DEFECT_IDENTITY_TO_IDENTITY_BLOCKS, STATE_IDENTITY, STATE_IDENTITY, false, INSTEAD_BLOCKS},
    {DEFECT_BLOCKED_TO_BLOCKED_OPENS, STATE_BLOCKED, STATE_BLOCKED, false, INSTEAD_OPENS},
    {DEFECT_BUSY_TO_BLOCKED_LOST, STATE_IDENTITY, STATE_BLOCKED, true, INSTEAD_STAYS},
    {DEFECT_BUSY_DETACH_LOST, STATE_PAGING, STATE_DETACHED, true, INSTEAD_STAYS},
    {DEFECT_BUSY_TO_IDENTITY_LOST, STATE_PAGING, STATE_IDENTITY, true, INSTEAD_STAYS},
};
#define WAYS ARRAY_SIZE(ways)

static void set_translation(uint16_t bdf, const struct translation *from,
                            const struct translation *to)
{
    const struct device *device = device_of(bdf);
    struct translation given = *to;
    enum state old = state_of(from), new = state_of(to);

    /* The first translation is that of power-on. */
    if (device && new != STATE_POWER_ON) {
        old = moved[device - domain_table.device] ? old : STATE_POWER_ON;
        moved[device - domain_table.device] = true;
    }
    for (unsigned i = 0; i < WAYS; i++) {
        if (!defect_active(ways[i].defect) || ways[i].from != old || ways[i].to != new ||
            (ways[i].busy && !is_busy(bdf)))
            continue;
        given = ways[i].instead == INSTEAD_STAYS   ? *from
                : ways[i].instead == INSTEAD_OPENS ? domain_table.default_translation
                                                   : translation_blocked();
    }
    right->set_translation(bdf, from, &given);
}

static const struct iommu_backend *in_front_of(const struct iommu_backend *found)
{
    static struct iommu_backend lossy;

    right = right_backend(found);
    lossy = *right;
    lossy.set_translation = set_translation;
    return &lossy;
}

/* DETACH of a device that is in no domain brings it back to the state of power-on. */
static enum hv_status detach(struct call_context *context)
{
    const struct hv_input_detach_device_domain *input = call_input(context);
    struct device *device = device_find(input->device_id);
    bool free = device && !device->domain;
    enum hv_status status = right_detach(context);

    if (free && status == HV_STATUS_INVALID_DEVICE_STATE)
        device_switch(device, &domain_table.default_translation);
    return status;
}

void defects_install_device_states(void)
{
    bool any = false;

    for (unsigned i = 0; i < WAYS; i++)
        any |= defect_active(ways[i].defect);
    if (any) {
        right_backend = domain_rules.backend;
        domain_rules.backend = in_front_of;
    }
    if (defect_active(DEFECT_DETACHED_AGAIN_OPENS))
        right_detach = call_in_front(HVCALL_DETACH_DEVICE_DOMAIN, detach);
}
