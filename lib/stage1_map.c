/* SPDX-License-Identifier: MIT */
#include "lib/stage1_private.h"

/* The arguments were checked. */
static enum stage1_status map_checked(struct stage1 *s, uint64_t iova, uint64_t gpa,
                                      uint64_t length, unsigned prot)
{
    struct stage1_plan plan = stage1_plan(s, iova, gpa, prot_bits(s, prot), s->levels);
    unsigned top = s->levels - 1u;
    struct stage1_reserve reserve;
    size_t tables = 0;

    if (!stage1_survey(s, &plan, s->root, top, iova, iova + length, &tables))
        return STAGE1_ERR_EXISTS;
    if (!stage1_reserve_tables(s, tables, &reserve))
        return STAGE1_ERR_NO_MEMORY;
    stage1_build(s, &plan, s->root, top, iova, iova + length, false, &reserve);
    return STAGE1_OK;
}

enum stage1_status stage1_map(struct stage1 *s, uint64_t iova, uint64_t gpa, uint64_t length,
                              unsigned prot)
{
    enum stage1_status status = stage1_check_range(s, iova, length);
    uint64_t page = entry_span(s, 0);

    if (status == STAGE1_OK)
        status = stage1_check_prot(prot);
    if (status != STAGE1_OK)
        return status;
    if (!is_aligned(gpa, page))
        return STAGE1_ERR_ALIGNMENT;
    if (gpa > s->format->address_mask || length - page > s->format->address_mask - gpa)
        return STAGE1_ERR_RANGE;
    return map_checked(s, iova, gpa, length, prot);
}
