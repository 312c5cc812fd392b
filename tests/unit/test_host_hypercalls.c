/* SPDX-License-Identifier: MIT */
/* The front end of the host: control word, parameter lists, rep calls, and random calls under the
 * sanitizers. */
#include <string.h>

#include "abi/device_domain.h"
#include "abi/iommu_capabilities.h"
#include "abi/oracle.h"
#include "host/domains/domains.h"
#include "host/hypercalls/hypercalls.h"
#include "lib/bits.h"
#include "tests/unit/host_calls.h"
#include "tests/unit/host_fixture.h"

#define INPUT  HOST_CALLS_INPUT
#define OUTPUT HOST_CALLS_OUTPUT
#define ROOT   0x1000u

static void ask_capabilities(void)
{
    struct hv_input_get_iommu_capabilities *query = host_calls_input();

    query->partition_id = HV_PARTITION_ID_SELF;
}

static void control_word_is_checked(void **state)
{
    const uint64_t good = HVCALL_GET_IOMMU_CAPABILITIES;
    const uint64_t refused = HV_CONTROL_RESERVED | HV_CONTROL_NESTED | HV_CONTROL_VAR_HEADER_MASK |
                             HV_CONTROL_FAST | HV_CONTROL_REP_COUNT_MASK |
                             HV_CONTROL_REP_START_MASK;

    (void)state;
    ask_capabilities();
    assert_int_equal(host_call(good, INPUT, OUTPUT), HV_STATUS_SUCCESS);
    for (unsigned bit = 16; bit < 64; bit++) {
        assert_true(refused >> bit & 1);
        assert_int_equal(host_call(good | UINT64_C(1) << bit, INPUT, OUTPUT),
                         HV_STATUS_INVALID_HYPERCALL_INPUT);
    }
    assert_int_equal(host_call(HVCALL_UNKNOWN_0126 | HV_CONTROL_RESERVED, 1, 1),
                     HV_STATUS_INVALID_HYPERCALL_CODE);
}

