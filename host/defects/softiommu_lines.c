/* SPDX-License-Identifier: MIT */
/* Faults of entries that lie in the same 64 bytes of a table: what is right for one is taken for
 * others, too. */
#include "host/defects/softiommu_seams.h"

#define LINE       64u
#define ENTRY_SIZE 8u

static uint64_t entry_gpa(const struct walk *walk)
{
    return walk->table + format_index(walk->format, walk->level, walk->iova) * ENTRY_SIZE;
}

/* The entry of this level that was used last; NULL when it does not lie beside that of the walk. */
static const struct used_entry *used_beside(const struct walk *walk)
{
    const struct used_entry *last = &softiommu_memory.used_entry[walk->level];
    uint64_t gpa = entry_gpa(walk);

    return last->used && last->gpa != gpa && last->gpa / LINE == gpa / LINE ? last : NULL;
}

/* The fault that makes entries of this kind share their write permission. */
static enum softiommu_fault sharing(const struct walk *walk, uint64_t entry)
{
    static const enum softiommu_fault leaves[LEVELS] = {
        SOFTIOMMU_FAULT_LINE_RIGHTS_4K, SOFTIOMMU_FAULT_LINE_RIGHTS_2M,
        SOFTIOMMU_FAULT_LINE_RIGHTS_1G, SOFTIOMMU_NO_FAULT, SOFTIOMMU_NO_FAULT};
    static const enum softiommu_fault tables[LEVELS] = {
        SOFTIOMMU_NO_FAULT, SOFTIOMMU_FAULT_LINE_RIGHTS_TABLE_1,
        SOFTIOMMU_FAULT_LINE_RIGHTS_TABLE_2, SOFTIOMMU_FAULT_LINE_RIGHTS_TABLE_3,
        SOFTIOMMU_NO_FAULT};

    return format_is_leaf(walk->format, walk->level, entry) ? leaves[walk->level]
                                                            : tables[walk->level];
}

uint8_t line_rights(const struct walk *walk, uint64_t entry, uint8_t rights)
{
    const struct used_entry *beside = used_beside(walk);
    uint8_t own = rights;

    if (beside && softiommu_injected(sharing(walk, entry)))
        rights |= beside->rights & RIGHT_WRITE;
    if (beside && walk->level == 0 && softiommu_injected(SOFTIOMMU_FAULT_LINE_READ_ONLY))
        rights &= (uint8_t)(beside->rights | ~RIGHT_WRITE);
    softiommu_memory.used_entry[walk->level] =
        (struct used_entry){.gpa = entry_gpa(walk), .rights = own, .used = true};
    return rights;
}

static bool is_absent(const struct walk *walk, uint64_t entry, bool leaf)
{
    return (entry & ENTRY_PRESENT) == 0 && (entry & ENTRY_TABLE) != 0 &&
           format_is_leaf(walk->format, walk->level, entry) == leaf;
}

bool line_follows(const struct walk *walk, uint64_t entry)
{
    return softiommu_injected(SOFTIOMMU_FAULT_LINE_PRESENT) && used_beside(walk) &&
           (entry & ENTRY_PRESENT) == 0 && (entry & ENTRY_TABLE) != 0;
}

bool line_prefetches(const struct walk *walk, uint64_t entry)
{
    static const enum softiommu_fault of_level[LEVELS] = {
        SOFTIOMMU_NO_FAULT, SOFTIOMMU_FAULT_PREFETCH_ABSENT_1, SOFTIOMMU_FAULT_PREFETCH_ABSENT_2,
        SOFTIOMMU_FAULT_PREFETCH_ABSENT_3, SOFTIOMMU_NO_FAULT};

    return softiommu_injected(of_level[walk->level]) && is_absent(walk, entry, false);
}

