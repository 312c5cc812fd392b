/* SPDX-License-Identifier: MIT */
#include "tests/harness/calls/hypercall_calls.h"
#include "lib/fmt.h"
#include "lib/string.h"

enum { LIST_FLUSH = 6 };
#define LIST_SIZE (sizeof(struct hv_input_flush_device_domain_list) + sizeof(uint64_t))

const struct call_shape call_shapes[CALL_COUNT] = {
    {"CREATE", HVCALL_CREATE_DEVICE_DOMAIN, sizeof(struct hv_input_create_device_domain), 0, false},
    {"ATTACH", HVCALL_ATTACH_DEVICE_DOMAIN, sizeof(struct hv_input_attach_device_domain), 0, false},
    {"DETACH", HVCALL_DETACH_DEVICE_DOMAIN, sizeof(struct hv_input_detach_device_domain), 0, false},
    {"DELETE", HVCALL_DELETE_DEVICE_DOMAIN, sizeof(struct hv_input_delete_device_domain), 0, false},
    {"CONFIGURE", HVCALL_CONFIGURE_DEVICE_DOMAIN, sizeof(struct hv_input_configure_device_domain), 0, false},
    {"FLUSH", HVCALL_FLUSH_DEVICE_DOMAIN, sizeof(struct hv_input_flush_device_domain), 0, false},
    [LIST_FLUSH] = {"FLUSH_LIST", HVCALL_FLUSH_DEVICE_DOMAIN_LIST, LIST_SIZE, 0, true},
    {"GET_CAPABILITIES", HVCALL_GET_IOMMU_CAPABILITIES, sizeof(struct hv_input_get_iommu_capabilities),
     sizeof(struct hv_output_get_iommu_capabilities), false},
    {"GET_PROPERTY", HVCALL_GET_LOGICAL_DEVICE_PROPERTY, sizeof(struct hv_input_get_logical_device_property),
     sizeof(struct hv_output_get_logical_device_property), false},
};
const struct call_shape *const list_flush = &call_shapes[LIST_FLUSH];

/* A device id for a machine without a device: no call that names it is expected to get as far as looking it up. */
#define NO_SUCH_DEVICE UINT64_C(0xFFFF)

/* Does DMA by GPA get through when the canary's device is sent to the domain without settings? It comes back
 * afterwards. */
static bool dma_passes_bare(struct test_run *t, struct stage *s)
{
    enum hv_status status;
    bool passes;

    if (!s->by.engine) {
        return false;
    }
    status = pviommu_attach(s->bare, s->by.engine->device_id);
    STEP3(t, "attach device 0x%llx to unconfigured domain 0x%llx: %s", s->by.engine->device_id, s->bare,
          (uint64_t)(uintptr_t)hv_status_name(status));
    passes = may_write(t, s->by.engine, gpa_of(s->by.target.data), &s->by.target, 0, 16,
                       "DMA through a domain that was never configured");
    attach(t, s->by.domain, s->by.engine);
    return passes;
}

struct stage stage_open(struct test_run *t)
{
    struct stage s = {.by = canary(t), .elsewhere = domain_blocked(t), .victim = domain_paging(t)};

    s.absent = fresh_domain_id(t);
    s.bare = fresh_domain_id(t);
    CHECK_SUCCESS(pviommu_create(s.bare), "creating a domain");
    STEP1(t, "create domain 0x%llx, and leave it unconfigured", s.bare);
    s.input = buffer(t, STAGE_INPUT_PAGES);
    s.output = buffer(t, 2);
    s.bare_passes = dma_passes_bare(t, &s);
    return s;
}

struct stage stage_open_anywhere(struct test_run *t)
{
    static struct domain nobody; /* a blank: no call that names it reaches a domain */
    struct stage s = {.by = {.domain = &nobody}, .elsewhere = &nobody, .victim = &nobody};

    if (pviommu_capabilities()) {
        return stage_open(t);
    }
    STEP0(t, "this host has no pvIOMMU: there is nothing that a refused call could change");
    s.input = buffer(t, STAGE_INPUT_PAGES);
    s.output = buffer(t, 2);
    return s;
}

bool stage_can_carry_out(const struct stage *s, const struct call_shape *shape)
{
    bool names_device = shape->code == HVCALL_ATTACH_DEVICE_DOMAIN || shape->code == HVCALL_DETACH_DEVICE_DOMAIN ||
                        shape->code == HVCALL_GET_LOGICAL_DEVICE_PROPERTY;

    return s->by.engine || !names_device;
}

uint64_t stage_control(const struct call_shape *shape)
{
    return hv_control(shape->code, shape->rep ? 1 : 0, 0, 0);
}

static uint64_t stage_device(const struct stage *s)
{
    return s->by.engine ? s->by.engine->device_id : NO_SUCH_DEVICE;
}

static void flush_list_body(const struct stage *s, uint8_t *body)
{
    struct hv_input_flush_device_domain_list list = {.flags = HV_FLUSH_LIST_IOMMU_FORMAT};
    uint64_t element = hv_iommu_range(s->by.iova >> HV_PAGE_SHIFT, 0);

    pviommu_fill_domain(&list.device_domain, s->by.domain->id);
    memcpy(body, &list, sizeof(list));
    memcpy(body + sizeof(list), &element, sizeof(element));
}

