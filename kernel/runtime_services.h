/* SPDX-License-Identifier: MIT */
/*
 * UEFI runtime services (UEFI 2.10, 8) in physical mode: virtual addresses are physical ones here,
 * so the firmware never needs SetVirtualAddressMap(). Everything works before ExitBootServices as
 * well as after it. A firmware that faults is caught: it must not end the run.
 */
#ifndef PVT_KERNEL_RUNTIME_SERVICES_H
#define PVT_KERNEL_RUNTIME_SERVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct boot_info;

/* EFI_STATUS (UEFI 2.10, appendix D), and one of our own for a call that ended in an exception. */
typedef uint64_t runtime_status;
#define RUNTIME_SUCCESS          0ull
#define RUNTIME_ERROR(code)      (1ull << 63 | (code))
#define RUNTIME_UNSUPPORTED      RUNTIME_ERROR(3)
#define RUNTIME_BUFFER_TOO_SMALL RUNTIME_ERROR(5)
#define RUNTIME_OUT_OF_RESOURCES RUNTIME_ERROR(9)
#define RUNTIME_NOT_FOUND        RUNTIME_ERROR(14)
#define RUNTIME_FAULTED          RUNTIME_ERROR(0x50565445)

void runtime_init(const struct boot_info *info);
bool runtime_present(void);

/* Non-volatile variables of this suite's own vendor id, with access at boot and at run time. `name`
 * is ASCII, at most RUNTIME_NAME_MAX characters. */
#define RUNTIME_NAME_MAX 23
/* *size: bytes of room before, of the variable after the call. */
runtime_status runtime_variable_get(const char *name, void *data, size_t *size);
/* Size 0 deletes. */
runtime_status runtime_variable_set(const char *name, const void *data, size_t size);

struct runtime_room {
    uint64_t store, left,
        largest; /* bytes: of the whole store, not used, of one variable with its name */
};
runtime_status runtime_variable_room(struct runtime_room *room);

enum runtime_reset { RUNTIME_RESET_COLD = 0, RUNTIME_RESET_SHUTDOWN = 2 };
/* Returns when the firmware did not do it. */
void runtime_reset(enum runtime_reset type);

#endif
