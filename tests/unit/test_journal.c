/* SPDX-License-Identifier: MIT */
/* Records of an unattended run: what goes in comes out, and nothing that was not put in ever does.
 */
#include "tests/harness/journal.h"

#include <string.h>

#include "tests/unit/unit.h"

#define RUN 0x1234567890ABCDEFull

static struct journal_entry entry(enum journal_kind kind, uint32_t index, const char *text)
{
    return (struct journal_entry){.kind = kind,
                                  .index = index,
                                  .duration_us = index * 3,
                                  .text = text,
                                  .text_length = strlen(text)};
}

static void add(struct journal_record *r, enum journal_kind kind, uint32_t index, const char *text)
{
    struct journal_entry e = entry(kind, index, text);

    assert_true(journal_add(r, &e));
}

static void expect(struct journal_cursor *c, enum journal_kind kind, uint32_t index,
                   const char *text)
{
    struct journal_entry e;

    assert_true(journal_next(c, &e));
    assert_int_equal(e.kind, kind);
    assert_int_equal(e.index, index);
    assert_int_equal(e.text_length, strlen(text));
    assert_memory_equal(e.text_length ? e.text : "", text, e.text_length);
}

static void entries_come_back(void **state)
{
    uint8_t memory[512];
    struct journal_record r;
    struct journal_header header;
    struct journal_cursor c;
    struct journal_entry e;

    (void)state;
    journal_begin(&r, memory, sizeof(memory));
    add(&r, JOURNAL_FACT, 0, "host: name=x");
    add(&r, JOURNAL_PASS, 0, "");
    add(&r, JOURNAL_SKIP, 127, "no device");
    add(&r, JOURNAL_SKIP, 128, "no device");
    add(&r, JOURNAL_BEGIN, 70000, "");
    add(&r, JOURNAL_FAIL, 70000, "moved");
    add(&r, JOURNAL_ERROR, UINT32_MAX / 3, "no device");
    add(&r, JOURNAL_DOWN, 0, "panic");
    journal_seal(&r, RUN, 3, 17);

    assert_int_equal(journal_check(memory, sizeof(memory), &header), r.used);
    assert_int_equal(header.run, RUN);
    assert_int_equal(header.boot, 3);
    assert_int_equal(header.sequence, 17);
    journal_entries(&c, memory);
    expect(&c, JOURNAL_FACT, 0, "host: name=x");
    expect(&c, JOURNAL_PASS, 0, "");
    expect(&c, JOURNAL_SKIP, 127, "no device");
    expect(&c, JOURNAL_SKIP, 128, "no device");
    expect(&c, JOURNAL_BEGIN, 70000, "");
    assert_true(journal_next(&c, &e));
    assert_int_equal(e.duration_us, 210000);
    expect(&c, JOURNAL_ERROR, UINT32_MAX / 3, "no device");
    expect(&c, JOURNAL_DOWN, 0, "panic");
    assert_false(journal_next(&c, &e));
}

static void equal_texts_are_stored_once(void **state)
{
    uint8_t memory[4096];
    struct journal_record r;
    char reason[200];
    size_t first;

    (void)state;
    memset(reason, 'r', sizeof(reason) - 1);
    reason[sizeof(reason) - 1] = '\0';
    journal_begin(&r, memory, sizeof(memory));
    add(&r, JOURNAL_SKIP, 0, reason);
    first = r.used;
    for (uint32_t i = 1; i < 100; i++)
        add(&r, JOURNAL_SKIP, i, reason);
    assert_true(r.used - first < (size_t)100 * 6);
}

static void flags_come_back(void **state)
{
    uint8_t memory[256];
    struct journal_record r;
    struct journal_cursor c;
    struct journal_entry e = entry(JOURNAL_FAIL, 5, "text");

    (void)state;
    journal_begin(&r, memory, sizeof(memory));
    e.flags = JOURNAL_RAW | JOURNAL_CUT;
    assert_true(journal_add(&r, &e));
    journal_seal(&r, RUN, 1, 0);
    journal_entries(&c, memory);
    assert_true(journal_next(&c, &e));
    assert_int_equal(e.flags, JOURNAL_RAW | JOURNAL_CUT);
}

