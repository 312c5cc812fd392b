/* SPDX-License-Identifier: MIT */
/* The source of stage-1 table pages. GPA and virtual address are the same, so neither callback
 * needs its owner. */
#include "drivers/pviommu.h"
#include "kernel/memory.h"

static void *alloc_table(void *owner)
{
    (void)owner;
    return page_take(1, PAGE_SIZE);
}

static void free_table(void *owner, void *table)
{
    (void)owner;
    page_free(table, 1);
}

static uint64_t table_gpa(void *owner, const void *table)
{
    (void)owner;
    return gpa_of(table);
}

static void *table_at(void *owner, uint64_t gpa)
{
    (void)owner;
    return gpa_pointer(gpa);
}

struct stage1_memory pviommu_table_memory(void)
{
    return (struct stage1_memory){.alloc_table = alloc_table,
                                  .free_table = free_table,
                                  .gpa_of = table_gpa,
                                  .table_at = table_at};
}
