/* SPDX-License-Identifier: MIT */
/* Reports how far VMBus and each bus came, since the first run on a new host may show no device. */
#include "drivers/hypercall.h"
#include "drivers/vmbus/vmbus.h"
#include "drivers/vpci/vpci.h"
#include "kernel/time.h"
#include "lib/fmt.h"
#include "tests/harness/report.h"
#include "tests/harness/suite.h"

static const char *version_text(uint32_t version, char *text, size_t size)
{
    fmt_snprintf(text, size, "%u.%u", (unsigned)(version >> 16), (unsigned)(version & 0xFFFFu));
    return text;
}

static void describe_vmbus(const struct vmbus_state *v, size_t buses, uint64_t us)
{
    char version[16];

    report_comment("vmbus: state=%s version=%s offers=%u vpci=%u us=%llu",
                   vmbus_stage_text(v->stage), version_text(v->version, version, sizeof(version)),
                   v->offers, (unsigned)buses, (unsigned long long)us);
    if (v->stage != VMBUS_CONNECTED) {
        report_comment("vmbus: problem: sent=%u received=%u post=%s synic=%s", v->sent, v->received,
                       hv_status_name(v->post_status), v->synic_problem ? v->synic_problem : "ok");
    }
}

static void describe_bus(const struct vpci_state *b)
{
    char version[16];

    report_comment(
        "vpci: device_id=0x%llx state=%s version=%s functions=%u window=0x%llx source=\"%s\"",
        (unsigned long long)b->device_id, vpci_stage_text(b->stage),
        version_text(b->version, version, sizeof(version)), b->functions,
        (unsigned long long)b->window, b->source ? b->source : "none");
    if (b->stage != VPCI_READY) {
        report_comment("vpci: problem: device_id=0x%llx message=0x%x status=0x%x",
                       (unsigned long long)b->device_id, b->message, b->status);
    }
}

void suite_describe_buses(void)
{
    const uint64_t start = time_us();
    const size_t buses = vpci_bus_count();
    const struct vmbus_state *vmbus = vmbus_init();

    if (vmbus->stage == VMBUS_ABSENT)
        return;
    describe_vmbus(vmbus, buses, time_us() - start);
    for (size_t i = 0; i < buses; i++) {
        const struct vpci_state state = vpci_bus_state(i);

        describe_bus(&state);
    }
}
