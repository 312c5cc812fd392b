/* SPDX-License-Identifier: MIT */
#include "host/defects/flags.h"

#include "lib/fmt.h"
#include "lib/string.h"

const char *flag_name(const struct flags *all, size_t index)
{
    return all->names + all->name_at[index];
}

bool flag_enable(const struct flags *all, const char *name)
{
    for (size_t i = 0; i < all->count; i++) {
        if (strcmp(flag_name(all, i), name) == 0) {
            all->active[i] = true;
            return true;
        }
    }
    return false;
}

void flags_active_names(const struct flags *all, char *text, size_t size)
{
    size_t used = 0;

    if (size == 0)
        return;
    text[0] = '\0';
    for (size_t i = 0; i < all->count && used < size; i++) {
        if (all->active[i])
            used += (size_t)fmt_snprintf(text + used, size - used, "%s%s", used != 0 ? "," : "",
                                         flag_name(all, i));
    }
}
