/* SPDX-License-Identifier: MIT */
#include "host/defects/seam.h"

#include "host/domains/private.h"
#include "host/hypercalls/validate.h"

bool defects_any(const enum defect *defects, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (defect_active(defects[i]))
            return true;
    return false;
}

call_handler *call_in_front(uint16_t code, call_handler *handler)
{
    struct call *call = call_entry(code);
    call_handler *right = call->handler;

    call->handler = handler;
    return right;
}

element_handler *call_element_in_front(uint16_t code, element_handler *element)
{
    struct call *call = call_entry(code);
    element_handler *right = call->element;

    call->element = element;
    return right;
}

void calls_in_front(call_handler *handler, call_handler *right[CALL_COUNT])
{
    for (unsigned i = 0; i < CALL_COUNT; i++) {
        /* cppcheck-suppress AssignmentAddressToInteger ; both are pointers to functions */
        right[i] = calls[i].handler;
        calls[i].handler = handler;
    }
}

bool call_names_domain(const struct call *call)
{
    return call->device_domain && call->input_size >= sizeof(struct hv_input_device_domain) &&
           call->output_size == 0;
}

bool call_header_valid(struct call_context *context)
{
    return check_device_domain(call_input(context)) == HV_STATUS_SUCCESS;
}

struct domain *call_domain(struct call_context *context)
{
    const struct hv_input_device_domain *name = call_input(context);

    return call_header_valid(context) ? domain_find(name->domain_id.id) : NULL;
}

void block_devices(struct domain *domain)
{
    struct translation blocked = translation_blocked();

    while (domain->devices) {
        device_switch(domain->devices, &blocked);
        device_move(domain->devices, NULL);
    }
}

void block_domain(uint32_t id)
{
    struct domain *domain = domain_find(id);

    if (domain)
        block_devices(domain);
}
