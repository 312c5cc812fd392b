/* SPDX-License-Identifier: MIT */
#include "tests/unit/softiommu_scenarios.h"
#include "lib/bits.h"

#define AT_LEVEL(level) ((unsigned)(level) << 4)
#define LOOK_AT(page)   ((unsigned)(page) << 8)
#define WITH_ATS        (1u << 8)

#define STORY(fault, story, argument)                                                              \
    {                                                                                              \
        SOFTIOMMU_FAULT_##fault, #fault, story, argument, false,                                   \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
#define STORY_KEEP_IDLE(fault, story, argument)                                                    \
    {                                                                                              \
        SOFTIOMMU_FAULT_##fault, #fault, story, argument, true,                                    \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
/* No defect of the host: the story alone must notice it. */
#define OTHER(name, story, argument, keep_idle, ...)                                               \
    {                                                                                              \
        SOFTIOMMU_NO_FAULT, name, story, argument, keep_idle,                                      \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define DELETE_KEEPS(effect) .cleared = BIT(SOFTIOMMU_##effect)

const struct softiommu_scenario softiommu_scenario[] = {
    STORY(IOTLB_DOMAIN_FLUSH, story_stale, BY_DOMAIN_FLUSH),
    STORY(IOTLB_RANGE_FLUSH, story_stale, BY_RANGE_FLUSH),
    STORY(IOTLB_ATTACH, story_stale, BY_ATTACH),
    STORY(IOTLB_DETACH, story_stale, BY_DETACH),
    STORY(IOTLB_RIGHTS_REREAD, story_rights_reread, 0),
    STORY(IOTLB_WRITE_UNCHECKED, story_write_on_read_only, 0),
    STORY(NOT_PRESENT_CACHED, story_not_present, 0),
    STORY(IOTLB_TAG_SHORT, story_tag_short, 0),
    STORY(STALE_MIXED, story_stale_mixed, 0),

    STORY(WALK_DOMAIN_FLUSH_1, story_stale, BY_DOMAIN_FLUSH | AT_LEVEL(1)),
    STORY(WALK_DOMAIN_FLUSH_2, story_stale, BY_DOMAIN_FLUSH | AT_LEVEL(2)),
    STORY(WALK_DOMAIN_FLUSH_3, story_stale, BY_DOMAIN_FLUSH | AT_LEVEL(3)),
    STORY(WALK_DOMAIN_FLUSH_4, story_stale, BY_DOMAIN_FLUSH | AT_LEVEL(4)),
    STORY(WALK_RANGE_FLUSH_1, story_stale, BY_RANGE_FLUSH | AT_LEVEL(1)),
    STORY(WALK_RANGE_FLUSH_2, story_stale, BY_RANGE_FLUSH | AT_LEVEL(2)),
    STORY(WALK_RANGE_FLUSH_3, story_stale, BY_RANGE_FLUSH | AT_LEVEL(3)),
    STORY(WALK_RANGE_FLUSH_4, story_stale, BY_RANGE_FLUSH | AT_LEVEL(4)),
    STORY(WALK_ATTACH_1, story_stale, BY_ATTACH | AT_LEVEL(1)),
    STORY(WALK_ATTACH_2, story_stale, BY_ATTACH | AT_LEVEL(2)),
    STORY(WALK_ATTACH_3, story_stale, BY_ATTACH | AT_LEVEL(3)),
    STORY(WALK_ATTACH_4, story_stale, BY_ATTACH | AT_LEVEL(4)),
    STORY(WALK_DETACH, story_stale, BY_DETACH | AT_LEVEL(1)),
    STORY(WALK_DETACH, story_stale, BY_DETACH | AT_LEVEL(4)),
    STORY(WALK_RIGHTS_FORGOTTEN, story_rights_above, 0),

    STORY(DEVICE_TLB_DOMAIN_FLUSH, story_stale_device_tlb, BY_DOMAIN_FLUSH),
    STORY(DEVICE_TLB_RANGE_FLUSH, story_stale_device_tlb, BY_RANGE_FLUSH),
    STORY(DEVICE_TLB_BLOCKING, story_stale_device_tlb, BY_ATTACH),
    STORY(DEVICE_TLB_DETACH, story_stale_device_tlb, BY_DETACH),
    STORY(DEVICE_TLB_ATTACH, story_context, 1),
    STORY(DEVICE_TLB_ATS_OFF, story_ats_off, 0),
    STORY(DEVICE_TLB_SECOND, story_second_device, BY_DOMAIN_FLUSH),
    STORY(DEVICE_TLB_SECOND, story_second_device, BY_RANGE_FLUSH),
    STORY(DEVICE_TLB_WRITE_UNCHECKED, story_write_on_read_only, 1),

    STORY(CONTEXT_ATTACH, story_context, 0),
    STORY(CONTEXT_DETACH, story_stale_device_tlb, BY_DETACH | AT_LEVEL(1)),

    STORY(DRAIN_DOMAIN_FLUSH, story_in_flight, BY_DOMAIN_FLUSH),
    STORY(DRAIN_RANGE_FLUSH, story_in_flight, BY_RANGE_FLUSH),
    STORY(DRAIN_ATTACH, story_in_flight, BY_ATTACH),
    STORY(DRAIN_DETACH, story_in_flight, BY_DETACH),
    STORY(DRAIN_IDENTITY, story_in_flight_identity, 0),
    STORY(DRAIN_OLDEST, story_two_in_flight, 0),
    STORY(DRAIN_READS, story_in_flight_read, 0),
    STORY(DRAIN_SECOND, story_two_in_flight, 1),

    STORY(LARGE_PAGE_PART, story_large_page, AT_LEVEL(1) | LOOK_AT(0)),
    STORY(LARGE_PAGE_PART, story_large_page, AT_LEVEL(1) | LOOK_AT(511)),
    STORY(LARGE_PAGE_PART, story_large_page, AT_LEVEL(2) | LOOK_AT(0)),
    STORY(LARGE_PAGE_PART, story_large_page, AT_LEVEL(2) | LOOK_AT(700)),
    STORY(LARGE_PAGE_KEPT, story_large_page, AT_LEVEL(1) | LOOK_AT(3)),
    STORY(LARGE_PAGE_KEPT, story_large_page, AT_LEVEL(2) | LOOK_AT(3)),
    STORY(RANGE_FIRST, story_range_end, 0),
    STORY(RANGE_LAST, story_range_end, 7),

    STORY(KEPT_1G_DOMAIN_FLUSH, story_size_kept, BY_DOMAIN_FLUSH | AT_LEVEL(2)),
    STORY(KEPT_1G_RANGE_FLUSH, story_size_kept, BY_RANGE_FLUSH | AT_LEVEL(2)),
    STORY(KEPT_1G_ATTACH, story_size_kept, BY_ATTACH | AT_LEVEL(2)),
    STORY(KEPT_1G_DETACH, story_size_kept, BY_DETACH | AT_LEVEL(2)),
    STORY(KEPT_1G_DEVICE_TLB, story_size_kept, BY_DOMAIN_FLUSH | AT_LEVEL(2) | WITH_ATS),
    STORY(KEPT_1G_DEVICE_TLB, story_size_kept, BY_RANGE_FLUSH | AT_LEVEL(2) | WITH_ATS),
    STORY(KEPT_2M_DOMAIN_FLUSH, story_size_kept, BY_DOMAIN_FLUSH | AT_LEVEL(1)),
    STORY(KEPT_2M_RANGE_FLUSH, story_size_kept, BY_RANGE_FLUSH | AT_LEVEL(1)),
    STORY(KEPT_2M_ATTACH, story_size_kept, BY_ATTACH | AT_LEVEL(1)),
    STORY(KEPT_2M_DETACH, story_size_kept, BY_DETACH | AT_LEVEL(1)),
    STORY(KEPT_2M_DEVICE_TLB, story_size_kept, BY_DOMAIN_FLUSH | AT_LEVEL(1) | WITH_ATS),
    STORY(KEPT_2M_DEVICE_TLB, story_size_kept, BY_RANGE_FLUSH | AT_LEVEL(1) | WITH_ATS),
    STORY(UNTAGGED_2M, story_untagged, AT_LEVEL(1)),
    STORY(UNTAGGED_1G, story_untagged, AT_LEVEL(2)),
    STORY(DEVICE_TLB_LARGE_ATTACH, story_large_left, BY_DOMAIN_FLUSH | AT_LEVEL(1)),
    STORY(DEVICE_TLB_LARGE_ATTACH, story_large_left, BY_DOMAIN_FLUSH | AT_LEVEL(2)),
    STORY(DEVICE_TLB_LARGE_BLOCKING, story_large_left, BY_ATTACH | AT_LEVEL(2)),
    STORY(DEVICE_TLB_LARGE_DETACH, story_large_left, BY_DETACH | AT_LEVEL(1)),
    STORY(PART_512, story_part, AT_LEVEL(2)),
    STORY(PART_UPPER, story_part, AT_LEVEL(1) | 1),
    STORY(PART_UPPER, story_part, AT_LEVEL(2) | 1),
    STORY(PART_LOWER, story_part, AT_LEVEL(1)),
    STORY(PART_LOWER, story_part, AT_LEVEL(2)),
    STORY(KEPT_1G_ALWAYS, story_size_kept, BY_DOMAIN_FLUSH | AT_LEVEL(2)),
    STORY(KEPT_1G_ALWAYS, story_size_kept, BY_RANGE_FLUSH | AT_LEVEL(2)),
    STORY(KEPT_1G_ALWAYS, story_size_kept, BY_ATTACH | AT_LEVEL(2)),
    STORY(KEPT_1G_ALWAYS, story_size_kept, BY_DETACH | AT_LEVEL(2)),
    STORY(IOTLB_AT_MOST_256, story_many, BY_DOMAIN_FLUSH),
    STORY(IOTLB_AT_MOST_4000, story_thousands_flushed, 0),
    STORY(IOTLB_BLOCK_AT_MOST_256, story_many, BY_RANGE_FLUSH),
    STORY(DEVICE_TLB_AT_MOST_128, story_many, BY_DOMAIN_FLUSH | WITH_ATS),

    STORY(WRITE_LEAF_ONLY, story_write_leaf_only, 0),
    STORY(PRESENT_LEAF_ONLY, story_present_leaf_only, 0),
    STORY(FIVE_AS_FOUR, story_five_levels, 0),
    STORY(WIDTH_IGNORED, story_width, 0),
    STORY(WIDTH_OF_TABLES, story_mapped_beyond_width, 0),
    STORY(WIDTH_OF_WRITES, story_mapped_beyond_width, 0),
    STORY(WIDTH_OF_FIRST_PAGE, story_over_the_width, 0),
    STORY(AD_DROPS_BITS, story_drops_bits, 0),
    STORY(AD_LATE_STORE, story_late_store, 0),
    STORY(SPLIT_REFUSED, story_other_size, 0),
    STORY(MERGE_REFUSED, story_other_size, 1),
    STORY(OFFSET_CUT_2M, story_offset, 1),
    STORY(OFFSET_CUT_1G, story_offset, 2),
    STORY(CROSSING_LINEAR, story_crossing, 0),
    STORY(READ_ONLY_2M_WRITABLE, story_large_read_only, AT_LEVEL(1)),
    STORY(READ_ONLY_1G_WRITABLE, story_large_read_only, AT_LEVEL(2)),
    STORY(WRITE_LEAF_ONLY_2M, story_large_read_only_above, AT_LEVEL(1)),
    STORY(WRITE_LEAF_ONLY_1G, story_large_read_only_above, AT_LEVEL(2)),
    STORY(WRAPS_2M, story_wraps, 21),
    STORY(WRAPS_1G, story_wraps, 30),
    STORY(WRAPS_4G, story_wraps, 32),
    STORY(WRAPS_512G, story_wraps, 39),
    STORY(BYTE_BEFORE, story_byte_before, 0),
    STORY(BYTE_BEFORE_READ, story_byte_before, 1),
    STORY(LAST_BYTE_RIGHTS, story_byte_rights, 0),
    STORY(FIRST_BYTE_RIGHTS, story_byte_rights, 1),
    STORY(BYTE_AFTER, story_byte_after, 0),
    STORY(BYTE_AFTER_2M, story_byte_after, AT_LEVEL(1)),
    STORY(BYTE_AFTER_1G, story_byte_after, AT_LEVEL(2)),

    STORY(LINE_RIGHTS_4K, story_line_leaf, AT_LEVEL(0)),
    STORY(LINE_RIGHTS_2M, story_line_leaf, AT_LEVEL(1)),
    STORY(LINE_RIGHTS_1G, story_line_leaf, AT_LEVEL(2)),
    STORY(LINE_RIGHTS_TABLE_1, story_line_table, AT_LEVEL(1)),
    STORY(LINE_RIGHTS_TABLE_2, story_line_table, AT_LEVEL(2)),
    STORY(LINE_RIGHTS_TABLE_3, story_line_table, AT_LEVEL(3)),
    STORY(LINE_READ_ONLY, story_line_read_only, 0),
    STORY(PAIR_RIGHTS, story_pair_rights, 0),
    STORY(REQUEST_RIGHTS_FIRST, story_request_rights, 0),
    STORY(LINE_PRESENT, story_absent_leaf, AT_LEVEL(0)),
    STORY(LINE_PRESENT, story_absent_table, AT_LEVEL(2)),
    STORY(PREFETCH_ABSENT_1, story_absent_table, AT_LEVEL(1)),
    STORY(PREFETCH_ABSENT_2, story_absent_table, AT_LEVEL(2)),
    STORY(PREFETCH_ABSENT_3, story_absent_table, AT_LEVEL(3)),
    STORY(PREFETCH_ABSENT_4K, story_absent_leaf, AT_LEVEL(0)),
    STORY(PREFETCH_ABSENT_2M, story_absent_leaf, AT_LEVEL(1)),
    STORY(ABSENCE_PREFETCHED, story_absence_prefetched, 0),
    STORY(IOTLB_TAG_32, story_alias, 32),
    STORY(IOTLB_TAG_39, story_alias, 47),
    STORY(IOTLB_TAG_BIT_33, story_alias, 33),
    STORY(IOTLB_TAG_FOLDED, story_alias_shifted, 9),
    STORY(IOTLB_TAG_2M_36, story_alias_2m, 36),
    STORY(WALK_TAG_39, story_alias, 39),
    STORY(WALK_TAG_BIT_40, story_alias, 40),
    STORY(DEVICE_TLB_TAG_36, story_alias, 36 | WITH_ATS),
    STORY(RANGE_32, story_high_range, 32),
    STORY(RANGE_39, story_high_range, 39),
    STORY(WALK_BY_IOTLB, story_other_filler, 1),
    STORY(WALK_OF_FAULT, story_other_filler, 1),
    STORY(WALK_OF_PAGE, story_other_filler, 0),
    STORY(WALK_PREFETCHED, story_other_filler, 2),
    STORY(LARGE_OF_PAGE, story_large_filler, 0),
    STORY(WALK_SHARED_TABLE, story_shared_table, 0),
    STORY(RIGHTS_OF_TABLE, story_rights_of_table, 0),

    STORY(FULL_4K, story_full, AT_LEVEL(0)),
    STORY(FULL_4K_4000, story_full_of_thousands, 0),
    STORY(FULL_2M, story_full, AT_LEVEL(1)),
    STORY(FULL_WALK, story_full_tables, 0),
    STORY(FULL_DEVICE_TLB, story_full, AT_LEVEL(0) | WITH_ATS),
    STORY(WINDOW_32, story_high_window, 32),
    STORY(WINDOW_BIT_38, story_high_window, 38),
    STORY(LEAF_ZERO, story_leaf_zero, 0),
    STORY(IOTLB_TARGET_32, story_high_target, 0),
    STORY(IDENTITY_BELOW_4G, story_high_target, 1),
    STORY(STAGE2_FIRST, story_beside_memory, 0),
    STORY(STAGE2_LAST, story_beside_memory, 1),
    STORY(STAGE2_LARGE_START, story_large_start, 0),
    STORY(STAGE2_1G_START, story_large_start, 0),
    STORY(STAGE2_LARGE_ONCE, story_large_start, 1),
    STORY(STAGE2_LARGE_ENTRY, story_over_the_end, 2),
    STORY(STAGE2_END_1G, story_pieces, 0),
    STORY(STAGE2_REQUEST_START, story_over_the_end, 0),
    STORY(STAGE2_IDENTITY_READS, story_stage2_identity, 1),
    STORY(STAGE2_TABLE, story_stage2_table, 0),
    STORY(STAGE2_LEAF, story_stage2_leaf, 0),
    STORY(STAGE2_IDENTITY, story_stage2_identity, 0),

    STORY(ATTACH_PASSES_THROUGH, story_passes_through, 0),
    STORY(ATTACH_UNBLOCKS_FIRST, story_unblocks_first, 0),
    STORY(ATTACH_BLOCKS, story_blocks, 0),
    STORY(ATTACH_TWO_STEPS, story_two_steps, 0),
    STORY(ATTACH_KEEPS_TAG, story_keeps_tag, 0),
    STORY(DELETE_KEEPS_ROOT, story_kept_root, 0),
    STORY(DELETE_READS_TABLE, story_delete_reads, 0),
    STORY(TAG_SHARED, story_tag_shared, 0),
    STORY(TAG_REUSED, story_stale, BY_DELETE),
    STORY(TAG_REUSED, story_stale, BY_DELETE | AT_LEVEL(2)),

    OTHER("IOTLB_DELETE", story_stale, BY_DELETE, true, DELETE_KEEPS(DROPS_IOTLB)),
    OTHER("WALK_DELETE_1", story_stale, BY_DELETE | AT_LEVEL(1), true, DELETE_KEEPS(DROPS_WALK_1)),
    OTHER("WALK_DELETE_2", story_stale, BY_DELETE | AT_LEVEL(2), true, DELETE_KEEPS(DROPS_WALK_2)),
    OTHER("WALK_DELETE_3", story_stale, BY_DELETE | AT_LEVEL(3), true, DELETE_KEEPS(DROPS_WALK_3)),
    OTHER("WALK_DELETE_4", story_stale, BY_DELETE | AT_LEVEL(4), true, DELETE_KEEPS(DROPS_WALK_4)),
    OTHER("DRAIN_DELETE", story_in_flight, BY_DELETE, false, DELETE_KEEPS(DRAINS)),
    OTHER("USER_IGNORED", story_user, 0, false, .user_ignored = true),
    OTHER("RESERVED_IGNORED", story_reserved, 0, false, .unseen = PS),
    OTHER("AD_PLAIN_STORE", story_plain_store, 0, false, .plain_store = true),
    OTHER("STAGE2_ROOT", story_stage2_root, 0, false, .lent = HOST),
};
const size_t softiommu_scenario_count = ARRAY_SIZE(softiommu_scenario);
