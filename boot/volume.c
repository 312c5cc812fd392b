/* SPDX-License-Identifier: MIT */
#include "boot/volume.h"

#include "boot/boot.h"
#include "kernel/memory.h"
#include "lib/bits.h"
#include "lib/string.h"

#define PAGES_OF(size) (((size) + PAGE_SIZE - 1) / PAGE_SIZE)

typedef CHAR16 wide_path[VOLUME_PATH_MAX + 1];

static bool succeed(struct volume *v, EFI_STATUS status)
{
    if (status != EFI_SUCCESS)
        v->status = status;
    return status == EFI_SUCCESS;
}

static void widen(wide_path wide, const char *path)
{
    size_t i = 0;
    for (; i < VOLUME_PATH_MAX && path[i]; i++)
        wide[i] = (CHAR16)path[i];
    wide[i] = 0;
}

void volume_open(struct volume *v, const struct boot *boot)
{
    static EFI_GUID id = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
    EFI_FILE_IO_INTERFACE *files;
    EFI_FILE_HANDLE root;
    *v = (struct volume){.boot = boot, .status = EFI_NOT_FOUND};
    /* Started from memory or over the network: there is no boot volume. */
    if (boot->loaded->DeviceHandle &&
        succeed(v, boot->system->BootServices->HandleProtocol(boot->loaded->DeviceHandle, &id,
                                                              (void **)&files)) &&
        succeed(v, files->OpenVolume(files, &root)))
        v->root = root;
}

static EFI_STATUS open_path(struct volume *v, const char *path, UINT64 mode, UINT64 attributes,
                            EFI_FILE_HANDLE *file)
{
    wide_path wide;
    EFI_FILE_HANDLE root = v->root;
    if (!root)
        return EFI_NOT_FOUND;
    widen(wide, path);
    return root->Open(root, file, wide, mode, attributes);
}

#define READ_WRITE (EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE)
#define MAKE       (READ_WRITE | EFI_FILE_MODE_CREATE)

void *volume_memory(struct volume *v, size_t size)
{
    EFI_PHYSICAL_ADDRESS start;
    EFI_BOOT_SERVICES *services = v->boot->system->BootServices;
    if (!succeed(v,
                 services->AllocatePages(AllocateAnyPages, EfiLoaderData, PAGES_OF(size), &start)))
        return NULL;
    return gpa_pointer(start);
}

bool volume_read(struct volume *v, const char *path, size_t spare, void **data, size_t *size)
{
    const UINT64 end = UINT64_MAX;
    EFI_FILE_HANDLE file;
    UINT64 length = 0;
    EFI_STATUS status = open_path(v, path, EFI_FILE_MODE_READ, 0, &file);
    bool ok;
    UINTN read;

    *size = 0;
    if (status == EFI_NOT_FOUND) {
        *data = volume_memory(v, spare + 1);
        return *data;
    }
    if (!succeed(v, status))
        return false;
    ok = succeed(v, file->SetPosition(file, end)) && succeed(v, file->GetPosition(file, &length)) &&
         succeed(v, file->SetPosition(file, 0));
    *data = ok ? volume_memory(v, length + spare + 1) : NULL;
    read = length;
    ok = *data && succeed(v, file->Read(file, &read, *data));
    file->Close(file);
    *size = ok ? read : 0;
    return ok;
}

bool volume_make_folder(struct volume *v, const char *path)
{
    EFI_FILE_HANDLE folder;
    if (!succeed(v, open_path(v, path, MAKE, EFI_FILE_DIRECTORY, &folder)))
        return false;
    return succeed(v, folder->Close(folder));
}

bool volume_list(struct volume *v, const char *path, void (*visit)(void *context, const char *name),
                 void *context)
{
    union {
        EFI_FILE_INFO info;
        uint8_t bytes[sizeof(EFI_FILE_INFO) + 256 * sizeof(CHAR16)];
    } entry;
    EFI_FILE_HANDLE folder;
    bool ok = true;
    if (!succeed(v, open_path(v, path, EFI_FILE_MODE_READ, 0, &folder)))
        return false;
    for (;;) {
        char name[VOLUME_PATH_MAX + 1];
        size_t i = 0;
        UINTN size = sizeof(entry);
        ok = succeed(v, folder->Read(folder, &size, &entry));
        if (!ok || size == 0)
            break;
        for (; i < VOLUME_PATH_MAX && entry.info.FileName[i]; i++)
            name[i] = (char)entry.info.FileName[i];
        name[i] = '\0';
        visit(context, name);
    }
    folder->Close(folder);
    return ok;
}

bool volume_delete(struct volume *v, const char *path)
{
    EFI_FILE_HANDLE file;
    EFI_STATUS status = open_path(v, path, READ_WRITE, 0, &file);
    if (status == EFI_NOT_FOUND)
        return true;
    /* Delete() closes the handle whatever happens; EFI_WARN_DELETE_FAILURE is no success. */
    return succeed(v, status) && succeed(v, file->Delete(file));
}

static bool write_all(struct volume *v, EFI_FILE_HANDLE file, const void *data, size_t size)
{
    UINTN written = size;
    if (!succeed(v, file->Write(file, &written, (void *)data)))
        return false;
    return written == size || succeed(v, EFI_VOLUME_FULL);
}

bool volume_write(struct volume *v, const char *path, size_t offset, const void *data, size_t size)
{
    EFI_FILE_HANDLE file;
    bool ok;

    if (!succeed(v, open_path(v, path, MAKE, 0, &file)))
        return false;
    ok = succeed(v, file->SetPosition(file, offset)) && write_all(v, file, data, size) &&
         succeed(v, file->Flush(file));
    return succeed(v, file->Close(file)) && ok;
}

void volume_create(struct volume_file *f, struct volume *v, const char *path)
{
    EFI_FILE_HANDLE file = NULL;
    /* The protocol cannot shorten a file but by its information record; a new one is simpler. */
    f->ok = volume_delete(v, path) && succeed(v, open_path(v, path, MAKE, 0, &file));
    f->volume = v;
    f->handle = file;
    f->used = 0;
}

static void flush(struct volume_file *f)
{
    if (f->ok && f->used)
        f->ok = write_all(f->volume, f->handle, f->buffer, f->used);
    f->used = 0;
}

void volume_put(struct volume_file *f, const char *text, size_t length)
{
    while (f->ok && length > 0) {
        size_t part = sizeof(f->buffer) - f->used;
        if (part > length)
            part = length;
        memcpy(f->buffer + f->used, text, part);
        f->used += part;
        text += part;
        length -= part;
        if (f->used == sizeof(f->buffer))
            flush(f);
    }
}

bool volume_close(struct volume_file *f)
{
    EFI_FILE_HANDLE file = f->handle;
    flush(f);
    if (!file)
        return false;
    f->ok = succeed(f->volume, file->Flush(file)) && f->ok;
    f->ok = succeed(f->volume, file->Close(file)) && f->ok;
    f->handle = NULL;
    return f->ok;
}

void volume_screen(const struct volume *v, const char *text)
{
    SIMPLE_TEXT_OUTPUT_INTERFACE *screen = v->boot->system->ConOut;
    CHAR16 wide[2] = {0, 0};
    for (; screen && *text; text++) {
        static CHAR16 line_end[] = {'\r', '\n', 0};
        wide[0] = (CHAR16)*text;
        screen->OutputString(screen, *text == '\n' ? line_end : wide);
    }
}
