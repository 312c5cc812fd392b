/* SPDX-License-Identifier: MIT */
/*
 * Between two tests: every device rests in a blocking domain, no domain of a test is left, no fault
 * is recorded. Does not rely on the state that the test believes it left: the test may have ended
 * anywhere.
 */
#include "abi/hypercall.h"
#include "drivers/hypercall.h"
#include "drivers/iommu.h"
#include "drivers/vpci/removal.h"
#include "drivers/vpci/restart.h"
#include "lib/fmt.h"
#include "lib/hot.h"
#include "lib/string.h"
#include "tests/harness/account.h"
#include "tests/harness/suite.h"

/*
 * Where the ranges of ids begin after the first one, which begins at 1. Tests try ids that differ
 * from their own in one bit from bit 5 up, and must not reach an id of an earlier range: two
 * multiples of 3 differ in two bits at least.
 */
#define LATER_IDS   0x00300000u
#define ID_DISTANCE (3u << 12)

uint32_t suite_first_id(const struct suite *s)
{
    return s->id_blocks == 0 ? 1 : LATER_IDS + s->id_blocks * ID_DISTANCE + 1;
}

static bool rest_ready(struct suite *s)
{
    if (!s->rest.live && pviommu_capabilities())
        domain_create(&s->rest, DOMAIN_BLOCKED, REST_DOMAIN_ID, 0, 0, NULL);
    return s->rest.live;
}

static void note_leftover(struct suite *s, uint32_t id, enum hv_status status)
{
    if (s->leftover[0] == '\0') {
        fmt_snprintf(s->leftover, sizeof(s->leftover),
                     "domain 0x%x, in which no device is, cannot be deleted: %s; a new one cannot "
                     "be made there",
                     id, hv_status_name(status));
        report_comment("note: left by %s: %s", s->run.instance, s->leftover);
    }
}

static struct account account;
static struct {
    bool begun;     /* all devices have rested once */
    uint64_t calls; /* that were made and not heard, at the last reset */
} hearing;

static uint64_t calls_not_heard(void)
{
    return hypercall_count() - hypercall_reported_count();
}

static void hear_of_attach(uint64_t control, uint64_t rdx, uint64_t rax)
{
    struct hv_input_attach_device_domain input;

    if ((control & HV_CONTROL_FAST) != 0 || !memory_is_ours(rdx, sizeof(input))) {
        account_note_any_device(&account);
        return;
    }
    memcpy(&input, gpa_pointer(rdx), sizeof(input));
    account_note_device(&account, input.device_id);
    if (hv_result_status(rax) == HV_STATUS_SUCCESS)
        account_note_attached(&account, input.device_id);
}

/* Engines apart, which calls that are not counted as heard send back to rest in any case. */
static void hear_of_register_call(const struct hypercall_registers *sent, uint64_t rax)
{
    const size_t at = offsetof(struct hv_input_attach_device_domain, device_id) -
                      2 * sizeof(uint64_t); /* RDX and R8 come before XMM0 */
    uint64_t device_id;

    if (hv_control_code(sent->rcx) != HVCALL_ATTACH_DEVICE_DOMAIN ||
        hv_result_status(rax) != HV_STATUS_SUCCESS)
        return;
    if ((sent->rcx & HV_CONTROL_FAST) == 0) {
        hear_of_attach(sent->rcx, sent->rdx, rax);
        return;
    }
    memcpy(&device_id, &sent->xmm[0][at], sizeof(device_id));
    account_note_attached(&account, device_id);
}

static void hear_of_domain(uint64_t control, uint64_t rdx, uint64_t rax)
{
    struct hv_input_device_domain name;

    if (hv_result_status(rax) != HV_STATUS_SUCCESS || (control & HV_CONTROL_FAST) != 0 ||
        !memory_is_ours(rdx, sizeof(name)))
        return;
    memcpy(&name, gpa_pointer(rdx), sizeof(name));
    account_note(&account, hv_control_code(control), name.domain_id.id);
}

static void hear_of_detach(uint64_t control, uint64_t rdx)
{
    struct hv_input_detach_device_domain input;

    if ((control & HV_CONTROL_FAST) != 0 || !memory_is_ours(rdx, sizeof(input))) {
        account_note_any_device(&account);
        return;
    }
    memcpy(&input, gpa_pointer(rdx), sizeof(input));
    account_note_device(&account, input.device_id);
}

