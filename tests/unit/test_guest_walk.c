/* SPDX-License-Identifier: MIT */
/* The guest's page tables in each paging mode, its code with prefixes, and its state before an
 * entry. */
#include <string.h>

#include "host/base/instructions.h"
#include "host/base/memory.h"
#include "host/cpu/guest_state.h"
#include "host/cpu/guest_walk.h"
#include "host/cpu/insn_fetch.h"
#include "host/cpu/nested_paging.h"
#include "tests/unit/unit.h"

#define RAM_BYTES (64u << 10)

static uint8_t ram[RAM_BYTES];

static const uint8_t *overlay; /* in the place of the page at overlay_gpa */
static uint64_t overlay_gpa;

const uint8_t *nested_overlay_at(uint64_t gpa)
{
    return overlay && gpa / PAGE_SIZE == overlay_gpa / PAGE_SIZE ? overlay : NULL;
}

bool guest_read(uint64_t gpa, void *to, size_t length)
{
    if (gpa >= RAM_BYTES || length > RAM_BYTES - gpa)
        return false;
    memcpy(to, ram + gpa, length);
    return true;
}

bool guest_load64(uint64_t gpa, uint64_t *value)
{
    return gpa % sizeof(*value) == 0 && guest_read(gpa, value, sizeof(*value));
}

bool guest_load32(uint64_t gpa, uint32_t *value)
{
    return gpa % sizeof(*value) == 0 && guest_read(gpa, value, sizeof(*value));
}

static void put64(uint64_t table, unsigned index, uint64_t entry)
{
    memcpy(ram + table + 8 * index, &entry, sizeof(entry));
}

static void put32(uint64_t table, unsigned index, uint32_t entry)
{
    memcpy(ram + table + 4 * index, &entry, sizeof(entry));
}

static void expect(const struct guest_paging *paging, uint64_t linear, uint64_t gpa)
{
    uint64_t found = 1;

    assert_true(guest_walk(paging, linear, &found));
    assert_int_equal(found, gpa);
}

static void expect_none(const struct guest_paging *paging, uint64_t linear)
{
    uint64_t found;

    assert_false(guest_walk(paging, linear, &found));
}

static int clear(void **state)
{
    (void)state;
    memset(ram, 0, sizeof(ram));
    return 0;
}

static void no_paging(void **state)
{
    (void)state;
    expect(&(struct guest_paging){.cr0 = CR0_PE}, 0x1234567890, 0x34567890);
}

static void legacy(void **state)
{
    const struct guest_paging paging = {.cr0 = CR0_PE | CR0_PG, .cr3 = 0x1018, .cr4 = CR4_PSE};
    struct guest_paging no_large = paging;

    (void)state;
    put32(0x1000, 3, 0x2001);
    put32(0x2000, 5, 0xABCDE001);
    put32(0x1000, 1023, 0xFFC00081 | 3u << 13); /* bits 33:32 of the address */
    put32(0x2000, 6, 0xABCDE000);
    expect(&paging, 3u << 22 | 5u << 12 | 0x123, 0xABCDE123);
    expect(&paging, 0xFFFFFFFF, 0x3FFFFFFFF);
    expect_none(&paging, 3u << 22 | 6u << 12);
    expect_none(&paging, 4u << 22);
    no_large.cr4 = 0;
    expect_none(&no_large, 0xFFFFFFFF); /* a table beyond RAM */
}

static void pae(void **state)
{
    const struct guest_paging paging = {.cr0 = CR0_PE | CR0_PG, .cr3 = 0x1020, .cr4 = CR4_PAE};

    (void)state;
    put64(0x1020, 2, 0x2001);
    put64(0x2000, 7, 0x3001);
    put64(0x3000, 9, 0x7ABCDE001);
    put64(0x2000, 8, 0x7AAA00081);
    expect(&paging, 2u << 30 | 7u << 21 | 9u << 12 | 0x45, 0x7ABCDE045);
    expect(&paging, 2u << 30 | 8u << 21 | 0x12345, 0x7AAA12345);
    expect_none(&paging, 0);
    put64(0x1020, 3,
          0x81); /* no 1 GiB leaves in this mode: bit 7 is reserved, and the table at 0 is empty */
    expect_none(&paging, 3u << 30);
}

static void long_mode(void **state)
{
    struct guest_paging paging = {
        .cr0 = CR0_PE | CR0_PG, .cr3 = 0x1000, .cr4 = CR4_PAE, .efer = EFER_LME | EFER_LMA};

    (void)state;
    put64(0x1000, 511, 0x2001);
    put64(0x2000, 1, 0x3001);
    put64(0x3000, 2, 0x4001);
    put64(0x4000, 3, UINT64_C(1) << 63 | 0x12345001); /* no-execute */
    put64(0x3000, 4, 0x40000081);
    put64(0x2000, 5, 0x80000081);
    put64(0x1000, 510, 0x40000081); /* no 512 GiB leaves */
    put64(0x5000, 511, 0x1001);
    expect(&paging, UINT64_C(511) << 39 | 1u << 30 | 2u << 21 | 3u << 12 | 0xFFF, 0x12345FFF);
    expect(&paging, UINT64_C(0xFFFFFF8040403FFF), 0x12345FFF);
    expect(&paging, UINT64_C(511) << 39 | 1u << 30 | 4u << 21 | 0x1FFFFF, 0x401FFFFF);
    expect(&paging, UINT64_C(511) << 39 | UINT64_C(5) << 30 | 0x3FFFFFFF, 0xBFFFFFFF);
    expect_none(&paging, UINT64_C(510) << 39);
    paging.cr3 = 0x5000;
    paging.cr4 |= CR4_LA57;
    expect(&paging, UINT64_C(0xFFFFFF8040403FFF), 0x12345FFF);
    expect_none(&paging, 0);
}

