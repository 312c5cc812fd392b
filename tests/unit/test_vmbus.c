/* SPDX-License-Identifier: MIT */
/* Synthetic interrupt controller, connection, GPADLs and channels of the host's VMBus. */
#include "lib/bits.h"
#include "tests/unit/vmbus_fixture.h"

#include <string.h>

#include "abi/synic.h"
#include "abi/vmbus.h"
#include "abi/vmbus_ring.h"
#include "host/vmbus/gpadl.h"
#include "host/vmbus/synic.h"
#include "host/vmbus/vmbus.h"
#include "tests/unit/unit.h"

static struct {
    unsigned closed, withdrawn, received;
    bool answer;
} seen;

static struct vmbus_channel *channel;

static void closed(void *owner)
{
    (void)owner;
    seen.closed++;
}

static void withdrawn(void *owner)
{
    (void)owner;
    seen.withdrawn++;
}

static void received(void *owner, const struct ring_packet *packet)
{
    (void)owner;
    seen.received++;
    if (seen.answer)
        vmbus_send(channel, VMBUS_PACKET_COMPLETION, packet->transaction, packet->payload,
                   packet->size);
}

static const struct vmbus_service service = {
    .interface_guid = {0xAB},
    .closed = closed,
    .withdrawn = withdrawn,
    .received = received,
    .reply_bytes = 1024,
    .reply_packets = 2,
};

static int setup(void **state)
{
    static const uint8_t instance[16] = {1, 2, 3};

    (void)state;
    if (!channel)
        channel = vmbus_add_channel(&service, NULL, instance);
    vmbus_offer_again(channel);
    fake_guest_start();
    memset(&seen, 0, sizeof(seen));
    return 0;
}

static void versions(void **state)
{
    static const uint32_t known[] = {VMBUS_VERSION_3_0, VMBUS_VERSION_4_0, VMBUS_VERSION_4_1,
                                     VMBUS_VERSION_5_0, VMBUS_VERSION_5_1, VMBUS_VERSION_5_2,
                                     VMBUS_VERSION_5_3};
    static const uint32_t unknown[] = {0, VMBUS_VERSION(2, 4), VMBUS_VERSION(5, 4),
                                       VMBUS_VERSION(6, 0), UINT32_MAX};
    static const struct vmbus_message offers = {.type = VMBUS_REQUEST_OFFERS};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(unknown); i++) {
        assert_false(fake_connect(unknown[i]));
        fake_post(&offers, sizeof(offers));
        assert_int_equal(fake_take_message(NULL, 0), 0);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(known); i++)
        assert_true(fake_connect(known[i]));
}

static void the_offer(void **state)
{
    struct vmbus_initiate_contact contact = {.header.type = VMBUS_INITIATE_CONTACT,
                                             .version = VMBUS_VERSION_4_0};
    static const struct vmbus_message offers = {.type = VMBUS_REQUEST_OFFERS};
    struct vmbus_offer_channel offer;

    (void)state;
    fake_post(&contact, sizeof(contact));
    assert_int_equal(fake_last_apic, 7);
    assert_int_equal(fake_last_vector, 0x50);
    assert_int_equal(fake_take_message(NULL, 0), VMBUS_VERSION_RESPONSE);
    fake_post(&offers, sizeof(offers));
    assert_int_equal(fake_take_message(&offer, sizeof(offer)), VMBUS_OFFER_CHANNEL);
    assert_int_equal(offer.interface_guid[0], 0xAB);
    assert_int_equal(offer.instance_guid[2], 3);
    assert_int_equal(offer.channel_id, 1);
    assert_int_equal(offer.dedicated_interrupt, 1);
    assert_int_equal(fake_take_message(NULL, 0), VMBUS_ALL_OFFERS_DELIVERED);
    fake_post(&offers, sizeof(offers)); /* once is enough */
    assert_int_equal(fake_take_message(NULL, 0), 0);
}

