/* SPDX-License-Identifier: MIT */
#include "kernel/runtime_services.h"

#include "kernel/boot_info.h"
#include "kernel/memory.h"
#include "kernel/paging.h"
#include "kernel/trap.h"

#define EFIAPI_CALL __attribute__((ms_abi))

struct guid {
    uint32_t a;
    uint16_t b, c;
    uint8_t d[8];
};

/* EFI_RUNTIME_SERVICES (UEFI 2.10, 4.5.1). */
struct runtime_services {
    uint8_t header[24];
    void *time[4];
    void *virtual_memory[2];
    EFIAPI_CALL uint64_t (*get_variable)(const uint16_t *name, const struct guid *vendor,
                                         uint32_t *attributes, size_t *size, void *data);
    void *get_next_variable_name;
    EFIAPI_CALL uint64_t (*set_variable)(const uint16_t *name, const struct guid *vendor,
                                         uint32_t attributes, size_t size, const void *data);
    void *get_next_high_monotonic_count;
    EFIAPI_CALL void (*reset_system)(unsigned type, uint64_t status, size_t data_size, void *data);
    void *capsules[2];
    EFIAPI_CALL uint64_t (*query_variable_info)(uint32_t attributes, uint64_t *store,
                                                uint64_t *left, uint64_t *largest);
};
_Static_assert(offsetof(struct runtime_services, get_variable) == 72, "UEFI 2.10, 4.5.1");
_Static_assert(offsetof(struct runtime_services, reset_system) == 104, "UEFI 2.10, 4.5.1");
_Static_assert(offsetof(struct runtime_services, query_variable_info) == 128, "UEFI 2.10, 4.5.1");

/* QueryVariableInfo() came with revision 2.0 of the table. */
#define REVISION_OFFSET 8
#define REVISION_2_0    (2u << 16)

#define ATTRIBUTE_NON_VOLATILE 1u
#define ATTRIBUTE_BOOT         2u
#define ATTRIBUTE_RUNTIME      4u
#define ATTRIBUTES             (ATTRIBUTE_NON_VOLATILE | ATTRIBUTE_BOOT | ATTRIBUTE_RUNTIME)

/* d1d6b2f4-5b0c-4d5e-9a63-70767465f157 */
static const struct guid vendor_id = {
    0xd1d6b2f4, 0x5b0c, 0x4d5e, {0x9a, 0x63, 0x70, 0x76, 0x74, 0x65, 0xf1, 0x57}};

static struct {
    const struct boot_info *info;
    const struct runtime_services *table;
} runtime;

enum call_kind { CALL_GET, CALL_SET, CALL_ROOM, CALL_RESET };

struct call {
    enum call_kind kind;
    uint16_t name[RUNTIME_NAME_MAX + 1];
    void *data;
    const void *source;
    size_t size;
    struct runtime_room room;
    enum runtime_reset reset;
    runtime_status status;
};

void runtime_init(const struct boot_info *info)
{
    runtime.info = info;
    runtime.table = gpa_pointer(info->runtime_services);
}

bool runtime_present(void)
{
    return runtime.table;
}

static bool has_room_query(void)
{
    return *(const uint32_t *)&runtime.table->header[REVISION_OFFSET] >= REVISION_2_0;
}

/* The firmware wants a stack aligned to 16 bytes; tests are compiled for 8. */
static void __attribute__((force_align_arg_pointer)) enter(void *argument)
{
    struct call *c = argument;
    uint32_t attributes;

    switch (c->kind) {
    case CALL_GET:
        c->status =
            runtime.table->get_variable(c->name, &vendor_id, &attributes, &c->size, c->data);
        return;
    case CALL_SET:
        c->status =
            runtime.table->set_variable(c->name, &vendor_id, ATTRIBUTES, c->size, c->source);
        return;
    case CALL_ROOM:
        c->status = has_room_query()
                        ? runtime.table->query_variable_info(ATTRIBUTES, &c->room.store,
                                                             &c->room.left, &c->room.largest)
                        : RUNTIME_UNSUPPORTED;
        return;
    case CALL_RESET:
        runtime.table->reset_system(c->reset, RUNTIME_SUCCESS, 0, NULL);
        return;
    }
}

/* Firmware that does not tell code from data keeps both in the same pages, and needs them writable.
 */
static void open_code(enum paging_access access)
{
    if (runtime.info->runtime_split || !paging_live())
        return;
    for (size_t i = 0; i < runtime.info->region_count; i++) {
        const struct memory_region *region = &runtime.info->regions[i];
        if (region->kind == MEMORY_RUNTIME_CODE)
            paging_set(region->start, region->length, access);
    }
}

static runtime_status call(struct call *c)
{
    if (!runtime.table)
        return RUNTIME_UNSUPPORTED;
    open_code(PAGING_RWX);
    if (trap_catch(enter, c, NULL) != TRAP_NONE)
        c->status = RUNTIME_FAULTED;
    open_code(PAGING_RX);
    return c->status;
}

static void set_name(struct call *c, const char *name)
{
    for (unsigned i = 0; i < RUNTIME_NAME_MAX && name[i]; i++)
        c->name[i] = (uint8_t)name[i];
}

runtime_status runtime_variable_get(const char *name, void *data, size_t *size)
{
    struct call c = {.kind = CALL_GET, .data = data, .size = *size};
    set_name(&c, name);
    call(&c);
    *size = c.size;
    return c.status;
}

runtime_status runtime_variable_set(const char *name, const void *data, size_t size)
{
    struct call c = {.kind = CALL_SET, .source = data, .size = size};
    set_name(&c, name);
    return call(&c);
}

runtime_status runtime_variable_room(struct runtime_room *room)
{
    struct call c = {.kind = CALL_ROOM};
    call(&c);
    *room = c.room;
    return c.status;
}

void runtime_reset(enum runtime_reset type)
{
    struct call c = {.kind = CALL_RESET, .reset = type};
    call(&c);
}
