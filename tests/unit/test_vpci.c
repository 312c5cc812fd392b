/* SPDX-License-Identifier: MIT */
/* Buses, requests, interrupts and the configuration window of the host's vPCI. */
#include "lib/bits.h"
#include "tests/unit/vpci_fixture.h"

#include <string.h>

#include "abi/device_id.h"
#include "abi/vmbus.h"
#include "abi/vmbus_ring.h"
#include "host/vpci/interrupts.h"
#include "host/vpci/request_parse.h"
#include "host/vpci/retarget_parse.h"
#include "host/vpci/vpci.h"
#include "tests/unit/unit.h"

#define REQUEST(r, reply) fake_vpci_request(1, &(r), sizeof(r), &(reply), sizeof(reply))
#define STATUS(r)         fake_vpci_request(1, &(r), sizeof(r), NULL, 0)

static int open_1_4(void **state)
{
    (void)state;
    fake_vpci_open(1, VPCI_VERSION_1_4);
    return 0;
}

static uint32_t d0(uint64_t window)
{
    struct vpci_d0_entry entry = {.type = VPCI_BUS_D0_ENTRY, .window = window};

    return STATUS(entry);
}

static void versions(void **state)
{
    struct vpci_version_query query = {.type = VPCI_QUERY_PROTOCOL_VERSION};
    struct vpci_version_reply reply;
    struct vpci_message relations = {.type = VPCI_QUERY_BUS_RELATIONS};

    (void)state;
    fake_vpci_open(1, VPCI_VERSION_1_1);
    assert_int_equal(STATUS(query), NT_STATUS_BAD_DATA); /* agreed on already */
    fake_vpci_open(1, VPCI_VERSION_1_4);
    assert_true(fake_connect(VMBUS_VERSION_4_0));
    assert_int_equal(fake_open(1, 1), NT_STATUS_SUCCESS);
    assert_int_equal(STATUS(relations), NT_STATUS_BAD_DATA); /* not the first */
    query.version = VPCI_VERSION(1, 5);
    assert_int_equal(REQUEST(query, reply), NT_STATUS_REVISION_MISMATCH);
    assert_int_equal(reply.version, VPCI_VERSION_1_4);
    query.version = VPCI_VERSION(1, 0);
    assert_int_equal(REQUEST(query, reply), NT_STATUS_REVISION_MISMATCH);
    query.version = VPCI_VERSION_1_2;
    assert_int_equal(REQUEST(query, reply), NT_STATUS_SUCCESS);
}

static void relations_in_both_forms(void **state)
{
    struct vpci_message query = {.type = VPCI_QUERY_BUS_RELATIONS};
    struct vpci_relations header;
    struct vpci_relation_2 second[2];
    struct vpci_relation first[2];

    (void)state;
    fake_vpci_open(1, VPCI_VERSION_1_3);
    assert_int_equal(STATUS(query), UINT32_MAX); /* no completion, though it was asked for */
    assert_int_equal(fake_packets, 1);
    memcpy(&header, fake_last_packet, sizeof(header));
    memcpy(second, fake_last_packet + sizeof(header), sizeof(second));
    assert_int_equal(header.type, VPCI_BUS_RELATIONS_2);
    assert_int_equal(header.count, 2);
    assert_int_equal(second[0].relation.vendor, 0x5056);
    assert_int_equal(second[0].relation.device, 0x0D01);
    assert_int_equal(second[0].relation.class_code, 8);
    assert_int_equal(second[0].relation.slot, 0);
    assert_int_equal(second[1].relation.slot, 3 << 5);
    fake_vpci_open(1, VPCI_VERSION_1_2);
    STATUS(query);
    memcpy(&header, fake_last_packet, sizeof(header));
    memcpy(first, fake_last_packet + sizeof(header), sizeof(first));
    assert_int_equal(header.type, VPCI_BUS_RELATIONS);
    assert_int_equal(first[1].slot, 3 << 5);
}

