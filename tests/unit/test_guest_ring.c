/* SPDX-License-Identifier: MIT */
/* The guest's rings: packets of all sizes at all places, and a peer whose indexes and lengths lie.
 */
#include "drivers/vmbus/ring.h"

#include <string.h>

#include "lib/bits.h"
#include "tests/unit/unit.h"

#define DATA 4096u

static uint8_t *memory;

static int set_up(void **state)
{
    (void)state;
    /* Exactly so large that the sanitizer sees a byte too far. */
    memory = aligned_alloc(4096, 4096 + DATA);
    return !memory;
}

static int tear_down(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

static struct vmbus_ring fresh(void)
{
    struct vmbus_ring ring;

    memset(memory, 0xEE, 4096 + DATA);
    vmbus_ring_init(&ring, memory, DATA);
    return ring;
}

static void packets_of_all_sizes_wrap_everywhere(void **state)
{
    struct vmbus_ring ring = fresh();
    uint8_t sent[512], got[512];

    (void)state;
    for (unsigned i = 0; i < 4000; i++) {
        const size_t size = i % 301;
        struct vmbus_packet head = {.type = VMBUS_PACKET_DATA, .flags = 1, .transaction = i}, seen;
        size_t length;

        memset(sent, (int)i, sizeof(sent));
        assert_true(vmbus_ring_put(&ring, &head, sent, size));
        assert_int_equal(ring.control->write_index % 8, 0);
        assert_true(ring.control->write_index < DATA);
        assert_int_equal(vmbus_ring_take(&ring, &seen, got, sizeof(got), &length),
                         VMBUS_RING_PACKET);
        assert_int_equal(length, (size + 7) / 8 * 8);
        assert_int_equal(seen.transaction, i);
        assert_int_equal(seen.type, VMBUS_PACKET_DATA);
        assert_memory_equal(sent, got, size);
        for (size_t k = size; k < length; k++)
            assert_int_equal(got[k], 0);
        assert_int_equal(vmbus_ring_take(&ring, &seen, got, sizeof(got), &length),
                         VMBUS_RING_EMPTY);
    }
}

static void a_full_ring_takes_no_more(void **state)
{
    struct vmbus_ring ring = fresh();
    const struct vmbus_packet head = {.type = VMBUS_PACKET_DATA};
    struct vmbus_packet seen;
    uint8_t payload[40] = {0};
    unsigned count = 0;
    size_t length;

    (void)state;
    while (vmbus_ring_put(&ring, &head, payload, sizeof(payload)))
        count++;
    assert_int_equal(count, (DATA - 1) / 64);
    assert_int_equal(vmbus_ring_take(&ring, &seen, payload, sizeof(payload), &length),
                     VMBUS_RING_PACKET);
    assert_true(vmbus_ring_put(&ring, &head, payload, sizeof(payload)));
    assert_false(vmbus_ring_put(&ring, &head, payload, sizeof(payload)));
    assert_false(vmbus_ring_put(&ring, &head, payload, DATA + 1));
}

static void a_short_buffer_cuts_and_tells(void **state)
{
    struct vmbus_ring ring = fresh();
    const struct vmbus_packet head = {.type = VMBUS_PACKET_COMPLETION, .transaction = 7};
    struct vmbus_packet seen;
    uint8_t sent[64], got[64];
    size_t length;

    (void)state;
    memset(sent, 0x5A, sizeof(sent));
    memset(got, 0x11, sizeof(got));
    assert_true(vmbus_ring_put(&ring, &head, sent, sizeof(sent)));
    assert_int_equal(vmbus_ring_take(&ring, &seen, got, 10, &length), VMBUS_RING_PACKET);
    assert_int_equal(length, sizeof(sent));
    assert_memory_equal(got, sent, 10);
    assert_int_equal(got[10], 0x11);
}

static void lies_of_the_producer_are_seen(void **state)
{
    static const uint32_t indexes[] = {1, 4, DATA, DATA + 8, UINT32_MAX, 0x80000000u, 8, 16};
    struct vmbus_packet head;
    uint8_t payload[64];
    size_t length;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(indexes); i++) {
        struct vmbus_ring ring = fresh();

        ring.control->write_index = indexes[i];
        assert_int_equal(vmbus_ring_take(&ring, &head, payload, sizeof(payload), &length),
                         VMBUS_RING_BROKEN);
        assert_int_equal(ring.control->read_index, 0);
    }
    for (unsigned offset = 0; offset < 12; offset++) {
        for (unsigned size = 0; size < 12; size++) {
            struct vmbus_ring ring = fresh();
            const struct vmbus_packet lie = {
                .type = 6, .offset8 = (uint16_t)offset, .length8 = (uint16_t)size};
            const bool sound = offset >= 2 && offset <= size && size * 8 <= 48 - 8;

            memcpy(ring.data, &lie, sizeof(lie));
            ring.control->write_index = 48;
            assert_int_equal(vmbus_ring_take(&ring, &head, payload, sizeof(payload), &length),
                             sound ? VMBUS_RING_PACKET : VMBUS_RING_BROKEN);
        }
    }
}

static void lies_of_the_consumer_are_seen(void **state)
{
    static const uint32_t indexes[] = {1, 4, DATA, UINT32_MAX};
    const struct vmbus_packet head = {.type = VMBUS_PACKET_DATA};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(indexes); i++) {
        struct vmbus_ring ring = fresh();

        ring.control->read_index = indexes[i];
        assert_false(vmbus_ring_put(&ring, &head, "", 0));
        assert_int_equal(ring.control->write_index, 0);
    }
}

static void random_memory_is_no_crash(void **state)
{
    struct random random = unit_random();
    uint8_t payload[256];

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        struct vmbus_ring ring = fresh();
        struct vmbus_packet head;
        size_t length;

        for (unsigned k = 0; k < 64; k++)
            ring.data[random_below(&random, DATA)] = (uint8_t)random_u64(&random);
        ring.control->write_index = (uint32_t)random_below(&random, 2 * DATA) & ~7u;
        ring.control->read_index = (uint32_t)random_below(&random, DATA) & ~7u;
        while (vmbus_ring_take(&ring, &head, payload, sizeof(payload), &length) ==
               VMBUS_RING_PACKET)
            assert_true(length <= DATA);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_of_all_sizes_wrap_everywhere),
        cmocka_unit_test(a_full_ring_takes_no_more),
        cmocka_unit_test(a_short_buffer_cuts_and_tells),
        cmocka_unit_test(lies_of_the_producer_are_seen),
        cmocka_unit_test(lies_of_the_consumer_are_seen),
        cmocka_unit_test(random_memory_is_no_crash),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