/* Apart from the next function, which most calls that are refused do not leave. */
HOT static __attribute__((noinline)) void hear_of_effect(uint64_t control, uint64_t rdx,
                                                         uint64_t rax)
{
    switch (hv_control_code(control)) {
    case HVCALL_FLUSH_DEVICE_DOMAIN:
    case HVCALL_FLUSH_DEVICE_DOMAIN_LIST:
    case HVCALL_CONFIGURE_DEVICE_DOMAIN:
    case HVCALL_GET_IOMMU_CAPABILITIES:
    case HVCALL_GET_LOGICAL_DEVICE_PROPERTY:
    case HVCALL_ORACLE_FAULT:
    case HVCALL_ORACLE_COUNTERS:
        break;
    case HVCALL_CREATE_DEVICE_DOMAIN:
    case HVCALL_DELETE_DEVICE_DOMAIN:
        hear_of_domain(control, rdx, rax);
        break;
    case HVCALL_ATTACH_DEVICE_DOMAIN:
        hear_of_attach(control, rdx, rax);
        break;
    case HVCALL_DETACH_DEVICE_DOMAIN:
        hear_of_detach(control, rdx);
        break;
    default: /* messages to buses, and what is no call of ours */
        account_note_any_device(&account);
    }
}

/* Calls in registers name domains that the test knows. A host that does wrong may move a device in
 * a call that it refuses. */
HOT static void hear_of_call(uint64_t control, uint64_t rdx, uint64_t rax)
{
    uint16_t code = hv_control_code(control);

    if (hv_result_status(rax) == HV_STATUS_SUCCESS || code == HVCALL_ATTACH_DEVICE_DOMAIN ||
        code == HVCALL_DETACH_DEVICE_DOMAIN)
        hear_of_effect(control, rdx, rax);
}

static bool is_of_group(const struct test_run *t, const char *group)
{
    return memcmp(t->test->id, group, strlen(group)) == 0;
}

/* After any other end nothing is known of what it was at. */
static bool went_as_planned(const struct test_run *t)
{
    return hearing.begun && t->test && (t->verdict == VERDICT_PASS || t->verdict == VERDICT_SKIP);
}

/* The calls that were heard since the last reset do not tell where the devices are. */
static bool may_have_moved_any(const struct suite *s)
{
    const struct test_run *t = &s->run;

    return !went_as_planned(t) || !iommu_promises(IOMMU_HYPERCALLS) || t->test->long_run ||
           calls_not_heard() != hearing.calls || is_of_group(t, "concurrency.");
}

/* Registers of devices were used, and not by their drivers, which note it. */
static bool may_have_touched_any(const struct suite *s)
{
    return !went_as_planned(&s->run) || !iommu_promises(IOMMU_HYPERCALLS) ||
           is_of_group(&s->run, "hostile.");
}

/* A host may have ended all domains with the identity of the guest, this one as well (CON-4). */
static enum hv_status rest(struct suite *s, uint64_t device_id)
{
    enum hv_status status = domain_attach(&s->rest, device_id);

    if (status == HV_STATUS_SUCCESS || status == HV_STATUS_DEVICE_ALREADY_IN_DOMAIN ||
        !iommu_promises(IOMMU_HYPERCALLS) || iommu_create(REST_DOMAIN_ID) != HV_STATUS_SUCCESS ||
        iommu_configure(REST_DOMAIN_ID, HV_DEVICE_DOMAIN_SETTINGS_BLOCKING, 0) != HV_STATUS_SUCCESS)
        return status;
    return domain_attach(&s->rest, device_id);
}

/* NULL, or what is wrong with the host. A transfer that the test started may still be under way: it
 * must not land in the next test's memory. */
static const char *rest_devices(struct suite *s)
{
    const char *found = NULL;
    size_t count;
    struct dma_engine *e = dma_engines(&count);
    const bool touched = may_have_touched_any(s);

    if (may_have_moved_any(s))
        account_note_any_device(&account);
    for (size_t i = 0; i < count; i++) {
        enum hv_status status = HV_STATUS_SUCCESS;

        if (!s->rested && !e[i].used)
            continue;
        e[i].used = true;
        e[i].touched = e[i].touched || touched;
        if (e[i].moved)
            (void)dma_move_registers(&e[i]);
        if (account_may_have_moved(&account, e[i].device_id))
            status = rest(s, e[i].device_id);
        if (status != HV_STATUS_SUCCESS && status != HV_STATUS_DEVICE_ALREADY_IN_DOMAIN)
            found = "a device cannot be attached to a blocking domain";
        if (!dma_reset(&e[i]))
            found = "a device does not become quiet";
    }
    return found;
}

static bool is_engine(uint64_t device_id)
{
    size_t count;
    const struct dma_engine *e = dma_engines(&count);

    for (size_t i = 0; i < count; i++)
        if (e[i].device_id == device_id)
            return true;
    return false;
}

/* Devices that no bus shows, which a host may have: they rest in no domain. */
static void detach_others(void)
{
    uint64_t device_id;

    while (account_take_attached(&account, &device_id))
        if (!is_engine(device_id))
            (void)iommu_detach(device_id);
}

