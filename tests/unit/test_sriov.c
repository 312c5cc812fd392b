/* SPDX-License-Identifier: MIT */
/* Which device ids a host gives to the functions that a guest may make by SR-IOV. */
#include "host/platform/acpi.h"
#include "host/platform/pci_functions.h"
#include "host/vdev/config_space.h"
#include "host/vdev/sriov.h"
#include "lib/string.h"
#include "tests/unit/unit.h"

#define BUSES     2u
#define PHYSICAL  0x0108u
#define LAST      0x01F0u
#define CAPABLE   0x140u /* offset of the capability, after another one */
#define FUNCTIONS 128u

static _Alignas(8) uint8_t ecam[BUSES << 20];
static struct pci_function list[FUNCTIONS];
static unsigned listed;

bool acpi_ecam(struct acpi_ecam *found)
{
    *found = (struct acpi_ecam){.base = (uintptr_t)ecam, .last_bus = BUSES - 1};
    return true;
}

const struct pci_function *pci_functions(unsigned *count)
{
    *count = listed;
    return list;
}

void pci_function_add(const struct pci_function *function)
{
    assert_true(listed < FUNCTIONS);
    list[listed++] = *function;
}

const struct pci_function *pci_function_find(uint64_t device_id)
{
    for (unsigned i = 0; i < listed; i++)
        if (list[i].device_id == device_id)
            return &list[i];
    return NULL;
}

static uint8_t *config(uint16_t bdf, unsigned offset)
{
    return ecam + ((size_t)bdf << 12) + offset;
}

static void put16(uint16_t bdf, unsigned offset, unsigned value)
{
    *config(bdf, offset) = (uint8_t)value;
    *config(bdf, offset + 1) = (uint8_t)(value >> 8);
}

static void function(uint16_t bdf, bool managed)
{
    pci_function_add(
        &(struct pci_function){.device_id = bdf, .bdf = bdf, .requester = bdf, .managed = managed});
}

/* A function with that capability. */
static void capable(uint16_t bdf, unsigned total, unsigned offset, unsigned stride)
{
    function(bdf, true);
    put16(bdf, EXTENDED_FIRST, 1);                     /* error reporting */
    put16(bdf, EXTENDED_FIRST + 2, CAPABLE << 4 | 2u); /* version 2, and the next one */
    put16(bdf, CAPABLE, EXTENDED_SRIOV);
    put16(bdf, CAPABLE + 2, 1);
    put16(bdf, CAPABLE + 0x0E, total);
    put16(bdf, CAPABLE + 0x14, offset);
    put16(bdf, CAPABLE + 0x16, stride);
}

static int start(void **state)
{
    (void)state;
    memset(ecam, 0, sizeof(ecam));
    listed = 0;
    return 0;
}

static void each_has_an_id(void **state)
{
    (void)state;
    capable(PHYSICAL, 3, 0x10, 2);
    sriov_add_functions();
    assert_int_equal(listed, 4);
    for (unsigned i = 0; i < 3; i++) {
        const struct pci_function *made = pci_function_find(PHYSICAL + 0x10 + 2 * i);

        assert_non_null(made);
        assert_int_equal(made->bdf, PHYSICAL + 0x10 + 2 * i);
        assert_int_equal(made->requester, made->bdf);
        assert_true(made->managed && !made->emulated);
    }
}

static void others_keep_theirs(void **state)
{
    (void)state;
    capable(PHYSICAL, 2, 1, 1);
    function(PHYSICAL + 2, false);
    sriov_add_functions();
    assert_int_equal(listed, 3);
    assert_false(pci_function_find(PHYSICAL + 2)->managed);
    assert_true(pci_function_find(PHYSICAL + 1)->managed);
}

static void only_of_managed_functions(void **state)
{
    (void)state;
    capable(PHYSICAL, 2, 1, 1);
    list[0].managed = false;
    function(LAST, true); /* no extended capability */
    sriov_add_functions();
    assert_int_equal(listed, 2);
    list[0].managed = list[0].emulated = true;
    sriov_add_functions();
    assert_int_equal(listed, 2);
}

static void not_without_end(void **state)
{
    (void)state;
    capable(PHYSICAL, 0xFFFF, 8, 1);
    capable(LAST, 4, 1, 1);
    sriov_add_functions();
    assert_int_equal(listed, 2 + SRIOV_FUNCTIONS_MAX);
    start(NULL);
    capable(LAST, 4, 0xFFFF, 0xFFFF); /* beyond the last requester id */
    sriov_add_functions();
    assert_int_equal(listed, 1);
    start(NULL);
    capable(LAST, 4, 1, 0);                                    /* all in one place */
    put16(LAST, EXTENDED_FIRST + 2, EXTENDED_FIRST << 4 | 2u); /* a list without an end */
    sriov_add_functions();
    assert_int_equal(listed, 1);
    put16(LAST, EXTENDED_FIRST + 2, CAPABLE << 4 | 2u);
    sriov_add_functions();
    assert_int_equal(listed, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_has_an_id, start),
        cmocka_unit_test_setup(others_keep_theirs, start),
        cmocka_unit_test_setup(only_of_managed_functions, start),
        cmocka_unit_test_setup(not_without_end, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
