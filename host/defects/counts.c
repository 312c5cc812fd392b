/* SPDX-License-Identifier: MIT */
/* Calls that work some times and not after many: resources are not given back, and numbers are too
 * narrow. */
#include "abi/hypercall.h"
#include "host/base/memory.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"
#include "host/iommu/domain_id.h"
#include "lib/bits.h"

#define TAGS         256u
#define DOMAINS_TOLD 512u /* apart */
#define ATTACHES_MAX 200u /* to one domain */
#define FLUSHES_MAX  200u /* of one domain */
#define NUMBERS      0x10000u
#define REFUSALS_MAX 64u /* of one kind of call in a row */

static call_handler *right[CALL_COUNT];

struct counted {
    uint32_t attaches, flushes;
};

static struct {
    struct counted *of_did; /* TAGS * TAGS of them */
    unsigned refusals, created, attached, flushed;
    uint16_t refused_code;
} counts;

/* Room for one domain is gone. */
static void leak(void)
{
    if (domain_table.free)
        domain_table.free = domain_table.free->next;
}

static void count_refusal(const struct call_context *context, enum hv_status status)
{
    uint16_t code = context->call->code;

    counts.refusals = status == HV_STATUS_SUCCESS   ? 0
                      : code == counts.refused_code ? counts.refusals + 1
                                                    : 1;
    counts.refused_code = code;
}

static void leak_for(const struct call_context *context, enum hv_status status, bool unconfigured)
{
    uint16_t code = context->call->code;

    if ((defect_active(DEFECT_CREATE_REFUSED_LEAKS) && code == HVCALL_CREATE_DEVICE_DOMAIN &&
         status == HV_STATUS_KEY_ALREADY_EXISTS) ||
        (defect_active(DEFECT_DELETE_REFUSED_LEAKS) && code == HVCALL_DELETE_DEVICE_DOMAIN &&
         status == HV_STATUS_OBJECT_IN_USE) ||
        (defect_active(DEFECT_DELETE_UNCONFIGURED_LEAKS) && code == HVCALL_DELETE_DEVICE_DOMAIN &&
         status == HV_STATUS_SUCCESS && unconfigured) ||
        (defect_active(DEFECT_CONFIGURE_REFUSED_LEAKS) && code == HVCALL_CONFIGURE_DEVICE_DOMAIN &&
         status == HV_STATUS_INVALID_PARAMETER) ||
        (defect_active(DEFECT_ATTACH_REFUSED_LEAKS) && code == HVCALL_ATTACH_DEVICE_DOMAIN &&
         status == HV_STATUS_NOT_FOUND))
        leak();
}

/* The DID of a new domain. */
static void name_domain(struct domain *domain)
{
    struct translation *made = &domain->translation;

    counts.created++;
    counts.of_did[made->did] = (struct counted){0};
    if (defect_active(DEFECT_TAG_EIGHT_BITS))
        made->did = (uint16_t)(DID_FIRST + counts.created % TAGS);
    if (defect_active(DEFECT_TAG_TEN_BITS))
        made->did = (uint16_t)(DID_FIRST + counts.created % (4 * TAGS));
    if (defect_active(DEFECT_TAG_ELEVEN_BITS))
        made->did = (uint16_t)(DID_FIRST + counts.created % (8 * TAGS));
    if (defect_active(DEFECT_TAG_SIXTEEN_BITS))
        made->did = (uint16_t)(DID_FIRST + counts.created % (NUMBERS - DID_FIRST));
    if (defect_active(DEFECT_TAG_NINE_BITS) && made->did >= DID_FIRST + DOMAINS_TOLD)
        made->did = (uint16_t)(DID_FIRST + (made->did - DID_FIRST) % DOMAINS_TOLD);
}

/* Beyond the limit the last domain without devices makes room. */
static void make_room(void)
{
    for (unsigned i = 0; i < DOMAIN_BUCKETS; i++) {
        struct domain *domain = domain_table.bucket[i];

        if (domain && !domain->reserved && !domain->devices) {
            domain_delete(domain);
            return;
        }
    }
}