static void messages_wait_for_the_slot(void **state)
{
    struct vmbus_gpadl_header header = {.header.type = VMBUS_GPADL_HEADER, .channel_id = 1};
    struct vmbus_result created;
    unsigned sent = 0;

    (void)state;
    assert_true(fake_connect(VMBUS_VERSION_4_0));
    for (; sent < 1000; sent++) {
        header.gpadl = sent;
        if (fake_post(&header, sizeof(header)) == HV_STATUS_INSUFFICIENT_BUFFERS)
            break;
    }
    assert_int_equal(sent, SYNIC_QUEUE_LENGTH + 1); /* and the slot */
    for (unsigned i = 0; i < sent; i++) {
        assert_int_equal(fake_take_message(&created, sizeof(created)), VMBUS_GPADL_CREATED);
        assert_int_equal(created.id, i);
        assert_int_not_equal(created.status, NT_STATUS_SUCCESS);
    }
    assert_int_equal(fake_take_message(NULL, 0), 0);
}

static void msrs(void **state)
{
    uint64_t value;

    (void)state;
    assert_false(synic_msr_read(2, HV_MSR_SIMP, &value));
    assert_false(synic_msr_write(2, HV_MSR_SIMP, 0));
    assert_true(synic_msr_read(1, HV_MSR_SINT0 + 5, &value));
    assert_int_equal(value, HV_SINT_MASKED);
    assert_false(synic_msr_write(1, HV_MSR_SINT0, 15));
    assert_false(synic_msr_write(1, HV_MSR_SINT0, 0x50 | HV_SINT_AUTO_EOI));
    assert_true(synic_msr_write(1, HV_MSR_SINT0, HV_SINT_POLLING));
    assert_false(synic_msr_write(1, HV_MSR_SVERSION, 1));
    assert_false(synic_msr_write(1, HV_MSR_SIMP, UINT64_C(1) << 40));
    assert_true(synic_msr_write(1, HV_MSR_SIMP, 0x5FFF));
    assert_true(synic_msr_read(1, HV_MSR_SIMP, &value));
    assert_int_equal(value, 0x5FFF);
    assert_false(synic_msr_read(0, HV_MSR_SINT15 + 1, &value));
}

static void a_polled_sint_sends_no_vector(void **state)
{
    (void)state;
    assert_true(synic_msr_write(0, HV_MSR_SINT0 + VMBUS_SINT, HV_SINT_POLLING));
    assert_true(fake_connect(VMBUS_VERSION_4_0));
    assert_int_equal(fake_vectors, 0);
}

static void message_pages_that_are_none(void **state)
{
    struct vmbus_initiate_contact contact = {.header.type = VMBUS_INITIATE_CONTACT,
                                             .version = VMBUS_VERSION_4_0};
    static const uint64_t pages[] = {FAKE_HOLE, FAKE_PAGES, 0xFFFFFFF};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
        assert_true(synic_msr_write(0, HV_MSR_SIMP, pages[i] << 12 | 1));
        assert_int_equal(fake_post(&contact, sizeof(contact)), HV_STATUS_SUCCESS);
    }
    assert_true(synic_msr_write(0, HV_MSR_SIMP, FAKE_MESSAGES << 12 | 1));
    assert_int_equal(fake_take_message(NULL, 0), VMBUS_VERSION_RESPONSE);
    assert_int_equal(fake_take_message(NULL, 0), 0);
}

static void open_and_close(void **state)
{
    struct vmbus_channel_message close = {.header.type = VMBUS_CLOSE_CHANNEL, .channel_id = 1};
    struct vmbus_gpadl_teardown teardown = {
        .header.type = VMBUS_GPADL_TEARDOWN, .channel_id = 1, .gpadl = 5};
    struct vmbus_gpadl_torndown torndown;
    uint64_t transaction;
    uint8_t payload[64];
    size_t size;

    (void)state;
    assert_true(fake_connect(VMBUS_VERSION_4_1));
    assert_int_equal(fake_open(1, 5), NT_STATUS_SUCCESS);
    assert_int_not_equal(fake_open(1, 6), NT_STATUS_SUCCESS);
    seen.answer = true;
    fake_ring_put(1, 77, "abcdefgh", 8);
    fake_signal(1);
    assert_int_equal(seen.received, 1);
    assert_true(fake_take_event(1));
    assert_int_equal(fake_ring_take(&transaction, payload, &size), VMBUS_PACKET_COMPLETION);
    assert_int_equal(transaction, 77);
    assert_memory_equal(payload, "abcdefgh", 8);
    fake_post(&close, sizeof(close));
    assert_int_equal(seen.closed, 1);
    fake_ring_put(1, 78, "abcdefgh", 8);
    fake_signal(1);
    assert_int_equal(seen.received, 1);
    fake_post(&teardown, sizeof(teardown));
    assert_int_equal(fake_take_message(&torndown, sizeof(torndown)), VMBUS_GPADL_TORNDOWN);
    assert_int_equal(torndown.gpadl, 5);
    fake_post(&teardown, sizeof(teardown));
    assert_int_equal(fake_take_message(NULL, 0), 0);
    assert_int_equal(fake_open(1, 5), NT_STATUS_SUCCESS);
    fake_post(&teardown, sizeof(teardown)); /* of rings in use: the channel is closed first */
    assert_int_equal(seen.closed, 2);
    assert_int_equal(fake_take_message(NULL, 0), VMBUS_GPADL_TORNDOWN);
}

