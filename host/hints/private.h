/* SPDX-License-Identifier: MIT */
/* Shared by the files of this folder. */
#ifndef PVT_HOST_HINTS_PRIVATE_H
#define PVT_HOST_HINTS_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "host/hypercalls/call.h"
#include "host/softiommu/softiommu.h"

/* docs/linux.md has their meaning, tools/pvtest/stream/guest_log.py reads the names. */
enum hint {
    HINT_FLUSH_LIST_TOO_SHORT,
    HINT_STALE_LEAF_USED,
    HINT_DELETE_WITH_DEVICES,
    HINT_MSI_WINDOW_MAPPED,
    HINTS
};

/* One line of the log. Of each hint the first 32 are told, then the 64th, 128th and so on. */
void hint_tell(enum hint hint, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* End of a walk of a domain's tables, which changes nothing in them. */
struct table_end {
    bool present;  /* at a leaf; otherwise at an entry that is not present */
    bool writable; /* by all entries of the walk */
    uint64_t gpa;  /* of the IOVA, where a leaf is present */
    uint64_t size; /* bytes that the last entry spans */
};
/* `root`: GPA; `levels`: 4 or 5. */
struct table_end tables_walk(uint64_t root, unsigned levels, uint64_t iova);
/* The tables lead from `iova` to `gpa`, and grant writes where `write` asks for them. */
bool tables_lead(uint64_t root, unsigned levels, uint64_t iova, uint64_t gpa, bool write);

/* A call of the pvIOMMU has ended with `status`; context->input is valid. */
void hints_after_call(const struct call_context *context, enum hv_status status);
/* For struct softiommu_callbacks. */
softiommu_translated hints_after_translation;
/* The next translation by a stale leaf is told, also of the page that was told last. */
void hints_forget_last(void);

#endif