/* No device is in it. An id without a domain cannot be deleted either: then a domain can be made
 * there. */
static bool goes(uint32_t id, enum hv_status *status)
{
    *status = iommu_delete(id);
    if (*status == HV_STATUS_SUCCESS || id == 0 ||
        id == UINT32_MAX) /* a host may have domains of its own at both */
        return true;
    return iommu_create(id) == HV_STATUS_SUCCESS && iommu_delete(id) == HV_STATUS_SUCCESS;
}

/* A host that does wrong may have put a device into it that no call named. */
static bool is_gone(struct suite *s, uint32_t id, enum hv_status *status)
{
    if (goes(id, status))
        return true;
    if (account.any_device)
        return false;
    account_note_any_device(&account);
    (void)rest_devices(s);
    return goes(id, status);
}

/* Domains that the test has made and did not say so: they go as well, or a later test meets them.
 */
static void delete_strays(struct suite *s)
{
    struct test_run *t = &s->run;
    enum hv_status status;
    uint32_t id;

    s->stray[0] = '\0';
    while (account_take_other(&account, t->first_domain_id, t->next_domain_id, t->extra_ids,
                              t->extra_id_count, &id)) {
        if (id == REST_DOMAIN_ID)
            continue;
        fmt_snprintf(s->stray, sizeof(s->stray),
                     "the test made domain 0x%x and neither deleted nor named it", id);
        if (!is_gone(s, id, &status))
            note_leftover(s, id, status);
    }
    account_clear(&account);
}

static void delete_domains(struct suite *s)
{
    struct test_run *t = &s->run;
    enum hv_status status;
    bool blocked = false;

    for (uint32_t id = t->first_domain_id; id < t->next_domain_id; id++) {
        if (!is_gone(s, id, &status)) {
            note_leftover(s, id, status);
            blocked = true;
        }
    }
    for (unsigned i = 0; i < t->extra_id_count; i++)
        if (!is_gone(s, t->extra_ids[i], &status))
            note_leftover(s, t->extra_ids[i], status);
    if (blocked) {
        s->id_blocks++;
        report_comment("note: the tests that follow have domain ids from 0x%x on",
                       suite_first_id(s));
    }
}

/* A test may have ended while a bus was away, or all were. A bus that does not come back then is
 * not waited for again, and the tests that follow have no such devices. */
static bool buses_are_back(const struct suite *s)
{
    uint64_t device_id;
    size_t count;
    const struct dma_engine *e = dma_engines(&count);
    bool good;

    if (!vpci_is_connected())
        dma_bus_was_reset(NULL);
    good = vpci_connect_again(&device_id);
    /* The deadline may have come while a bus was brought up, whose channel is open since then. */
    if (!good && s->run.overran) {
        (void)vpci_disconnect(VPCI_BY_UNLOAD);
        good = vpci_connect_again(&device_id);
    }
    for (size_t i = 0; i < count; i++)
        good = vpci_restore(&e[i].function) && good;
    if (!good) {
        report_comment("note: %u bus(es) of VMBus are gone; tests go on without their devices",
                       vpci_give_up());
        dma_engines_follow_buses();
    }
    return good;
}

const char *suite_reset(struct suite *s)
{
    const char *found = NULL, *rest_found;
    struct oracle_fault fault;

    s->leftover[0] = '\0';
    s->lost_buses = false;
    s->breaks = NULL;
    hypercall_send_with(NULL);
    iommu_settle();
    if (iommu_promises(IOMMU_HYPERCALLS)) {
        if (hypercall_init()->state != HYPERCALL_READY)
            return NULL;
        if (!hypercall_reenable())
            return "the hypercall page cannot be enabled again";
    }
    if (!rest_ready(s)) {
        return pviommu_capabilities() ? "the blocking domain of the harness cannot be created"
                                      : NULL;
    }
    s->lost_buses = !buses_are_back(s);
    if (s->lost_buses) {
        found = "a bus that the test had taken away does not come back";
        s->breaks = "BUS-6 BUS-13";
    }
    rest_found = rest_devices(s);
    found = rest_found ? rest_found : found;
    while (oracle_take_fault(ORACLE_FAULT_ANY_DEVICE, &fault) && (fault.valid & ORACLE_FAULT_VALID))
        found = "the host recorded a fault that no step of the test explains";
    detach_others();
    delete_strays(s);
    delete_domains(s);
    account_clear(&account);
    hypercall_report_to(hear_of_call);
    hypercall_report_registers_to(hear_of_register_call);
    hearing.begun = s->rested;
    hearing.calls = calls_not_heard();
    if (s->leftover[0])
        s->breaks = "DEL-6 DOM-2";
    return s->leftover[0] ? s->leftover : found;
}
