/* SPDX-License-Identifier: MIT */
/* Nested page tables: GPA = SPA everywhere, except for what guest_protect() hid and for the
 * hypercall page. */
#ifndef PVT_HOST_CPU_NESTED_PAGING_H
#define PVT_HOST_CPU_NESTED_PAGING_H

#include <stdbool.h>
#include <stdint.h>

/* After the last guest_protect(). Returns the physical address of the top table. */
uint64_t nested_paging_init(void);

/* Maps the GiB around `gpa` if it was not yet. False when it was, or when gpa is outside the GPA
 * space: a real fault.
 */
bool nested_paging_fill(uint64_t gpa);

/* Shows `page` (of the host's pool) at `gpa`, readable and writable, where guest_protect() left a
 * gap; NULL: the gap is back. False when the GPA is not in such a gap. */
bool nested_page_set(uint64_t gpa, void *page);
/* Shows zeros there, to be read only: for memory in which a guest looks for tables of the firmware.
 */
void nested_show_zeros(uint64_t gpa, uint64_t length);
/* Shows what is there, to be read only: stores go to the handler of the range. */
void nested_show_read_only(uint64_t gpa, uint64_t length);

/* Shows `page` (of the host's pool) at `gpa`, readable and executable, and writable on request, in
 * place of what is there; one overlay at a time. False when the GPA cannot be mapped. */
bool nested_overlay_set(uint64_t gpa, const void *page, bool writable);
void nested_overlay_clear(void);
/* The page that is shown in the place of the one at `gpa`; NULL: none is. */
const uint8_t *nested_overlay_at(uint64_t gpa);

/* Whether an entry that a processor may hold has changed since the last call: all have to drop what
 * they hold. */
extern bool nested_changed;
static inline bool nested_take_change(void)
{
    bool changed = nested_changed;

    nested_changed = false;
    return changed;
}

#endif
