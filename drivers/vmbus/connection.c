/* SPDX-License-Identifier: MIT */
/* From nothing to the end of the list of offers (reference 3.4 and 3.5). */
#include "abi/cpuid.h"
#include "abi/msr.h"
#include "drivers/hypercall.h"
#include "drivers/vmbus/messages.h"
#include "drivers/vmbus/synic.h"
#include "kernel/cpu.h"
#include "kernel/trap.h"
#include "lib/bits.h"
#include "lib/string.h"

/* The oldest two suffice for what the suite does, and every host since Windows 8.1 speaks them. A
 * host that has given them up is asked for newer ones. */
static const uint32_t versions[] = {VMBUS_VERSION_4_0, VMBUS_VERSION_3_0, VMBUS_VERSION_4_1,
                                    VMBUS_VERSION_5_0, VMBUS_VERSION_5_1, VMBUS_VERSION_5_2,
                                    VMBUS_VERSION_5_3};

static bool has_synic(void)
{
    uint64_t value;

    return hypercall_init()->state == HYPERCALL_READY &&
           (hypercall_init()->features_eax & HV_CPUID_FEATURES_EAX_SYNIC_MSRS) != 0 &&
           msr_read_safe(HV_MSR_SVERSION, &value) == TRAP_NONE;
}

/* The firmware was connected before us: whatever is not the answer is from that time. */
static enum vmbus_stage ask_for(uint32_t version)
{
    struct vmbus_initiate_contact contact = {.header.type = VMBUS_INITIATE_CONTACT,
                                             .version = version};
    union vmbus_control reply;
    uint64_t vp = 0;

    (void)msr_read_safe(HV_MSR_VP_INDEX, &vp); /* without it there is no other to name */
    contact.target_vp = vmbus.vp = (uint32_t)vp;
    vmbus.version = version;
    vmbus.connection_id = VMBUS_CONNECTION_MESSAGES;
    if (version >= VMBUS_VERSION_5_1)
        contact.sint = VMBUS_SINT;
    if (!vmbus_post(&contact, sizeof(contact)) ||
        !vmbus_wait(VMBUS_VERSION_RESPONSE, NULL, 0, &reply, VMBUS_REPLY_US))
        return VMBUS_NO_ANSWER;
    if (reply.version.supported == 0 || reply.version.state != VMBUS_CONNECTION_STATE_OK)
        return VMBUS_REFUSED;
    if (version >= VMBUS_VERSION_5_0)
        vmbus.connection_id = reply.version.connection_id;
    return VMBUS_CONNECTED;
}

static uint32_t wanted; /* the only version that is asked for; 0: any */

static enum vmbus_stage connect(void)
{
    enum vmbus_stage stage = VMBUS_REFUSED;

    for (size_t i = 0; i < ARRAY_SIZE(versions) && stage == VMBUS_REFUSED; i++)
        if (wanted == 0 || wanted == versions[i])
            stage = ask_for(versions[i]);
    return stage;
}

static bool get_offers(void)
{
    const struct vmbus_message request = {.type = VMBUS_REQUEST_OFFERS};
    union vmbus_control reply;

    vmbus_forget_offers();
    return vmbus_post(&request, sizeof(request)) &&
           vmbus_wait(VMBUS_ALL_OFFERS_DELIVERED, NULL, 0, &reply, VMBUS_REPLY_US);
}

static enum vmbus_stage start(void)
{
    enum vmbus_stage stage;
    struct hv_message stale;

    if (!has_synic())
        return VMBUS_ABSENT;
    vmbus.synic_problem = synic_start();
    if (vmbus.synic_problem)
        return VMBUS_NO_SYNIC;
    while (synic_take(&stale))
        continue;
    stage = connect();
    if (stage == VMBUS_CONNECTED && !get_offers())
        stage = VMBUS_NO_OFFERS;
    return stage;
}

static bool started;

const struct vmbus_state *vmbus_init(void)
{
    if (!started) {
        started = true;
        vmbus.stage = start();
        if (vmbus.stage < VMBUS_NO_OFFERS && vmbus.stage > VMBUS_ABSENT)
            synic_stop();
    }
    return &vmbus;
}

const char *vmbus_stage_text(enum vmbus_stage stage)
{
    switch (stage) {
    case VMBUS_ABSENT:
        return "absent";
    case VMBUS_NO_SYNIC:
        return "no-synic";
    case VMBUS_NO_ANSWER:
        return "no-answer";
    case VMBUS_REFUSED:
        return "refused";
    case VMBUS_NO_OFFERS:
        return "no-offers";
    case VMBUS_CONNECTED:
        return "connected";
    }
    return "unknown";
}

/* UNLOAD is answered only on a connection; a host that never does must not hold up the run. */
bool vmbus_stop(void)
{
    const struct vmbus_message unload = {.type = VMBUS_UNLOAD};
    union vmbus_control reply;
    bool answered;

    if (vmbus.stage < VMBUS_NO_OFFERS)
        return true;
    answered = vmbus_post(&unload, sizeof(unload)) &&
               vmbus_wait(VMBUS_UNLOAD_RESPONSE, NULL, 0, &reply, VMBUS_REPLY_US);
    synic_stop();
    vmbus.stage = VMBUS_ABSENT;
    return answered;
}

const struct vmbus_state *vmbus_start_again(void)
{
    return vmbus_start_as(0);
}

const struct vmbus_state *vmbus_start_as(uint32_t version)
{
    wanted = version;
    started = false;
    return vmbus_init();
}
