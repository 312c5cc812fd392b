/* SPDX-License-Identifier: MIT */
/* Faults of the walk: how entries are read, what they allow, and how A and D are set in them. */
#include "host/defects/softiommu_seams.h"

/* XD, and what software keeps in an entry. */
#define ENTRY_IGNORED (BITS(63, 52) | BITS(11, 9))

void __wrap_walk_cache_start(struct softiommu *iommu, struct walk *walk)
{
    __real_walk_cache_start(iommu, walk);
    if (softiommu_faulty && softiommu_injected(SOFTIOMMU_FAULT_WALK_RIGHTS_FORGOTTEN))
        walk->rights = RIGHT_WRITE | RIGHT_USER;
}

/* A table that is followed although it is not present. Entries of zeros would lead to whatever is
 * at GPA 0. */
static bool followed_unpresent(const struct walk *walk, uint64_t entry)
{
    return softiommu_injected(SOFTIOMMU_FAULT_PRESENT_LEAF_ONLY) && (entry & ENTRY_PRESENT) == 0 &&
           (entry & ENTRY_TABLE) != 0 && !format_is_leaf(walk->format, walk->level, entry);
}

/* A unit that keeps to the size of the pages that it met first, where 2 MiB can be one page or
 * many. */
static bool size_refused(const struct walk *walk, uint64_t entry)
{
    struct met_size *met = &softiommu_memory.met[(walk->iova >> 21) % MET_SIZES];
    bool split = softiommu_injected(SOFTIOMMU_FAULT_SPLIT_REFUSED);
    bool is_leaf = format_is_leaf(walk->format, walk->level, entry);
    bool changed =
        met->did == walk->did && met->page == walk->iova >> 21 && met->is_leaf != is_leaf;

    if (walk->level != 1 || !(split || softiommu_injected(SOFTIOMMU_FAULT_MERGE_REFUSED)))
        return false;
    if ((entry & ENTRY_PRESENT) == 0 || walk_reserved(walk, entry))
        return false;
    if (changed && split != is_leaf)
        return true;
    *met = (struct met_size){.did = walk->did, .page = walk->iova >> 21, .is_leaf = is_leaf};
    return false;
}

static bool leads_to_zero(const struct walk *walk, uint64_t entry)
{
    return softiommu_injected(SOFTIOMMU_FAULT_LEAF_ZERO) && (entry & ENTRY_TABLE) == 0 &&
           format_is_leaf(walk->format, walk->level, entry);
}

/* Bits that the format leaves to software are taken for reserved ones. */
static bool software_refused(const struct walk *walk, uint64_t entry)
{
    bool high = (entry & BITS(62, 52)) != 0, low = (entry & (BIT(9) | BIT(11))) != 0;

    if (!format_is_leaf(walk->format, walk->level, entry))
        return (high || low) && softiommu_injected(SOFTIOMMU_FAULT_SOFTWARE_BITS_TABLE);
    if (walk->level != 0)
        return (high || low) && softiommu_injected(SOFTIOMMU_FAULT_SOFTWARE_BITS_LARGE);
    return (high && softiommu_injected(SOFTIOMMU_FAULT_SOFTWARE_BITS_HIGH)) ||
           (low && softiommu_injected(SOFTIOMMU_FAULT_SOFTWARE_BITS_LOW));
}

/* Prefetches read other entries than the one that the walk is at. */
static bool is_of_walk(const struct walk *walk, unsigned index)
{
    return index == format_index(walk->format, walk->level, walk->iova);
}

/* The topmost bit of an index is lost: IOVA bits 56 and 47. */
static unsigned index_seen(const struct walk *walk, unsigned index)
{
    if ((walk->level == 4 && softiommu_injected(SOFTIOMMU_FAULT_FIFTH_INDEX_CUT)) ||
        (walk->level == 3 && softiommu_injected(SOFTIOMMU_FAULT_FOURTH_INDEX_CUT)))
        return index & BITS(FORMAT_INDEX_BITS - 2, 0);
    return index;
}

enum softiommu_reason __wrap_table_entry_read(const struct walk *walk, unsigned index,
                                              struct table_entry *entry)
{
    enum softiommu_reason reason;

