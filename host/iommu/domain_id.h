/* SPDX-License-Identifier: MIT */
/*
 * Tags name the cached translations of a domain (VT-d: domain ids). They are handed out in rotation, so that a tag
 * rests as long as possible; the owner flushes a tag before it is given back.
 */
#ifndef PVT_HOST_IOMMU_DOMAIN_ID_H
#define PVT_HOST_IOMMU_DOMAIN_ID_H

#include <stdint.h>

/* Tag 0 is special to some units, 1 belongs to the backend's own tables, 2 to the default domain. */
#define TAG_NONE    0u
#define TAG_BACKEND 1u
#define TAG_DEFAULT 2u
#define TAG_FIRST   3u

/* `limit` tags exist: 0 .. limit - 1. */
void tags_init(uint32_t limit);
/* TAG_NONE when all are in use. */
uint16_t tag_take(void);
void tag_give(uint16_t tag);

#endif
