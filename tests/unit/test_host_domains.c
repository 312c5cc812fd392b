/* SPDX-License-Identifier: MIT */
/* Rules of host/domains against a backend that only notes what it is told. */
#include "abi/device_domain.h"
#include "host/domains/domains.h"
#include "lib/bits.h"
#include "tests/unit/host_fixture.h"

#define PAGING   HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL
#define BLOCKING HV_DEVICE_DOMAIN_SETTINGS_BLOCKING
#define ROOT_A   0x1000u
#define ROOT_B   0x2000u

/* By id, as the calls name them. */
static enum hv_status configure(uint32_t id, uint64_t flags, uint64_t root)
{
    return domain_configure(domain_find(id), flags, root);
}

static enum hv_status attach(uint32_t id, uint16_t bdf)
{
    return domain_attach(domain_find(id), device_find(bdf));
}

static enum hv_status detach(uint16_t bdf)
{
    return domain_detach(device_find(bdf));
}

static enum hv_status delete (uint32_t id) { return domain_delete(domain_find(id)); }

static void make(uint32_t id, uint64_t flags, uint64_t root)
{
    assert_int_equal(domain_create(id), HV_STATUS_SUCCESS);
    assert_int_equal(configure(id, flags, root), HV_STATUS_SUCCESS);
}

static void devices_start_in_identity(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIXTURE_DEVICES; i++) {
        assert_int_equal(fixture.device[i].kind, TRANSLATION_IDENTITY);
        assert_int_not_equal(fixture.device[i].did, 0);
        assert_non_null(device_find(FIXTURE_BDF(i)));
    }
    assert_null(device_find(0xFA));
    assert_int_equal(detach(FIXTURE_BDF(0)), HV_STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(fixture.device[0].kind, TRANSLATION_IDENTITY);
}

static void ids_are_unique_until_deleted(void **state)
{
    (void)state;
    assert_int_equal(domain_create(7), HV_STATUS_SUCCESS);
    assert_int_equal(domain_create(7), HV_STATUS_KEY_ALREADY_EXISTS);
    assert_int_equal(domain_create(0x10007), HV_STATUS_SUCCESS);
    assert_int_equal(delete (7), HV_STATUS_SUCCESS);
    assert_null(domain_find(7));
    assert_non_null(domain_find(0x10007));
    assert_int_equal(domain_create(7), HV_STATUS_SUCCESS);
}

static void settings_are_checked(void **state)
{
    static const struct {
        uint64_t flags, root;
        enum hv_status status;
    } cases[] = {
        {0, 0, HV_STATUS_SUCCESS},
        {0, ROOT_A, HV_STATUS_INVALID_PARAMETER},
        {1, ROOT_A, HV_STATUS_SUCCESS},
        {1, ROOT_A | 8, HV_STATUS_INVALID_PARAMETER},
        {1, UINT64_C(1) << 52 | ROOT_A, HV_STATUS_INVALID_PARAMETER},
        {1, GUEST_HOLE, HV_STATUS_INVALID_PARAMETER},
        {1, GUEST_RAM_SIZE, HV_STATUS_INVALID_PARAMETER},
        {2, 0, HV_STATUS_INVALID_PARAMETER},
        {3, 0, HV_STATUS_SUCCESS},
        {3, GUEST_HOLE | 1, HV_STATUS_SUCCESS},
        {4, 0, HV_STATUS_INVALID_PARAMETER},
        {5, ROOT_A, HV_STATUS_FEATURE_UNAVAILABLE},
        {6, 0, HV_STATUS_INVALID_PARAMETER},
        {7, 0, HV_STATUS_INVALID_PARAMETER},
        {8, 0, HV_STATUS_INVALID_PARAMETER},
        {UINT64_C(1) << 63 | 1, ROOT_A, HV_STATUS_INVALID_PARAMETER},
    };

    (void)state;
    assert_int_equal(domain_create(1), HV_STATUS_SUCCESS);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(configure(1, cases[i].flags, cases[i].root), cases[i].status);
}

