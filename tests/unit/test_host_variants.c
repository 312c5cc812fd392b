/* SPDX-License-Identifier: MIT */
/* Variants whose effect no guest can tell from its own host's: here the backend and the calls are
 * looked at instead. */
#include <string.h>

#include "abi/device_domain.h"
#include "abi/device_property.h"
#include "host/base/reference_time.h"
#include "host/domains/rules.h"
#include "host/hypercalls/call.h"
#include "host/hypercalls/hypercalls.h"
#include "host/hypercalls/rules.h"
#include "host/hypercalls/validate.h"
#include "host/variants/install.h"
/* The source, not only the header: a test has to switch variants off again, which a host never
 * does. */
#include "host/variants/variants.c"
#include "tests/unit/host_calls.h"
#include "tests/unit/host_fixture.h"

#define PAGING 1u
#define ROOT_A 0x1000u
#define ROOT_B 0x2000u
#define INPUT  HOST_CALLS_INPUT
#define OUTPUT HOST_CALLS_OUTPUT

/* The clock runs ahead: no call waits. */
uint64_t reference_time(void)
{
    static uint64_t now;

    return now += 10000;
}

/* The host without any variant, which the first test finds. */
static struct {
    bool known;
    struct domain_rules domain_rules;
    struct call_rules call_rules;
    struct call calls[CALL_COUNT];
} usual;

static void remove_variants(void)
{
    if (!usual.known) {
        usual.domain_rules = domain_rules;
        usual.call_rules = call_rules;
        memcpy(usual.calls, calls, sizeof(calls));
        usual.known = true;
    }
    domain_rules = usual.domain_rules;
    call_rules = usual.call_rules;
    memcpy(calls, usual.calls, sizeof(calls));
    memset(active, 0, sizeof(active));
}

static int with_variant(void **state)
{
    const char *name = *state;

    remove_variants();
    if (name)
        assert_true(variant_enable(name));
    variants_install_calls();
    variants_install_domains();
    return fixture_reset(state);
}

static void two_domains_in_use(void)
{
    assert_int_equal(host_call_create(1), HV_STATUS_SUCCESS);
    assert_int_equal(host_call_create(2), HV_STATUS_SUCCESS);
    assert_int_equal(host_call_configure(1, PAGING, ROOT_A), HV_STATUS_SUCCESS);
    assert_int_equal(host_call_configure(2, PAGING, ROOT_B), HV_STATUS_SUCCESS);
    assert_int_equal(host_call_attach(1, FIXTURE_BDF(0)), HV_STATUS_SUCCESS);
    assert_int_equal(host_call_attach(2, FIXTURE_BDF(1)), HV_STATUS_SUCCESS);
    fixture.switches = fixture.domain_flushes = fixture.ranges = 0;
}

static void names_are_known(void **state)
{
    char text[64];

    (void)state;
    assert_false(variant_enable("no such variant"));
    assert_false(variant_enable(""));
    variant_active_names(text, sizeof(text));
    assert_string_equal(text, "");
    for (unsigned i = 0; i < VARIANT_COUNT; i++) {
        assert_false(variant_active((enum variant)i));
        assert_true(variant_enable(variant_name((enum variant)i)));
        assert_true(variant_active((enum variant)i));
    }
    assert_null(variant_name(VARIANT_COUNT));
    variant_active_names(text, sizeof(text));
    assert_int_equal(strlen(text), sizeof(text) - 1); /* cut, with its end */
    assert_memory_equal(text, variant_name((enum variant)0), strlen(variant_name((enum variant)0)));
}

static void devices_start_blocked(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIXTURE_DEVICES; i++)
        assert_int_equal(fixture.device[i].kind, TRANSLATION_BLOCKED);
    two_domains_in_use();
    assert_int_equal(fixture.device[0].root, ROOT_A);
}

