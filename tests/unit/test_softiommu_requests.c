/* SPDX-License-Identifier: MIT */
/* Requests in flight, switches of devices, and what init refuses. */
#include "host/softiommu/private.h"
#include "lib/bits.h"
#include "tests/unit/softiommu_fixture.h"

#include <string.h>

#define DID    5u
#define IOVA   UINT64_C(0x345678000)
#define DATA   (RAM + 0x30000)
#define NEW    (RAM + 0x50000)
#define PIECES 512u

static int setup(void **state)
{
    *state = machine_with(SOFTIOMMU_CACHE_ADVERSARIAL);
    return 0;
}

static struct softiommu_piece pieces[8][PIECES];

static struct softiommu_request request_of(unsigned slot, uint64_t iova, uint64_t length,
                                           enum oracle_access access, void *buffer)
{
    return (struct softiommu_request){.iova = iova,
                                      .length = length,
                                      .access = access,
                                      .buffer = buffer,
                                      .piece = pieces[slot],
                                      .piece_capacity = PIECES};
}

static uint8_t *byte_at(struct machine *m, uint64_t gpa)
{
    return (uint8_t *)at(m, align_down(gpa, 8)) + (gpa & 7);
}

/* 1 MiB, page i of the IOVA at page (i * 7) % 256 of RAM. */
static void large_requests_move_every_byte(void **state)
{
    static uint8_t out[1u << 20], in[1u << 20];
    struct machine *m = *state;
    struct softiommu_translation t = domain_new(m, 4, DID);
    uint64_t length = sizeof(out) - 5;
    struct softiommu_request write = request_of(0, IOVA + 3, length, WRITE, out);
    struct softiommu_request read = request_of(1, IOVA + 3, length, READ, in);

    for (unsigned i = 0; i < 257; i++)
        map(m, &t, IOVA + i * PAGE_SIZE, RAM + i * 7 % 257 * PAGE_SIZE, RW);
    attach(m, 0, &t);
    for (size_t i = 0; i < sizeof(out); i++)
        out[i] = (uint8_t)(i * 131 + (i >> 8));
    assert_true(softiommu_request_begin(m->iommu, 0, &write));
    assert_int_equal(write.translated, length);
    assert_int_equal(*byte_at(m, RAM + 3), 0); /* nothing has moved yet */
    softiommu_request_complete(m->iommu, &write);
    assert_int_equal(write.state, SOFTIOMMU_REQUEST_COMPLETED);
    for (uint64_t i = 0; i < length; i++) {
        uint64_t offset = i + 3;

        assert_int_equal(
            *byte_at(m, RAM + offset / PAGE_SIZE * 7 % 257 * PAGE_SIZE + offset % PAGE_SIZE),
            out[i]);
    }
    assert_int_equal(*byte_at(m, RAM), 0);
    assert_true(softiommu_request_begin(m->iommu, 0, &read));
    softiommu_request_complete(m->iommu, &read);
    assert_memory_equal(in, out, length);
    assert_int_equal(softiommu_statistics(m->iommu).bytes, 2 * length);
}

/* Stage 2 alone would take both pages for one. */
static void a_piece_ends_with_its_page(void **state)
{
    static const uint64_t place[] = {0x10000, 0xFED00000, 0xFEF00000, BIT(40)};
    struct machine *m = *state;
    struct softiommu_translation t = domain_new(m, 4, DID);
    uint8_t buffer[16];

    attach(m, 0, &t);
    for (size_t i = 0; i < ARRAY_SIZE(place); i++) {
        struct softiommu_request r = request_of(0, place[i] + PAGE_SIZE - 8, 16, READ, buffer);

        map(m, &t, place[i], DATA, RW);
        map(m, &t, place[i] + PAGE_SIZE, NEW, RW);
        assert_true(softiommu_request_begin(m->iommu, 0, &r));
        assert_int_equal(r.pieces, 2);
        assert_int_equal(r.piece[0].size, 8);
        assert_int_equal(r.piece[1].spa, gpa_to_spa(NEW));
        softiommu_request_abandon(m->iommu, &r);
    }
}

