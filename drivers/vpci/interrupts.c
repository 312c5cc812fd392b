/* SPDX-License-Identifier: MIT */
/* Interrupts of vPCI (reference 5.9): the host allocates the message that a device sends, in any of
 * three forms. */
#include "abi/hypercall.h"
#include "abi/msr.h"
#include "abi/retarget_interrupt.h"
#include "drivers/hypercall.h"
#include "drivers/vpci/bus.h"
#include "kernel/memory.h"
#include "kernel/trap.h"
#include "lib/string.h"

/* Both sides' structures end in padding that a sender may leave out; nothing here does. */
static size_t request_for(const struct vpci_bus *bus, uint32_t slot, uint8_t vector, uint16_t count,
                          uint16_t vp, void *buffer)
{
    const struct vpci_create_interrupt first = {.type = VPCI_CREATE_INTERRUPT,
                                                .slot = slot,
                                                .vector = vector,
                                                .count = count,
                                                .vp_mask = 1ull << (vp % 64)};

    if (bus->state.version >= VPCI_VERSION_1_4) {
        const struct vpci_create_interrupt_3 third = {.type = VPCI_CREATE_INTERRUPT_3,
                                                      .slot = slot,
                                                      .vector = vector,
                                                      .count = count,
                                                      .vp_count = 1,
                                                      .vp = {vp}};

        memcpy(buffer, &third, sizeof(third));
        return sizeof(third);
    }
    if (bus->state.version >= VPCI_VERSION_1_2) {
        const struct vpci_create_interrupt_2 second = {.type = VPCI_CREATE_INTERRUPT_2,
                                                       .slot = slot,
                                                       .vector = vector,
                                                       .count = count,
                                                       .vp_count = 1,
                                                       .vp = {vp}};

        memcpy(buffer, &second, sizeof(second));
        return sizeof(second);
    }
    memcpy(buffer, &first, sizeof(first));
    return sizeof(first);
}

static uint32_t slot_of(const struct pci_function *f)
{
    return vpci_slot(f->bdf >> 3 & 31u, f->bdf & 7u);
}

bool vpci_create_messages(const struct pci_function *f, uint8_t vector, unsigned count,
                          struct pci_message *message)
{
    uint64_t vp;

    return msr_read_safe(HV_MSR_VP_INDEX, &vp) == TRAP_NONE &&
           vpci_create_messages_for(f, vp, vector, count, message);
}

bool vpci_create_messages_for(const struct pci_function *f, uint64_t vp, uint8_t vector,
                              unsigned count, struct pci_message *message)
{
    uint8_t request[sizeof(struct vpci_create_interrupt_3)];
    struct vpci_create_interrupt_reply reply;
    size_t size;

    size = request_for(f->vpci, slot_of(f), vector, (uint16_t)count, (uint16_t)vp, request);
    if (!vpci_request(f->vpci, request, size, &reply, sizeof(reply)) ||
        reply.interrupt.count != count)
        return false;
    *message =
        (struct pci_message){.address = reply.interrupt.address, .data = reply.interrupt.data};
    return true;
}

uint32_t vpci_last_status(const struct pci_function *f)
{
    const struct vpci_bus *bus = f->vpci;

    return bus->state.status;
}

void vpci_delete_messages(const struct pci_function *f, const struct pci_message *message,
                          unsigned count)
{
    const struct vpci_delete_interrupt request = {.type = VPCI_DELETE_INTERRUPT,
                                                  .slot = slot_of(f),
                                                  .interrupt = {.count = (uint16_t)count,
                                                                .data = message->data,
                                                                .address = message->address}};

    (void)vpci_tell(f->vpci, &request, sizeof(request));
}

/* As Linux does it, with a set of processors in the variable header. */
enum hv_status vpci_retarget_message(const struct pci_function *f,
                                     const struct pci_message *message, uint8_t vector, uint64_t vp)
{
    const struct {
        struct hv_input_retarget_device_interrupt head;
        uint64_t valid_banks, bank;
    } input = {.head = {.partition_id = HV_PARTITION_ID_SELF,
                        .device_id = f->device_id,
                        .source = HV_INTERRUPT_SOURCE_MSI,
                        .address = (uint32_t)message->address,
                        .data = message->data,
                        .vector = vector,
                        .flags = HV_RETARGET_PROCESSOR_SET,
                        .processor_mask = HV_PROCESSOR_SET_SPARSE_4K},
               .valid_banks = 1ull << vp / HV_PROCESSOR_SET_BANK_BITS,
               .bank = 1ull << vp % HV_PROCESSOR_SET_BANK_BITS};
    uint8_t *page = hypercall_input_page();
    uint64_t control = hv_control(HVCALL_RETARGET_DEVICE_INTERRUPT, 0, 0, hv_control_var_header(2));

    memcpy(page, &input, sizeof(input));
    return hv_result_status(hypercall_raw(control, gpa_of(page), 0));
}

/* As guests of the first version do it. */
enum hv_status vpci_retarget_message_to_any(const struct pci_function *f,
                                            const struct pci_message *message, uint32_t vector,
                                            uint64_t vps)
{
    const struct hv_input_retarget_device_interrupt input = {.partition_id = HV_PARTITION_ID_SELF,
                                                             .device_id = f->device_id,
                                                             .source = HV_INTERRUPT_SOURCE_MSI,
                                                             .address = (uint32_t)message->address,
                                                             .data = message->data,
                                                             .vector = vector,
                                                             .processor_mask = vps};

    return hypercall_simple(HVCALL_RETARGET_DEVICE_INTERRUPT, &input, sizeof(input), NULL, 0);
}