void stage_fill_list(struct stage *s)
{
    uint64_t element = hv_iommu_range(s->by.iova >> HV_PAGE_SHIFT, 0);

    for (size_t at = sizeof(struct hv_input_flush_device_domain_list); at + sizeof(element) <= s->input.size;
         at += sizeof(element)) {
        memcpy(s->input.data + at, &element, sizeof(element));
    }
}

void stage_body(const struct stage *s, const struct call_shape *shape, void *body)
{
    union {
        struct hv_input_create_device_domain create;
        struct hv_input_attach_device_domain attach;
        struct hv_input_detach_device_domain detach;
        struct hv_input_delete_device_domain delete;
        struct hv_input_configure_device_domain configure;
        struct hv_input_flush_device_domain flush;
        struct hv_input_get_iommu_capabilities capabilities;
        struct hv_input_get_logical_device_property property;
    } u;

    memset(&u, 0, sizeof(u));
    switch (shape->code) {
    case HVCALL_CREATE_DEVICE_DOMAIN:
        pviommu_fill_domain(&u.create.device_domain, s->absent);
        u.create.flags = HV_CREATE_DEVICE_DOMAIN_FORWARD_PROGRESS_REQUIRED;
        break;
    case HVCALL_ATTACH_DEVICE_DOMAIN:
        pviommu_fill_domain(&u.attach.device_domain, s->elsewhere->id);
        u.attach.device_id = stage_device(s);
        break;
    case HVCALL_DETACH_DEVICE_DOMAIN:
        u.detach.partition_id = HV_PARTITION_ID_SELF;
        u.detach.device_id = stage_device(s);
        break;
    case HVCALL_DELETE_DEVICE_DOMAIN:
        pviommu_fill_domain(&u.delete.device_domain, s->victim->id);
        break;
    case HVCALL_CONFIGURE_DEVICE_DOMAIN:
        pviommu_fill_domain(&u.configure.device_domain, s->bare);
        u.configure.settings.flags = HV_DEVICE_DOMAIN_SETTINGS_IDENTITY;
        break;
    case HVCALL_FLUSH_DEVICE_DOMAIN:
        pviommu_fill_domain(&u.flush.device_domain, s->by.domain->id);
        break;
    case HVCALL_FLUSH_DEVICE_DOMAIN_LIST:
        flush_list_body(s, body);
        return;
    case HVCALL_GET_IOMMU_CAPABILITIES:
        u.capabilities.partition_id = HV_PARTITION_ID_SELF;
        break;
    case HVCALL_GET_LOGICAL_DEVICE_PROPERTY:
        u.property.partition_id = HV_PARTITION_ID_SELF;
        u.property.logical_device_id = stage_device(s);
        u.property.code = HV_LOGICAL_DEVICE_PROPERTY_PVIOMMU;
        break;
    default:
        break;
    }
    memcpy(body, &u, shape->input_size);
}

void stage_expect_intact(struct test_run *t, struct stage *s, const char *after)
{
    char what[TEXT_MAX];

    if (!pviommu_capabilities()) {
        return;
    }
    expect_undisturbed(t, &s->by, after);
    CHECK(!dma_passes_bare(t, s) || s->bare_passes, "%s: the refused call configured its domain", after);
    fmt_snprintf(what, sizeof(what), "flush of the domain that DELETE named, after %s", after);
    CHECK_SUCCESS(pviommu_flush(s->victim->id), what);
    fmt_snprintf(what, sizeof(what), "CREATE of the id that had no domain, after %s", after);
    CHECK_SUCCESS(pviommu_create(s->absent), what);
    fmt_snprintf(what, sizeof(what), "DELETE of a domain just created, after %s", after);
    CHECK_SUCCESS(pviommu_delete(s->absent), what);
}

void stage_expect_intact_with(struct test_run *t, struct stage *s, const struct call_shape *shape, const char *with)
{
    char after[TEXT_MAX];

    fmt_snprintf(after, sizeof(after), "%s with %s", shape->name, with);
    stage_expect_intact(t, s, after);
}

void expect_malformed(struct test_run *t, const struct malformed *m)
{
    enum hv_status status = hv_result_status(hypercall_raw(m->control, m->input_gpa, m->output_gpa));

    if (status == m->one || status == m->other) {
        return;
    }
    STEP5(t, "%s: control 0x%llx, input 0x%llx, output 0x%llx: %s", (uint64_t)(uintptr_t)m->shape->name, m->control,
          m->input_gpa, m->output_gpa, (uint64_t)(uintptr_t)hv_status_name(status));
    fmt_snprintf(t->expected, sizeof(t->expected), m->one == m->other ? "%s (0x%x)" : "%s (0x%x) or %s (0x%x)",
                 hv_status_name(m->one), m->one, hv_status_name(m->other), m->other);
    fmt_snprintf(t->actual, sizeof(t->actual), "%s (0x%x)", hv_status_name(status), status);
    test_fail(t, PVT_WHERE, "%s with %s, control word 0x%llx", m->shape->name, m->flaw, (unsigned long long)m->control);
}
