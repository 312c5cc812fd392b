/* SPDX-License-Identifier: MIT */
/* A function of the machine that is passed through: what the guest sees of it, and what the device
 * gets. */
#include "tests/unit/vpci_fixture.h"

#include <string.h>

#include "abi/vmbus.h"
#include "host/vpci/vpci.h"
#include "tests/unit/unit.h"

#define WINDOW FAKE_LOW
#define CONFIG (FAKE_LOW + 0x1000)
#define BAR0   (FAKE_LOW + 0x10000)
#define BAR1   (FAKE_LOW + 0x20000)
#define BUS    3u

static int start(void **state)
{
    struct vpci_d0_entry entry = {.type = VPCI_BUS_D0_ENTRY, .window = WINDOW};

    (void)state;
    fake_vpci_open(BUS, VPCI_VERSION_1_4);
    assert_int_equal(fake_vpci_request(BUS, &entry, sizeof(entry), NULL, 0), NT_STATUS_SUCCESS);
    return 0;
}

static uint32_t config(unsigned offset, unsigned size)
{
    return (uint32_t)fake_mmio_read(CONFIG + offset, size);
}

static void place_bars(void)
{
    fake_mmio_write(CONFIG + 0x10, 4, (uint32_t)BAR0);
    fake_mmio_write(CONFIG + 0x14, 4, (uint32_t)BAR1);
    fake_mmio_write(CONFIG + 4, 2, 6);
}

static uint32_t machine_word(const uint8_t *from)
{
    uint32_t word;

    memcpy(&word, from, sizeof(word));
    return word;
}

static void configuration(void **state)
{
    (void)state;
    assert_int_equal(config(0, 4), 0x00061B36);
    assert_int_equal(config(4, 2), 0);
    assert_int_equal(config(0x10, 4), 0); /* not where the firmware put it */
    fake_mmio_write(CONFIG + 0x10, 4, UINT32_MAX);
    assert_int_equal(config(0x10, 4), 0xFFFFE000);
    fake_mmio_write(CONFIG + 0x18, 4, UINT32_MAX);
    assert_int_equal(config(0x18, 4), 0);
    fake_mmio_write(CONFIG + 0x10, 1, 0); /* a part of it */
    assert_int_equal(config(0x10, 4), 0xFFFFE000);
    assert_int_equal(machine_word(machine_config + 0x10), FAKE_BAR0);
    fake_mmio_write(CONFIG + 4, 4, 0xFFFF0007);
    assert_int_equal(config(4, 2), 6); /* no ports */
    assert_int_equal(machine_config[4] & 7, 6);
    fake_mmio_write(CONFIG + 4, 2, 0);
    assert_int_equal(machine_config[4] & 7, 2); /* the host goes on using the registers */
    assert_int_equal(config(0x30, 4), 0);
    assert_int_equal(config(FAKE_MSI + 2, 2), 0x80); /* 64-bit, one message */
}

static void no_functions_by_sriov(void **state)
{
    (void)state;
    assert_int_equal(config(0x100, 4), 0x14010001);
    assert_int_equal(config(FAKE_SRIOV, 4), 0x18000000); /* the list goes on */
    assert_int_equal(config(FAKE_SRIOV + 8, 4), 0);
    fake_mmio_write(CONFIG + FAKE_SRIOV + 8, 2, 0xFFFF);
    fake_mmio_write(CONFIG + FAKE_SRIOV + 0x24, 4, UINT32_MAX);
    assert_int_equal(machine_word(machine_config + FAKE_SRIOV + 8), 0x55);
    assert_int_equal(machine_word(machine_config + FAKE_SRIOV + 0x24), 0);
    assert_int_equal(config(0x180, 4), 0x00010003);
}

static void no_reset_by_registers(void **state)
{
    (void)state;
    assert_int_equal(config(FAKE_EXPRESS + 4, 4), 0); /* no function-level reset */
    fake_mmio_write(CONFIG + FAKE_EXPRESS + 8, 2, 0xA81F);
    assert_int_equal(config(FAKE_EXPRESS + 8, 4), 0x281F);
    assert_int_equal(machine_word(machine_config + FAKE_EXPRESS + 8), 0x2800);
    fake_mmio_write(CONFIG + FAKE_POWER + 4, 2, 0x0003);
    assert_int_equal(config(FAKE_POWER + 4, 2), 0x000B);
    assert_int_equal(machine_word(machine_config + FAKE_POWER + 4), 8);
}

static void bars_follow(void **state)
{
    (void)state;
    place_bars();
    assert_int_equal(fake_mapped(BAR0), FAKE_BAR0);
    assert_int_equal(fake_mapped(BAR0 + 0x1000), FAKE_BAR0 + 0x1000);
    assert_int_equal(fake_mapped(BAR1), 0); /* the table */
    assert_int_equal(fake_mapped(BAR1 + 0x1000), FAKE_BAR1 + 0x1000);
    fake_mmio_write(CONFIG + 0x10, 4, (uint32_t)BAR0 + 0x4000);
    assert_int_equal(fake_mapped(BAR0), 0);
    assert_int_equal(fake_mapped(BAR0 + 0x4000), FAKE_BAR0);
    fake_mmio_write(CONFIG + 0x10, 4, 0x1000); /* the guest's RAM */
    assert_int_equal(fake_mapped(BAR0 + 0x4000), 0);
    fake_mmio_write(CONFIG + 4, 2, 0);
    assert_int_equal(fake_mapped(BAR1 + 0x1000), 0);
}