static void windows(void **state)
{
    struct vpci_message exit = {.type = VPCI_BUS_D0_EXIT};

    (void)state;
    assert_int_not_equal(d0(0), NT_STATUS_SUCCESS);
    assert_int_not_equal(d0(FAKE_LOW + 0x800), NT_STATUS_SUCCESS);
    assert_int_not_equal(d0(FAKE_LOW - 0x1000), NT_STATUS_SUCCESS);
    assert_int_not_equal(d0(FAKE_LOW + 0x1FFF000), NT_STATUS_SUCCESS);
    assert_int_not_equal(d0(UINT64_MAX - 0xFFF), NT_STATUS_SUCCESS);
    assert_int_equal(fake_packets, 0);
    assert_int_equal(d0(FAKE_LOW + 0x1000), NT_STATUS_SUCCESS);
    assert_int_equal(fake_packets, 1); /* relations */
    assert_int_not_equal(d0(FAKE_LOW + 0x8000), NT_STATUS_SUCCESS);
    assert_int_equal(fake_mmio_read(FAKE_LOW + 0x2000, 4), 0x0D015056);
    assert_int_equal(fake_mmio_read(FAKE_LOW + 0x200B, 1), 8);
    fake_mmio_write(FAKE_LOW + 0x1000, 4, 3 << 5);
    fake_mmio_write(FAKE_LOW + 0x203C, 1, 0x5A);
    assert_int_equal(fake_function[1].config[0x3C], 0x5A);
    assert_int_equal(fake_function[0].config[0x3C], 0);
    fake_mmio_write(FAKE_LOW + 0x1000, 2, 0); /* only four bytes select */
    assert_int_equal(fake_mmio_read(FAKE_LOW + 0x203C, 1), 0x5A);
    assert_true(fake_mmio_read(FAKE_LOW + 0x2001, 2) == UINT64_MAX);
    assert_true(fake_mmio_read(FAKE_LOW + 0x2000, 8) == UINT64_MAX);
    assert_true(fake_mmio_read(FAKE_LOW + 0x1000, 4) == UINT64_MAX);
    fake_mmio_write(FAKE_LOW + 0x1000, 4, 1); /* no such function */
    assert_true(fake_mmio_read(FAKE_LOW + 0x2000, 4) == UINT64_MAX);
    fake_mmio_write(FAKE_LOW + 0x1000, 4, UINT32_MAX);
    assert_true(fake_mmio_read(FAKE_LOW + 0x2000, 4) == UINT64_MAX);
    assert_int_equal(STATUS(exit), NT_STATUS_SUCCESS);
    assert_int_equal(fake_function[0].resets, 1);
    assert_int_equal(fake_mmio_read(FAKE_LOW + 0x2000, 4), 0xBA); /* BARs, and there is none */
    assert_int_equal(d0(FAKE_HIGH), NT_STATUS_SUCCESS);
}

