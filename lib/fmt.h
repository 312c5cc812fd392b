/* SPDX-License-Identifier: MIT */
/* Text formatting without libc: the subset of printf that this project uses. */
#ifndef PVT_LIB_FMT_H
#define PVT_LIB_FMT_H

#include <stdarg.h>
#include <stddef.h>

/* %s %c %% %d %i %u %x %X %p, flags '-', '0' and '#', width, '*', precision for %s, length h hh l
 * ll z. A NULL string prints as (null), a NULL pointer as 0x0, any other conversion as it is
 * written. Width and precision end at 4096. Always terminates when size > 0. Returns the length
 * that the whole text has, like snprintf. */
int fmt_vsnprintf(char *buffer, size_t size, const char *format, va_list args);
int fmt_snprintf(char *buffer, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
