/* SPDX-License-Identifier: MIT */
/* For each fault a story that ends wrong with it and right without it. */
#ifndef PVT_TESTS_UNIT_SOFTIOMMU_SCENARIOS_H
#define PVT_TESTS_UNIT_SOFTIOMMU_SCENARIOS_H

#include "host/defects/softiommu_faults.h"
#include "tests/unit/softiommu_fixture.h"

/* Faults besides those of host/defects. */
struct other_fault {
    unsigned cleared; /* effects of DELETE */
    bool user_ignored;
    uint64_t unseen; /* as in struct machine, these three */
    bool plain_store;
    uint64_t lent;
};

struct softiommu_scenario {
    enum softiommu_fault fault; /* SOFTIOMMU_NO_FAULT: `other` */
    const char *name;
    bool (*wrong)(struct machine *m,
                  unsigned argument); /* true: the guest saw what it must never see */
    unsigned argument;
    bool keep_idle;
    struct other_fault other;
};

extern const struct softiommu_scenario softiommu_scenario[];
extern const size_t softiommu_scenario_count;

/* The event after which the guest's change of its tables counts; for the first argument of stories
 * about stale entries.
 */
enum released_by { BY_DOMAIN_FLUSH, BY_RANGE_FLUSH, BY_ATTACH, BY_DETACH, BY_DELETE };

/* argument: enum released_by | level << 4. The entry of that level leads elsewhere now; the old
 * target is used. */
bool story_stale(struct machine *m, unsigned argument);
bool story_stale_device_tlb(struct machine *m, unsigned argument);
bool story_second_device(struct machine *m, unsigned argument);
bool story_same_list(struct machine *m, unsigned argument);
bool story_ats_off(struct machine *m, unsigned argument);
/* argument: 0 without, 1 with ATS */
bool story_write_on_read_only(struct machine *m, unsigned argument);
bool story_rights_reread(struct machine *m, unsigned argument);
bool story_not_present(struct machine *m, unsigned argument);
bool story_rights_above(struct machine *m, unsigned argument);
bool story_context(struct machine *m, unsigned argument);
/* argument: level of the page << 4, 4 KiB page of it that is looked at << 8; page 3 is flushed */
bool story_large_page(struct machine *m, unsigned argument);
/* argument: page of eight that is looked at */
bool story_range_end(struct machine *m, unsigned argument);
bool story_stale_mixed(struct machine *m, unsigned argument);
bool story_tag_short(struct machine *m, unsigned argument);

/* argument: enum released_by */
bool story_in_flight(struct machine *m, unsigned argument);
bool story_in_flight_evicted(struct machine *m, unsigned argument);
/* argument: device of the second request; the first one is device 0's */
bool story_two_in_flight(struct machine *m, unsigned argument);
/* argument: BY_DOMAIN_FLUSH or BY_ATTACH */
bool story_overtaken(struct machine *m, unsigned argument);
/* argument: 0 the newest one ends, 1 that of two devices, 2 the oldest; then another one begins */
bool story_others_begin(struct machine *m, unsigned argument);
/* argument: how many others begin and end */
bool story_others_between(struct machine *m, unsigned argument);
/* argument: level of the page << 4 | ATS << 8 */
bool story_large_in_flight(struct machine *m, unsigned argument);
bool story_large_during_attach(struct machine *m, unsigned argument);
bool story_in_flight_read(struct machine *m, unsigned argument);
bool story_in_flight_identity(struct machine *m, unsigned argument);
bool story_unblocks_first(struct machine *m, unsigned argument);
bool story_passes_through(struct machine *m, unsigned argument);
bool story_blocks(struct machine *m, unsigned argument);
bool story_two_steps(struct machine *m, unsigned argument);
bool story_keeps_tag(struct machine *m, unsigned argument);
bool story_kept_root(struct machine *m, unsigned argument);
bool story_delete_reads(struct machine *m, unsigned argument);
bool story_tag_shared(struct machine *m, unsigned distance);

/* argument: enum released_by | level of the page << 4 | ATS << 8 */
bool story_size_kept(struct machine *m, unsigned argument);
bool story_many(struct machine *m, unsigned argument);
bool story_thousands_flushed(struct machine *m, unsigned argument);
/* argument: level of the page << 4 */
bool story_large_read_only(struct machine *m, unsigned argument);
bool story_large_read_only_above(struct machine *m, unsigned argument);
bool story_byte_after(struct machine *m, unsigned argument);
/* argument: level of the page << 4; for story_large_left with what the device does, BY_DOMAIN_FLUSH
 * standing for an ATTACH to a domain that does not block; for story_part with 1 for the upper half
 */