static void resources(void **state)
{
    struct vpci_slot_message query = {.type = VPCI_QUERY_RESOURCE_REQUIREMENTS};
    struct vpci_requirements_reply requirements;
    struct {
        struct vpci_resources_assigned assigned;
        uint8_t room[VPCI_INTERRUPT_RESOURCE_SIZE_2];
    } set = {.assigned = {.type = VPCI_RESOURCES_ASSIGNED_2}};
    struct vpci_power_state_change power = {.type = VPCI_POWER_STATE_CHANGE,
                                            .state = VPCI_POWER_D0};
    struct vpci_resources_reply reply;
    struct vpci_slot_message released = {.type = VPCI_RESOURCES_RELEASED};

    (void)state;
    assert_int_equal(REQUEST(query, requirements), NT_STATUS_SUCCESS);
    assert_int_equal(requirements.mask[0], 0xFFE0000C);
    query.slot = 1;
    assert_int_not_equal(STATUS(query), NT_STATUS_SUCCESS);
    assert_int_equal(REQUEST(set, reply), NT_STATUS_SUCCESS); /* none described */
    set.assigned.bar[0] =
        (struct vpci_resource){.type = 3, .start = FAKE_HIGH + 0x200000, .length = 0x200000};
    assert_int_equal(REQUEST(set, reply), NT_STATUS_SUCCESS);
    assert_int_equal(reply.bar[0].length, 0x200000);
    assert_memory_equal(fake_function[0].config + 0x10, "\x00\x00\x20\x00\xE0\x00\x00\x00", 8);
    assert_int_equal(STATUS(power), NT_STATUS_SUCCESS);
    assert_int_equal(fake_function[0].config[4], 2);
    power.state = 7;
    assert_int_not_equal(STATUS(power), NT_STATUS_SUCCESS);
    set.assigned.bar[0].type = VPCI_RESOURCE_LARGE_MEMORY; /* without a shift */
    assert_int_equal(STATUS(set), NT_STATUS_BAD_DATA);
    set.assigned.bar[0].flags = VPCI_RESOURCE_LENGTH_40; /* 512 MiB: more than there is */
    assert_int_equal(STATUS(set), NT_STATUS_INVALID_PARAMETER);
    set.assigned.bar[0].type = 1;
    assert_int_equal(STATUS(set), NT_STATUS_BAD_DATA);
    set.assigned.bar[0] = (struct vpci_resource){0};
    set.assigned.bar[1] = (struct vpci_resource){.type = 3, .start = FAKE_HIGH, .length = 0x1000};
    assert_int_equal(STATUS(set), NT_STATUS_INVALID_PARAMETER); /* the upper half of another */
    set.assigned.bar[0] =
        (struct vpci_resource){.type = 3, .start = FAKE_HIGH + 0x400000, .length = 0x200000};
    assert_int_equal(STATUS(set), NT_STATUS_INVALID_PARAMETER); /* and nothing of it is done */
    set.assigned.bar[1] = (struct vpci_resource){0};
    set.assigned.bar[0].start = FAKE_HIGH + 0x201000; /* no multiple of the size */
    assert_int_equal(STATUS(set), NT_STATUS_INVALID_PARAMETER);
    assert_memory_equal(fake_function[0].config + 0x10, "\x00\x00\x20\x00\xE0\x00\x00\x00", 8);
    set.assigned.bar[0] = (struct vpci_resource){0};
    set.assigned.interrupts = 1;
    assert_int_equal(STATUS(set), NT_STATUS_BAD_DATA);
    set.assigned.interrupts = 0;
    assert_int_equal(fake_vpci_request(1, &set, sizeof(set) - 8, NULL, 0),
                     NT_STATUS_BAD_DATA); /* no room for one */
    assert_int_equal(STATUS(released), NT_STATUS_SUCCESS);
    assert_int_equal(fake_function[0].resets, 1);
    assert_int_equal(fake_function[1].resets, 0);
}

static struct vpci_create_interrupt_3 create(uint32_t vector, uint16_t count)
{
    return (struct vpci_create_interrupt_3){
        .type = VPCI_CREATE_INTERRUPT_3, .vector = vector, .count = count, .vp_count = 1};
}

static bool found(const struct vpci_function *function, uint64_t address, uint32_t data,
                  uint32_t *vp, uint8_t *vector)
{
    const struct interrupt_message *message = interrupts_find(function, address, data);

    if (message) {
        *vp = message->vp;
        *vector = message->vector;
    }
    return message;
}

