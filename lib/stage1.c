/* SPDX-License-Identifier: MIT */
/* A tree from its root table to its end, and what every operation checks first. */
#include "lib/stage1.h"

#include "lib/bits.h"
#include "lib/stage1_private.h"
#include "lib/string.h"

/* Leaf sizes that a tree of `levels` levels can have. */
static uint64_t leaf_sizes(const struct stage1_format *format, unsigned levels)
{
    uint64_t sizes = 0;

    for (unsigned level = 0; level < levels; level++)
        if (format->level[level].leaf_allowed)
            sizes |= BIT(format->level[level].shift);
    return sizes;
}

enum stage1_status stage1_init(struct stage1 *s, const struct stage1_format *format,
                               unsigned levels, uint64_t page_sizes, struct stage1_memory memory)
{
    *s = (struct stage1){
        .format = format, .memory = memory, .page_sizes = page_sizes, .levels = (uint8_t)levels};
    if (levels < format->levels_min || levels > format->levels_max || levels > STAGE1_MAX_LEVELS)
        return STAGE1_ERR_FORMAT;
    /* Without the smallest size no superpage could be split. */
    if ((page_sizes & ~leaf_sizes(format, levels)) != 0 ||
        (page_sizes & BIT(format->level[0].shift)) == 0)
        return STAGE1_ERR_FORMAT;
    s->root = memory.alloc_table(memory.owner);
    if (!s->root)
        return STAGE1_ERR_NO_MEMORY;
    memset(s->root, 0, PAGE_SIZE);
    s->tables = 1;
    return STAGE1_OK;
}

static void free_tree(struct stage1 *s, uint64_t *table, unsigned level)
{
    for (unsigned i = 0; level > 0 && i < entry_count(s, level); i++) {
        uint64_t entry = entry_load(&table[i]);

        if (entry_is_present(s, entry) && !entry_is_leaf(s, level, entry))
            free_tree(s, entry_table(s, entry), level - 1);
    }
    s->memory.free_table(s->memory.owner, table);
}

void stage1_destroy(struct stage1 *s)
{
    if (s->root)
        free_tree(s, s->root, s->levels - 1u);
    s->root = NULL;
    s->tables = 0;
}

uint64_t stage1_root_gpa(const struct stage1 *s)
{
    return s->memory.gpa_of(s->memory.owner, s->root);
}

uint64_t stage1_iova_limit(const struct stage1 *s)
{
    const struct stage1_level *top = &s->format->level[s->levels - 1];

    return BIT(top->shift + top->index_bits);
}

enum stage1_status stage1_check_range(const struct stage1 *s, uint64_t iova, uint64_t length)
{
    if (!is_aligned(iova | length, entry_span(s, 0)))
        return STAGE1_ERR_ALIGNMENT;
    if (length == 0 || iova >= stage1_iova_limit(s) || length > stage1_iova_limit(s) - iova)
        return STAGE1_ERR_RANGE;
    return STAGE1_OK;
}

enum stage1_status stage1_check_prot(unsigned prot)
{
    bool known = prot == STAGE1_READ || prot == (STAGE1_READ | STAGE1_WRITE);

    return known ? STAGE1_OK : STAGE1_ERR_FORMAT;
}

const char *stage1_status_name(enum stage1_status status)
{
    switch (status) {
    case STAGE1_OK:
        return "OK";
    case STAGE1_ERR_ALIGNMENT:
        return "ALIGNMENT";
    case STAGE1_ERR_RANGE:
        return "RANGE";
    case STAGE1_ERR_EXISTS:
        return "EXISTS";
    case STAGE1_ERR_NOT_MAPPED:
        return "NOT_MAPPED";
    case STAGE1_ERR_NO_MEMORY:
        return "NO_MEMORY";
    case STAGE1_ERR_FORMAT:
        return "FORMAT";
    }
    return "unknown";
}
