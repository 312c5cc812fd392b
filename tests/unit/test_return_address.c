/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "lib/return_address.h"
#include "tests/unit/unit.h"

#define RETURN 0x10005u /* after a call at 0x10000 */

static bool after_call(uint8_t opcode, int32_t distance, uint64_t rip)
{
    uint8_t before[CALL_BYTES] = {opcode};

    memcpy(before + 1, &distance, sizeof(distance));
    return return_address_of(before, RETURN, rip);
}

static void call_of_the_function_is_seen(void **state)
{
    (void)state;
    assert_true(after_call(CALL_OPCODE, 0x100, RETURN + 0x100));
    assert_true(after_call(CALL_OPCODE, 0x100, RETURN + 0x100 + FRAMELESS_BYTES - 1));
    assert_true(after_call(CALL_OPCODE, -0x5000, RETURN - 0x5000 + 8));
}

static void other_words_are_no_return_addresses(void **state)
{
    (void)state;
    assert_false(after_call(0xE9, 0x100, RETURN + 0x100));
    assert_false(after_call(CALL_OPCODE, 0x100, RETURN + 0x100 - 1));
    assert_false(after_call(CALL_OPCODE, 0x100, RETURN + 0x100 + FRAMELESS_BYTES));
    assert_false(after_call(CALL_OPCODE, INT32_MAX, RETURN));
    assert_false(after_call(CALL_OPCODE, INT32_MIN, RETURN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(call_of_the_function_is_seen),
        cmocka_unit_test(other_words_are_no_return_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
