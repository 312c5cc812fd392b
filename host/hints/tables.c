/* SPDX-License-Identifier: MIT */
#include "host/base/memory.h"
#include "host/hints/private.h"
#include "host/softiommu/format.h"

struct table_end tables_walk(uint64_t root, unsigned levels, uint64_t iova)
{
    const struct format *format = format_for(levels);
    struct table_end end = {.writable = true};
    uint64_t table = root, entry;
    unsigned level = levels;

    do {
        level--;
        end.size = format_size(level);
        if (!guest_load64(table + format_index(format, level, iova) * sizeof(entry), &entry) ||
            (entry & ENTRY_PRESENT) == 0)
            return end;
        end.writable = end.writable && (entry & ENTRY_WRITE) != 0;
        table = entry & ENTRY_TABLE;
    } while (!format_is_leaf(format, level, entry));
    end.present = true;
    end.gpa = (entry & format->level[level].leaf_address) + (iova & (end.size - 1));
    return end;
}

bool tables_lead(uint64_t root, unsigned levels, uint64_t iova, uint64_t gpa, bool write)
{
    struct table_end end = tables_walk(root, levels, iova);

    return end.present && end.gpa == gpa && (!write || end.writable);
}
