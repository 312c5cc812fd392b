/* SPDX-License-Identifier: MIT */
/* QEMU's fw_cfg device (docs/specs/fw_cfg.rst of QEMU), by its ports. */
#include "host/launch/machine_options.h"

#include <stdint.h>

#include "host/base/instructions.h"
#include "host/base/log.h"
#include "host/base/panic.h"
#include "lib/string.h"

#define PORT_SELECT 0x510
#define PORT_DATA   0x511

#define KEY_SIGNATURE 0x0000
#define KEY_DIRECTORY 0x0019
#define NAME_MAX      56
#define FILES_MAX     4096u /* a directory with more is none */

#define HOLD_LOOK_US 1000

struct machine_file {
    uint32_t size;
    uint16_t key;
};

static void read_bytes(void *to, size_t length)
{
    for (size_t i = 0; i < length; i++)
        ((uint8_t *)to)[i] = cpu_in8(PORT_DATA);
}

static uint32_t read_big_endian(unsigned bytes)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | cpu_in8(PORT_DATA);
    return value;
}

/* False on a machine without the device, and where there is no such file. */
static bool find(const char *name, struct machine_file *file)
{
    char found[NAME_MAX];
    uint32_t count;

    cpu_out16(PORT_SELECT, KEY_SIGNATURE);
    read_bytes(found, 4);
    if (memcmp(found, "QEMU", 4) != 0)
        return false;
    cpu_out16(PORT_SELECT, KEY_DIRECTORY);
    count = read_big_endian(4);
    for (uint32_t i = 0; i < count && count <= FILES_MAX; i++) {
        file->size = read_big_endian(4);
        file->key = (uint16_t)read_big_endian(2);
        (void)read_big_endian(2);
        read_bytes(found, sizeof(found));
        if (strncmp(found, name, sizeof(found)) == 0)
            return true;
    }
    return false;
}

static bool held(void)
{
    struct machine_file file;

    if (!find("opt/pvtest/hold", &file) || file.size == 0)
        return false;
    cpu_out16(PORT_SELECT, file.key);
    return cpu_in8(PORT_DATA) == '1';
}

void machine_hold(const struct firmware *firmware)
{
    if (!held())
        return;
    host_log(LOG_INFO, MACHINE_HOLDS);
    while (held())
        firmware->table->BootServices->Stall(HOLD_LOOK_US);
}

size_t machine_host_options(char *to, size_t size)
{
    struct machine_file file;

    if (!find("opt/pvtest/refhost.opt", &file))
        return 0;
    if (file.size >= size)
        host_panic("opt/pvtest/refhost.opt is larger than %zu bytes", size - 1);
    cpu_out16(PORT_SELECT, file.key);
    read_bytes(to, file.size);
    return file.size;
}

CHAR16 *machine_guest_options(const struct firmware *firmware, size_t *bytes)
{
    struct machine_file file;
    void *memory;
    EFI_STATUS status;
    CHAR16 *text;

    if (!find("opt/pvtest/pvtest.opt", &file))
        return NULL;
    *bytes = (file.size + 1ul) * sizeof(CHAR16);

    status = firmware->table->BootServices->AllocatePool(EfiLoaderData, *bytes, &memory);
    text = memory;

    if (EFI_ERROR(status))
        host_panic("no %zu bytes of memory for the options of the guest: status 0x%lx", *bytes,
                   status);
    cpu_out16(PORT_SELECT, file.key);
    for (uint32_t i = 0; i < file.size; i++)
        text[i] = cpu_in8(PORT_DATA);
    text[file.size] = 0;
    return text;
}