static bool is_worn_out(struct call_context *context)
{
    struct domain *domain = call_names_domain(context->call) ? call_domain(context) : NULL;
    struct counted *counted = domain ? &counts.of_did[domain->translation.did] : NULL;
    uint16_t code = context->call->code;

    if (!counted)
        return false;
    if (defect_active(DEFECT_FLUSHES_WORN_OUT) && code == HVCALL_FLUSH_DEVICE_DOMAIN)
        return ++counted->flushes > FLUSHES_MAX;
    if (defect_active(DEFECT_ATTACHES_WORN_OUT) && code == HVCALL_ATTACH_DEVICE_DOMAIN)
        return ++counted->attaches > ATTACHES_MAX;
    return false;
}

/* A number of 16 bits is 0, which has a meaning of its own. */
static bool is_number_zero(const struct call_context *context)
{
    uint16_t code = context->call->code;

    if (defect_active(DEFECT_ATTACH_NUMBER_ZERO) && code == HVCALL_ATTACH_DEVICE_DOMAIN)
        return ++counts.attached % NUMBERS == 0;
    if (defect_active(DEFECT_FLUSH_NUMBER_ZERO) && code == HVCALL_FLUSH_DEVICE_DOMAIN)
        return ++counts.flushed % NUMBERS == 0;
    return false;
}

static enum hv_status handler(struct call_context *context)
{
    struct domain *domain = call_names_domain(context->call) ? call_domain(context) : NULL;
    bool unconfigured = domain && !domain->configured;
    enum hv_status status;

    if (is_worn_out(context))
        return context->call->code == HVCALL_ATTACH_DEVICE_DOMAIN ? HV_STATUS_INSUFFICIENT_MEMORY
                                                                  : HV_STATUS_SUCCESS;
    if (is_number_zero(context))
        return HV_STATUS_SUCCESS;
    if (defect_active(DEFECT_CREATE_NUMBERS_RUN_OUT) && counts.created >= NUMBERS &&
        context->call->code == HVCALL_CREATE_DEVICE_DOMAIN)
        return HV_STATUS_INSUFFICIENT_DEVICE_DOMAINS;
    if (defect_active(DEFECT_REFUSALS_WORN_OUT) && counts.refusals > REFUSALS_MAX &&
        context->call->device_domain && context->call->code == counts.refused_code)
        return HV_STATUS_INSUFFICIENT_MEMORY;
    status = right[context->call - calls](context);
    if (defect_active(DEFECT_FULL_TAKES_ANOTHER) &&
        status == HV_STATUS_INSUFFICIENT_DEVICE_DOMAINS) {
        make_room();
        status = right[context->call - calls](context);
    }
    count_refusal(context, status);
    leak_for(context, status, unconfigured);
    if (context->call->code == HVCALL_CREATE_DEVICE_DOMAIN && status == HV_STATUS_SUCCESS)
        name_domain(call_domain(context));
    return status;
}

void defects_install_counts(void)
{
    if (!ANY(DEFECT_CREATE_REFUSED_LEAKS, DEFECT_DELETE_REFUSED_LEAKS,
             DEFECT_DELETE_UNCONFIGURED_LEAKS, DEFECT_CONFIGURE_REFUSED_LEAKS,
             DEFECT_ATTACH_REFUSED_LEAKS, DEFECT_TAG_EIGHT_BITS, DEFECT_TAG_TEN_BITS,
             DEFECT_TAG_ELEVEN_BITS, DEFECT_TAG_NINE_BITS, DEFECT_FULL_TAKES_ANOTHER,
             DEFECT_FLUSHES_WORN_OUT, DEFECT_ATTACHES_WORN_OUT, DEFECT_REFUSALS_WORN_OUT,
             DEFECT_TAG_SIXTEEN_BITS, DEFECT_CREATE_NUMBERS_RUN_OUT, DEFECT_ATTACH_NUMBER_ZERO,
             DEFECT_FLUSH_NUMBER_ZERO))
        return;
    counts.of_did =
        host_pages(((size_t)TAGS * TAGS * sizeof(*counts.of_did) + PAGE_SIZE - 1) / PAGE_SIZE);
    calls_in_front(handler, right);
}
