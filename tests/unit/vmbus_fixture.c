/* SPDX-License-Identifier: MIT */
#include "tests/unit/vmbus_fixture.h"
#include "lib/bits.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/synic.h"
#include "abi/vmbus.h"
#include "abi/vmbus_ring.h"
#include "host/base/log.h"
#include "host/base/memory.h"
#include "host/base/panic.h"
#include "host/vmbus/synic.h"
#include "host/vmbus/vmbus.h"

uint8_t fake_ram[FAKE_RAM_SIZE] __attribute__((aligned(4096)));
unsigned fake_vectors;
uint32_t fake_last_apic;
uint8_t fake_last_vector;

#define FAKE_APIC   7u
#define FAKE_VECTOR 0x50u
#define CONNECTION  0x10000u /* of SIGNAL_EVENT: plus the channel */

void *host_pages(size_t pages)
{
    void *block = calloc(pages, PAGE_SIZE);

    if (!block)
        abort();
    return block;
}

bool guest_is_ram(uint64_t gpa, uint64_t length)
{
    uint64_t hole = FAKE_HOLE * 4096u;

    if (length == 0 || gpa >= FAKE_RAM_SIZE || length > FAKE_RAM_SIZE - gpa)
        return false;
    return gpa + length <= hole || gpa >= hole + 4096;
}

uint64_t guest_gpa_limit(void)
{
    return UINT64_C(1) << 40;
}

bool guest_read(uint64_t gpa, void *to, size_t length)
{
    if (!guest_is_ram(gpa, length))
        return false;
    memcpy(to, fake_ram + gpa, length);
    return true;
}

bool guest_write(uint64_t gpa, const void *from, size_t length)
{
    if (!guest_is_ram(gpa, length))
        return false;
    memcpy(fake_ram + gpa, from, length);
    return true;
}

bool guest_load32(uint64_t gpa, uint32_t *value)
{
    return gpa % 4 == 0 && guest_read(gpa, value, sizeof(*value));
}

bool guest_store32(uint64_t gpa, uint32_t value)
{
    return gpa % 4 == 0 && guest_write(gpa, &value, sizeof(value));
}

bool guest_or32(uint64_t gpa, uint32_t bits)
{
    uint32_t value;

    return guest_load32(gpa, &value) && guest_store32(gpa, value | bits);
}

static bool send_vector(uint32_t apic_id, uint8_t vector)
{
    fake_vectors++;
    fake_last_apic = apic_id;
    fake_last_vector = vector;
    return true;
}

void host_log(enum log_level level, const char *format, ...)
{
    (void)level;
    (void)format;
}

void host_panic(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    abort();
}

static uint32_t *word(uint32_t page, size_t offset)
{
    return (uint32_t *)(void *)(fake_ram + page * 4096u + offset);
}

void fake_guest_start(void)
{
    static const struct vmbus_message unload = {.type = VMBUS_UNLOAD};

    memset(fake_ram, 0, sizeof(fake_ram));
    if (synic_vps() == 0) {
        synic_init(send_vector);
        synic_add_vp(FAKE_APIC);
        synic_add_vp(FAKE_APIC + 1);
    }
    synic_msr_write(0, HV_MSR_SIMP, FAKE_MESSAGES << 12 | HV_SYNIC_PAGE_ENABLE);
    synic_msr_write(0, HV_MSR_SIEFP, FAKE_EVENTS << 12 | HV_SYNIC_PAGE_ENABLE);
    synic_msr_write(0, HV_MSR_SINT0 + VMBUS_SINT, FAKE_VECTOR);
    synic_msr_write(0, HV_MSR_SCONTROL, HV_SCONTROL_ENABLE);
    fake_post(&unload, sizeof(unload));
    while (fake_take_message(NULL, 0) != 0)
        continue;
    fake_vectors = 0;
}

enum hv_status fake_post(const void *message, size_t size)
{
    struct hv_input_post_message input = {.connection_id = VMBUS_CONNECTION_MESSAGES,
                                          .message_type = HV_MESSAGE_CHANNEL,
                                          .payload_size = (uint32_t)size};

    memcpy(input.payload, message, size);
    return vmbus_post_message(&input);
}

uint32_t fake_take_message(void *message, size_t size)
{
    struct hv_message *slot =
        (struct hv_message *)(void *)word(FAKE_MESSAGES, VMBUS_SINT * sizeof(*slot));
    uint32_t type;

    if (slot->type == HV_MESSAGE_FREE)
        return 0;
    memcpy(&type, slot->payload, sizeof(type));
    if (message)
        memcpy(message, slot->payload, size);
    slot->type = HV_MESSAGE_FREE;
    if (slot->flags & HV_MESSAGE_FLAG_PENDING)
        synic_msr_write(0, HV_MSR_EOM, 0);
    return type;
}

bool fake_take_event(uint32_t flag)
{
    uint32_t *flags = word(FAKE_EVENTS, VMBUS_SINT * sizeof(struct hv_event_flags) + flag / 32 * 4);
    bool set = (*flags >> flag % 32 & 1) != 0;

    *flags &= ~(UINT32_C(1) << flag % 32);
    return set;
}

