/* SPDX-License-Identifier: MIT */
/* The parameter lists of all calls, field by field (reference 3.2 to 3.9). */
#include "tests/harness/calls/call_table.h"
#include "lib/bits.h"

#include "abi/device_domain.h"
#include "abi/device_property.h"
#include "abi/hypercall.h"
#include "abi/iommu_capabilities.h"

#define LOW_WORD  UINT64_C(0x00000000FFFFFFFF)
#define HIGH_WORD UINT64_C(0xFFFFFFFF00000000)
#define ALL       UINT64_MAX

#define COUNT(array) ((uint8_t)ARRAY_SIZE(array))

static const struct call_field common[] = {
    {"partition_id", 0, FIELD_PARTITION, ALL},
    {"owner_vtl", 1, FIELD_VTL, HV_INPUT_VTL_TARGET_MASK | HV_INPUT_VTL_USE_TARGET},
    {"owner_vtl, reserved bits", 1, FIELD_RESERVED, HV_INPUT_VTL_RESERVED},
    {"padding", 1, FIELD_PADDING, ~UINT64_C(0xFF)},
    {"domain_id.type", 2, FIELD_TYPE, HV_DEVICE_DOMAIN_TYPE_MASK},
    {"domain_id, reserved bits", 2, FIELD_RESERVED, HV_DEVICE_DOMAIN_TYPE_RESERVED},
    {"domain_id.id", 2, FIELD_DOMAIN, HIGH_WORD},
};

static const struct call_field create[] = {
    {"flags", 3, FIELD_OPEN, LOW_WORD & ~(uint64_t)HV_CREATE_DEVICE_DOMAIN_RESERVED},
    {"flags, reserved bits", 3, FIELD_RESERVED, HV_CREATE_DEVICE_DOMAIN_RESERVED},
    {"padding at the end", 3, FIELD_PADDING, HIGH_WORD},
};

static const struct call_field attach_fields[] = {{"device_id", 3, FIELD_DEVICE, ALL}};

static const struct call_field detach[] = {
    {"partition_id", 0, FIELD_PARTITION, ALL},
    {"device_id", 1, FIELD_DEVICE, ALL},
};

static const struct call_field configure[] = {
    {"flags", 3, FIELD_SETTINGS, ~HV_DEVICE_DOMAIN_SETTINGS_RESERVED},
    {"flags, reserved bits", 3, FIELD_RESERVED, HV_DEVICE_DOMAIN_SETTINGS_RESERVED},
    {"page_table_root", 4, FIELD_ROOT, ALL},
};

static const struct call_field flush_fields[] = {
    {"flags", 3, FIELD_OPEN, LOW_WORD},
    {"reserved", 3, FIELD_RESERVED, HIGH_WORD},
};

/* A host that ignores the reserved bits of an element flushes what it names, and one that takes
 * them for a larger size flushes more. */
static const struct call_field list[] = {
    {"flags", 3, FIELD_OPEN, LOW_WORD},
    {"reserved", 3, FIELD_RESERVED, HIGH_WORD},
    {"element, reserved bits", 4, FIELD_RESERVED, HV_IOMMU_RANGE_RESERVED},
};

static const struct call_field capabilities_fields[] = {
    {"partition_id", 0, FIELD_PARTITION, ALL},
    {"reserved", 1, FIELD_RESERVED, ALL},
};

static const struct call_field property[] = {
    {"partition_id", 0, FIELD_PARTITION, ALL},
    {"logical_device_id", 1, FIELD_DEVICE, ALL},
    {"code", 2, FIELD_CODE, LOW_WORD},
    {"reserved", 2, FIELD_RESERVED, HIGH_WORD},
};

#define WORDS(type) ((uint8_t)(sizeof(type) / sizeof(uint64_t)))

const struct call_table call_table[CALL_IDS] = {
    [CALL_CREATE] = {"CREATE", HVCALL_CREATE_DEVICE_DOMAIN,
                     WORDS(struct hv_input_create_device_domain), 0, true, false, COUNT(create),
                     create, "DOM-1"},
    [CALL_ATTACH] = {"ATTACH", HVCALL_ATTACH_DEVICE_DOMAIN,
                     WORDS(struct hv_input_attach_device_domain), 0, true, true,
                     COUNT(attach_fields), attach_fields, "ATT-1"},
    [CALL_DETACH] = {"DETACH", HVCALL_DETACH_DEVICE_DOMAIN,
                     WORDS(struct hv_input_detach_device_domain), 0, false, true, COUNT(detach),
                     detach, "DET-1"},
    [CALL_DETACH_FAST] = {"DETACH in registers", HVCALL_DETACH_DEVICE_DOMAIN,
                          WORDS(struct hv_input_detach_device_domain), 0, false, true,
                          COUNT(detach), detach, "GEN-15"},
    [CALL_DELETE] = {"DELETE", HVCALL_DELETE_DEVICE_DOMAIN,
                     WORDS(struct hv_input_delete_device_domain), 0, true, false, 0, NULL, "DOM-2"},
    [CALL_CONFIGURE] = {"CONFIGURE", HVCALL_CONFIGURE_DEVICE_DOMAIN,
                        WORDS(struct hv_input_configure_device_domain), 0, true, false,
                        COUNT(configure), configure, "CFG-1"},
    [CALL_FLUSH] = {"FLUSH", HVCALL_FLUSH_DEVICE_DOMAIN, WORDS(struct hv_input_flush_device_domain),
                    0, true, false, COUNT(flush_fields), flush_fields, "FL-1"},
    [CALL_FLUSH_LIST] = {"FLUSH_LIST", HVCALL_FLUSH_DEVICE_DOMAIN_LIST,
                         WORDS(struct hv_input_flush_device_domain_list) + 1, 0, true, false,
                         COUNT(list), list, "LS-1"},
    [CALL_CAPABILITIES] = {"GET_CAPABILITIES", HVCALL_GET_IOMMU_CAPABILITIES,
                           WORDS(struct hv_input_get_iommu_capabilities),
                           WORDS(struct hv_output_get_iommu_capabilities), false, false,
                           COUNT(capabilities_fields), capabilities_fields, "CAP-2"},
    [CALL_PROPERTY] = {"GET_PROPERTY", HVCALL_GET_LOGICAL_DEVICE_PROPERTY,
                       WORDS(struct hv_input_get_logical_device_property),
                       WORDS(struct hv_output_get_logical_device_property), false, true,
                       COUNT(property), property, "PROP-1"},
};

const struct call_field *call_field(enum call_id call, unsigned n)
{
    const struct call_table *c = &call_table[call];

    if (c->names_domain) {
        if (n < COUNT(common))
            return &common[n];
        n -= COUNT(common);
    }
    return n < c->field_count ? &c->fields[n] : NULL;
}

uint64_t call_control(enum call_id call)
{
    return hv_control(call_table[call].code, call_is_rep(call) ? 1 : 0, 0,
                      call == CALL_DETACH_FAST ? HV_CONTROL_FAST : 0);
}