static void a_refused_configure_changes_nothing(void **state)
{
    (void)state;
    make(1, PAGING, ROOT_A);
    assert_int_equal(configure(1, PAGING, GUEST_HOLE), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(attach(1, FIXTURE_BDF(0)), HV_STATUS_SUCCESS);
    assert_int_equal(fixture.device[0].root, ROOT_A);
    assert_int_equal(configure(1, PAGING, ROOT_B), HV_STATUS_OBJECT_IN_USE);
    assert_int_equal(fixture.device[0].root, ROOT_A);
}

static void attach_moves_one_device(void **state)
{
    struct translation before;

    (void)state;
    make(1, PAGING, ROOT_A);
    make(2, PAGING, ROOT_B);
    assert_int_equal(attach(1, FIXTURE_BDF(0)), HV_STATUS_SUCCESS);
    assert_int_equal(attach(1, FIXTURE_BDF(1)), HV_STATUS_SUCCESS);
    before = fixture.device[1];
    assert_int_equal(attach(2, FIXTURE_BDF(0)), HV_STATUS_SUCCESS);
    assert_int_equal(fixture.switches, 3);
    assert_int_equal(fixture.last_from.root, ROOT_A); /* the backend flushes by this did */
    assert_int_equal(fixture.device[0].root, ROOT_B);
    assert_int_not_equal(fixture.device[0].did, before.did);
    assert_memory_equal(&fixture.device[1], &before, sizeof(before));

    assert_int_equal(attach(2, FIXTURE_BDF(0)), HV_STATUS_DEVICE_ALREADY_IN_DOMAIN);
    assert_int_equal(fixture.switches, 3);
}

static void refused_attaches_change_nothing(void **state)
{
    (void)state;
    make(1, PAGING, ROOT_A);
    assert_int_equal(domain_create(2), HV_STATUS_SUCCESS);
    assert_int_equal(attach(1, FIXTURE_BDF(0)), HV_STATUS_SUCCESS);
    fixture.switches = 0;
    assert_int_equal(attach(2, FIXTURE_BDF(0)), HV_STATUS_OPERATION_DENIED);
    assert_null(device_find(UINT64_C(1) << 62 | FIXTURE_BDF(0)));
    assert_int_equal(fixture.switches, 0);
    assert_int_equal(detach(FIXTURE_BDF(0)), HV_STATUS_SUCCESS); /* it was still in 1 */
}

static void detached_devices_are_blocked(void **state)
{
    (void)state;
    make(1, PAGING, ROOT_A);
    assert_int_equal(attach(1, FIXTURE_BDF(0)), HV_STATUS_SUCCESS);
    assert_int_equal(detach(FIXTURE_BDF(0)), HV_STATUS_SUCCESS);
    assert_int_equal(fixture.device[0].kind, TRANSLATION_BLOCKED);
    assert_int_equal(fixture.last_from.root, ROOT_A);
    assert_int_equal(detach(FIXTURE_BDF(0)), HV_STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(attach(1, FIXTURE_BDF(0)), HV_STATUS_SUCCESS);
    assert_int_equal(fixture.device[0].root, ROOT_A);
}

static void domains_with_devices_are_not_deleted(void **state)
{
    (void)state;
    make(1, BLOCKING, 0);
    assert_int_equal(attach(1, FIXTURE_BDF(2)), HV_STATUS_SUCCESS);
    assert_int_equal(delete (1), HV_STATUS_OBJECT_IN_USE);
    assert_int_equal(detach(FIXTURE_BDF(2)), HV_STATUS_SUCCESS);
    assert_int_equal(delete (1), HV_STATUS_SUCCESS);
    assert_null(domain_find(1));
}

static void flushes_name_the_tag(void **state)
{
    (void)state;
    make(1, PAGING, ROOT_A);
    make(2, 0, 0);
    assert_int_equal(attach(1, FIXTURE_BDF(0)), HV_STATUS_SUCCESS);
    domain_flush(domain_find(1));
    assert_int_equal(fixture.domain_flushes, 1);
    assert_int_equal(fixture.last_flushed, fixture.device[0].did);
    domain_flush_range(domain_find(1), (struct page_range){.first = 0x200, .count = 512});
    assert_int_equal(fixture.range[0].did, fixture.device[0].did);
    assert_int_equal(fixture.range[0].pages.first, 0x200);
    assert_int_equal(fixture.range[0].pages.count, 512);
    /* An identity domain has nothing to drop. */
    domain_flush(domain_find(2));
    domain_flush_range(domain_find(2), (struct page_range){.count = UINT64_C(1) << 52});
    assert_int_equal(fixture.domain_flushes + fixture.ranges, 2);
}

static void tags_rotate_and_are_flushed(void **state)
{
    uint16_t last = 0;

    (void)state;
    for (unsigned i = 0; i < 70000; i++) { /* more often than there are dids */
        make(5, PAGING, i % 2 != 0 ? ROOT_A : ROOT_B);
        assert_int_equal(attach(5, FIXTURE_BDF(0)), HV_STATUS_SUCCESS);
        assert_int_not_equal(fixture.device[0].did, last);
        assert_true(fixture.device[0].did >
                    fixture.device[1].did); /* never that of the default domain */
        last = fixture.device[0].did;
        assert_int_equal(detach(FIXTURE_BDF(0)), HV_STATUS_SUCCESS);
        assert_int_equal(delete (5), HV_STATUS_SUCCESS);
        assert_int_equal(fixture.last_flushed, last);
    }
}

static void the_table_has_a_clean_end(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < DOMAIN_LIMIT; i++)
        assert_int_equal(domain_create(0xFFFFFFFE - i * 0x10001), HV_STATUS_SUCCESS);
    assert_int_equal(domain_create(1), HV_STATUS_INSUFFICIENT_DEVICE_DOMAINS);
    assert_null(domain_find(1));
    assert_int_equal(delete (0xFFFFFFFE), HV_STATUS_SUCCESS);
    assert_int_equal(domain_create(1), HV_STATUS_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(devices_start_in_identity, fixture_reset, fixture_free),
        cmocka_unit_test_setup_teardown(ids_are_unique_until_deleted, fixture_reset, fixture_free),
        cmocka_unit_test_setup_teardown(settings_are_checked, fixture_reset, fixture_free),
        cmocka_unit_test_setup_teardown(a_refused_configure_changes_nothing, fixture_reset,
                                        fixture_free),
        cmocka_unit_test_setup_teardown(attach_moves_one_device, fixture_reset, fixture_free),
        cmocka_unit_test_setup_teardown(refused_attaches_change_nothing, fixture_reset,
                                        fixture_free),
        cmocka_unit_test_setup_teardown(detached_devices_are_blocked, fixture_reset, fixture_free),
        cmocka_unit_test_setup_teardown(domains_with_devices_are_not_deleted, fixture_reset,
                                        fixture_free),
        cmocka_unit_test_setup_teardown(flushes_name_the_tag, fixture_reset, fixture_free),
        cmocka_unit_test_setup_teardown(tags_rotate_and_are_flushed, fixture_reset, fixture_free),
        cmocka_unit_test_setup_teardown(the_table_has_a_clean_end, fixture_reset, fixture_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