static void attach_flushes_every_domain(void **state)
{
    (void)state;
    two_domains_in_use();
    assert_int_equal(host_call_attach(2, FIXTURE_BDF(0)), HV_STATUS_SUCCESS);
    assert_int_equal(fixture.domain_flushes, 3); /* both, and the default domain */
    assert_int_equal(host_call_detach(FIXTURE_BDF(0)), HV_STATUS_SUCCESS);
    assert_int_equal(fixture.domain_flushes, 6);
}

static void flush_flushes_every_domain(void **state)
{
    (void)state;
    two_domains_in_use();
    assert_int_equal(host_call_flush(1), HV_STATUS_SUCCESS);
    assert_int_equal(fixture.domain_flushes, 4); /* the one that is named twice */
}

static void list_flushes_the_domain(void **state)
{
    (void)state;
    two_domains_in_use();
    assert_int_equal(host_call_flush_page(1, 16), HV_STATUS_SUCCESS);
    assert_int_equal(fixture.ranges, 0);
    assert_int_equal(fixture.domain_flushes, 1);
    assert_int_equal(fixture.last_flushed, fixture.device[0].did);
}

static void attach_again_is_carried_out(void **state)
{
    (void)state;
    two_domains_in_use();
    assert_int_equal(host_call_attach(1, FIXTURE_BDF(0)), HV_STATUS_SUCCESS);
    assert_int_equal(fixture.switches, 1);
    assert_int_equal(fixture.device[0].root, ROOT_A);
}

static void configure_switches_the_devices(void **state)
{
    (void)state;
    two_domains_in_use();
    assert_int_equal(host_call_attach(1, FIXTURE_BDF(2)), HV_STATUS_SUCCESS);
    assert_int_equal(host_call_configure(1, PAGING, ROOT_B), HV_STATUS_SUCCESS);
    assert_int_equal(fixture.device[0].root, ROOT_B);
    assert_int_equal(fixture.device[2].root, ROOT_B);
    assert_int_equal(fixture.device[0].did, fixture.last_from.did);
    assert_int_equal(fixture.switches, 3);
}

static void delete_blocks_the_devices(void **state)
{
    (void)state;
    two_domains_in_use();
    assert_int_equal(host_call_delete(1), HV_STATUS_SUCCESS);
    assert_int_equal(fixture.device[0].kind, TRANSLATION_BLOCKED);
    assert_int_equal(fixture.device[1].root, ROOT_B);
    assert_int_equal(host_call_flush(1), HV_STATUS_NOT_FOUND);
}

