/* SPDX-License-Identifier: MIT */
/* Files on the boot volume, as long as boot services are there. Paths are ASCII, absolute, with
 * backslashes. */
#ifndef PVT_BOOT_VOLUME_H
#define PVT_BOOT_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VOLUME_PATH_MAX 80

struct boot;

struct volume {
    const struct boot *boot;
    void *root;      /* NULL = there is no volume */
    uint64_t status; /* EFI_STATUS of the last call that failed */
};

struct volume_file {
    struct volume *volume;
    void *handle;
    bool ok; /* false from the first error on */
    size_t used;
    char buffer[2048];
};

void volume_open(struct volume *v, const struct boot *boot);

/* Memory of the firmware that nothing frees; NULL = none left. */
void *volume_memory(struct volume *v, size_t size);

/* The whole file in new memory, with `spare` bytes of room after it. A file that is not there is
 * empty. */
bool volume_read(struct volume *v, const char *path, size_t spare, void **data, size_t *size);
/* Makes the folder if it is not there yet; the one around it must exist. */
bool volume_make_folder(struct volume *v, const char *path);
/* Calls visit() with the name of each file or folder in a folder. */
bool volume_list(struct volume *v, const char *path, void (*visit)(void *context, const char *name),
                 void *context);
/* Deletes a file, or an empty folder. One that is not there is fine. */
bool volume_delete(struct volume *v, const char *path);

/* Writes at byte `offset`; the rest of the file stays. */
bool volume_write(struct volume *v, const char *path, size_t offset, const void *data, size_t size);
/* The same in pieces: an empty file, text, and at last whether all of it has arrived. */
void volume_create(struct volume_file *f, struct volume *v, const char *path);
void volume_put(struct volume_file *f, const char *text, size_t length);
bool volume_close(struct volume_file *f);

/* A line for who looks at the screen. */
void volume_screen(const struct volume *v, const char *text);

#endif