static uint32_t open_status(uint32_t gpadl, uint32_t downstream, uint32_t vp)
{
    struct vmbus_open_channel open = {.header.type = VMBUS_OPEN_CHANNEL,
                                      .channel_id = 1,
                                      .gpadl = gpadl,
                                      .target_vp = vp,
                                      .downstream_page = downstream};
    struct vmbus_result result;

    fake_post(&open, sizeof(open));
    assert_int_equal(fake_take_message(&result, sizeof(result)), VMBUS_OPEN_CHANNEL_RESULT);
    return result.status;
}

static void opens_that_are_refused(void **state)
{
    struct vmbus_channel_message close = {.header.type = VMBUS_CLOSE_CHANNEL, .channel_id = 1};

    (void)state;
    assert_true(fake_connect(VMBUS_VERSION_4_0));
    assert_int_equal(fake_open(1, 5), NT_STATUS_SUCCESS);
    fake_post(&close, sizeof(close));
    assert_int_not_equal(open_status(6, 3, 0), NT_STATUS_SUCCESS);
    assert_int_not_equal(open_status(0, 3, 0), NT_STATUS_SUCCESS);
    assert_int_not_equal(open_status(5, 0, 0), NT_STATUS_SUCCESS);
    assert_int_not_equal(open_status(5, 1, 0), NT_STATUS_SUCCESS);
    assert_int_not_equal(open_status(5, 5, 0), NT_STATUS_SUCCESS);
    assert_int_not_equal(open_status(5, 6, 0), NT_STATUS_SUCCESS);
    assert_int_not_equal(open_status(5, UINT32_MAX, 0), NT_STATUS_SUCCESS);
    assert_int_not_equal(open_status(5, 3, 2), NT_STATUS_SUCCESS);
    assert_int_equal(open_status(5, 3, VMBUS_NO_VP), NT_STATUS_SUCCESS);
}

static uint32_t gpadl_status(const struct vmbus_gpadl_header *header, size_t size)
{
    struct vmbus_result created;

    fake_post(header, size);
    if (fake_take_message(&created, sizeof(created)) != VMBUS_GPADL_CREATED)
        return UINT32_MAX;
    assert_int_equal(created.id, header->gpadl);
    return created.status;
}

static void page_lists_that_are_refused(void **state)
{
    struct vmbus_gpadl_header good = {.header.type = VMBUS_GPADL_HEADER,
                                      .channel_id = 1,
                                      .gpadl = 1,
                                      .range_bytes = 24,
                                      .ranges = 1,
                                      .byte_count = 8192,
                                      .page = {20, 21}},
                              bad;

    (void)state;
    assert_true(fake_connect(VMBUS_VERSION_4_0));
    assert_int_equal(gpadl_status(&good, 44), NT_STATUS_SUCCESS);
    assert_int_not_equal(gpadl_status(&good, 44), NT_STATUS_SUCCESS); /* the id is in use */
    good.gpadl = 2;
#define REFUSED(field, value)                                                                      \
    bad = good;                                                                                    \
    bad.field = (value);                                                                           \
    assert_int_equal(gpadl_status(&bad, sizeof(bad)), NT_STATUS_UNSUCCESSFUL)
    REFUSED(gpadl, 0);
    REFUSED(channel_id, 2);
    REFUSED(ranges, 0);
    REFUSED(ranges, 2);
    REFUSED(range_bytes, 0);
    REFUSED(range_bytes, 8);
    REFUSED(range_bytes, 25);
    REFUSED(range_bytes, 65528);
    REFUSED(byte_count, 8193);
    REFUSED(byte_count, UINT32_MAX);
    REFUSED(byte_offset, 8);
    REFUSED(page[1], FAKE_HOLE);
    REFUSED(page[0], FAKE_PAGES);
    REFUSED(page[0], UINT64_MAX);
    REFUSED(page[0], UINT64_MAX >> 12);
    REFUSED(page[0], UINT64_C(1) << 52);
    assert_int_equal(gpadl_status(&good, sizeof(good)),
                     NT_STATUS_SUCCESS); /* padded, as firmware does */
}

