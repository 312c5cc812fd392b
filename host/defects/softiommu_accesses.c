/* SPDX-License-Identifier: MIT */
/* Faults between the IOVA of a request and memory: how a request goes on, offsets in a page, the
 * check of stage 2. */
#include "host/defects/softiommu_seams.h"
#include "host/softiommu/stage1.h"
#include "lib/bits.h"

struct softiommu_memory softiommu_memory;

bool __wrap_softiommu_request_begin(struct softiommu *iommu, unsigned device,
                                    struct softiommu_request *request)
{
    bool all;

    softiommu_memory.beginning = request;
    all = __real_softiommu_request_begin(iommu, device, request);
    softiommu_memory.beginning = NULL;
    if (softiommu_faulty && request->translated != 0)
        softiommu_memory.youngest[device] = request->sequence;
    if (softiommu_faulty)
        softiommu_memory.level_of[softiommu_memory.levels_known++ % REQUESTS_KNOWN] =
            (struct level_of_request){.request = request,
                                      .level = (uint8_t)softiommu_memory.access.level};
    return all;
}

/* A request goes on at the start of the region that it is about to leave. */
static uint64_t wrapped(uint64_t iova)
{
    static const struct {
        enum softiommu_fault fault;
        unsigned width;
    } regions[] = {
        {SOFTIOMMU_FAULT_WRAPS_2M, 21},
        {SOFTIOMMU_FAULT_WRAPS_1G, 30},
        {SOFTIOMMU_FAULT_WRAPS_4G, 32},
        {SOFTIOMMU_FAULT_WRAPS_512G, 39},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(regions) && softiommu_memory.beginning; i++) {
        uint64_t region = BIT(regions[i].width);

        if (softiommu_injected(regions[i].fault))
            iova = align_down(softiommu_memory.beginning->iova, region) | (iova & (region - 1));
    }
    return iova;
}

/* The address of a device in an identity domain, with fewer bits. */
static uint64_t identity_cut(const struct softiommu *iommu, unsigned device, uint64_t iova)
{
    if (iommu->function[device].translation.kind != SOFTIOMMU_IDENTITY)
        return iova;
    if (softiommu_injected(SOFTIOMMU_FAULT_IDENTITY_CUT_PHYSICAL))
        return iova & (BIT(iommu->config.physical_bits) - 1);
    return softiommu_injected(SOFTIOMMU_FAULT_IDENTITY_CUT_48) ? iova & BITS(47, 0) : iova;
}

/* A request goes on linearly from the end of a large page on. */
static bool goes_on_linearly(void)
{
    unsigned level = softiommu_memory.access.level;

    return (level == 1 && softiommu_injected(SOFTIOMMU_FAULT_LINEAR_AFTER_2M)) ||
           (level == 2 && softiommu_injected(SOFTIOMMU_FAULT_LINEAR_AFTER_1G));
}

/* An IOVA that is taken for one of the interrupt window. */
static bool in_window(uint64_t iova)
{
    if (softiommu_injected(SOFTIOMMU_FAULT_WINDOW_32))
        iova &= UINT32_MAX;
    if (softiommu_injected(SOFTIOMMU_FAULT_WINDOW_BIT_38))
        iova &= ~BIT(38);
    return iova >= INTERRUPT_WINDOW_FIRST && iova <= INTERRUPT_WINDOW_LAST;
}

