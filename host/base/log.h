/* SPDX-License-Identifier: MIT */
/* The host's own log: debug console port 0xE9, which the guest cannot reach. Never COM1. */
#ifndef PVT_HOST_BASE_LOG_H
#define PVT_HOST_BASE_LOG_H

enum log_level { LOG_ERROR, LOG_INFO, LOG_TRACE };

void log_set_level(enum log_level level);
void host_log(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* From now on COM1 belongs to the guest; before, host_panic() writes its message there, too. */
void log_leave_com1(void);
/* The host cannot go on: logs a panic with the stack (host/base/panic.h), then as host_stop(). */
void host_panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* The end for a reason that is none of the host's making: logs it, then powers the machine off with the error code. */
void host_stop(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