static void parameter_lists_are_checked(void **state)
{
    static const struct {
        uint64_t rdx, r8;
        enum hv_status status;
    } cases[] = {
        {INPUT, OUTPUT, HV_STATUS_SUCCESS},
        {INPUT, INPUT + 16, HV_STATUS_SUCCESS},
        {INPUT, INPUT + 8, HV_STATUS_INVALID_HYPERCALL_INPUT},
        {INPUT, INPUT, HV_STATUS_INVALID_HYPERCALL_INPUT},
        {INPUT + 4, OUTPUT, HV_STATUS_INVALID_ALIGNMENT},
        {INPUT, OUTPUT + 1, HV_STATUS_INVALID_ALIGNMENT},
        {INPUT + HV_PAGE_SIZE - 8, OUTPUT, HV_STATUS_INVALID_ALIGNMENT},
        {INPUT, OUTPUT + HV_PAGE_SIZE - 16, HV_STATUS_INVALID_ALIGNMENT},
        {INPUT, OUTPUT + HV_PAGE_SIZE - 24, HV_STATUS_SUCCESS},
        {GUEST_GPA_LIMIT, OUTPUT, HV_STATUS_INVALID_ALIGNMENT},
        {INPUT, ~UINT64_C(7), HV_STATUS_INVALID_ALIGNMENT},
        {GUEST_HOLE, OUTPUT, HV_STATUS_INVALID_HYPERCALL_INPUT},
        {INPUT, GUEST_HOLE, HV_STATUS_INVALID_HYPERCALL_INPUT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ask_capabilities();
        assert_int_equal(host_call(HVCALL_GET_IOMMU_CAPABILITIES, cases[i].rdx, cases[i].r8),
                         cases[i].status);
    }
}

static void output_is_written_whole_or_not_at_all(void **state)
{
    struct hv_output_get_iommu_capabilities *caps = (void *)(guest_memory + OUTPUT);
    struct hv_input_get_iommu_capabilities *query;

    (void)state;
    memset(caps, 0xCC, 64);
    ask_capabilities();
    query = (void *)(guest_memory + INPUT);
    query->reserved = 1;
    assert_int_equal(host_call(HVCALL_GET_IOMMU_CAPABILITIES, INPUT, OUTPUT),
                     HV_STATUS_INVALID_PARAMETER);
    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(guest_memory[OUTPUT + i], 0xCC);
    query->reserved = 0;
    assert_int_equal(host_call(HVCALL_GET_IOMMU_CAPABILITIES, INPUT, OUTPUT), HV_STATUS_SUCCESS);
    assert_int_equal(caps->size, sizeof(*caps));
    assert_int_equal(caps->reserved, 0);
    assert_int_equal(guest_memory[OUTPUT + sizeof(*caps)], 0xCC);
}

static void register_form_is_for_detach(void **state)
{
    (void)state;
    assert_int_equal(domain_create(1), HV_STATUS_SUCCESS);
    assert_int_equal(domain_configure(domain_find(1), HV_DEVICE_DOMAIN_SETTINGS_BLOCKING, 0),
                     HV_STATUS_SUCCESS);
    assert_int_equal(domain_attach(domain_find(1), device_find(FIXTURE_BDF(0))), HV_STATUS_SUCCESS);
    assert_int_equal(host_call(HVCALL_DETACH_DEVICE_DOMAIN | HV_CONTROL_FAST, 5, FIXTURE_BDF(0)),
                     HV_STATUS_INVALID_PARTITION_ID);
    assert_int_equal(host_call(HVCALL_DETACH_DEVICE_DOMAIN | HV_CONTROL_FAST, HV_PARTITION_ID_SELF,
                               FIXTURE_BDF(0)),
                     HV_STATUS_SUCCESS);
}

static void unknown_names_are_refused(void **state)
{
    (void)state;
    assert_int_equal(host_call_configure(1, HV_DEVICE_DOMAIN_SETTINGS_BLOCKING, 0),
                     HV_STATUS_NOT_FOUND);
    assert_int_equal(host_call_attach(1, FIXTURE_BDF(0)), HV_STATUS_NOT_FOUND);
    assert_int_equal(host_call_flush(1), HV_STATUS_NOT_FOUND);
    assert_int_equal(host_call_flush_page(1, 0), HV_STATUS_NOT_FOUND);
    assert_int_equal(host_call_delete(1), HV_STATUS_NOT_FOUND);
    assert_int_equal(host_call_create(1), HV_STATUS_SUCCESS);
    assert_int_equal(host_call_attach(1, 0xFA), HV_STATUS_INVALID_DEVICE_ID);
    assert_int_equal(host_call_attach(1, UINT64_C(1) << 62 | FIXTURE_BDF(1)),
                     HV_STATUS_INVALID_DEVICE_ID);
    assert_int_equal(host_call_attach(2, 0xFA), HV_STATUS_INVALID_DEVICE_ID);
    assert_int_equal(host_call_detach(0xFA), HV_STATUS_INVALID_DEVICE_ID);
    assert_int_equal(host_call_delete(1), HV_STATUS_SUCCESS);
    assert_int_equal(fixture.switches, 0);
}

static uint64_t *flush_list(void)
{
    struct hv_input_flush_device_domain_list *list = host_calls_input();

    host_calls_name(&list->device_domain, 1);
    list->flags = HV_FLUSH_LIST_IOMMU_FORMAT;
    for (unsigned i = 0; i < HV_FLUSH_LIST_MAX; i++)
        list->range[i] = hv_iommu_range(i, 0);
    return list->range;
}

static void lists_are_done_in_order_and_in_parts(void **state)
{
    struct hypercall_frame frame = {
        .control = hv_control(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, HV_FLUSH_LIST_MAX, 0, 0),
        .rdx = INPUT};
    unsigned parts = 1;

    (void)state;
    assert_int_equal(domain_create(1), HV_STATUS_SUCCESS);
    assert_int_equal(
        domain_configure(domain_find(1), HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL, ROOT),
        HV_STATUS_SUCCESS);
    flush_list();
    for (hypercalls_dispatch(&frame); frame.again; hypercalls_dispatch(&frame))
        parts++;
    assert_in_range(parts, 2, HV_FLUSH_LIST_MAX);
    assert_int_equal(frame.rax, hv_result(HV_STATUS_SUCCESS, HV_FLUSH_LIST_MAX));
    assert_int_equal(fixture.ranges, HV_FLUSH_LIST_MAX);
    for (unsigned i = 0; i < HV_FLUSH_LIST_MAX; i++)
        assert_int_equal(fixture.range[i].pages.first, i);
}

static void a_bad_element_ends_the_list(void **state)
{
    static const uint64_t bad[] = {0x40, 0x800, 53, 63, 0x1000 | 1, 0x2000 | 2};

    (void)state;
    assert_int_equal(domain_create(1), HV_STATUS_SUCCESS);
    assert_int_equal(
        domain_configure(domain_find(1), HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL, ROOT),
        HV_STATUS_SUCCESS);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        flush_list()[100] = bad[i];
        fixture.ranges = 0;
        assert_int_equal(
            host_call(hv_control(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, 200, 0, 0), INPUT, 0),
            hv_result(HV_STATUS_INVALID_PARAMETER, 100));
        assert_int_equal(fixture.ranges, 100);
    }
    flush_list();
    fixture.ranges = 0;
    assert_int_equal(host_call(hv_control(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, 10, 7, 0), INPUT, 0),
                     hv_result(HV_STATUS_SUCCESS, 10));
    assert_int_equal(fixture.ranges, 3);
    assert_int_equal(fixture.range[0].pages.first, 7);
    assert_int_equal(
        host_call(hv_control(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, HV_FLUSH_LIST_MAX + 1, 0, 0), INPUT,
                  0),
        HV_STATUS_INVALID_ALIGNMENT);
}

