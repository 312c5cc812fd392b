/* SPDX-License-Identifier: MIT */
/* Sources of the options text. A source that exists but cannot be used is an error, never "no
 * options". */
#include "boot/boot.h"
#include "kernel/memory.h"
#include "lib/option_text.h"
#include "lib/string.h"

#define OPTIONS_FILE      L"\\pvtest.opt"
#define OPTIONS_FILE_NAME "pvtest.opt"

static void set_source(const struct boot *boot, const char *source)
{
    memcpy(boot->info->options_source, source, strlen(source) + 1);
}

static bool is_text(unsigned character)
{
    return (character >= ' ' && character <= '~') || character == '\t' || character == '\n' ||
           character == '\r';
}

static size_t skip_spaces(const CHAR16 *text, size_t at, size_t length)
{
    while (at < length && (text[at] == ' ' || text[at] == '\t'))
        at++;
    return at;
}

static size_t word_end(const CHAR16 *text, size_t at, size_t length)
{
    while (at < length && text[at] != ' ' && text[at] != '\t')
        at++;
    return at;
}

static bool ends_with_efi(const CHAR16 *text, size_t start, size_t end)
{
    static const char suffix[] = ".efi";
    const size_t length = sizeof(suffix) - 1;
    const unsigned to_lower = 0x20;
    if (end - start < length)
        return false;
    for (size_t i = 0; i < length; i++)
        if ((text[end - length + i] | to_lower) != (unsigned)(suffix[i] | to_lower))
            return false;
    return true;
}

/* Boot managers hand over binary data that is meant for others; options always have a '='. */
static bool has_assignment(const CHAR16 *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] == '=')
            return true;
    return false;
}

static bool from_load_options(const struct boot *boot)
{
    const CHAR16 *text = boot->loaded->LoadOptions;
    size_t length = 0;
    size_t at;
    size_t end;

    while (text && length < boot->loaded->LoadOptionsSize / sizeof(CHAR16) && text[length])
        length++;
    at = skip_spaces(text, 0, length);
    /* The shell passes the command line with the image's own name in front. */
    end = word_end(text, at, length);
    if (ends_with_efi(text, at, end))
        at = skip_spaces(text, end, length);
    if (!has_assignment(text + at, length - at))
        return false;
    if (length - at >= BOOT_OPTIONS_MAX)
        boot_fail(boot, "load options: %zu characters, at most %u are allowed", length - at,
                  BOOT_OPTIONS_MAX - 1);
    for (size_t i = at; i < length; i++) {
        if (!is_text(text[i]))
            boot_fail(boot, "load options: character %zu (0x%x) is not ASCII text", i - at + 1,
                      (unsigned)text[i]);
        boot->info->options[i - at] = (char)text[i];
    }
    boot->info->options_length = length - at;
    set_source(boot, "load options");
    return true;
}

static EFI_FILE_HANDLE open_file(const struct boot *boot)
{
    static EFI_GUID id = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
    EFI_FILE_IO_INTERFACE *volume;
    EFI_FILE_HANDLE root, file;
    EFI_BOOT_SERVICES *services = boot->system->BootServices;
    EFI_STATUS status;

    /* Started from memory or over the network: there is no boot volume. */
    if (!boot->loaded->DeviceHandle ||
        services->HandleProtocol(boot->loaded->DeviceHandle, &id, (void **)&volume) != EFI_SUCCESS)
        return NULL;
    status = volume->OpenVolume(volume, &root);
    if (status != EFI_SUCCESS)
        boot_fail(boot, "cannot open the boot volume: status 0x%llx", (unsigned long long)status);
    status = root->Open(root, &file, (CHAR16 *)OPTIONS_FILE, EFI_FILE_MODE_READ, 0);
    root->Close(root);
    if (status == EFI_NOT_FOUND)
        return NULL;
    if (status != EFI_SUCCESS)
        boot_fail(boot, OPTIONS_FILE_NAME ": cannot be opened, status 0x%llx",
                  (unsigned long long)status);
    return file;
}

static bool from_file(const struct boot *boot)
{
    EFI_FILE_HANDLE file = open_file(boot);
    char *options = boot->info->options;
    UINTN size = BOOT_OPTIONS_MAX;
    struct option_error error = {0};
    EFI_STATUS status;
    size_t length;

    if (!file)
        return false;
    status = file->Read(file, &size, options);
    file->Close(file);
    if (status != EFI_SUCCESS)
        boot_fail(boot, OPTIONS_FILE_NAME ": cannot be read, status 0x%llx",
                  (unsigned long long)status);
    if (size >= BOOT_OPTIONS_MAX)
        boot_fail(boot, OPTIONS_FILE_NAME ": larger than %u bytes", BOOT_OPTIONS_MAX - 1);
    length = size;
    if (!option_text_clean(options, &length, &error))
        boot_fail(boot, OPTIONS_FILE_NAME " line %u: %s", error.line, error.text);
    options[length] = '\0';
    boot->info->options_length = length;
    set_source(boot, OPTIONS_FILE_NAME);
    return true;
}

void boot_options(const struct boot *boot)
{
    if (!from_load_options(boot) && !from_file(boot))
        set_source(boot, "none");
}
