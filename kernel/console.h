/* SPDX-License-Identifier: MIT */
/* COM1, 115200 8N1, polled; a missing UART never blocks. */
#ifndef PVT_KERNEL_CONSOLE_H
#define PVT_KERNEL_CONSOLE_H

#include <stdarg.h>
#include <stddef.h>

void console_init(void);
void console_write(const char *text, size_t length);
/* At most 511 bytes per call; longer text is cut. */
void console_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void console_vprintf(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));
/* Ends the line that the last write left open, if any. */
void console_fresh_line(void);

#endif
