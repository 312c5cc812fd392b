/* SPDX-License-Identifier: MIT */
/* Rings of VMBus, with indexes and descriptors that lie. */
#include "lib/bits.h"
#include "tests/unit/vmbus_fixture.h"

#include <string.h>

#include "abi/vmbus_ring.h"
#include "host/vmbus/ring.h"
#include "tests/unit/unit.h"

#define DATA 8192u

static const uint64_t reader_pages[] = {10, 11, 12}, writer_pages[] = {13, 14, 15};
static struct ring reader, writer;

static struct vmbus_ring_control *control(uint64_t page)
{
    return (struct vmbus_ring_control *)(void *)(fake_ram + page * 4096);
}

static int setup(void **state)
{
    (void)state;
    memset(fake_ram, 0, sizeof(fake_ram));
    assert_true(ring_open(&reader, RING_READER, reader_pages, 3));
    assert_true(ring_open(&writer, RING_WRITER, writer_pages, 3));
    return 0;
}

/* Every start at a multiple of 8, so that each field of a packet is once the one that goes around
 * the end. */
static void packets_go_around(void **state)
{
    uint8_t payload[40];
    static struct ring_packet packet;

    (void)state;
    for (unsigned i = 0; i < 4 * DATA / 8; i++) {
        memset(payload, (int)i, sizeof(payload));
        fake_ring_put(i % 2, i, payload, sizeof(payload) - i % 8);
        assert_int_equal(ring_take(&reader, &packet), RING_TAKEN);
        assert_int_equal(packet.type, VMBUS_PACKET_DATA);
        assert_int_equal(packet.transaction, i);
        assert_int_equal(packet.completion_requested, i % 2);
        assert_int_equal(packet.size, sizeof(payload));
        assert_memory_equal(packet.payload, payload, sizeof(payload) - i % 8);
        assert_int_equal(ring_take(&reader, &packet), RING_EMPTY);
    }
}

static void answers_go_around(void **state)
{
    uint8_t payload[36], got[64];
    uint64_t transaction;
    size_t size;

    (void)state;
    for (unsigned i = 0; i < 4 * DATA / 8; i++) {
        memset(payload, (int)i, sizeof(payload));
        assert_true(ring_has_room(&writer, sizeof(payload), 1));
        assert_true(ring_put(&writer, VMBUS_PACKET_COMPLETION, i, payload, sizeof(payload)));
        assert_int_equal(fake_ring_take(&transaction, got, &size), VMBUS_PACKET_COMPLETION);
        assert_int_equal(transaction, i);
        assert_int_equal(size, 40);
        assert_memory_equal(got, payload, sizeof(payload));
        assert_memory_equal(got + sizeof(payload), "\0\0\0\0", 4);
        assert_int_equal(fake_ring_take(&transaction, got, &size), 0);
    }
}

static void a_full_ring_asks_for_a_signal(void **state)
{
    uint8_t payload[1000] = {0}, got[1024];
    uint64_t transaction;
    size_t size;
    unsigned packets = 0;

    (void)state;
    while (ring_has_room(&writer, sizeof(payload), 1)) {
        ring_put(&writer, VMBUS_PACKET_DATA, packets++, payload, sizeof(payload));
        assert_true(packets < 9);
    }
    assert_int_equal(packets, 7);
    assert_true(control(13)->pending_send_size >= 1024);
    assert_int_equal(fake_ring_take(&transaction, got, &size), VMBUS_PACKET_DATA);
    assert_true(ring_has_room(&writer, sizeof(payload), 1));
    ring_put(&writer, VMBUS_PACKET_DATA, packets, payload, sizeof(payload));
    assert_int_equal(control(13)->pending_send_size, 0);
}

static void a_masked_ring_wants_no_signal(void **state)
{
    (void)state;
    control(13)->interrupt_mask = 1;
    assert_true(ring_has_room(&writer, 8, 1));
    assert_false(ring_put(&writer, VMBUS_PACKET_DATA, 0, "1234567", 8));
}

static void a_waiting_guest_is_told(void **state)
{
    static struct ring_packet packet;
    uint8_t payload[4000] = {0};

    (void)state;
    fake_ring_put(0, 0, payload, sizeof(payload));
    fake_ring_put(0, 0, payload, sizeof(payload));
    assert_false(ring_writer_waits(&reader));
    control(10)->pending_send_size = 4024;
    assert_false(ring_writer_waits(&reader));
    assert_int_equal(ring_take(&reader, &packet), RING_TAKEN);
    assert_true(packet.cut);
    assert_int_equal(packet.size, RING_PAYLOAD_MAX);
    assert_true(ring_writer_waits(&reader));
}

static void indexes_that_jump(void **state)
{
    static const uint32_t bad[] = {1, 4, 7, 8, 16, DATA, DATA + 8, UINT32_MAX, UINT32_MAX - 7};
    static struct ring_packet packet;

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        setup(state);
        control(10)->write_index = bad[i];
        assert_int_equal(ring_take(&reader, &packet), RING_BROKEN);
        control(10)->write_index = 0;
        assert_int_equal(ring_take(&reader, &packet), RING_BROKEN);
        /* 8 and 16 are good places for a reader: they are bad as ends of packets only. */
        if (bad[i] % 8 == 0 && bad[i] < DATA)
            continue;
        control(13)->read_index = bad[i];
        assert_false(ring_has_room(&writer, 8, 1));
        control(13)->read_index = 0;
        assert_false(ring_has_room(&writer, 8, 1));
        control(10)->read_index = bad[i];
        assert_false(ring_open(&reader, RING_READER, reader_pages, 3));
    }
}

static void descriptors_that_lie(void **state)
{
    static const struct vmbus_packet bad[] = {
        {.type = 6, .offset8 = 2, .length8 = 0},
        {.type = 6, .offset8 = 2, .length8 = 1},
        {.type = 6, .offset8 = 0, .length8 = 4},
        {.type = 6, .offset8 = 1, .length8 = 4},
        {.type = 6, .offset8 = 5, .length8 = 4},
        {.type = 6, .offset8 = 2, .length8 = 6},
        {.type = 6, .offset8 = 2, .length8 = UINT16_MAX},
        {.type = 6, .offset8 = UINT16_MAX, .length8 = UINT16_MAX},
    };
    static struct ring_packet packet;

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        setup(state);
        memcpy(fake_ram + 11 * 4096, &bad[i], sizeof(bad[i]));
        control(10)->write_index = 48; /* descriptor, 24 bytes, trailer */
        assert_int_equal(ring_take(&reader, &packet), RING_BROKEN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(packets_go_around, setup),
        cmocka_unit_test_setup(answers_go_around, setup),
        cmocka_unit_test_setup(a_full_ring_asks_for_a_signal, setup),
        cmocka_unit_test_setup(a_masked_ring_wants_no_signal, setup),
        cmocka_unit_test_setup(a_waiting_guest_is_told, setup),
        cmocka_unit_test_setup(indexes_that_jump, setup),
        cmocka_unit_test_setup(descriptors_that_lie, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