static void a_request_can_be_used_again(void **state)
{
    struct machine *m = *state;
    struct softiommu_translation t = domain_new(m, 4, DID);
    uint64_t value[2] = {1, 2};
    struct softiommu_request r[2];

    map(m, &t, IOVA, DATA, RW);
    attach(m, 0, &t);
    for (unsigned i = 0; i < 2; i++)
        r[i] = request_of(i, IOVA, 8, WRITE, &value[i]);
    for (unsigned round = 0; round < 4; round++) {
        assert_true(softiommu_request_begin(m->iommu, 0, &r[round % 2]));
        assert_true(softiommu_request_begin(m->iommu, 0, &r[1 - round % 2]));
        softiommu_request_complete(m->iommu, &r[0]);
        softiommu_request_complete(m->iommu, &r[1]);
        assert_true(softiommu_request_begin(m->iommu, 0, &r[0]));
        softiommu_drain_device(m->iommu, 0);
        assert_int_equal(*at(m, DATA), 1);
        assert_int_equal(softiommu_statistics(m->iommu).in_flight, 0);
    }
    assert_int_equal(softiommu_statistics(m->iommu).drained, 4);
}

static void contiguous_memory_is_one_piece(void **state)
{
    struct machine *m = *state;
    struct softiommu_translation t = domain_new(m, 4, DID);
    uint8_t buffer[64];
    struct softiommu_request r = request_of(0, IOVA, 16 * PAGE_SIZE, READ, buffer);

    for (unsigned i = 0; i < 32; i++)
        map(m, &t, IOVA + i * PAGE_SIZE, RAM + i * PAGE_SIZE, RW);
    attach(m, 0, &t);
    assert_true(softiommu_request_begin(m->iommu, 0, &r));
    assert_int_equal(r.pieces, 1);
    assert_int_equal(r.piece[0].spa, gpa_to_spa(RAM));
    assert_int_equal(r.piece[0].size, CHUNK);
    softiommu_request_abandon(m->iommu, &r);
    r = request_of(0, IOVA, 32 * PAGE_SIZE, READ, buffer);
    assert_true(softiommu_request_begin(m->iommu, 0, &r));
    assert_int_equal(r.pieces, 2);
    softiommu_request_abandon(m->iommu, &r);
    assert_int_equal(softiommu_statistics(m->iommu).abandoned, 2);
    assert_int_equal(softiommu_statistics(m->iommu).in_flight, 0);
}

static void a_request_ends_where_its_pieces_do(void **state)
{
    struct machine *m = *state;
    struct softiommu_translation t = domain_new(m, 4, DID);
    static uint8_t buffer[8 * PAGE_SIZE];
    struct softiommu_request r = request_of(0, IOVA + 1, 8 * PAGE_SIZE - 1, WRITE, buffer);

    for (unsigned i = 0; i < 8; i++)
        map(m, &t, IOVA + i * PAGE_SIZE, RAM + i * 2 * PAGE_SIZE, RW);
    attach(m, 0, &t);
    r.piece_capacity = 3;
    assert_true(softiommu_request_begin(m->iommu, 0, &r));
    assert_int_equal(r.translated, 3 * PAGE_SIZE - 1);
    softiommu_request_complete(m->iommu, &r);
}

