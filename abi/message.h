/* SPDX-License-Identifier: MIT */
#ifndef PVT_ABI_MESSAGE_H
#define PVT_ABI_MESSAGE_H

/*
 * Synthetic-interrupt messages related to IOMMUs (Reference 3.1). No guest driver consumes them; unused here.
 * Doubtful: two published sources disagree on the number of the page-request message.
 */
#define HV_MESSAGE_IOMMU_FAULT                0x80000024u
#define HV_MESSAGE_X64_IOMMU_PRQ              0x80010005u
#define HV_MESSAGE_X64_IOMMU_PRQ_OTHER_SOURCE 0x80010006u

#define HV_SINT_IOMMU_FAULT 5u

#endif