bool fake_connect(uint32_t version)
{
    struct vmbus_initiate_contact contact = {
        .header.type = VMBUS_INITIATE_CONTACT, .version = version, .sint = VMBUS_SINT};
    static const struct vmbus_message offers = {.type = VMBUS_REQUEST_OFFERS};
    struct vmbus_version_response response = {.supported = 0};
    uint32_t type;

    fake_post(&contact, sizeof(contact));
    if (fake_take_message(&response, sizeof(response)) != VMBUS_VERSION_RESPONSE ||
        response.supported != 1 || response.state != VMBUS_CONNECTION_STATE_OK)
        return false;
    fake_post(&offers, sizeof(offers));
    do
        type = fake_take_message(NULL, 0);
    while (type == VMBUS_OFFER_CHANNEL);
    return type == VMBUS_ALL_OFFERS_DELIVERED;
}

uint32_t fake_open(uint32_t channel, uint32_t gpadl)
{
    struct vmbus_gpadl_header header = {.header.type = VMBUS_GPADL_HEADER,
                                        .channel_id = channel,
                                        .gpadl = gpadl,
                                        .range_bytes = 8 + 8 * FAKE_RING_PAGES,
                                        .ranges = 1,
                                        .byte_count = FAKE_RING_PAGES * 4096};
    struct vmbus_open_channel open = {.header.type = VMBUS_OPEN_CHANNEL,
                                      .channel_id = channel,
                                      .open_id = 99,
                                      .gpadl = gpadl,
                                      .downstream_page = FAKE_DOWNSTREAM};
    struct vmbus_result created = {.status = 1}, result = {.status = 1};

    memset(fake_ram + FAKE_RINGS * 4096u, 0, FAKE_RING_PAGES * 4096u);
    for (unsigned i = 0; i < FAKE_RING_PAGES; i++)
        header.page[i] = FAKE_RINGS + i;
    fake_post(&header, offsetof(struct vmbus_gpadl_header, page) + 8 * FAKE_RING_PAGES);
    if (fake_take_message(&created, sizeof(created)) != VMBUS_GPADL_CREATED ||
        created.status != NT_STATUS_SUCCESS)
        return NT_STATUS_UNSUCCESSFUL;
    fake_post(&open, sizeof(open));
    if (fake_take_message(&result, sizeof(result)) != VMBUS_OPEN_CHANNEL_RESULT || result.id != 99)
        return NT_STATUS_UNSUCCESSFUL;
    return result.status;
}

#define DATA_SIZE ((FAKE_DOWNSTREAM - 1) * 4096u)

static uint8_t *byte(uint32_t control, uint32_t index)
{
    return fake_ram + (control + 1) * 4096u + index % DATA_SIZE;
}

void fake_ring_put(uint16_t flags, uint64_t transaction, const void *payload, size_t size)
{
    struct vmbus_ring_control *control = (struct vmbus_ring_control *)(void *)word(FAKE_RINGS, 0);
    uint32_t padded = (uint32_t)(size + 7) / 8 * 8, at = control->write_index;
    struct vmbus_packet descriptor = {.type = VMBUS_PACKET_DATA,
                                      .offset8 = 2,
                                      .length8 = (uint16_t)(2 + padded / 8),
                                      .flags = flags,
                                      .transaction = transaction};

    for (unsigned i = 0; i < sizeof(descriptor); i++)
        *byte(FAKE_RINGS, at + i) = ((const uint8_t *)&descriptor)[i];
    at += sizeof(descriptor);
    for (unsigned i = 0; i < padded; i++)
        *byte(FAKE_RINGS, at + i) = i < size ? ((const uint8_t *)payload)[i] : 0;
    control->write_index = (at + padded + 8) % DATA_SIZE;
}

void fake_signal(uint32_t channel)
{
    struct hv_input_signal_event input = {.connection_id = CONNECTION + channel};

    vmbus_signal_event(&input);
}

uint16_t fake_ring_take(uint64_t *transaction, void *payload, size_t *size)
{
    uint32_t page = FAKE_RINGS + FAKE_DOWNSTREAM;
    struct vmbus_ring_control *control = (struct vmbus_ring_control *)(void *)word(page, 0);
    struct vmbus_packet descriptor;
    uint32_t at = control->read_index;

    if (control->read_index == control->write_index)
        return 0;
    for (unsigned i = 0; i < sizeof(descriptor); i++)
        ((uint8_t *)&descriptor)[i] = *byte(page, at + i);
    *size = (descriptor.length8 - descriptor.offset8) * 8u;
    for (unsigned i = 0; i < *size; i++)
        ((uint8_t *)payload)[i] = *byte(page, at + descriptor.offset8 * 8u + i);
    *transaction = descriptor.transaction;
    control->read_index = (at + descriptor.length8 * 8u + 8) % DATA_SIZE;
    return descriptor.type;
}
