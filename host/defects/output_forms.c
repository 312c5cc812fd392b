/* SPDX-License-Identifier: MIT */
/* Answers of calls whose parameters are in registers, and statuses that are made of parameters. */
#include "abi/hypercall.h"
#include "abi/iommu_capabilities.h"
#include "host/base/memory.h"
#include "host/cpu/exit.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/domains.h"
#include "lib/string.h"

static exit_handler *right_exit;
static call_handler *right[CALL_COUNT];

/* The answer in memory form; a question about another partition has none. */
static bool ask(uint64_t partition_id, struct hv_output_get_iommu_capabilities *answer)
{
    static struct call_context context;

    context = (struct call_context){.call = call_find(HVCALL_GET_IOMMU_CAPABILITIES)};
    context.input.words[0] = partition_id;
    if (!context.call || context.call->handler(&context) != HV_STATUS_SUCCESS)
        return false;
    memcpy(answer, context.output, sizeof(*answer));
    return true;
}

static void hypercall(struct cpu *cpu, struct guest_registers *regs)
{
    struct hv_output_get_iommu_capabilities answer;
    uint64_t control = regs->rcx, rip = cpu->guest->rip;

    right_exit(cpu, regs);
    if (cpu->guest->rip == rip || control != (HVCALL_GET_IOMMU_CAPABILITIES | HV_CONTROL_FAST) ||
        !ask(regs->rdx, &answer))
        return;
    cpu->guest->rax = hv_result(HV_STATUS_SUCCESS, 0);
    if (defect_active(DEFECT_FAST_OUTPUT_AT_INPUT) && guest_is_ram(regs->r8, sizeof(answer)))
        guest_write(regs->r8, &answer, sizeof(answer));
    if (defect_active(DEFECT_FAST_OUTPUT_CUT))
        memcpy(&regs->rdx, &answer, sizeof(regs->rdx));
}

static enum hv_status handler(struct call_context *context)
{
    const struct hv_input_device_domain *name = call_input(context);
    enum hv_status status = right[context->call - calls](context);

    if (status == HV_STATUS_SUCCESS || !call_names_domain(context->call) ||
        !call_header_valid(context) || context->call->code == HVCALL_CREATE_DEVICE_DOMAIN ||
        domain_find(name->domain_id.id))
        return status;
    return (enum hv_status)(name->domain_id.id & UINT16_MAX);
}

/* Words of an earlier call, in place of those in registers. */
static enum hv_status registers(struct call_context *context)
{
    static uint64_t last[2], repeated[2];
    static bool any;
    uint64_t *word = context->input.words;
    enum hv_status status;

    if ((context->control & HV_CONTROL_FAST) == 0) {
        if (context->in_list.size >= sizeof(last))
            memcpy(last, word, sizeof(last));
        return right[context->call - calls](context);
    }
    if (defect_active(DEFECT_FAST_FIRST_WORD_KEPT))
        word[0] = last[0];
    if (defect_active(DEFECT_FAST_SECOND_WORD_KEPT))
        word[1] = last[1];
    if (defect_active(DEFECT_FAST_FORM_REPEATED) && any)
        memcpy(word, repeated, sizeof(repeated));
    status = right[context->call - calls](context);
    if (status == HV_STATUS_SUCCESS) {
        memcpy(repeated, word, sizeof(repeated));
        any = true;
    }
    return status;
}

void defects_install_output_forms(void)
{
    if (ANY(DEFECT_FAST_FIRST_WORD_KEPT, DEFECT_FAST_SECOND_WORD_KEPT, DEFECT_FAST_FORM_REPEATED))
        calls_in_front(registers, right);
    if (ANY(DEFECT_FAST_OUTPUT_LOST, DEFECT_FAST_OUTPUT_AT_INPUT, DEFECT_FAST_OUTPUT_CUT)) {
        right_exit = exit_handlers.hypercall;
        exit_handlers.hypercall = hypercall;
    }
    if (defect_active(DEFECT_STATUS_OF_ID))
        calls_in_front(handler, right);
}
