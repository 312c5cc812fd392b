/* SPDX-License-Identifier: MIT */
/* The helper functions of abi/: numbers that another program reads. Expected values are literals
 * from the reference. */
#include "abi/device_domain.h"
#include "abi/device_id.h"
#include "abi/hypercall.h"
#include "abi/msr.h"
#include "tests/unit/unit.h"

static void control_word_has_its_fields_in_place(void **state)
{
    (void)state;
    assert_true(hv_control(0xB1, 0, 0, 0) == 0x00000000000000B1ull);
    assert_true(hv_control(0xD1, 1, 0, 0) == 0x00000001000000D1ull); /* reference 3.9 */
    assert_true(hv_control(0xD1, 508, 0, 0) == 0x000001FC000000D1ull);
    assert_true(hv_control(0xD1, 0xFFF, 0xFFF, 0) == 0x0FFF0FFF000000D1ull);
    assert_true(hv_control(0xFFFF, 0, 0, HV_CONTROL_FAST) == 0x1FFFFull);
    assert_true(hv_control(0, 0, 0, HV_CONTROL_NESTED) == 0x80000000ull);
    assert_true(hv_control(0, 0, 0, hv_control_var_header(1)) == 0x20000ull);
    assert_true(hv_control(0, 0, 0, hv_control_var_header(0x3FF)) == 0x07FE0000ull);
}

static void control_word_cuts_what_does_not_fit(void **state)
{
    (void)state;
    assert_true(hv_control(0xD1, 0x1001, 0x1002, 0) == 0x00020001000000D1ull);
    assert_true(hv_control_var_header(0x401) == 0x20000ull);
}

static void control_word_reads_back(void **state)
{
    struct random r = unit_random();

    (void)state;
    assert_true(HV_CONTROL_RESERVED == 0xF000F00078000000ull);
    for (int run = 0; run < 10000; run++) {
        uint16_t code = (uint16_t)random_u64(&r);
        uint32_t count = (uint32_t)random_below(&r, 0x1000),
                 start = (uint32_t)random_below(&r, 0x1000);
        uint32_t qwords = (uint32_t)random_below(&r, 0x400);
        uint64_t control =
            hv_control(code, count, start, hv_control_var_header(qwords) | HV_CONTROL_FAST);

        assert_int_equal(hv_control_code(control), code);
        assert_int_equal(hv_control_rep_count(control), count);
        assert_int_equal(hv_control_rep_start(control), start);
        assert_int_equal(hv_control_var_header_qwords(control), qwords);
        assert_true((control & HV_CONTROL_RESERVED) == 0);
    }
}

static void result_ignores_bits_without_meaning(void **state)
{
    (void)state;
    assert_int_equal(hv_result_status(0xFFFFFFFFFFFF0000ull), 0);
    assert_int_equal(hv_result_status(0x000001FCABCD0005ull), 5);
    assert_int_equal(hv_result_reps(0xF00001FCABCD0005ull), 508);
    assert_int_equal(hv_result_reps(0x00000000FFFFFFFFull), 0);
    assert_true(hv_result(5, 508) == 0x000001FC00000005ull);
    assert_true(hv_result(0, 0x1FFF) == 0x00000FFF00000000ull);
}

static void logical_device_id_follows_the_example_of_the_reference(void **state)
{
    /* {xxxxxxxx-13d7-4a9c-...} in memory order: the first three groups are little-endian (reference
     * 4). */
    static const uint8_t guid[16] = {0x11, 0x22, 0x33, 0x44, 0xD7, 0x13, 0x9C, 0x4A, 0x55};

    (void)state;
    assert_true(hv_vpci_logical_device_id(guid, 0) == 0x13D74A98);
    assert_true(hv_vpci_logical_device_id(guid, 7) == 0x13D74A9F);
    assert_true(hv_vpci_logical_device_id(guid, 8 + 3) ==
                0x13D74A9B); /* only the function number counts */
}

static void logical_device_id_is_not_sign_extended(void **state)
{
    static const uint8_t guid[16] = {0, 0, 0, 0, 0xFF, 0x80, 0xFF, 0xFF};

    (void)state;
    assert_true(hv_vpci_logical_device_id(guid, 0) == 0x0000000080FFFFF8ull);
}

static void device_id_holds_type_and_id(void **state)
{
    (void)state;
    assert_true(hv_device_id(HV_DEVICE_ID_LOGICAL, 0x13D74A98) == 0x13D74A98);
    assert_true(hv_device_id(HV_DEVICE_ID_PCI, 1) == 0x4000000000000001ull);
    assert_true(hv_device_id(HV_DEVICE_ID_ACPI, UINT64_MAX) == UINT64_MAX);
    assert_int_equal(hv_device_id_type(0x8000000000000000ull), HV_DEVICE_ID_IOAPIC);
    assert_true(hv_device_id_logical(0xC000000000000005ull) == 5);
    assert_true(hv_pci_logical_device_id(0x0001, 0x02A3) == 0x102A3);
    assert_true(hv_pci_logical_device_id(0xFFFF, 0xFFFF) == 0xFFFFFFFFull);
}

static void flush_range_has_page_and_shift(void **state)
{
    (void)state;
    assert_true(hv_iommu_range(0, 52) == 52);
    assert_true(hv_iommu_range(0xFFFFFFFFFFFFFull, 63) == 0xFFFFFFFFFFFFF03Full);
    assert_true(hv_iommu_range(0x12345, 0) == 0x12345000);
    assert_true(hv_iommu_range(1, 64) == 0x1000); /* never into the reserved bits */
    assert_true(hv_iommu_range_page(0x12345FFF) == 0x12345);
    assert_int_equal(hv_iommu_range_shift(0x12345FFF), 63);
}

static void hypercall_msr_keeps_what_must_be_preserved(void **state)
{
    (void)state;
    assert_true(hv_hypercall_msr_enable(0, 0x12345000) == 0x12345001);
    assert_true(hv_hypercall_msr_enable(0xFFFFFFFFFFFFFFFEull, 0x12345678) == 0x12345FFD);
    assert_true(hv_hypercall_msr_enable(0xABCD0000, 0) == 1); /* the old page is not kept */
}

static void guest_os_id_has_the_open_source_layout(void **state)
{
    (void)state;
    assert_true(hv_guest_os_id_open_source(HV_GUEST_OS_TYPE_LINUX, 0x02, 0x06010203, 0x0405) ==
                0x8102060102030405ull);
    assert_true(hv_guest_os_id_open_source(0xFF, 0, 0, 0) == 0xFF00000000000000ull);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_word_has_its_fields_in_place),
        cmocka_unit_test(control_word_cuts_what_does_not_fit),
        cmocka_unit_test(control_word_reads_back),
        cmocka_unit_test(result_ignores_bits_without_meaning),
        cmocka_unit_test(logical_device_id_follows_the_example_of_the_reference),
        cmocka_unit_test(logical_device_id_is_not_sign_extended),
        cmocka_unit_test(device_id_holds_type_and_id),
        cmocka_unit_test(flush_range_has_page_and_shift),
        cmocka_unit_test(hypercall_msr_keeps_what_must_be_preserved),
        cmocka_unit_test(guest_os_id_has_the_open_source_layout),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
