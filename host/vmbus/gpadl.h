/* SPDX-License-Identifier: MIT */
/* Page lists (GPADLs) of the connection. All calls: with the host's lock held. */
#ifndef PVT_HOST_VMBUS_GPADL_H
#define PVT_HOST_VMBUS_GPADL_H

#include <stdbool.h>
#include <stdint.h>

#include "host/vmbus/control_parse.h"

#define GPADL_PAGES_MAX 128u
#define GPADLS_MAX      64u

struct gpadl {
    uint32_t id; /* 0: not in use */
    uint32_t channel_id;
    uint32_t total, count; /* pages, and how many of them have arrived */
    bool valid;            /* all that arrived is RAM of the guest */
    uint64_t page[GPADL_PAGES_MAX];
};

void gpadl_init(void);
void gpadl_drop_all(void);

#define GPADL_NO_ANSWER UINT32_MAX /* more pages are to come, or there is no such list */

/* A header or a body has arrived. NT_STATUS_* for the guest, or GPADL_NO_ANSWER. A list that is
 * refused is gone. A list that is complete stays until it is dropped. */
uint32_t gpadl_header(uint32_t id, uint32_t channel_id, const struct vmbus_gpadl_pages *pages);
uint32_t gpadl_body(uint32_t id, uint32_t *channel_id, const struct vmbus_gpadl_pages *pages);

/* A complete list; NULL when there is none of this id. */
const struct gpadl *gpadl_find(uint32_t id);
/* Also an incomplete one. False when there is none of this id. */
bool gpadl_drop(uint32_t id);

#endif