static void entry_without_room_changes_nothing(void **state)
{
    uint8_t memory[64], before[64];
    struct journal_record r;
    struct journal_entry e =
        entry(JOURNAL_FAIL, 1, "a text that is longer than the room that is left in there");
    struct journal_entry small = entry(JOURNAL_FAIL, 1, "fits");

    (void)state;
    memset(memory, 0xEE, sizeof(memory));
    journal_begin(&r, memory, sizeof(memory));
    memcpy(before, memory, sizeof(memory));
    assert_false(journal_add(&r, &e));
    assert_memory_equal(memory, before, sizeof(memory));
    assert_int_equal(r.entries, 0);
    assert_true(journal_add(&r, &small));
}

static void record_ends_at_its_capacity(void **state)
{
    struct journal_entry e = entry(JOURNAL_SKIP, 300, "why");

    (void)state;
    for (size_t capacity = sizeof(struct journal_header); capacity < 200; capacity++) {
        uint8_t memory[256];
        struct journal_record r;

        memset(memory, 0xEE, sizeof(memory));
        journal_begin(&r, memory, capacity);
        while (journal_add(&r, &e))
            e.index++; /* differs in nothing but its place */
        journal_seal(&r, RUN, 1, 0);
        assert_true(r.used <= capacity);
        for (size_t i = capacity; i < sizeof(memory); i++)
            assert_int_equal(memory[i], 0xEE);
    }
}

static void damage_is_seen(void **state)
{
    uint8_t memory[256];
    struct journal_record r;
    struct journal_header header;

    (void)state;
    journal_begin(&r, memory, sizeof(memory));
    add(&r, JOURNAL_FAIL, 9, "moved");
    journal_seal(&r, RUN, 1, 0);
    for (size_t bit = 0; bit < r.used * 8; bit++) {
        memory[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(journal_check(memory, r.used, &header), 0);
        memory[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t size = 0; size < r.used; size++)
        assert_int_equal(journal_check(memory, size, &header), 0);
    assert_int_equal(journal_check(memory, sizeof(memory), &header), r.used);
}

/* A checksum is no protection against a program that is wrong: the decoder stays within the record
 * all the same. */
static void garbage_with_a_checksum_is_read_safely(void **state)
{
    struct random random = unit_random();

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        size_t length = random_u64(&random) % 60, size = sizeof(struct journal_header) + length;
        uint8_t *memory = malloc(size);
        struct journal_record r;
        struct journal_header header;
        struct journal_cursor c;
        struct journal_entry e;
        unsigned count = 0;

        assert_non_null(memory);
        journal_begin(&r, memory, size);
        for (size_t i = sizeof(header); i < size; i++)
            memory[i] = (uint8_t)random_u64(&random);
        r.used = size;
        journal_seal(&r, RUN, 1, 0);
        assert_int_equal(journal_check(memory, size, &header), size);
        journal_entries(&c, memory);
        while (journal_next(&c, &e)) {
            volatile char last = e.text_length ? e.text[e.text_length - 1] : 0;

            (void)last;
            count++;
        }
        assert_true(count <= length);
        free(memory);
    }
}

static void state_is_checked(void **state)
{
    struct journal_state s = {.run = RUN, .planned = 661, .boot = 2}, other;

    (void)state;
    journal_state_seal(&s);
    assert_null(journal_state_check(&s, sizeof(s)));
    assert_non_null(journal_state_check(&s, sizeof(s) - 1));
    for (size_t bit = 0; bit < sizeof(s) * 8; bit++) {
        other = s;
        ((uint8_t *)&other)[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_non_null(journal_state_check(&other, sizeof(other)));
    }
    other = s;
    other.version++;
    assert_string_equal(journal_state_check(&other, sizeof(other)),
                        "has the format of another version");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_back),
        cmocka_unit_test(equal_texts_are_stored_once),
        cmocka_unit_test(flags_come_back),
        cmocka_unit_test(entry_without_room_changes_nothing),
        cmocka_unit_test(record_ends_at_its_capacity),
        cmocka_unit_test(damage_is_seen),
        cmocka_unit_test(garbage_with_a_checksum_is_read_safely),
        cmocka_unit_test(state_is_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
