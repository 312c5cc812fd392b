/* SPDX-License-Identifier: MIT */
#include "host/launch/host_options.h"

#include "host/defects/defects.h"
#include "host/log.h"
#include "lib/fmt.h"
#include "lib/options.h"
#include "lib/string.h"

static bool apply(void *context, const char *key, const char *value, struct option_error *error)
{
    uint64_t number;

    (void)context;
    if (strcmp(key, "defect") == 0) {
        if (defect_enable(value))
            return true;
        fmt_snprintf(error->text, sizeof(error->text), "there is no defect '%.40s'", value);
        return false;
    }
    if (strcmp(key, "log") == 0) {
        if (!option_number(value, LOG_ERROR, LOG_TRACE, &number, error))
            return false;
        log_set_level((enum log_level)number);
        return true;
    }
    fmt_snprintf(error->text, sizeof(error->text), "unknown key; known are defect=NAME and log=0|1|2");
    return false;
}

void host_options_apply(char *text, size_t length)
{
    struct option_error error = {0};

    if (!options_parse(text, length, apply, NULL, &error))
        host_die("refhost.opt line %u: %s", error.line, error.text);
}
