/* SPDX-License-Identifier: MIT */
/* LoadImage() and StartImage() for a file of the boot volume. This already runs in the guest. */
#include <efi.h>

#include <stdbool.h>

#include "host/base/panic.h"
#include "host/launch/firmware.h"
#include "lib/string.h"

#define DEVICE_PATH_MAX 1024u

static const EFI_GUID device_path_guid = DEVICE_PATH_PROTOCOL;
static const EFI_GUID loaded_image_guid = LOADED_IMAGE_PROTOCOL;

static size_t node_length(const EFI_DEVICE_PATH *node)
{
    return (size_t)node->Length[0] | (size_t)node->Length[1] << 8;
}

static void put_header(uint8_t *to, uint8_t type, uint8_t sub_type, size_t length)
{
    EFI_DEVICE_PATH header = {type, sub_type, {(uint8_t)length, (uint8_t)(length >> 8)}};

    memcpy(to, &header, sizeof(header));
}

/* Path of the volume, then of the file: the started image finds its boot volume by it. False when
 * it does not fit. */
static bool file_path(const EFI_DEVICE_PATH *volume, const CHAR16 *file, uint8_t *to, size_t size)
{
    const uint8_t *node = (const uint8_t *)volume;
    size_t prefix = 0, name = sizeof(CHAR16);

    while (((const EFI_DEVICE_PATH *)(node + prefix))->Type != END_DEVICE_PATH_TYPE)
        prefix += node_length((const EFI_DEVICE_PATH *)(node + prefix));
    for (const CHAR16 *c = file; *c; c++)
        name += sizeof(CHAR16);
    if (prefix + sizeof(EFI_DEVICE_PATH) + name + sizeof(EFI_DEVICE_PATH) > size)
        return false;
    memcpy(to, volume, prefix);
    to += prefix;
    put_header(to, MEDIA_DEVICE_PATH, MEDIA_FILEPATH_DP, sizeof(EFI_DEVICE_PATH) + name);
    memcpy(to + sizeof(EFI_DEVICE_PATH), file, name);
    to += sizeof(EFI_DEVICE_PATH) + name;
    put_header(to, END_DEVICE_PATH_TYPE, END_ENTIRE_DEVICE_PATH_SUBTYPE, sizeof(EFI_DEVICE_PATH));
    return true;
}

static void set_options(EFI_BOOT_SERVICES *services, EFI_HANDLE image, CHAR16 *options,
                        size_t bytes)
{
    EFI_LOADED_IMAGE *loaded;
    EFI_STATUS status =
        services->HandleProtocol(image, (EFI_GUID *)&loaded_image_guid, (void **)&loaded);

    if (EFI_ERROR(status))
        host_panic("the firmware does not know the image that it loaded: status 0x%lx", status);
    loaded->LoadOptions = options;
    loaded->LoadOptionsSize = (UINT32)bytes;
}

void firmware_start_image(const struct firmware *firmware, const CHAR16 *path, CHAR16 *options,
                          size_t options_bytes)
{
    EFI_BOOT_SERVICES *services = firmware->table->BootServices;
    EFI_DEVICE_PATH *volume;
    EFI_HANDLE image;
    uint8_t full[DEVICE_PATH_MAX];
    EFI_STATUS status = services->HandleProtocol(firmware->boot_volume,
                                                 (EFI_GUID *)&device_path_guid, (void **)&volume);

    if (EFI_ERROR(status) || !file_path(volume, path, full, sizeof(full)))
        host_panic("the boot volume has no usable device path: status 0x%lx", status);
    status = services->LoadImage(FALSE, firmware->image, (EFI_DEVICE_PATH *)full, NULL, 0, &image);
    if (EFI_ERROR(status))
        host_panic("\\pvtest.efi cannot be loaded from the boot volume: status 0x%lx", status);
    if (options)
        set_options(services, image, options, options_bytes);
    status = services->StartImage(image, NULL, NULL);
    host_panic("\\pvtest.efi returned with status 0x%lx instead of switching the machine off",
               status);
}
