/* SPDX-License-Identifier: MIT */
/* Domains that a test has made and left. */
#include "abi/hypercall.h"
#include "tests/harness/account.h"
#include "tests/unit/unit.h"

#define CREATE HVCALL_CREATE_DEVICE_DOMAIN
#define DELETE HVCALL_DELETE_DEVICE_DOMAIN

static void deleted_ones_are_not_left(void **state)
{
    struct account a = {.count = 0};
    uint32_t id = 0;

    (void)state;
    account_note(&a, CREATE, 7);
    account_note(&a, CREATE, 0x10000);
    account_note(&a, CREATE, 7); /* once is enough */
    account_note(&a, HVCALL_FLUSH_DEVICE_DOMAIN, 9);
    account_note(&a, DELETE, 7);
    account_note(&a, DELETE, 8);
    assert_true(account_take_other(&a, 0, 0, NULL, 0, &id));
    assert_int_equal(id, 0x10000);
    assert_false(account_take_other(&a, 0, 0, NULL, 0, &id));
}

static void known_ones_stay(void **state)
{
    static const uint32_t others[] = {0x80000000, UINT32_MAX};
    struct account a = {.count = 0};
    uint32_t id = 0;

    (void)state;
    for (uint32_t i = 10; i < 20; i++)
        account_note(&a, CREATE, i);
    account_note(&a, CREATE, UINT32_MAX);
    assert_false(account_take_other(&a, 10, 20, others, 2, &id));
    assert_true(account_take_other(&a, 10, 19, others, 2, &id));
    assert_int_equal(id, 19);
    assert_true(account_take_other(&a, 10, 20, others, 1, &id));
    assert_int_equal(id, UINT32_MAX);
    account_clear(&a);
    assert_false(account_take_other(&a, 0, 0, NULL, 0, &id));
}

static void more_than_there_is_room_for(void **state)
{
    struct account a = {.count = 0};
    uint32_t id;

    (void)state;
    for (uint32_t i = 0; i < ACCOUNT_MAX; i++)
        account_note(&a, CREATE, i);
    assert_false(a.overflowed);
    account_note(&a, CREATE, ACCOUNT_MAX);
    assert_true(a.overflowed);
    assert_int_equal(a.count, ACCOUNT_MAX);
    assert_true(account_take_other(&a, 0, ACCOUNT_MAX, NULL, 0, &id)); /* the newest is kept */
    assert_int_equal(id, ACCOUNT_MAX);
}

static void devices_that_moved(void **state)
{
    struct account a = {.count = 0};

    (void)state;
    assert_false(account_may_have_moved(&a, 0x80));
    account_note_device(&a, 0x80);
    account_note_device(&a, 0x80); /* once is enough */
    assert_true(account_may_have_moved(&a, 0x80));
    assert_false(account_may_have_moved(&a, 0x81));
    assert_int_equal(a.devices, 1);
    for (unsigned i = 1; i < ACCOUNT_DEVICES_MAX; i++)
        account_note_device(&a, 0x80 + i);
    assert_true(account_may_have_moved(&a, 0x80 + ACCOUNT_DEVICES_MAX - 1));
    assert_false(account_may_have_moved(&a, 0));
    account_note_device(&a, 0x4000); /* no room */
    assert_true(account_may_have_moved(&a, 0));
    account_clear(&a);
    assert_false(account_may_have_moved(&a, 0x80));
    account_note_any_device(&a);
    assert_true(account_may_have_moved(&a, 0x80));
}

static void attached_ids_are_taken_back(void **state)
{
    struct account a = {.count = 0};
    uint64_t id = 0;

    (void)state;
    assert_false(account_take_attached(&a, &id));
    account_note_attached(&a, 0x12345678);
    account_note_attached(&a, UINT64_MAX >> 2);
    account_note_attached(&a, 0x12345678); /* once is enough */
    assert_true(account_take_attached(&a, &id));
    assert_int_equal(id, UINT64_MAX >> 2);
    assert_true(account_take_attached(&a, &id));
    assert_int_equal(id, 0x12345678);
    assert_false(account_take_attached(&a, &id));
    for (uint64_t i = 0; i < ACCOUNT_ATTACHED_MAX + 2; i++)
        account_note_attached(&a, i);
    for (uint64_t i = ACCOUNT_ATTACHED_MAX; i > 0; i--) {
        assert_true(account_take_attached(&a, &id));
        assert_int_equal(id, i - 1);
    }
    assert_false(account_take_attached(&a, &id));
    account_note_attached(&a, 7);
    account_clear(&a);
    assert_false(account_take_attached(&a, &id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deleted_ones_are_not_left),   cmocka_unit_test(known_ones_stay),
        cmocka_unit_test(more_than_there_is_room_for), cmocka_unit_test(devices_that_moved),
        cmocka_unit_test(attached_ids_are_taken_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
