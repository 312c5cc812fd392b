/* SPDX-License-Identifier: MIT */
/*
 * Errors before the results begin, for a machine without a serial port: on the screen, and in the
 * file \pvtest-results\error.txt of the boot volume. The file tells about the latest boot alone:
 * each boot removes it first.
 *
 * A panic after ExitBootServices() can reach neither. Its text goes to the UEFI variable
 * PvtestPanic, which the next boot turns into the file.
 */
#ifndef PVT_BOOT_ERROR_REPORT_H
#define PVT_BOOT_ERROR_REPORT_H

#include <stdbool.h>

struct volume;

/* Begins a boot: no error is known. True when an earlier boot left the text of a panic, which is on
 * the screen and in the file now. Needs boot services and power_init(). */
bool error_report_begin(struct volume *v);

/* One line, on the screen and in the file. Needs boot services. A volume that cannot be written is
 * no further error: the screen and COM1 have the text, too. */
void error_report(struct volume *v, const char *text);

/* From here on a panic is kept in the variable. With `restart` the machine then restarts, so that
 * the next boot can write the file; without, it goes off. */
void error_report_keep_panics(bool restart);

#endif