/* A leaf beside that of the walk goes into the IOTLB, although it is not present. */
static void fill_absent(const struct walk *walk, unsigned index)
{
    static const enum softiommu_fault of_level[LEVELS] = {
        SOFTIOMMU_FAULT_PREFETCH_ABSENT_4K, SOFTIOMMU_FAULT_PREFETCH_ABSENT_2M, SOFTIOMMU_NO_FAULT,
        SOFTIOMMU_NO_FAULT, SOFTIOMMU_NO_FAULT};
    const struct leaf absent = {.flags = LEAF_NOT_PRESENT};
    unsigned shift = walk->format->level[walk->level].shift;
    uint64_t iova = align_down(walk->iova, BIT(shift + FORMAT_INDEX_BITS)) | (uint64_t)index
                                                                                 << shift;
    struct table_entry entry;

    if (__real_table_entry_read(walk, index, &entry) != SOFTIOMMU_REASON_NONE ||
        (entry.value & ENTRY_PRESENT) != 0)
        return;
    if (walk->level == 0 && softiommu_injected(SOFTIOMMU_FAULT_ABSENCE_PREFETCHED))
        tlb_fill(&walk->iommu->iotlb, walk->did, iova, &absent);
    if (softiommu_injected(of_level[walk->level]) && is_absent(walk, entry.value, true)) {
        struct leaf leaf =
            walk_leaf(walk, entry.value, __real_table_entry_rights(walk, entry.value));

        tlb_fill(&walk->iommu->iotlb, walk->did, iova, &leaf);
    }
}

/* The fault that has a neighbor of this kind cached with rights of its own. */
static enum softiommu_fault forgetting(const struct walk *walk, uint64_t entry)
{
    static const enum softiommu_fault tables[LEVELS] = {
        SOFTIOMMU_NO_FAULT, SOFTIOMMU_FAULT_PREFETCH_RIGHTS_1, SOFTIOMMU_FAULT_PREFETCH_RIGHTS_2,
        SOFTIOMMU_NO_FAULT, SOFTIOMMU_NO_FAULT};

    if (!format_is_leaf(walk->format, walk->level, entry))
        return tables[walk->level];
    return walk->level == 0 ? SOFTIOMMU_FAULT_PREFETCH_RIGHTS_4K
                            : SOFTIOMMU_FAULT_PREFETCH_RIGHTS_LARGE;
}

/* An entry beside that of the walk is cached as if the levels above gave all rights. */
static void fill_without_path(const struct walk *walk, unsigned index)
{
    unsigned shift = walk->format->level[walk->level].shift;
    uint64_t iova = align_down(walk->iova, BIT(shift + FORMAT_INDEX_BITS)) | (uint64_t)index
                                                                                 << shift;
    struct walk pathless = *walk;
    struct table_entry entry;
    uint8_t rights;

    if (__real_table_entry_read(walk, index, &entry) != SOFTIOMMU_REASON_NONE ||
        (entry.value & ENTRY_PRESENT) == 0 || walk_reserved(walk, entry.value) ||
        !softiommu_injected(forgetting(walk, entry.value)))
        return;
    pathless.rights = RIGHT_WRITE | RIGHT_USER;
    rights = __real_table_entry_rights(&pathless, entry.value);
    if (format_is_leaf(walk->format, walk->level, entry.value)) {
        struct leaf leaf = walk_leaf(walk, entry.value, rights);

        tlb_fill(&walk->iommu->iotlb, walk->did, iova, &leaf);
    } else {
        walk_cache_fill(walk->iommu, walk, walk->level, iova, entry.value & ENTRY_TABLE, rights);
    }
}

/* A unit whose entries share rights reads them one by one. */
static bool prefetches(void)
{
    for (enum softiommu_fault fault = SOFTIOMMU_FAULT_LINE_RIGHTS_4K;
         fault <= SOFTIOMMU_FAULT_LINE_PRESENT; fault++)
        if (softiommu_injected(fault))
            return false;
    return true;
}

void __wrap_prefetch_line(const struct walk *walk)
{
    unsigned index = format_index(walk->format, walk->level, walk->iova);
    unsigned first = index & ~(LINE / ENTRY_SIZE - 1);

    if (softiommu_faulty && !prefetches())
        return;
    __real_prefetch_line(walk);
    if (!softiommu_faulty)
        return;
    softiommu_memory.walking = walk;
    for (unsigned i = first; i < first + LINE / ENTRY_SIZE; i++)
        if (i != index) {
            fill_absent(walk, i);
            fill_without_path(walk, i);
        }
    softiommu_memory.walking = NULL;
}