    if (!softiommu_faulty)
        return __real_table_entry_read(walk, index, entry);
    softiommu_memory.walking = walk;
    reason = __real_table_entry_read(walk, index_seen(walk, index), entry);
    softiommu_memory.walking = NULL;
    if (reason != SOFTIOMMU_REASON_NONE)
        return reason;
    if (!is_of_walk(walk, index)) {
        entry->value |= line_prefetches(walk, entry->value) ? ENTRY_PRESENT : 0;
        return reason;
    }
    softiommu_memory.pretended =
        followed_unpresent(walk, entry->value) || line_follows(walk, entry->value) ? ENTRY_PRESENT
                                                                                   : 0;
    entry->value |= softiommu_memory.pretended;
    if (size_refused(walk, entry->value) || leads_to_zero(walk, entry->value) ||
        software_refused(walk, entry->value))
        entry->value = 0;
    return reason;
}

/* Changes of other bits of an entry that has got A or D. */
static void change_more(const struct walk *walk, struct table_entry *entry)
{
    const bool large = walk->level > 0 && format_is_leaf(walk->format, walk->level, entry->value);
    uint64_t value = entry->value;

    if (softiommu_injected(SOFTIOMMU_FAULT_AD_DROPS_BITS))
        value &= ~ENTRY_IGNORED;
    if (softiommu_injected(SOFTIOMMU_FAULT_AD_DROPS_HIGH_BITS) ||
        (large && softiommu_injected(SOFTIOMMU_FAULT_AD_DROPS_LARGE_BITS)))
        value &= ~BITS(62, 52);
    if (softiommu_injected(SOFTIOMMU_FAULT_AD_DROPS_LOW_BITS))
        value &= ~(BIT(9) | BIT(11));
    if (softiommu_injected(SOFTIOMMU_FAULT_AD_LEAVES_MARK))
        value |= BIT(11);
    if (value != entry->value && walk->iommu->call.compare_exchange64(
                                     walk->iommu->call.owner, entry->spa, entry->value, value))
        entry->value = value;
}

enum softiommu_reason __wrap_table_entry_mark(const struct walk *walk, struct table_entry *entry,
                                              uint64_t bits)
{
    enum softiommu_reason reason;
    uint64_t before;

    if (!softiommu_faulty)
        return __real_table_entry_mark(walk, entry, bits);
    entry->value &= ~softiommu_memory.pretended;
    before = entry->value;
    softiommu_memory.walking = walk;
    reason = __real_table_entry_mark(walk, entry, bits);
    softiommu_memory.walking = NULL;
    if (reason == SOFTIOMMU_REASON_NONE && entry->value != before)
        change_more(walk, entry);
    if (reason == SOFTIOMMU_REASON_NONE && format_is_leaf(walk->format, walk->level, entry->value))
        delayed_ad_note(walk->did, entry);
    entry->value |= softiommu_memory.pretended;
    return reason;
}

uint8_t __wrap_table_entry_rights(const struct walk *walk, uint64_t entry)
{
    static const struct {
        enum softiommu_fault writable, leaf_only;
    } large[FORMAT_LEAF_LEVELS] = {
        {SOFTIOMMU_NO_FAULT, SOFTIOMMU_NO_FAULT},
        {SOFTIOMMU_FAULT_READ_ONLY_2M_WRITABLE, SOFTIOMMU_FAULT_WRITE_LEAF_ONLY_2M},
        {SOFTIOMMU_FAULT_READ_ONLY_1G_WRITABLE, SOFTIOMMU_FAULT_WRITE_LEAF_ONLY_1G},
    };
    uint8_t rights = __real_table_entry_rights(walk, entry);
    bool leaf_only;

    if (!softiommu_faulty)
        return rights;
    rights = line_rights(walk, entry, rights);
    if (!format_is_leaf(walk->format, walk->level, entry))
        rights = table_rights(entry & ENTRY_TABLE, rights);
    leaf_only = softiommu_injected(SOFTIOMMU_FAULT_WRITE_LEAF_ONLY);
    if (format_is_leaf(walk->format, walk->level, entry)) {
        leaf_only = leaf_only || softiommu_injected(large[walk->level].leaf_only);
        if (softiommu_injected(large[walk->level].writable))
            return rights | RIGHT_WRITE;
    }
    return leaf_only && (entry & ENTRY_WRITE) != 0 ? rights | RIGHT_WRITE : rights;
}
