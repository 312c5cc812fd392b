/* SPDX-License-Identifier: MIT */
/* Calls of two processors at the same time, and memory that changes during a call. */
#include "abi/hypercall.h"
#include "host/base/memory.h"
#include "host/defects/install.h"
#include "host/defects/race_window.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"
#include "host/hypercalls/flush_calls.h"
#include "host/iommu/soft_memory.h"
#include "lib/bits.h"
#include "lib/string.h"

static call_handler *right_handler[CALL_COUNT];
static call_handler *right_configure;
static element_handler *right_element;

#define ENTRY_ACCESSED BIT(5)

static struct soft_memory right_memory;
static uint8_t *shared_input; /* of all processors */
static uint32_t calls_made;

/* Reads the input from a page that another processor has written to in the meantime. */
static enum hv_status handler(struct call_context *context)
{
    memcpy(shared_input, context->input.bytes, sizeof(context->input));
    calls_made++;
    race_window_until_count(&calls_made, calls_made);
    memcpy(context->input.bytes, shared_input, sizeof(context->input));
    return right_handler[context->call - calls](context);
}

/* The present value of a word of the input in the guest's memory. */
static uint64_t word_again(const struct call_context *context, const uint64_t *word)
{
    uint64_t gpa = context->in_list.gpa + (uint64_t)((const uint8_t *)word - context->input.bytes),
             now = *word;

    if ((context->control & HV_CONTROL_FAST) != 0 || !race_window_until_store(gpa, word) ||
        !guest_read(gpa, &now, sizeof(now)))
        return *word;
    return now;
}

static enum hv_status element(struct call_context *context, uint64_t value)
{
    const struct hv_input_flush_device_domain_list *list = call_input(context);
    struct page_range range;

    if (flush_element_decode(value, &range) != HV_STATUS_SUCCESS)
        return right_element(context, value);
    return right_element(context, word_again(context, &list->range[context->index]) &
                                      ~HV_IOMMU_RANGE_RESERVED);
}

static enum hv_status configure(struct call_context *context)
{
    const struct hv_input_configure_device_domain *input = call_input(context);
    enum hv_status status = right_configure(context);
    struct domain *domain = call_domain(context);

    if (status == HV_STATUS_SUCCESS && domain->translation.kind == TRANSLATION_PAGING)
        domain->translation.root =
            word_again(context, &input->settings.page_table_root) & HV_DEVICE_DOMAIN_ROOT_MASK;
    return status;
}

/* Takes time between the read of an entry and the store of its bits, and does not look again. */
static bool compare_exchange64(void *owner, uint64_t spa, uint64_t expected, uint64_t desired)
{
    uint64_t now = expected;

    if ((defect_active(DEFECT_AD_PLAIN_STORE) || (expected ^ desired) == ENTRY_ACCESSED) &&
        race_window_until_store(spa, &expected) && guest_read(spa, &now, sizeof(now)))
        return right_memory.compare_exchange64(owner, spa, now, desired);
    return right_memory.compare_exchange64(owner, spa, expected, desired);
}

void defects_install_races(void)
{
    if (ANY(DEFECT_AD_PLAIN_STORE, DEFECT_AD_PLAIN_STORE_ACCESSED)) {
        right_memory = soft_memory;
        soft_memory.compare_exchange64 = compare_exchange64;
    }
    if (defect_active(DEFECT_INPUT_SHARED)) {
        shared_input = host_pages(1);
        calls_in_front(handler, right_handler);
    }
    if (defect_active(DEFECT_DOUBLE_FETCH)) {
        right_configure = call_in_front(HVCALL_CONFIGURE_DEVICE_DOMAIN, configure);
        right_element = call_element_in_front(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, element);
    }
}