static void interrupts(void **state)
{
    struct vpci_create_interrupt_3 request = create(0x31, 1), bad;
    struct vpci_create_interrupt_reply first, block;
    struct vpci_delete_interrupt delete = {.type = VPCI_DELETE_INTERRUPT};
    struct hv_input_retarget_device_interrupt retarget = {.partition_id = UINT64_MAX,
                                                          .device_id = FAKE_DEVICE,
                                                          .source = 1,
                                                          .vector = 0x77,
                                                          .processor_mask = 2};
    struct vpci_function *function = vpci_function_find(FAKE_DEVICE),
                         *other = vpci_function_find(FAKE_DEVICE + 8);
    uint32_t vp;
    uint8_t vector;

    (void)state;
    assert_int_equal(REQUEST(request, first), NT_STATUS_SUCCESS);
    assert_int_equal(first.interrupt.count, 1);
    request = create(0x40, 5);
    assert_int_equal(REQUEST(request, block), NT_STATUS_SUCCESS);
    assert_int_equal(block.interrupt.data % 8, 0);
    for (unsigned i = 0; i < 5; i++) {
        assert_true(
            found(function, block.interrupt.address, block.interrupt.data + i, &vp, &vector));
        assert_int_equal(vector, 0x40 + i);
        assert_false(found(other, block.interrupt.address, block.interrupt.data + i, &vp, &vector));
    }
    assert_false(found(function, block.interrupt.address + 4, block.interrupt.data, &vp, &vector));
    assert_false(found(function, block.interrupt.address, UINT32_MAX, &vp, &vector));

#define REFUSED(field, value)                                                                      \
    bad = create(0x31, 1);                                                                         \
    bad.field = (value);                                                                           \
    assert_int_not_equal(STATUS(bad), NT_STATUS_SUCCESS)
    REFUSED(vector, 15);
    REFUSED(vector, 256);
    REFUSED(count, 0);
    REFUSED(count, 33);
    REFUSED(vp_count, 0);
    REFUSED(vp_count, 33);
    REFUSED(vp_count, UINT16_MAX);
    REFUSED(vp[0], 2);
    REFUSED(vp[0], 64);
    REFUSED(slot, 1);
    bad = create(0xFF, 2);
    assert_int_not_equal(STATUS(bad), NT_STATUS_SUCCESS);

    retarget.data = first.interrupt.data;
    retarget.address = (uint32_t)first.interrupt.address;
    assert_int_equal(vpci_retarget(&retarget, NULL, 0), HV_STATUS_SUCCESS);
    assert_true(found(function, first.interrupt.address, first.interrupt.data, &vp, &vector));
    assert_int_equal(vp, 1);
    assert_int_equal(vector, 0x77);
    assert_int_equal(fake_function[0].retargets, 1);
    retarget.device_id |= UINT64_C(0xFFFFFFFF) << 32; /* an old guest's */
    assert_int_equal(vpci_retarget(&retarget, NULL, 0), HV_STATUS_SUCCESS);
    retarget.device_id = FAKE_DEVICE + 3;
    assert_int_equal(vpci_retarget(&retarget, NULL, 0), HV_STATUS_INVALID_PARAMETER);
    retarget.device_id = FAKE_DEVICE;
    retarget.processor_mask = 4;
    assert_int_equal(vpci_retarget(&retarget, NULL, 0), HV_STATUS_INVALID_PARAMETER);
    retarget.partition_id = 1;
    assert_int_equal(vpci_retarget(&retarget, NULL, 0), HV_STATUS_INVALID_PARTITION_ID);

    delete.interrupt = block.interrupt;
    delete.interrupt.count = UINT16_MAX;
    assert_int_equal(STATUS(delete), NT_STATUS_SUCCESS);
    assert_false(found(function, block.interrupt.address, block.interrupt.data + 4, &vp, &vector));
    assert_true(found(function, first.interrupt.address, first.interrupt.data, &vp, &vector));
}

static void interrupts_in_older_forms(void **state)
{
    struct vpci_create_interrupt one = {
        .type = VPCI_CREATE_INTERRUPT, .vector = 0x55, .count = 1, .vp_mask = 2};
    struct vpci_create_interrupt_2 two = {
        .type = VPCI_CREATE_INTERRUPT_2, .vector = 0x56, .count = 2, .vp_count = 1, .vp = {1}};
    struct vpci_create_interrupt_reply reply;
    struct vpci_function *function = vpci_function_find(FAKE_DEVICE);
    uint32_t vp;
    uint8_t vector;

    (void)state;
    assert_int_equal(REQUEST(one, reply), NT_STATUS_SUCCESS);
    assert_true(found(function, reply.interrupt.address, reply.interrupt.data, &vp, &vector));
    assert_int_equal(vp << 8 | vector, 0x155);
    assert_int_equal(fake_vpci_request(1, &two, 78, &reply, sizeof(reply)), NT_STATUS_SUCCESS);
    assert_true(found(function, reply.interrupt.address, reply.interrupt.data + 1, &vp, &vector));
    assert_int_equal(vp << 8 | vector, 0x157);
}

