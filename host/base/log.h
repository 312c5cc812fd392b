/* SPDX-License-Identifier: MIT */
/* The host's own log: debug console port 0xE9, which the guest cannot reach. Never COM1. */
#ifndef PVT_HOST_BASE_LOG_H
#define PVT_HOST_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_INFO, LOG_TRACE };

void log_set_level(enum log_level level);
/* Lines of this level are written. */
bool log_takes(enum log_level level);
void host_log(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