static struct vpci_interrupt create(uint32_t vector)
{
    struct vpci_create_interrupt_3 request = {
        .type = VPCI_CREATE_INTERRUPT_3, .vector = vector, .count = 1, .vp_count = 1};
    struct vpci_create_interrupt_reply reply;

    assert_int_equal(fake_vpci_request(BUS, &request, sizeof(request), &reply, sizeof(reply)),
                     NT_STATUS_SUCCESS);
    return reply.interrupt;
}

static void msix(void **state)
{
    struct vpci_interrupt interrupt = create(0x61);
    struct hv_input_retarget_device_interrupt retarget = {.partition_id = UINT64_MAX,
                                                          .device_id = FAKE_MACHINE,
                                                          .source = 1,
                                                          .address = (uint32_t)interrupt.address,
                                                          .data = interrupt.data,
                                                          .vector = 0x62,
                                                          .processor_mask = 2};
    struct vpci_delete_interrupt delete = {.type = VPCI_DELETE_INTERRUPT, .interrupt = interrupt};

    (void)state;
    place_bars();
    fake_mmio_write(BAR1 + 16, 8, interrupt.address);
    fake_mmio_write(BAR1 + 24, 4, interrupt.data);
    fake_mmio_write(BAR1 + 28, 4, 0);
    assert_true(fake_mmio_read(BAR1 + 16, 8) == interrupt.address);
    assert_int_equal(fake_mmio_read(BAR1 + 24, 4), interrupt.data);
    assert_int_equal(machine_word(machine_bar1 + 16), 0xFEE07000); /* the APIC of VP 0 */
    assert_int_equal(machine_word(machine_bar1 + 24), 0x61);
    assert_int_equal(machine_word(machine_bar1 + 28), 0);
    assert_int_equal(vpci_retarget(&retarget, NULL, 0), HV_STATUS_SUCCESS);
    assert_int_equal(machine_word(machine_bar1 + 16), 0xFEE08000);
    assert_int_equal(machine_word(machine_bar1 + 24), 0x62);
    fake_mmio_write(BAR1 + 24, 4, 0x41); /* no message of the host */
    assert_int_equal(machine_word(machine_bar1 + 28), 1);
    fake_mmio_write(BAR1 + 24, 4, interrupt.data);
    assert_int_equal(machine_word(machine_bar1 + 28), 0);
    assert_int_equal(fake_vpci_request(BUS, &delete, sizeof(delete), NULL, 0), NT_STATUS_SUCCESS);
    assert_int_equal(machine_word(machine_bar1 + 28), 1);
    assert_true(fake_mmio_read(BAR1 + 17, 4) == UINT64_MAX);
    fake_mmio_write(BAR1 + 0x28, 4, 0x12345678); /* after the table, in its page */
    assert_int_equal(machine_word(machine_bar1 + 0x28), 0x12345678);
    assert_int_equal(fake_mmio_read(BAR1 + 0x28, 4), 0x12345678);
}

static void msi(void **state)
{
    struct vpci_interrupt interrupt = create(0x63);

    (void)state;
    fake_mmio_write(CONFIG + FAKE_MSI + 4, 4, (uint32_t)interrupt.address);
    fake_mmio_write(CONFIG + FAKE_MSI + 8, 4, (uint32_t)(interrupt.address >> 32));
    fake_mmio_write(CONFIG + FAKE_MSI + 12, 2, interrupt.data);
    fake_mmio_write(CONFIG + FAKE_MSI + 2, 2, 0x71);
    assert_int_equal(config(FAKE_MSI + 4, 4), (uint32_t)interrupt.address);
    assert_int_equal(config(FAKE_MSI + 12, 2), interrupt.data);
    assert_int_equal(machine_word(machine_config + FAKE_MSI + 4), 0xFEE07000);
    assert_int_equal(machine_config[FAKE_MSI + 12], 0x63);
    assert_int_equal(machine_config[FAKE_MSI + 2] & 0x71, 1); /* enabled, one message */
    fake_mmio_write(CONFIG + FAKE_MSI + 12, 2, 0x1FF);
    assert_int_equal(machine_word(machine_config + FAKE_MSI + 4),
                     0xFEEFE000); /* no APIC has this id */
}

static void a_reset_takes_all_back(void **state)
{
    struct vpci_message exit = {.type = VPCI_BUS_D0_EXIT};
    struct vpci_interrupt interrupt = create(0x64);

    (void)state;
    place_bars();
    fake_mmio_write(BAR1, 4, interrupt.address);
    fake_mmio_write(BAR1 + 8, 4, interrupt.data);
    fake_mmio_write(BAR1 + 12, 4, 0);
    assert_int_equal(machine_word(machine_bar1 + 12), 0);
    assert_int_equal(fake_vpci_request(BUS, &exit, sizeof(exit), NULL, 0), NT_STATUS_SUCCESS);
    assert_int_equal(machine_config[4] & 7, 2);
    assert_int_equal(machine_word(machine_bar1 + 12), 1);
    assert_int_equal(fake_mapped(BAR0), 0);
    start(state);
    assert_int_equal(config(0x10, 4), 0);
    place_bars();
    assert_int_equal(fake_mmio_read(BAR1 + 8, 4), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(configuration, start),
        cmocka_unit_test_setup(no_functions_by_sriov, start),
        cmocka_unit_test_setup(no_reset_by_registers, start),
        cmocka_unit_test_setup(bars_follow, start),
        cmocka_unit_test_setup(msix, start),
        cmocka_unit_test_setup(msi, start),
        cmocka_unit_test_setup(a_reset_takes_all_back, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
