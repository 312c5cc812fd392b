/* SPDX-License-Identifier: MIT */
/* Configuration space of the emulated functions as an operating system reads and programs it. */
#include "host/vdev/config_space.h"
#include "tests/unit/unit.h"

#define BAR      UINT64_C(0xFB00200000)
#define BAR_SIZE UINT64_C(0x200000)

static struct config_space space;

static void make(bool ats)
{
    struct config_identity identity = {
        .vendor = 0x5056, .device = 0x0D01, .class_code = 0x088000, .multifunction = true};

    space = (struct config_space){0};
    config_endpoint(&space, &identity, BAR, BAR_SIZE, ats);
}

/* Offset of a capability in the standard list, or 0. */
static unsigned capability(uint8_t id)
{
    unsigned offset = (unsigned)config_read(&space, CONFIG_CAPABILITIES, 1);

    for (unsigned i = 0; i < 48 && offset != 0; i++) {
        if (config_read(&space, offset, 1) == id)
            return offset;
        offset = (unsigned)config_read(&space, offset + 1, 1);
    }
    return 0;
}

static void header(void **state)
{
    (void)state;
    make(false);
    assert_int_equal(config_read(&space, CONFIG_VENDOR, 4), 0x0D015056);
    assert_int_equal(config_read(&space, CONFIG_CLASS_REVISION, 4) >> 8, 0x088000);
    assert_int_equal(config_read(&space, CONFIG_HEADER_TYPE, 1), HEADER_MULTIFUNCTION);
    assert_int_equal(config_read(&space, CONFIG_COMMAND, 2), COMMAND_MEMORY);
    assert_int_not_equal(capability(0x05), 0);
    assert_int_not_equal(capability(0x10), 0);
    assert_int_equal(config_read(&space, CONFIG_ATS, 4), 0);
    config_write(&space, CONFIG_VENDOR, 4, 0);
    config_write(&space, CONFIG_COMMAND, 2, 0xFFFF);
    assert_int_equal(config_read(&space, CONFIG_VENDOR, 4), 0x0D015056);
    assert_int_equal(config_read(&space, CONFIG_COMMAND, 2),
                     COMMAND_MEMORY | COMMAND_MASTER | COMMAND_INTX_DISABLE);
}

static void bar_sizing(void **state)
{
    (void)state;
    make(false);
    assert_true(config_bar(&space) == BAR);
    assert_int_equal(config_read(&space, CONFIG_BAR0, 4) & BAR_FLAGS,
                     BAR_64_BIT | BAR_PREFETCHABLE);
    config_write(&space, CONFIG_BAR0, 4, UINT32_MAX);
    config_write(&space, CONFIG_BAR0 + 4, 4, UINT32_MAX);
    assert_true(~config_bar(&space) + 1 == BAR_SIZE);
    config_write(&space, CONFIG_BAR0, 8, 0x123456789ABCDEF0);
    assert_true(config_bar(&space) == 0x123456789AA00000);
    assert_int_equal(config_read(&space, CONFIG_BAR0 + 8, 8), 0);
    config_write(&space, CONFIG_BAR0 + 8, 8, UINT64_MAX);
    assert_int_equal(config_read(&space, CONFIG_BAR0 + 8, 8), 0);
}

static void capabilities(void **state)
{
    (void)state;
    make(true);
    config_write(&space, MSI_ADDRESS, 4, UINT32_MAX);
    config_write(&space, MSI_DATA, 4, UINT32_MAX);
    config_write(&space, MSI_CONTROL, 2, 0xFFFF);
    assert_int_equal(config_read(&space, MSI_ADDRESS, 4), 0xFFFFFFFC);
    assert_int_equal(config_read(&space, MSI_DATA, 4), 0xFFFF);
    assert_int_equal(config_read(&space, MSI_CONTROL, 2), 0x81);
    assert_int_equal(config_read(&space, CONFIG_ATS, 4) & 0xFFFF, 0x000F);
    config_write(&space, ATS_CONTROL, 2, ATS_CONTROL_ENABLE);
    assert_int_equal(config_read(&space, ATS_CONTROL, 2), ATS_CONTROL_ENABLE);
}

static void bridge(void **state)
{
    struct config_identity identity = {.vendor = 0x5056,
                                       .device = 0x0D10,
                                       .class_code = 0x060400,
                                       .express_type = EXPRESS_TYPE_ROOT_PORT};

    (void)state;
    space = (struct config_space){0};
    config_bridge(&space, &identity, 0x40, BAR, 2 * BAR_SIZE);
    assert_int_equal(config_read(&space, CONFIG_HEADER_TYPE, 1), HEADER_BRIDGE);
    assert_int_equal(config_read(&space, 0x18, 4), 0x00404000);
    assert_int_equal(config_read(&space, 0x24, 4),
                     0x00510021); /* 0x..002 to 0x..005, in MiB, 64 bits */
    assert_int_equal(config_read(&space, 0x28, 8), 0x000000FB000000FB);
    assert_int_equal(config_read(&space, capability(0x10) + 2, 2) >> 4 & 0xF,
                     EXPRESS_TYPE_ROOT_PORT);
    for (unsigned offset = 0x10; offset < 0x40; offset++)
        config_write(&space, offset, 1, 0xFF);
    assert_int_equal(config_read(&space, 0x18, 4), 0x00404000);
}

static void edges(void **state)
{
    (void)state;
    make(true);
    assert_true(config_read(&space, CONFIG_SPACE_SIZE - 2, 4) == 0xFFFF0000);
    assert_true(config_read(&space, CONFIG_SPACE_SIZE, 8) == UINT64_MAX);
    config_write(&space, CONFIG_SPACE_SIZE - 1, 8, 0);
    assert_true(config_touches(4, 4, 6, 2));
    assert_false(config_touches(4, 2, 6, 2));
    assert_false(config_touches(8, 4, 6, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header), cmocka_unit_test(bar_sizing), cmocka_unit_test(capabilities),
        cmocka_unit_test(bridge), cmocka_unit_test(edges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