static void bytes_before_a_refused_page_are_in_flight(void **state)
{
    struct machine *m = *state;
    struct softiommu_translation t = domain_new(m, 4, DID);
    static uint8_t buffer[4 * PAGE_SIZE];
    struct softiommu_request r = request_of(0, IOVA + 8, 4 * PAGE_SIZE - 8, WRITE, buffer);
    struct oracle_fault fault;

    memset(buffer, 0x77, sizeof(buffer));
    map(m, &t, IOVA, DATA, RW);
    map(m, &t, IOVA + PAGE_SIZE, DATA + PAGE_SIZE, RW);
    map(m, &t, IOVA + 2 * PAGE_SIZE, DATA + 2 * PAGE_SIZE, RO);
    attach(m, 0, &t);
    assert_false(softiommu_request_begin(m->iommu, 0, &r));
    assert_int_equal(r.reason, SOFTIOMMU_REASON_WRITE_DENIED);
    assert_int_equal(r.translated, 2 * PAGE_SIZE - 8);
    assert_true(softiommu_take_fault(m->iommu, 0, true, &fault));
    assert_int_equal(fault.iova, IOVA + 2 * PAGE_SIZE);
    softiommu_request_complete(m->iommu, &r);
    assert_int_equal(*byte_at(m, DATA + 7), 0);
    assert_int_equal(*byte_at(m, DATA + 8), 0x77);
    assert_int_equal(*byte_at(m, DATA + 2 * PAGE_SIZE - 1), 0x77);
    assert_int_equal(*byte_at(m, DATA + 2 * PAGE_SIZE), 0);
    /* Refused at the first byte: nothing is in flight, and nothing can be completed. */
    r = request_of(0, IOVA + 2 * PAGE_SIZE, 8, WRITE, buffer);
    assert_false(softiommu_request_begin(m->iommu, 0, &r));
    assert_int_equal(r.state, SOFTIOMMU_REQUEST_IDLE);
    softiommu_request_complete(m->iommu, &r);
    assert_int_equal(*byte_at(m, DATA + 2 * PAGE_SIZE), 0);
    r.length = 0;
    assert_true(softiommu_request_begin(m->iommu, 0, &r));
    assert_int_equal(r.state, SOFTIOMMU_REQUEST_IDLE);
}

static void memory_is_touched_where_it_was_at_the_beginning(void **state)
{
    struct machine *m = *state;
    struct softiommu_translation t = domain_new(m, 4, DID);
    uint64_t value = 42;
    struct softiommu_request r = request_of(0, IOVA, 8, WRITE, &value);

    map(m, &t, IOVA, DATA, RW);
    attach(m, 0, &t);
    assert_true(softiommu_request_begin(m->iommu, 0, &r));
    map(m, &t, IOVA, NEW, RW);
    value = 43; /* the buffer is read when memory is written */
    softiommu_request_complete(m->iommu, &r);
    assert_int_equal(*at(m, DATA), 43);
    assert_int_equal(*at(m, NEW), 0);
}

/* Which slot ended when. */
static unsigned order[8], ended;

static void note_done(struct softiommu_request *request)
{
    order[ended++] = *(unsigned *)request->owner;
}