/* As many as there are, then no more, and all of them again after the guest let go. */
static void interrupts_run_out(void **state)
{
    struct vpci_create_interrupt_3 request = create(0x31, 32);
    struct vpci_message exit = {.type = VPCI_BUS_D0_EXIT};

    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        unsigned made = 0;

        while (STATUS(request) == NT_STATUS_SUCCESS)
            made++;
        assert_int_equal(made, 16);
        assert_int_equal(STATUS(exit), NT_STATUS_SUCCESS);
    }
}

static void what_is_no_request(void **state)
{
    static const uint32_t types[] = {0, VPCI_MESSAGE(2), VPCI_MESSAGE(9), VPCI_MESSAGE(0x1C),
                                     UINT32_MAX};
    static uint8_t large[4000];
    uint32_t request[40] = {0};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        request[0] = types[i];
        assert_int_equal(STATUS(request), NT_STATUS_NOT_SUPPORTED);
    }
    request[0] = VPCI_CREATE_INTERRUPT_3;
    assert_int_equal(fake_vpci_request(1, request, 8, NULL, 0), NT_STATUS_BAD_DATA);
    assert_int_equal(fake_vpci_request(1, request, 0, NULL, 0), NT_STATUS_BAD_DATA);
    assert_int_equal(fake_vpci_request(1, large, sizeof(large), NULL, 0), NT_STATUS_BAD_DATA);
}

static void the_next_user_gets_a_fresh_device(void **state)
{
    struct vpci_slot_message ejected = {.type = VPCI_EJECTION_COMPLETE};
    struct vpci_bus *bus = vpci_function_find(FAKE_DEVICE)->bus;

    (void)state;
    assert_ptr_equal(vpci_function_find(FAKE_DEVICE + 3)->bus, bus);
    assert_int_equal(vmbus_channel_id(vpci_function_find(FAKE_MACHINE)->bus->channel), 3);
    assert_int_equal(d0(FAKE_LOW), NT_STATUS_SUCCESS);
    assert_int_equal(STATUS(ejected), NT_STATUS_SUCCESS);
    assert_int_equal(fake_take_message(NULL, 0), VMBUS_RESCIND_CHANNEL_OFFER);
    assert_int_equal(fake_domain_resets, 2);
    assert_false(bus->powered);
    assert_true(fake_connect(VMBUS_VERSION_5_3));
    assert_int_not_equal(fake_open(1, 1), NT_STATUS_SUCCESS);
    assert_true(vmbus_offer_again(bus->channel));
}

static enum hv_status control(uint64_t device_id, uint32_t action)
{
    return vpci_control(&(struct bus_control_input){.device_id = device_id, .action = action});
}