static void a_list_in_pieces(void **state)
{
    struct vmbus_gpadl_header header = {.header.type = VMBUS_GPADL_HEADER,
                                        .channel_id = 1,
                                        .gpadl = 9,
                                        .range_bytes = 8 + 8 * 60,
                                        .ranges = 1,
                                        .byte_count = 60 * 4096};
    struct vmbus_gpadl_body body = {.header.type = VMBUS_GPADL_BODY, .gpadl = 9};

    (void)state;
    assert_true(fake_connect(VMBUS_VERSION_4_0));
    for (unsigned i = 0; i < VMBUS_GPADL_HEADER_PAGES; i++)
        header.page[i] = i;
    assert_int_equal(gpadl_status(&header, sizeof(header)), UINT32_MAX);
    assert_null(gpadl_find(9));
    for (unsigned i = 0; i < VMBUS_GPADL_BODY_PAGES; i++)
        body.page[i] = 26 + i;
    fake_post(&body, sizeof(body));
    assert_int_equal(fake_take_message(NULL, 0), 0);
    for (unsigned i = 0; i < VMBUS_GPADL_BODY_PAGES; i++)
        body.page[i] = 54 + i;
    fake_post(&body, sizeof(body));
    assert_int_equal(fake_take_message(NULL, 0), VMBUS_GPADL_CREATED);
    assert_non_null(gpadl_find(9));
    for (unsigned i = 0; i < 60; i++)
        assert_int_equal(gpadl_find(9)->page[i], i);
    fake_post(&body, sizeof(body)); /* one too many */
    assert_int_equal(fake_take_message(NULL, 0), 0);
}

static void rescind_and_offer_again(void **state)
{
    struct vmbus_channel_message message,
        released = {.header.type = VMBUS_REL_ID_RELEASED, .channel_id = 1};

    (void)state;
    assert_true(fake_connect(VMBUS_VERSION_5_3));
    assert_int_equal(fake_open(1, 5), NT_STATUS_SUCCESS);
    seen.withdrawn = 0;
    assert_true(vmbus_rescind(channel));
    assert_int_equal(seen.closed, 1);
    assert_int_equal(seen.withdrawn, 1);
    assert_int_equal(fake_take_message(&message, sizeof(message)), VMBUS_RESCIND_CHANNEL_OFFER);
    assert_int_equal(message.channel_id, 1);
    assert_false(vmbus_rescind(channel));
    assert_false(vmbus_offer_again(channel));
    assert_int_not_equal(open_status(5, 3, 0), NT_STATUS_SUCCESS);
    fake_post(&released, sizeof(released));
    assert_true(vmbus_offer_again(channel));
    assert_int_equal(fake_take_message(NULL, 0), VMBUS_OFFER_CHANNEL);
    assert_int_equal(open_status(5, 3, 0), NT_STATUS_SUCCESS);
}

static void modify(void **state)
{
    struct vmbus_modify_channel message = {
        .header.type = VMBUS_MODIFY_CHANNEL, .channel_id = 1, .target_vp = 1};
    struct vmbus_modify_channel_response response;

    (void)state;
    assert_true(fake_connect(VMBUS_VERSION_5_2));
    assert_int_equal(fake_open(1, 5), NT_STATUS_SUCCESS);
    fake_post(&message, sizeof(message));
    assert_int_equal(fake_take_message(NULL, 0), 0);
    assert_true(fake_connect(VMBUS_VERSION_5_3));
    assert_int_equal(fake_open(1, 5), NT_STATUS_SUCCESS);
    fake_post(&message, sizeof(message));
    assert_int_equal(fake_take_message(&response, sizeof(response)), VMBUS_MODIFY_CHANNEL_RESPONSE);
    assert_int_equal(response.status, NT_STATUS_SUCCESS);
    message.target_vp = 2;
    fake_post(&message, sizeof(message));
    assert_int_equal(fake_take_message(&response, sizeof(response)), VMBUS_MODIFY_CHANNEL_RESPONSE);
    assert_int_not_equal(response.status, NT_STATUS_SUCCESS);
}