bool story_untagged(struct machine *m, unsigned argument);
bool story_large_left(struct machine *m, unsigned argument);
bool story_part(struct machine *m, unsigned argument);
/* argument: 0 written, 1 read */
bool story_byte_before(struct machine *m, unsigned argument);
/* argument: bits of an IOVA in the region */
bool story_wraps(struct machine *m, unsigned argument);

/* argument: level of the leaf, or of the entry above it, << 4 */
bool story_line_leaf(struct machine *m, unsigned argument);
bool story_line_table(struct machine *m, unsigned argument);
/* The entry above is read-only; with 1 << 8 for leaves. */
bool story_line_above(struct machine *m, unsigned argument);
/* argument: 0 the last byte of the first page, 1 the first one of the second */
bool story_byte_rights(struct machine *m, unsigned argument);
bool story_pair_rights(struct machine *m, unsigned argument);
bool story_line_read_only(struct machine *m, unsigned argument);
bool story_request_rights(struct machine *m, unsigned argument);
bool story_absent_leaf(struct machine *m, unsigned argument);
bool story_absent_table(struct machine *m, unsigned argument);
bool story_absence_prefetched(struct machine *m, unsigned argument);
/* argument: bit of the IOVA in which the other differs | ATS << 8 */
bool story_alias(struct machine *m, unsigned argument);
bool story_alias_2m(struct machine *m, unsigned argument);
/* argument: by how many bits */
bool story_alias_shifted(struct machine *m, unsigned argument);
/* argument: bit of the IOVA that is set */
bool story_high_range(struct machine *m, unsigned argument);
/* argument: 0 another page of the table, 1 one that is not mapped, 2 a page of the table beside */
bool story_other_filler(struct machine *m, unsigned argument);
bool story_large_filler(struct machine *m, unsigned argument);
bool story_shared_table(struct machine *m, unsigned argument);
bool story_rights_of_table(struct machine *m, unsigned argument);

/* argument: level of the pages << 4 | ATS << 8; many of them, each used twice */
bool story_full(struct machine *m, unsigned argument);
bool story_full_of_thousands(struct machine *m, unsigned argument);
bool story_full_tables(struct machine *m, unsigned argument);
/* argument: level of the entries << 4 | 1 << 8 for leaves */
bool story_many_entries(struct machine *m, unsigned argument);
/* argument: bit that is set beside the address of the interrupt window */
bool story_high_window(struct machine *m, unsigned argument);
bool story_leaf_zero(struct machine *m, unsigned argument);
/* argument: 0 a leaf above 4 GiB that is used twice, 1 identity */
bool story_high_target(struct machine *m, unsigned argument);
bool story_high_large_target(struct machine *m, unsigned argument);
bool story_identity_alias(struct machine *m, unsigned argument);
/* argument: 0 the page after memory, 1 the page before it */
bool story_beside_memory(struct machine *m, unsigned argument);
bool story_beside_page(struct machine *m, unsigned argument);
bool story_between_ends(struct machine *m, unsigned argument);
bool story_table_beside_page(struct machine *m, unsigned argument);
/* argument: 1 after an access at its start */
bool story_large_start(struct machine *m, unsigned argument);
/* argument: level of the leaf that the request is in. */
bool story_over_the_end(struct machine *m, unsigned argument);
bool story_pieces(struct machine *m, unsigned argument);

bool story_write_leaf_only(struct machine *m, unsigned argument);
bool story_present_leaf_only(struct machine *m, unsigned argument);
bool story_user(struct machine *m, unsigned argument);
bool story_reserved(struct machine *m, unsigned argument);
bool story_five_levels(struct machine *m, unsigned argument);
bool story_width(struct machine *m, unsigned argument);
bool story_mapped_beyond_width(struct machine *m, unsigned argument);
bool story_over_the_width(struct machine *m, unsigned argument);
/* argument: level of the page */
bool story_offset(struct machine *m, unsigned argument);
/* argument: 0 a table where a large page was, 1 a large page where a table was */
bool story_other_size(struct machine *m, unsigned argument);
bool story_crossing(struct machine *m, unsigned argument);
bool story_plain_store(struct machine *m, unsigned argument);
bool story_drops_bits(struct machine *m, unsigned argument);
/* argument: level of the entry << 8, and the bit; at level 1 it is a leaf */
bool story_software_bit(struct machine *m, unsigned argument);
bool story_late_store(struct machine *m, unsigned argument);
bool story_stage2_root(struct machine *m, unsigned argument);
bool story_stage2_table(struct machine *m, unsigned argument);
bool story_stage2_leaf(struct machine *m, unsigned argument);
/* argument: 0 written, 1 read */
bool story_stage2_identity(struct machine *m, unsigned argument);

#endif