enum softiommu_reason __wrap_softiommu_translate(struct softiommu *iommu, unsigned device,
                                                 uint64_t iova, enum oracle_access access,
                                                 uint64_t *spa, uint64_t *size)
{
    enum softiommu_reason reason;

    if (!softiommu_faulty)
        return __real_softiommu_translate(iommu, device, iova, access, spa, size);
    softiommu_memory.unit = iommu;
    if (softiommu_injected(SOFTIOMMU_FAULT_REQUEST_RIGHTS_FIRST) && softiommu_memory.beginning &&
        softiommu_memory.beginning->iova >> 12 != iova >> 12)
        access = ORACLE_ACCESS_READ;
    delayed_ad_write_back(iommu);
    softiommu_memory.access = (struct access_under_way){.device = device};
    if (in_window(iova))
        iova &= BITS(31, 0);
    iova = identity_cut(iommu, device, iova);
    reason = __real_softiommu_translate(iommu, device, wrapped(iova), access, spa, size);
    if (reason != SOFTIOMMU_REASON_NONE)
        return reason;
    if (softiommu_injected(SOFTIOMMU_FAULT_IDENTITY_BELOW_4G) && iova > UINT32_MAX &&
        iommu->function[device].translation.kind == SOFTIOMMU_IDENTITY)
        return SOFTIOMMU_REASON_NOT_PRESENT;
    if (softiommu_memory.access.one_byte)
        *size = 1;
    if (softiommu_injected(SOFTIOMMU_FAULT_CROSSING_LINEAR) || goes_on_linearly())
        *size += BIT(12);
    return reason;
}

/* The target of a leaf with fewer bits, of the offset or of all. */
static uint64_t cut(uint64_t gpa)
{
    if (softiommu_memory.access.level == 1 && softiommu_injected(SOFTIOMMU_FAULT_OFFSET_CUT_2M))
        return gpa & ~BIT(20);
    if (softiommu_memory.access.level == 2 && softiommu_injected(SOFTIOMMU_FAULT_OFFSET_CUT_1G))
        return gpa & ~BITS(29, 21);
    if (softiommu_memory.access.level == 1 && softiommu_injected(SOFTIOMMU_FAULT_TARGET_2M_32))
        return gpa & BITS(31, 0);
    if (softiommu_memory.access.level == 2 && softiommu_injected(SOFTIOMMU_FAULT_TARGET_1G_32))
        return gpa & BITS(31, 0);
    return gpa;
}

/* Whether guest memory ends, or begins, in the same region of that size; `last`: and nothing of it
 * follows within 16 of these. */
static bool ends_in_region(const struct softiommu *iommu, uint64_t gpa, enum oracle_access access,
                           uint64_t region, bool last)
{
    uint64_t spa, size, start = align_down(gpa, region);
    bool ends = false;

    for (uint64_t at = gpa; at >= start && !ends; at -= BIT(12)) {
        ends = __real_stage2(iommu, at, access, &spa, &size);
        if (at < start + BIT(12))
            break;
    }
    for (unsigned i = 1; i <= 16 && last && ends; i++)
        ends = !__real_stage2(iommu, start + i * region, access, &spa, &size);
    return ends;
}

static bool begins_in_region(const struct softiommu *iommu, uint64_t gpa, enum oracle_access access,
                             uint64_t region)
{
    uint64_t spa, size, end = align_down(gpa, region) + region;

    for (uint64_t at = gpa; at < end; at += BIT(12))
        if (__real_stage2(iommu, at, access, &spa, &size))
            return true;
    return false;
}

/* The range in which the page lies is rounded to more. */
static bool is_in_rounded(const struct softiommu *iommu, uint64_t gpa, enum oracle_access access)
{
    if (softiommu_injected(SOFTIOMMU_FAULT_STAGE2_END_2M_ROUNDED) &&
        ends_in_region(iommu, gpa, access, BIT(21), false))
        return true;
    if (softiommu_injected(SOFTIOMMU_FAULT_STAGE2_END_1G_ROUNDED) &&
        ends_in_region(iommu, gpa, access, BIT(30), true))
        return true;
    return softiommu_injected(SOFTIOMMU_FAULT_STAGE2_FIRST_2M_ROUNDED) &&
           begins_in_region(iommu, gpa, access, BIT(21));
}

static bool has_ends_in_memory(const struct softiommu *iommu, uint64_t gpa,
                               enum oracle_access access, uint64_t page)
{
    uint64_t spa, size, start = align_down(gpa, page);

    return __real_stage2(iommu, start, access, &spa, &size) &&
           __real_stage2(iommu, start + page - BIT(12), access, &spa, &size);
}

