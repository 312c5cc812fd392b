/* SPDX-License-Identifier: MIT */
/*
 * Domain ids of the hardware (DID): the name under which a unit caches the translations of a
 * domain. They are handed out in rotation, so that a freed id is reused as late as possible; the
 * owner flushes an id before it frees it.
 */
#ifndef PVT_HOST_IOMMU_DOMAIN_ID_H
#define PVT_HOST_IOMMU_DOMAIN_ID_H

#include <stdint.h>

/* 0 is reserved by some units, 1 belongs to the tables of the host, 2 to the default domain. */
#define DID_NONE    0u
#define DID_HOST    1u
#define DID_DEFAULT 2u
#define DID_FIRST   3u

/* `limit` ids exist: 0 .. limit - 1. */
void domain_ids_init(uint32_t limit);
/* DID_NONE when all are in use. */
uint16_t domain_id_alloc(void);
void domain_id_free(uint16_t did);

#endif
