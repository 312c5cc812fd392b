/* SPDX-License-Identifier: MIT */
/*
 * A guest that does anything with VMBus and vPCI: the input is a list of operations, each with what
 * it needs from the bytes that follow. The fixture ends the program where the host would panic.
 */
#include <string.h>

#include "abi/retarget_interrupt.h"
#include "abi/synic.h"
#include "abi/vmbus.h"
#include "abi/vpci.h"
#include "host/vmbus/synic.h"
#include "host/vmbus/vmbus.h"
#include "host/vpci/vpci.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"
#include "tests/unit/vpci_fixture.h"

static void post(struct input *in)
{
    struct hv_input_post_message message = {.message_type = HV_MESSAGE_CHANNEL};

    message.connection_id = (uint32_t)take(in, 1);
    message.payload_size = (uint32_t)take(in, 1);
    take_bytes(in, message.payload, message.payload_size);
    vmbus_post_message(&message);
}

static void scribble(struct input *in)
{
    uint32_t page = (uint32_t)take(in, 1) % FAKE_PAGES, offset = (uint32_t)take(in, 2) % 4096;
    size_t size = take(in, 1) % 64;

    if (size > 4096 - offset)
        size = 4096 - offset;
    take_bytes(in, fake_ram + page * 4096 + offset, size);
}

static void packet(struct input *in)
{
    uint8_t payload[300];
    uint16_t flags = (uint16_t)take(in, 1);
    size_t size = take(in, 1);

    size = take_bytes(in, payload, size);
    /* The helper of the fixture does not check the ring, which this guest may have broken. */
    if (fake_ram[FAKE_RINGS * 4096 + 1] < 0x20 && fake_ram[FAKE_RINGS * 4096 + 2] == 0)
        fake_ring_put(flags, 1, payload, size);
}

static uint64_t address(struct input *in)
{
    uint64_t base = take(in, 1) & 1 ? FAKE_LOW : FAKE_HIGH;

    return base + take(in, 3) % 0x40000;
}

static void retarget(struct input *in)
{
    struct hv_input_retarget_device_interrupt call = {
        .partition_id = UINT64_MAX, .source = 1, .address = 0xFEE00000};
    uint64_t header[4] = {0};

    call.device_id = take(in, 1);
    call.data = (uint32_t)take(in, 2);
    call.vector = (uint32_t)take(in, 1);
    call.flags = (uint32_t)take(in, 1);
    call.processor_mask = take(in, 1);
    take_bytes(in, header, sizeof(header));
    vpci_retarget(&call, header, (uint32_t)take(in, 1) % 5);
}

static void control(struct input *in)
{
    struct bus_control_input call = {.device_id = take(in, 1)};

    call.action = (uint32_t)take(in, 1) % 5;
    vpci_control(&call);
}

/* Brings the bus to a state that takes many operations to reach: open, version agreed on, and
 * powered. */
static void shortcut(struct input *in)
{
    static const struct vpci_version_query query = {.type = VPCI_QUERY_PROTOCOL_VERSION,
                                                    .version = VPCI_VERSION_1_4};
    static const struct vpci_d0_entry entry = {.type = VPCI_BUS_D0_ENTRY, .window = FAKE_LOW};
    uint32_t channel = (uint32_t)take(in, 1) % 3 + 1;

    if (fake_connect(VMBUS_VERSION_5_3) && fake_open(channel, 1) == NT_STATUS_SUCCESS) {
        fake_ring_put(1, 1, &query, sizeof(query));
        fake_ring_put(1, 2, &entry, sizeof(entry));
        fake_signal(channel);
    }
}

static void operate(struct input *in)
{
    uint64_t gpa;
    unsigned count;

    switch (take(in, 1) % 12) {
    case 0:
        post(in);
        break;
    case 1:
        scribble(in);
        break;
    case 2:
        fake_signal((uint32_t)take(in, 1) % 4);
        break;
    case 3:
        gpa = take(in, 1);
        synic_msr_write((uint32_t)take(in, 1) % 3, HV_MSR_SCONTROL + (uint32_t)gpa % 0x24,
                        take(in, 8));
        break;
    case 4:
        gpa = address(in);
        fake_mmio_read(gpa & ~UINT64_C(7), 1u << take(in, 1) % 4);
        break;
    case 5:
        gpa = address(in) & ~UINT64_C(7);
        count = 1u << take(in, 1) % 4;
        fake_mmio_write(gpa, count, take(in, 8));
        break;
    case 6:
        packet(in);
        break;
    case 7:
        retarget(in);
        break;
    case 8:
        vmbus_continue();
        break;
    case 9:
        fake_take_message(NULL, 0);
        break;
    case 10:
        control(in);
        break;
    default:
        shortcut(in);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t devices[] = {FAKE_DEVICE, FAKE_DEVICE + 8, FAKE_MACHINE, 0};
    struct input in = {data, size};

    /* The input before may have taken buses away. */
    if (vmbus_present())
        fake_guest_start();
    for (const uint64_t *id = devices; vmbus_present() && *id != 0; id++)
        vmbus_offer_again(vpci_function_find(*id)->bus->channel);
    fake_vpci_open(1, VPCI_VERSION_1_4);
    while (in.size != 0)
        operate(&in);
    return 0;
}
