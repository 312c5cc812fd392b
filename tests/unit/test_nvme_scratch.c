/* SPDX-License-Identifier: MIT */
/* Which blocks of an NVMe disk the suite may write to. */
#include "drivers/nvme_options.h"
#include "drivers/nvme_scratch.h"

#include <string.h>

#include "lib/bits.h"
#include "tests/unit/unit.h"

static void a_range_is_read(void **state)
{
    struct nvme_scratch s;

    (void)state;
    assert_null(nvme_scratch_parse("1:0+128", &s));
    assert_int_equal(s.nsid, 1);
    assert_int_equal(s.first, 0);
    assert_int_equal(s.count, 128);
    assert_string_equal(s.serial, "");
    assert_null(nvme_scratch_parse("0x10:0x1000+0x20,S4EV NF0:1+2", &s));
    assert_int_equal(s.nsid, 16);
    assert_int_equal(s.first, 4096);
    assert_int_equal(s.count, 32);
    assert_string_equal(s.serial, "S4EV NF0:1+2");
}

static void other_texts_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "1",
        "1:0",
        "1+5",
        "0:0+8",
        "0xFFFFFFFF:0+8",
        "1:0+0",
        "1:-1+8",
        ":0+8",
        "1:x+8",
        "1:0+",
        "1:0+8,",
        "1:0+8,123456789012345678901",
        "1:0xFFFFFFFFFFFFFFFF+2",
    };
    char longest[NVME_SCRATCH_TEXT_MAX + 1];
    struct nvme_scratch s;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        assert_non_null(nvme_scratch_parse(texts[i], &s));
    memset(longest, '1', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_non_null(nvme_scratch_parse(longest, &s));
}

static void a_range_is_for_a_controller(void **state)
{
    struct nvme_scratch s;

    (void)state;
    assert_false(nvme_scratch_for("A", &s));
    assert_null(nvme_scratch_add("2:0+64"));
    assert_null(nvme_scratch_add("3:0+64,A"));
    assert_null(nvme_scratch_add("4:0+64"));
    assert_true(nvme_scratch_for("A", &s));
    assert_int_equal(s.nsid, 3);
    assert_true(nvme_scratch_for("B", &s));
    assert_int_equal(s.nsid, 2);
    assert_non_null(nvme_scratch_add("2:0"));
    for (unsigned i = 3; i < NVME_SCRATCHES_MAX; i++)
        assert_null(nvme_scratch_add("5:0+64"));
    assert_non_null(nvme_scratch_add("5:0+64"));
}

static struct nvme_namespace identified(uint64_t blocks, uint8_t format, uint32_t lbaf)
{
    uint8_t data[4096] = {0};

    memcpy(data, &blocks, sizeof(blocks));
    data[26] = format;
    memcpy(data + 128 + 4 * (format & 15u), &lbaf, sizeof(lbaf));
    return nvme_namespace_of(data);
}

static void a_range_to_read_is_apart(void **state)
{
    struct nvme_scratch s;

    (void)state;
    assert_false(nvme_readable_for("A", &s));
    assert_null(nvme_readable_add("3:8+64"));
    assert_true(nvme_readable_for("A", &s));
    assert_int_equal(s.nsid, 3);
    assert_int_equal(s.first, 8);
    assert_non_null(nvme_readable_add("3:8"));
}

static void a_namespace_is_understood(void **state)
{
    struct nvme_namespace ns = identified(0x123456789A, 0, 9u << 16);

    (void)state;
    assert_int_equal(ns.blocks, 0x123456789A);
    assert_int_equal(ns.block_size, 512);
    assert_int_equal(ns.metadata, 0);
    ns = identified(100, 0x13, 2u << 24 | 12u << 16 | 8);
    assert_int_equal(ns.block_size, 4096);
    assert_int_equal(ns.metadata, 8);
    assert_int_equal(identified(100, 0, 200u << 16).block_size, 0);
}

static bool fits(const char *text, uint64_t blocks, unsigned shift, unsigned metadata)
{
    struct nvme_namespace ns = identified(blocks, 0, shift << 16 | metadata);
    struct nvme_scratch s;

    assert_null(nvme_scratch_parse(text, &s));
    return !nvme_scratch_misfit(&s, &ns);
}

static void only_a_range_of_the_namespace_fits(void **state)
{
    (void)state;
    assert_true(fits("1:0+32", 32, 9, 0));
    assert_true(fits("1:68+32", 100, 9, 0));
    assert_false(fits("1:69+32", 100, 9, 0));
    assert_false(fits("1:100+32", 100, 9, 0));
    assert_false(fits("1:0+0xFFFFFFFFFFFFFFFF", 100, 9, 0));
    assert_false(fits("1:0+31", 100, 9, 0));
    assert_true(fits("1:0+4", 4, 12, 0));
    assert_false(fits("1:0+3", 4, 12, 0));
    assert_false(fits("1:0+64", 100, 8, 0));
    assert_false(fits("1:0+64", 100, 13, 0));
    assert_false(fits("1:0+64", 100, 9, 8));
    assert_false(fits("1:0+64", 0, 9, 0));
}

static void a_partition_table_is_seen(void **state)
{
    uint8_t blocks[2 * 4096] = {0};

    (void)state;
    assert_null(nvme_partition_table(blocks, 512));
    blocks[510] = 0x55;
    assert_null(nvme_partition_table(blocks, 512));
    blocks[511] = 0xAA;
    assert_string_equal(nvme_partition_table(blocks, 512), "MBR");
    memcpy(blocks + 512, "EFI PART", 8);
    assert_string_equal(nvme_partition_table(blocks, 512), "GPT");
    assert_string_equal(nvme_partition_table(blocks, 4096), "MBR");
    memcpy(blocks + 4096, "EFI PART", 8);
    blocks[510] = 0;
    assert_string_equal(nvme_partition_table(blocks, 4096), "GPT");
}

static void texts_of_a_controller_are_cleaned(void **state)
{
    char text[21];

    (void)state;
    nvme_identify_text(text, (const uint8_t *)"  A \"B\"\\\n\x80 C    \0\0\0\0", 20);
    assert_string_equal(text, "A ?B???? C");
    nvme_identify_text(text, (const uint8_t *)"                    ", 20);
    assert_string_equal(text, "");
    nvme_identify_text(text, (const uint8_t *)"12345678901234567890", 20);
    assert_string_equal(text, "12345678901234567890");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_is_read),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(a_range_is_for_a_controller),
        cmocka_unit_test(a_range_to_read_is_apart),
        cmocka_unit_test(a_namespace_is_understood),
        cmocka_unit_test(only_a_range_of_the_namespace_fits),
        cmocka_unit_test(a_partition_table_is_seen),
        cmocka_unit_test(texts_of_a_controller_are_cleaned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
