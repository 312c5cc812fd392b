/* SPDX-License-Identifier: MIT */
#include "host/defects/defects.h"

#include "host/defects/flags.h"

static const char *const defect_names[] = {
#define DEFECT(enumerator, name, requirements, sentence) [DEFECT_##enumerator] = (name),
#define DEFECT_VTD                                       DEFECT
#define DEFECT_PROBE                                     DEFECT
#define DEFECT_BUS                                       DEFECT
#define DEFECT_IOAT                                      DEFECT
#define DEFECT_SOFT(fault, name, requirements, sentence) [DEFECT_SOFT_##fault] = (name),
#include "host/defects/defects.def"
#undef DEFECT
#undef DEFECT_VTD
#undef DEFECT_PROBE
#undef DEFECT_BUS
#undef DEFECT_IOAT
#undef DEFECT_SOFT
};

static bool active[DEFECT_COUNT];
static const struct flags defects = {defect_names, active, DEFECT_COUNT};

bool defect_enable(const char *name)
{
    return flag_enable(&defects, name);
}

bool defect_active(enum defect defect)
{
    return active[defect];
}

bool defect_any_active(const enum defect *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (defect_active(list[i]))
            return true;
    return false;
}

const char *defect_name(enum defect defect)
{
    return (size_t)defect < DEFECT_COUNT ? defect_names[defect] : NULL;
}

void defect_active_names(char *text, size_t size)
{
    flags_active_names(&defects, text, size);
}
