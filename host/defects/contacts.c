/* SPDX-License-Identifier: MIT */
/* A host that looks at fields of INITIATE_CONTACT which its version does not have, or at more than
 * the guest means. */
#include "abi/hypercall.h"
#include "abi/synic.h"
#include "abi/vmbus.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"

#define NO_VERSION 0u

static call_handler *right_post;

static bool is_refused(const struct vmbus_initiate_contact *contact)
{
    const bool has_address = contact->version < VMBUS_VERSION_5_1;

    return (has_address && contact->vtl != 0 && defect_active(DEFECT_CONTACT_VTL_ALWAYS)) ||
           (has_address && contact->reserved != 0 &&
            defect_active(DEFECT_CONTACT_RESERVED_ALWAYS)) ||
           (has_address && contact->features != 0 &&
            defect_active(DEFECT_CONTACT_FEATURES_ALWAYS)) ||
           (contact->monitor_parent_to_child != 0 &&
            defect_active(DEFECT_CONTACT_MONITORS_REFUSED));
}

static enum hv_status post(struct call_context *context)
{
    struct hv_input_post_message *input = call_input(context);
    struct vmbus_initiate_contact *contact = (void *)input->payload;

    if (contact->header.type == VMBUS_INITIATE_CONTACT && is_refused(contact))
        contact->version = NO_VERSION;
    return right_post(context);
}

void defects_install_contacts(void)
{
    if (ANY(DEFECT_CONTACT_VTL_ALWAYS, DEFECT_CONTACT_RESERVED_ALWAYS,
            DEFECT_CONTACT_FEATURES_ALWAYS, DEFECT_CONTACT_MONITORS_REFUSED))
        right_post = call_in_front(HVCALL_POST_MESSAGE, post);
}