static void reserved_ids_are_domains(void **state)
{
    (void)state;
    two_domains_in_use();
    assert_int_equal(host_call_attach(0, FIXTURE_BDF(0)), HV_STATUS_SUCCESS);
    assert_int_equal(fixture.device[0].kind, TRANSLATION_IDENTITY);
    assert_int_equal(host_call_attach(0xFFFFFFFF, FIXTURE_BDF(0)), HV_STATUS_SUCCESS);
    assert_int_equal(fixture.device[0].kind, TRANSLATION_BLOCKED);
    assert_int_equal(host_call_configure(0, PAGING, ROOT_A), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(host_call_delete(0), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(host_call_create(0), HV_STATUS_KEY_ALREADY_EXISTS);
}

/* How many times the host returns to the guest for a list of `count` elements, the last time
 * included. */
static unsigned parts_of_a_list(unsigned count)
{
    struct hv_input_flush_device_domain_list *list = (void *)(guest_memory + INPUT);
    struct hypercall_frame frame = {
        .control = hv_control(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, count, 0, 0), .rdx = INPUT};
    unsigned parts = 0;

    two_domains_in_use();
    memset(list, 0, sizeof(*list));
    list->device_domain.partition_id = HV_PARTITION_ID_SELF;
    list->device_domain.domain_id = (struct hv_device_domain_id){HV_DEVICE_DOMAIN_TYPE_S1, 1};
    list->flags = HV_FLUSH_LIST_IOMMU_FORMAT;
    for (unsigned i = 0; i < count; i++)
        list->range[i] = hv_iommu_range(i, 0);
    do {
        hypercalls_dispatch(&frame);
        parts++;
    } while (frame.again);
    assert_int_equal(hv_result_status(frame.rax), HV_STATUS_SUCCESS);
    assert_int_equal(hv_result_reps(frame.rax), count);
    assert_int_equal(fixture.ranges, count);
    return parts;
}

static void lists_are_continued_in_batches(void **state)
{
    (void)state;
    assert_int_equal(parts_of_a_list(HV_FLUSH_LIST_MAX), 8);
}

static void lists_are_continued_after_each_element(void **state)
{
    (void)state;
    assert_int_equal(parts_of_a_list(HV_FLUSH_LIST_MAX), HV_FLUSH_LIST_MAX);
}

static void lists_are_never_continued(void **state)
{
    (void)state;
    assert_int_equal(parts_of_a_list(HV_FLUSH_LIST_MAX), 1);
}

static void unmanaged_devices_have_no_property(void **state)
{
    struct hv_input_get_logical_device_property *query = (void *)(guest_memory + INPUT);
    struct hypercall_frame frame = {.control =
                                        hv_control(HVCALL_GET_LOGICAL_DEVICE_PROPERTY, 0, 0, 0),
                                    .rdx = INPUT,
                                    .r8 = OUTPUT};

    (void)state;
    *query =
        (struct hv_input_get_logical_device_property){.partition_id = HV_PARTITION_ID_SELF,
                                                      .logical_device_id = 0xFA, /* not managed */
                                                      .code = HV_LOGICAL_DEVICE_PROPERTY_PVIOMMU};
    hypercalls_dispatch(&frame);
    assert_int_equal(hv_result_status(frame.rax), HV_STATUS_INVALID_DEVICE_STATE);
    query->logical_device_id = FIXTURE_BDF(0);
    hypercalls_dispatch(&frame);
    assert_int_equal(hv_result_status(frame.rax), HV_STATUS_SUCCESS);
}

static enum hv_status in_registers(uint16_t code)
{
    return validate_control(call_entry(code), hv_control(code, 0, 0, 0) | HV_CONTROL_FAST);
}

static void calls_of_others_keep_their_register_form(void **state)
{
    (void)state;
    assert_int_equal(in_registers(HVCALL_DETACH_DEVICE_DOMAIN), HV_STATUS_INVALID_HYPERCALL_INPUT);
    assert_int_equal(in_registers(HVCALL_SIGNAL_EVENT), HV_STATUS_SUCCESS);
}

static void both_kinds_of_calls_have_a_register_form(void **state)
{
    (void)state;
    assert_int_equal(in_registers(HVCALL_DETACH_DEVICE_DOMAIN), HV_STATUS_SUCCESS);
    assert_int_equal(in_registers(HVCALL_SIGNAL_EVENT), HV_STATUS_SUCCESS);
    assert_int_equal(in_registers(HVCALL_POST_MESSAGE), HV_STATUS_INVALID_HYPERCALL_INPUT);
}

#define WITH(name, test)                                                                           \
    {                                                                                              \
#test, test, with_variant, fixture_free, (void *)(uintptr_t)(name)                         \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(NULL, names_are_known),
        WITH("start-blocked", devices_start_blocked),
        WITH("attach-drops-all", attach_flushes_every_domain),
        WITH("flush-drops-all", flush_flushes_every_domain),
        WITH("list-drops-domain", list_flushes_the_domain),
        WITH("attach-same-success", attach_again_is_carried_out),
        WITH("reconfigure-attached", configure_switches_the_devices),
        WITH("delete-attached-blocks", delete_blocks_the_devices),
        WITH("special-domains", reserved_ids_are_domains),
        WITH(NULL, lists_are_continued_in_batches),
        WITH("list-one-by-one", lists_are_continued_after_each_element),
        WITH("list-at-once", lists_are_never_continued),
        WITH("fast-refused", calls_of_others_keep_their_register_form),
        WITH(NULL, both_kinds_of_calls_have_a_register_form),
        WITH("property-unmanaged-refused", unmanaged_devices_have_no_property),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