/* A guest that never reads its answers stops the host from taking requests; they are taken when
 * there is room. */
static void back_pressure(void **state)
{
    uint8_t payload[RING_PAYLOAD_MAX] = {0};
    uint64_t transaction;
    size_t size;
    unsigned answers = 0;

    (void)state;
    assert_true(fake_connect(VMBUS_VERSION_4_0));
    assert_int_equal(fake_open(1, 5), NT_STATUS_SUCCESS);
    seen.answer = true;
    for (unsigned i = 0; i < 20; i++) {
        fake_ring_put(1, i, payload, 1000);
        fake_signal(1);
        vmbus_continue();
        if (seen.received != i + 1)
            break;
    }
    assert_true(seen.received >= 5 && seen.received <= 8);
    while (fake_ring_take(&transaction, payload, &size) != 0) {
        assert_int_equal(transaction, answers);
        answers++;
        vmbus_continue();
    }
    assert_int_equal(seen.received, answers);
}

static void a_broken_ring_is_dead(void **state)
{
    (void)state;
    assert_true(fake_connect(VMBUS_VERSION_4_0));
    assert_int_equal(fake_open(1, 5), NT_STATUS_SUCCESS);
    fake_ram[FAKE_RINGS * 4096] = 3;
    fake_signal(1);
    fake_ram[FAKE_RINGS * 4096] = 0;
    fake_ring_put(0, 0, "abcdefgh", 8);
    fake_signal(1);
    assert_int_equal(seen.received, 0);
    assert_true(fake_connect(VMBUS_VERSION_4_0));
    assert_int_equal(fake_open(1, 5), NT_STATUS_SUCCESS);
    fake_ring_put(0, 0, "abcdefgh", 8);
    fake_signal(1);
    assert_int_equal(seen.received, 1);
}

static void hypercall_inputs(void **state)
{
    struct hv_input_post_message post = {.connection_id = 1, .message_type = 1, .payload_size = 8};
    struct hv_input_signal_event signal = {.connection_id = 0x10001, .flag_number = 1};

    (void)state;
    post.connection_id = 3;
    assert_int_equal(vmbus_post_message(&post), HV_STATUS_INVALID_CONNECTION_ID);
    post.connection_id = 4;
    post.payload_size = 241;
    assert_int_equal(vmbus_post_message(&post), HV_STATUS_INVALID_PARAMETER);
    post.payload_size = 0;
    assert_int_equal(vmbus_post_message(&post), HV_STATUS_SUCCESS);
    post.message_type = 2;
    assert_int_equal(vmbus_post_message(&post), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(vmbus_signal_event(&signal), HV_STATUS_INVALID_PARAMETER);
    signal.flag_number = 0;
    assert_int_equal(vmbus_signal_event(&signal), HV_STATUS_INVALID_CONNECTION_ID); /* not open */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(versions, setup),
        cmocka_unit_test_setup(the_offer, setup),
        cmocka_unit_test_setup(messages_wait_for_the_slot, setup),
        cmocka_unit_test_setup(msrs, setup),
        cmocka_unit_test_setup(a_polled_sint_sends_no_vector, setup),
        cmocka_unit_test_setup(message_pages_that_are_none, setup),
        cmocka_unit_test_setup(open_and_close, setup),
        cmocka_unit_test_setup(opens_that_are_refused, setup),
        cmocka_unit_test_setup(page_lists_that_are_refused, setup),
        cmocka_unit_test_setup(a_list_in_pieces, setup),
        cmocka_unit_test_setup(rescind_and_offer_again, setup),
        cmocka_unit_test_setup(modify, setup),
        cmocka_unit_test_setup(back_pressure, setup),
        cmocka_unit_test_setup(a_broken_ring_is_dead, setup),
        cmocka_unit_test_setup(hypercall_inputs, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