static void drains_reach_the_domain_in_order_and_no_other(void **state)
{
    struct machine *m = *state;
    struct softiommu_translation t = domain_new(m, 4, DID), other = domain_new(m, 4, DID + 1);
    static unsigned slot[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    struct softiommu_request r[4];
    uint64_t value[4] = {1, 2, 3, 4};

    map(m, &t, IOVA, DATA, RW);
    map(m, &other, IOVA, NEW, RW);
    for (unsigned i = 0; i < 3; i++)
        attach(m, i, i == 2 ? &other : &t);
    ended = 0;
    for (unsigned i = 0; i < 4; i++) {
        r[i] = request_of(i, IOVA, 8, WRITE, &value[i]);
        r[i].done = note_done;
        r[i].owner = &slot[i];
        assert_true(softiommu_request_begin(m->iommu, i == 3 ? 0 : i, &r[i]));
    }
    softiommu_flush_range(m->iommu, DID, 0x999, 0); /* drains whatever the range */
    assert_int_equal(ended, 3);
    assert_int_equal(order[0], 0);
    assert_int_equal(order[1], 3);
    assert_int_equal(order[2], 1);
    assert_int_equal(r[2].state, SOFTIOMMU_REQUEST_IN_FLIGHT);
    assert_int_equal(r[0].state, SOFTIOMMU_REQUEST_DRAINED);
    *at(m, DATA) = 0;
    softiommu_request_complete(m->iommu, &r[0]); /* too late to do anything */
    assert_int_equal(*at(m, DATA), 0);
    assert_int_equal(r[0].state, SOFTIOMMU_REQUEST_DRAINED);
    softiommu_drain_device(m->iommu, 2);
    assert_int_equal(*at(m, NEW), 3);
    assert_int_equal(softiommu_statistics(m->iommu).drained, 4);
    assert_int_equal(softiommu_statistics(m->iommu).in_flight, 0);
}

/* A device that never stops: each end begins the next. */
static struct machine *busy;

static void begin_again(struct softiommu_request *request)
{
    if (ended++ < 6)
        assert_true(
            softiommu_request_begin(busy->iommu, 0, (struct softiommu_request *)request->owner));
}

static void a_drain_does_not_wait_for_younger_requests(void **state)
{
    struct machine *m = busy = *state;
    struct softiommu_translation t = domain_new(m, 4, DID);
    uint64_t value = 1;
    struct softiommu_request r[2];

    map(m, &t, IOVA, DATA, RW);
    attach(m, 0, &t);
    ended = 0;
    for (unsigned i = 0; i < 2; i++) {
        r[i] = request_of(i, IOVA, 8, WRITE, &value);
        r[i].done = begin_again;
        r[i].owner = &r[1 - i];
    }
    assert_true(softiommu_request_begin(m->iommu, 0, &r[0]));
    softiommu_flush_domain(m->iommu, DID);
    assert_int_equal(ended, 1);
    assert_int_equal(r[0].state, SOFTIOMMU_REQUEST_DRAINED);
    assert_int_equal(r[1].state, SOFTIOMMU_REQUEST_IN_FLIGHT);
    softiommu_request_abandon(m->iommu, &r[1]);
}

static void add_one(struct softiommu_request *request, uint64_t spa, uint64_t offset, uint64_t size)
{
    struct machine *m = request->owner;

    assert_int_equal(offset, 0);
    assert_int_equal(size, 8);
    *at_spa(m, spa) += 1;
}

static void a_device_can_touch_memory_itself(void **state)
{
    struct machine *m = *state;
    struct softiommu_translation t = domain_new(m, 4, DID);
    struct softiommu_request r = request_of(0, IOVA, 8, WRITE, NULL);

    map(m, &t, IOVA, DATA, RW);
    attach(m, 0, &t);
    r.touch = add_one;
    r.owner = m;
    for (unsigned i = 1; i <= 3; i++) {
        assert_true(softiommu_request_begin(m->iommu, 0, &r));
        softiommu_request_complete(m->iommu, &r);
        assert_int_equal(*at(m, DATA), i);
    }
}

static void see(struct machine *m, unsigned device)
{
    uint64_t seen = target(m, device, IOVA, READ);

    m->watch[m->watched++] = seen;
}

static void a_switch_is_one_step(void **state)
{
    struct machine *m = *state;
    struct softiommu_translation a = domain_new(m, 4, DID), b = domain_new(m, 5, DID + 1);

    map(m, &a, IOVA, DATA, RW);
    map(m, &b, IOVA, NEW, RW);
    attach(m, 0, &a);
    m->on_switch_step = see;
    attach(m, 0, &b);
    assert_int_equal(m->watched, 2);
    assert_int_equal(m->watch[0], DATA);
    assert_int_equal(m->watch[1], NEW);
    assert_int_equal(m->iommu->function[0].translation.root, b.root);
}

static void bad_translations_change_nothing(void **state)
{
    struct machine *m = *state;
    struct softiommu_translation t = domain_new(m, 4, DID), bad = t;

    map(m, &t, IOVA, DATA, RW);
    attach(m, 0, &t);
    bad.root = t.root + 8;
    assert_false(softiommu_switch_device(m->iommu, 0, &bad, SOFTIOMMU_ATTACH));
    bad.root = t.root | BIT(52);
    assert_false(softiommu_switch_device(m->iommu, 0, &bad, SOFTIOMMU_ATTACH));
    bad = t;
    bad.levels = 3;
    assert_false(softiommu_switch_device(m->iommu, 0, &bad, SOFTIOMMU_ATTACH));
    bad.levels = 4;
    bad.kind = (enum softiommu_kind)3;
    assert_false(softiommu_switch_device(m->iommu, 0, &bad, SOFTIOMMU_ATTACH));
    bad = t;
    bad.levels = 6;
    assert_false(softiommu_switch_device(m->iommu, 0, &bad, SOFTIOMMU_ATTACH));
    assert_false(softiommu_switch_device(m->iommu, m->config.devices, &t, SOFTIOMMU_ATTACH));
    assert_int_equal(target(m, 0, IOVA, READ), DATA);
    softiommu_set_ats(m->iommu, m->config.devices, true);
    assert_int_equal(target(m, m->config.devices, IOVA, READ), REFUSED);
}

/* One field out of its range each. */
static void bad_configurations_are_refused(void **state)
{
    const struct softiommu_config good = machine_config(SOFTIOMMU_CACHE_RANDOM);
    struct softiommu_callbacks callbacks = {0};
    struct softiommu_config bad;
    size_t size = softiommu_storage_size(&good);
    uint8_t *storage = malloc(size);

    (void)state;
#define REFUSES(field, value)                                                                      \
    bad = good;                                                                                    \
    bad.field = (value);                                                                           \
    assert_int_equal(softiommu_storage_size(&bad), 0);                                             \
    assert_null(softiommu_init(&bad, &callbacks, storage, size))
    REFUSES(policy, (enum softiommu_policy)3);
    REFUSES(ad_mode, (enum softiommu_ad_mode)3);
    REFUSES(devices, 0);
    REFUSES(devices, SOFTIOMMU_DEVICES_MAX + 1);
    REFUSES(iova_bits, 11);
    REFUSES(iova_bits, 58);
    REFUSES(physical_bits, 31);
    REFUSES(physical_bits, 53);
    REFUSES(page_sizes, BIT(21));
    REFUSES(page_sizes, BIT(12) | BIT(39));
    REFUSES(iotlb_entries, 0);
    REFUSES(walk_cache_entries, 0);
    REFUSES(device_tlb_entries, SOFTIOMMU_ENTRIES_MAX + 1);
#undef REFUSES
    assert_null(softiommu_init(&good, &callbacks, storage, size - 1));
    assert_null(softiommu_init(&good, &callbacks, storage + 8, size));
    assert_null(softiommu_init(&good, &callbacks, NULL, size));
    assert_non_null(softiommu_init(&good, &callbacks, storage, size));
    free(storage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(large_requests_move_every_byte, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(a_piece_ends_with_its_page, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(a_request_can_be_used_again, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(contiguous_memory_is_one_piece, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(a_request_ends_where_its_pieces_do, setup,
                                        machine_teardown),
        cmocka_unit_test_setup_teardown(bytes_before_a_refused_page_are_in_flight, setup,
                                        machine_teardown),
        cmocka_unit_test_setup_teardown(memory_is_touched_where_it_was_at_the_beginning, setup,
                                        machine_teardown),
        cmocka_unit_test_setup_teardown(drains_reach_the_domain_in_order_and_no_other, setup,
                                        machine_teardown),
        cmocka_unit_test_setup_teardown(a_drain_does_not_wait_for_younger_requests, setup,
                                        machine_teardown),
        cmocka_unit_test_setup_teardown(a_device_can_touch_memory_itself, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(a_switch_is_one_step, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(bad_translations_change_nothing, setup, machine_teardown),
        cmocka_unit_test(bad_configurations_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
