/* SPDX-License-Identifier: MIT */
/* The host's look at its own memory: each change of a constant or of an unused page is found, pages
 * once. */
#include <string.h>

#include "host/base/integrity.h"
#include "host/base/memory.h"
#include "lib/bits.h"
#include "tests/unit/unit.h"

#define PAGES        600u /* more than get a pattern */
#define SEALED_BYTES (2u << 20)
#define TARGET_BYTES (1u << 19)
#define SEALED_FIRST ((sizeof(pages) - SEALED_BYTES) / sizeof(pages[0]))

static uint64_t pages[PAGES * PAGE_SIZE / sizeof(uint64_t)];
static uint64_t used; /* bytes */
static uint64_t table[16];

/* A made-up image: symbols of linker/host.lds. */
__asm__(".data\n.balign 8\n.globl host_image_start\nhost_image_start: .fill 4096, 1, 7\n"
        ".globl host_constants_end\nhost_constants_end: .quad 0\n.text");
extern uint8_t host_image_start[] __attribute__((visibility("hidden")));

void host_pages_unused(uint64_t *start, uint64_t *length)
{
    *start = (uintptr_t)pages + used;
    *length = sizeof(pages) - used;
}

static void expect(bool all_pages, uint64_t constants, uint64_t words, uint64_t first)
{
    struct integrity_finding found;

    integrity_check(all_pages, &found);
    assert_int_equal(found.constants_changed, constants);
    assert_int_equal(found.words_changed, words);
    assert_int_equal(found.first_changed, first);
}

static void nothing_changed(void **state)
{
    struct integrity_finding found;

    (void)state;
    integrity_check(true, &found);
    assert_int_equal(found.bytes_checked, 4096 + sizeof(table) + SEALED_BYTES);
    expect(true, 0, 0, 0);
    expect(false, 0, 0, 0);
}

static void each_word_of_a_page(void **state)
{
    struct random r = unit_random();

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        uint64_t *word = &pages[SEALED_FIRST + random_below(&r, SEALED_BYTES / sizeof(pages[0]))];

        *word ^= UINT64_C(1) << random_below(&r, 64);
        expect(true, 0, 1, (uintptr_t)word);
        expect(true, 0, 0, 0); /* repaired */
    }
}

static void neighbors_that_change_places(void **state)
{
    uint64_t first = pages[SEALED_FIRST + 10];

    (void)state;
    pages[SEALED_FIRST + 10] = pages[SEALED_FIRST + 11];
    pages[SEALED_FIRST + 11] = first;
    expect(true, 0, 2, (uintptr_t)&pages[SEALED_FIRST + 10]);
}

static void target_is_the_end(void **state)
{
    uint64_t start, length;

    (void)state;
    integrity_target(&start, &length);
    assert_int_equal(length, TARGET_BYTES);
    assert_int_equal(start, (uintptr_t)pages + sizeof(pages) - TARGET_BYTES);
    pages[SEALED_FIRST] ^= 1;
    expect(false, 0, 0, 0);
    expect(true, 0, 1, (uintptr_t)&pages[SEALED_FIRST]);
}

static void pages_given_out_later(void **state)
{
    (void)state;
    used = sizeof(pages) - PAGE_SIZE; /* all but the last one */
    pages[SEALED_FIRST] ^= 1;
    expect(true, 0, 0, 0);
    pages[ARRAY_SIZE(pages) - 1] ^= 1;
    expect(true, 0, 1, (uintptr_t)&pages[ARRAY_SIZE(pages) - 1]);
}

static void constants(void **state)
{
    (void)state;
    table[15] ^= 1;
    expect(false, 1, 0, 0);
    host_image_start[4095] ^= 1;
    expect(false, 2, 0, 0);
    table[15] ^= 1;
    host_image_start[4095] ^= 1;
    expect(false, 0, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_changed),
        cmocka_unit_test(each_word_of_a_page),
        cmocka_unit_test(neighbors_that_change_places),
        cmocka_unit_test(target_is_the_end),
        cmocka_unit_test(pages_given_out_later),
        cmocka_unit_test(constants),
    };

    integrity_add_constant(table, sizeof(table));
    integrity_seal();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