/* Near-valid calls: mostly known codes and addresses that exist, fields with few bits. Nothing may
 * crash or corrupt. */
static void random_calls_do_no_harm(void **state)
{
    static const uint16_t codes[] = {0xB1,  0xB2,  0xC4,  0xC5,   0xCE,   0xD0,  0xD1,
                                     0x125, 0x127, 0x126, 0x7F01, 0x7F02, 0x7F03};
    struct random r = unit_random();
    unsigned succeeded = 0;

    (void)state;
    for (unsigned run = 0; run < 200000; run++) {
        struct hv_input_flush_device_domain_list *list = host_calls_input();
        uint64_t *words = (uint64_t *)(void *)list;
        uint64_t control = codes[random_below(&r, ARRAY_SIZE(codes))];

        host_calls_name(&list->device_domain, (uint32_t)random_below(&r, 4));
        for (unsigned i = 3; i < 12; i++)
            words[i] = random_below(&r, 4) == 0 ? random_u64(&r) : random_below(&r, 4);
        if (random_below(&r, 2) != 0)
            words[3] = FIXTURE_BDF(random_below(&r, FIXTURE_DEVICES));
        if (random_below(&r, 8) == 0)
            words[random_below(&r, 4)] = random_u64(&r);
        if (control == HVCALL_FLUSH_DEVICE_DOMAIN_LIST)
            control = hv_control((uint16_t)control, (uint32_t)random_below(&r, 10), 0, 0);
        if (random_below(&r, 8) == 0)
            control |= UINT64_C(1) << random_below(&r, 64);
        fixture.ranges = 0;
        succeeded +=
            hv_result_status(host_call(control, INPUT + 8 * (random_below(&r, 16) == 0),
                                       random_below(&r, 16) == 0 ? random_u64(&r) : OUTPUT)) ==
            HV_STATUS_SUCCESS;
    }
    assert_in_range(succeeded, 2000, 198000); /* both outcomes were tried */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(control_word_is_checked, fixture_reset, fixture_free),
        cmocka_unit_test_setup_teardown(parameter_lists_are_checked, fixture_reset, fixture_free),
        cmocka_unit_test_setup_teardown(output_is_written_whole_or_not_at_all, fixture_reset,
                                        fixture_free),
        cmocka_unit_test_setup_teardown(unknown_names_are_refused, fixture_reset, fixture_free),
        cmocka_unit_test_setup_teardown(register_form_is_for_detach, fixture_reset, fixture_free),
        cmocka_unit_test_setup_teardown(lists_are_done_in_order_and_in_parts, fixture_reset,
                                        fixture_free),
        cmocka_unit_test_setup_teardown(a_bad_element_ends_the_list, fixture_reset, fixture_free),
        cmocka_unit_test_setup_teardown(random_calls_do_no_harm, fixture_reset, fixture_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