/* A page beside guest memory that counts as a part of it, or of a page that begins in it. */
static bool counts_as_memory(const struct softiommu *iommu, uint64_t gpa, enum oracle_access access)
{
    unsigned level = softiommu_memory.access.level;
    uint64_t spa, size;

    if (softiommu_injected(SOFTIOMMU_FAULT_STAGE2_FIRST) && gpa >= BIT(12) &&
        __real_stage2(iommu, gpa - BIT(12), access, &spa, &size))
        return true;
    if (softiommu_injected(SOFTIOMMU_FAULT_STAGE2_LAST) &&
        __real_stage2(iommu, gpa + BIT(12), access, &spa, &size))
        return true;
    if (is_in_rounded(iommu, gpa, access))
        return true;
    if (level == 0)
        return false;
    if (softiommu_injected(SOFTIOMMU_FAULT_STAGE2_LARGE_ANY) &&
        has_ends_in_memory(iommu, gpa, access, format_size(level)))
        return true;
    if (softiommu_injected(SOFTIOMMU_FAULT_STAGE2_LARGE_ONCE) &&
        softiommu_memory.allowed == align_down(gpa, format_size(level)) + level)
        return true;
    return (softiommu_injected(SOFTIOMMU_FAULT_STAGE2_LARGE_START) ||
            (level == 2 && softiommu_injected(SOFTIOMMU_FAULT_STAGE2_1G_START))) &&
           __real_stage2(iommu, align_down(gpa, format_size(level)), access, &spa, &size);
}

/* Whether the answer of stage 2 does not count. */
static bool unchecked(const struct softiommu *iommu, const struct walk *walk, uint64_t gpa,
                      enum oracle_access access)
{
    unsigned device = softiommu_memory.access.device;

    if (walk)
        return walk->level != walk->format->levels - 1 &&
               (softiommu_injected(SOFTIOMMU_FAULT_STAGE2_TABLE) ||
                (softiommu_injected(SOFTIOMMU_FAULT_STAGE2_TABLE_ROUNDED) &&
                 ends_in_region(iommu, gpa, access, BIT(21), false)));
    if (softiommu_injected(SOFTIOMMU_FAULT_STAGE2_LEAF))
        return true;
    if (softiommu_injected(SOFTIOMMU_FAULT_STAGE2_REQUEST_START) && softiommu_memory.beginning &&
        softiommu_memory.beginning->translated != 0)
        return true;
    if (softiommu_injected(SOFTIOMMU_FAULT_STAGE2_IDENTITY_READS) && access == ORACLE_ACCESS_READ &&
        iommu->function[device].translation.kind == SOFTIOMMU_IDENTITY)
        return true;
    return softiommu_injected(SOFTIOMMU_FAULT_STAGE2_IDENTITY) &&
           iommu->function[device].translation.kind == SOFTIOMMU_IDENTITY;
}

/* Bytes from `gpa` on that count as guest memory, of which `size` are. */
static uint64_t extent(uint64_t gpa, uint64_t size)
{
    uint64_t page = format_size(softiommu_memory.access.level);

    if (softiommu_injected(SOFTIOMMU_FAULT_STAGE2_LARGE_ENTRY) && page > BIT(12))
        return align_up(gpa + 1, page) - gpa;
    if (softiommu_injected(SOFTIOMMU_FAULT_STAGE2_END_1G))
        return align_up(gpa + size, BIT(30)) - gpa;
    return size;
}

bool __wrap_stage2(const struct softiommu *iommu, uint64_t gpa, enum oracle_access access,
                   uint64_t *spa, uint64_t *size)
{
    const struct walk *walk = softiommu_memory.walking;

    if (!softiommu_faulty)
        return __real_stage2(iommu, gpa, access, spa, size);
    if (!walk)
        gpa = cut(gpa);
    if (__real_stage2(iommu, gpa, access, spa, size)) {
        if (!walk) {
            softiommu_memory.allowed = align_down(gpa, format_size(softiommu_memory.access.level)) +
                                       softiommu_memory.access.level;
            *size = extent(gpa, *size);
        }
        return true;
    }
    *spa = gpa;
    *size = BIT(12) - (gpa & (BIT(12) - 1));
    return unchecked(iommu, walk, gpa, access) || (!walk && counts_as_memory(iommu, gpa, access));
}