/* Tables that lead to themselves, and any other content: the walk ends, and reads nothing outside
 * of RAM. */
static void random_tables(void **state)
{
    struct random r = unit_random();

    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        struct guest_paging paging = {random_u64(&r), random_u64(&r) & 0xFFFF, random_u64(&r),
                                      random_u64(&r)};
        uint64_t gpa;

        put64(random_below(&r, RAM_BYTES / 8) * 8, 0, random_u64(&r) & 0xF1FF);
        (void)guest_walk(&paging, random_u64(&r), &gpa);
    }
}

static void prefixes(void **state)
{
    const uint8_t legacy_prefixes[] = {0x66, 0x67, 0xF0, 0xF2, 0xF3, 0x26,
                                       0x2E, 0x36, 0x3E, 0x64, 0x65, 0x0F};
    const uint8_t rex[] = {0x66, 0x48, 0x4F, 0x0F, 0xA2};
    uint8_t all[15];

    (void)state;
    memset(all, 0x66, sizeof(all));
    assert_int_equal(insn_prefixes(legacy_prefixes, sizeof(legacy_prefixes), true), 11);
    assert_int_equal(insn_prefixes(legacy_prefixes, sizeof(legacy_prefixes), false), 11);
    assert_int_equal(insn_prefixes(rex, sizeof(rex), true), 3);
    assert_int_equal(insn_prefixes(rex, sizeof(rex), false), 1);
    assert_int_equal(insn_prefixes(rex, 0, true), 0);
    assert_int_equal(insn_prefixes(rex, 1, true), 1);
    assert_int_equal(insn_prefixes(all, sizeof(all), true), 14);
}

static void code_across_pages(void **state)
{
    struct vmcb guest = {.cr0 = CR0_PE, .rip = 0xFFA};
    uint8_t bytes[15];

    (void)state;
    for (unsigned i = 0; i < 15; i++)
        ram[0x1FFA + i] = (uint8_t)(i + 1);
    guest.cs.base = 0x1000;
    assert_int_equal(insn_fetch(&guest, bytes, sizeof(bytes)), 15);
    assert_memory_equal(bytes, ram + 0x1FFA, 15);
    guest.cs.base = RAM_BYTES - 0x1000;
    assert_int_equal(insn_fetch(&guest, bytes, sizeof(bytes)), 6); /* the next page is none */
    guest.cs.base = 0xFFFFF006;                                    /* 32-bit addresses wrap */
    assert_int_equal(insn_fetch(&guest, bytes, sizeof(bytes)), 15);
}

/* The processor executes the page that is shown, whatever the memory in its place holds. */
static void code_of_a_page_that_is_shown(void **state)
{
    static uint8_t page[PAGE_SIZE] = {0x0F, 0x01, 0xD9};
    struct vmcb guest = {.cr0 = CR0_PE, .rip = 0};
    uint8_t bytes[4];

    (void)state;
    memset(ram + 0x3000, 0x40, PAGE_SIZE);
    guest.cs.base = 0x3000;
    overlay = page;
    overlay_gpa = 0x3000;
    assert_int_equal(insn_fetch(&guest, bytes, sizeof(bytes)), 4);
    assert_memory_equal(bytes, page, 4);
    overlay = NULL;
    assert_int_equal(insn_fetch(&guest, bytes, sizeof(bytes)), 4);
    assert_int_equal(bytes[0], 0x40);
}

/* After the repair no state of a guest is refused, and a sound one is as before. */
static void states(void **state)
{
    struct random r = unit_random();
    struct vmcb guest = {.asid = 1, .intercept_misc2 = INTERCEPT_VMRUN}, before;

    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        guest.cr0 = random_u64(&r);
        guest.cr4 = random_u64(&r);
        guest.efer =
            (random_u64(&r) & (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_FFXSR)) | EFER_SVME;
        guest.dr6 = random_u64(&r);
        guest.dr7 = random_u64(&r);
        guest.cs.attributes = (uint16_t)random_u64(&r);
        before = guest;
        guest_state_repair(&guest);
        assert_null(guest_state_refused(&guest));
        if (!guest_state_refused(&before) && (before.cr0 & CR0_PG) && (before.cr0 & CR0_PE))
            assert_memory_equal(&guest, &before, sizeof(guest));
    }
    guest.efer &= ~EFER_SVME;
    assert_non_null(guest_state_refused(&guest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(no_paging, clear),
        cmocka_unit_test_setup(legacy, clear),
        cmocka_unit_test_setup(pae, clear),
        cmocka_unit_test_setup(long_mode, clear),
        cmocka_unit_test_setup(random_tables, clear),
        cmocka_unit_test(prefixes),
        cmocka_unit_test_setup(code_across_pages, clear),
        cmocka_unit_test_setup(code_of_a_page_that_is_shown, clear),
        cmocka_unit_test(states),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