static void buses_go_and_come(void **state)
{
    struct vmbus_channel_message message,
        released = {.header.type = VMBUS_REL_ID_RELEASED, .channel_id = 1};
    struct bus_control_input reserved = {
        .device_id = FAKE_DEVICE, .action = BUS_CONTROL_OFFER, .reserved = 1};
    struct vpci_message query = {.type = VPCI_QUERY_BUS_RELATIONS};
    struct vpci_slot_message eject;

    (void)state;
    assert_int_equal(control(0xF8, BUS_CONTROL_RESCIND),
                     HV_STATUS_INVALID_DEVICE_ID); /* on the PCI bus */
    assert_int_equal(control(FAKE_DEVICE + 1, BUS_CONTROL_RESCIND), HV_STATUS_INVALID_DEVICE_ID);
    assert_int_equal(control(FAKE_DEVICE, 0), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(control(FAKE_DEVICE, 4), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(vpci_control(&reserved), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(control(FAKE_DEVICE, BUS_CONTROL_EJECT), HV_STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(control(FAKE_DEVICE, BUS_CONTROL_OFFER), HV_STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(d0(FAKE_LOW), NT_STATUS_SUCCESS);
    assert_int_equal(control(FAKE_DEVICE + 3, BUS_CONTROL_EJECT), HV_STATUS_SUCCESS);
    fake_packets = 0;
    STATUS(query); /* takes what is in the ring */
    assert_int_equal(fake_packets, 2);
    memcpy(&eject, fake_first_packet, sizeof(eject));
    assert_int_equal(eject.type, VPCI_EJECT);
    assert_int_equal(eject.slot, 3 << 5);
    assert_int_equal(control(FAKE_DEVICE, BUS_CONTROL_RESCIND), HV_STATUS_SUCCESS);
    assert_int_equal(fake_function[0].resets, 2); /* closed, withdrawn */
    assert_int_equal(fake_domain_resets, 2);
    assert_int_equal(fake_take_message(&message, sizeof(message)), VMBUS_RESCIND_CHANNEL_OFFER);
    assert_int_equal(control(FAKE_DEVICE, BUS_CONTROL_OFFER), HV_STATUS_INVALID_DEVICE_STATE);
    fake_post(&released, sizeof(released));
    assert_int_equal(control(FAKE_DEVICE, BUS_CONTROL_OFFER), HV_STATUS_SUCCESS);
    assert_int_equal(fake_take_message(NULL, 0), VMBUS_OFFER_CHANNEL);
}

static void processor_sets(void **state)
{
    struct hv_input_retarget_device_interrupt input = {.source = 1,
                                                       .flags = HV_RETARGET_PROCESSOR_SET};
    static const struct {
        uint64_t header[3];
        uint32_t qwords;
        bool valid;
        uint32_t vp;
    } sets[] = {
        {{0, 0, 0}, 0, false, 0},
        {{0, 0, 0}, 1, true, RETARGET_NO_VP},
        {{0, 0, 0}, 2, false, 0},
        {{1, 4, 0}, 2, true, 2},
        {{1, 4, 0}, 1, false, 0},
        {{1, 4, 0}, 3, false, 0},
        {{5, 0, 8}, 3, true, 131},
        {{UINT64_MAX, 1, 1}, 3, false, 0},
        {{UINT64_C(1) << 63, UINT64_C(1) << 63, 0}, 2, true, 4095},
    };
    struct retarget out;

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(sets); i++) {
        assert_int_equal(retarget_parse(&input, sets[i].header, sets[i].qwords, &out),
                         sets[i].valid);
        if (sets[i].valid)
            assert_int_equal(out.vp, sets[i].vp);
    }
    input.processor_mask = 1; /* no format of sets */
    assert_false(retarget_parse(&input, sets[3].header, 2, &out));
    input.flags = 0;
    assert_false(retarget_parse(&input, sets[3].header, 2, &out));
    assert_true(retarget_parse(&input, NULL, 0, &out));
    input.source = 2;
    assert_false(retarget_parse(&input, NULL, 0, &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions),
        cmocka_unit_test(relations_in_both_forms),
        cmocka_unit_test_setup(windows, open_1_4),
        cmocka_unit_test_setup(resources, open_1_4),
        cmocka_unit_test_setup(interrupts, open_1_4),
        cmocka_unit_test_setup(interrupts_in_older_forms, open_1_4),
        cmocka_unit_test_setup(interrupts_run_out, open_1_4),
        cmocka_unit_test_setup(what_is_no_request, open_1_4),
        cmocka_unit_test_setup(the_next_user_gets_a_fresh_device, open_1_4),
        cmocka_unit_test_setup(buses_go_and_come, open_1_4),
        cmocka_unit_test(processor_sets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
