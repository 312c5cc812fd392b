/* SPDX-License-Identifier: MIT */
#include "host/defects/defects.h"

#include "lib/fmt.h"
#include "lib/string.h"

static const char *const defect_names[] = {
#define DEFECT(enumerator, name, requirements, sentence) [DEFECT_##enumerator] = (name),
#include "host/defects/defects.def"
#undef DEFECT
};

/* Written before launch, read-only afterwards. */
static bool active[DEFECT_COUNT];

bool defect_enable(const char *name)
{
    for (size_t i = 0; i < DEFECT_COUNT; i++) {
        if (strcmp(defect_names[i], name) == 0) {
            active[i] = true;
            return true;
        }
    }
    return false;
}

bool defect_active(enum defect defect)
{
    return active[defect];
}

const char *defect_name(enum defect defect)
{
    return (size_t)defect < DEFECT_COUNT ? defect_names[defect] : NULL;
}

void defect_active_names(char *text, size_t size)
{
    size_t used = 0;

    if (size == 0)
        return;
    text[0] = '\0';
    for (size_t i = 0; i < DEFECT_COUNT && used < size; i++) {
        if (active[i])
            used += (size_t)fmt_snprintf(text + used, size - used, "%s%s", used != 0 ? "," : "", defect_names[i]);
    }
}
