/* SPDX-License-Identifier: MIT */
#include "host/launch/host_options.h"

#include "host/base/log.h"
#include "host/base/panic.h"
#include "host/cpu/entry_cost.h"
#include "host/defects/defects.h"
#include "host/iommu/soft_backend.h"
#include "host/platform/generation2.h"
#include "host/variants/variants.h"
#include "host/vdev/vdev.h"
#include "lib/bits.h"
#include "lib/fmt.h"
#include "lib/options.h"
#include "lib/string.h"

static bool choose_caching(const char *value, struct option_error *error)
{
    static const char *const names[] = {
        [SOFTIOMMU_CACHE_NONE] = "none",
        [SOFTIOMMU_CACHE_RANDOM] = "random",
        [SOFTIOMMU_CACHE_ADVERSARIAL] = "adversarial",
    };

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(value, names[i]) == 0) {
            soft_options.caching = (enum softiommu_policy)i;
            return true;
        }
    }
    fmt_snprintf(error->text, sizeof(error->text), "'%.40s' is none of none, random, adversarial",
                 value);
    return false;
}

static bool choose_bus(const char *value, struct option_error *error)
{
    vdev_off_bus = strcmp(value, "vpci") == 0;
    if (vdev_off_bus || strcmp(value, "pci") == 0)
        return true;
    fmt_snprintf(error->text, sizeof(error->text), "'%.40s' is none of pci, vpci", value);
    return false;
}

static bool choose_machine(const char *value, struct option_error *error)
{
    generation2.on = strcmp(value, "gen2") == 0;
    if (generation2.on || strcmp(value, "q35") == 0)
        return true;
    fmt_snprintf(error->text, sizeof(error->text), "'%.40s' is none of q35, gen2", value);
    return false;
}

static bool choose_flag(const char *value, bool *flag, struct option_error *error)
{
    uint64_t number;

    if (!option_number(value, 0, 1, &number, error))
        return false;
    *flag = number == 1;
    return true;
}

/* Keys of the virtual functions and their software IOMMU. */
static bool apply_soft(const char *key, const char *value, struct option_error *error, bool *known)
{
    uint64_t number;

    *known = true;
    if (strcmp(key, "caching") == 0)
        return choose_caching(value, error);
    if (strcmp(key, "seed") == 0)
        return option_number(value, 0, UINT64_MAX, &soft_options.seed, error);
    if (strcmp(key, "levels") == 0) {
        if (!option_number(value, 4, 5, &number, error))
            return false;
        soft_options.levels = (unsigned)number;
        return true;
    }
    if (strcmp(key, "bus") == 0)
        return choose_bus(value, error);
    if (strcmp(key, "machine") == 0)
        return choose_machine(value, error);
    if (strcmp(key, "com1") == 0)
        return choose_flag(value, &generation2.com1, error);
    if (strcmp(key, "functions") == 0) {
        if (!option_number(value, 0, 1, &number, error))
            return false;
        soft_options.no_functions = number == 0;
        return true;
    }
    *known = false;
    return false;
}

static bool apply(void *context, const char *key, const char *value, struct option_error *error)
{
    uint64_t number;
    bool known, good = apply_soft(key, value, error, &known);

    (void)context;
    if (known)
        return good;
    if (strcmp(key, "defect") == 0) {
        if (defect_enable(value))
            return true;
        fmt_snprintf(error->text, sizeof(error->text), "there is no defect '%.40s'", value);
        return false;
    }
    if (strcmp(key, "variant") == 0) {
        if (variant_enable(value))
            return true;
        fmt_snprintf(error->text, sizeof(error->text), "there is no variant '%.40s'", value);
        return false;
    }
    if (strcmp(key, "bench") == 0)
        return choose_flag(value, &entry_cost_wanted, error);
    if (strcmp(key, "crash") == 0) {
        if (!option_number(value, 0, 1, &number, error))
            return false;
        if (number == 1)
            panic_test_arm();
        return true;
    }
    if (strcmp(key, "log") == 0) {
        if (!option_number(value, LOG_ERROR, LOG_TRACE, &number, error))
            return false;
        log_set_level((enum log_level)number);
        return true;
    }
    fmt_snprintf(error->text, sizeof(error->text),
                 "unknown key; known are defect, variant, log, bus, machine, com1, functions, "
                 "caching, seed, levels, bench, crash");
    return false;
}

void host_options_apply(char *text, size_t length)
{
    struct option_error error = {0};

    if (!options_parse(text, length, apply, NULL, &error))
        host_stop("refhost.opt line %u: %s", error.line, error.text);
    if (generation2.on && !vdev_off_bus)
        host_stop("refhost.opt: machine=gen2 has no PCI bus; bus=vpci goes with it");
}
