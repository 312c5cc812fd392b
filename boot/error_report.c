/* SPDX-License-Identifier: MIT */
#include "boot/error_report.h"

#include <stddef.h>
#include <stdint.h>

#include "boot/volume.h"
#include "kernel/image.h"
#include "kernel/panic.h"
#include "kernel/power.h"
#include "kernel/runtime_services.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define FOLDER   "\\pvtest-results"
#define FILE     FOLDER "\\error.txt"
#define VARIABLE "PvtestPanic"

/* More than the longest message that the suite writes; a variable of this size fits into any store.
 */
#define TEXT_MAX 512

void error_report(struct volume *v, const char *text)
{
    struct volume_file file;

    volume_screen(v, "pvtest: ");
    volume_screen(v, text);
    volume_screen(v, "\n");
    if (!volume_make_folder(v, FOLDER))
        return;
    volume_create(&file, v, FILE);
    volume_put(&file, text, strlen(text));
    volume_put(&file, "\r\n", 2);
    (void)volume_close(&file);
}

bool error_report_begin(struct volume *v)
{
    char text[TEXT_MAX + 1];
    size_t size = TEXT_MAX;

    (void)volume_delete(v, FILE);
    if (runtime_variable_get(VARIABLE, text, &size) != RUNTIME_SUCCESS)
        return false;
    (void)runtime_variable_set(VARIABLE, NULL, 0);
    text[size] = '\0';
    error_report(v, text);
    return true;
}

static void keep(const char *panic_text, const uint64_t *addresses, size_t count)
{
    char text[TEXT_MAX + 1];
    size_t used;

    fmt_snprintf(text, sizeof(text), "the suite ended before its first result: panic: %.300s",
                 panic_text);
    used = strlen(text);
    for (size_t i = 0; i < count && used < TEXT_MAX; i++) {
        fmt_snprintf(text + used, sizeof(text) - used, "%s0x%llx",
                     i == 0 ? "; return addresses in pvtest.debug: " : " ",
                     (unsigned long long)(addresses[i] - image_base()));
        used = strlen(text);
    }
    (void)runtime_variable_set(VARIABLE, text, used);
}

void error_report_keep_panics(bool restart)
{
    panic_set_witness(keep);
    power_off_restarts(restart);
}
