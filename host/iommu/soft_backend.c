/* SPDX-License-Identifier: MIT */
/* Stage 2 is the guest's view of RAM: what the host keeps to itself, MMIO and holes are refused,
 * for tables as for data. */
#include "host/iommu/soft_backend.h"

#include "abi/device_id.h"
#include "abi/iommu_capabilities.h"
#include "host/base/lock.h"
#include "host/base/log.h"
#include "host/base/memory.h"
#include "host/base/panic.h"
#include "host/iommu/domain_id.h"
#include "host/iommu/soft_memory.h"
#include "lib/bits.h"

#define SEGMENT 0u

/* Room for what one test can touch, several times over; evictions for want of room stay possible.
 */
#define IOTLB_ENTRIES      4096u
#define WALK_CACHE_ENTRIES 1024u
#define DEVICE_TLB_ENTRIES 512u
#define DIDS               65536u

/* Default to the most aggressive caching policy that the ABI allows. */
struct soft_options soft_options = {.caching = SOFTIOMMU_CACHE_ADVERSARIAL};

struct soft_function {
    uint16_t bdf;
    soft_switch_step *on_switch_step;
    void *owner;
};

static struct {
    struct host_lock lock;
    struct softiommu *iommu;
    struct backend_limits limits;
    unsigned devices;
    struct soft_function function[SOFTIOMMU_DEVICES_MAX]; /* by device number */
} soft;

void soft_lock(void)
{
    host_lock_take(&soft.lock);
}

void soft_unlock(void)
{
    host_lock_release(&soft.lock);
}

struct softiommu *soft_iommu(void)
{
    return soft.iommu;
}

static unsigned number_of(uint16_t bdf)
{
    unsigned device = 0;

    while (device < soft.devices && soft.function[device].bdf != bdf)
        device++;
    return device;
}

unsigned soft_device(uint16_t bdf)
{
    unsigned device = number_of(bdf);

    if (device == soft.devices)
        host_panic("the software IOMMU does not know the function %04x", bdf);
    return device;
}

uint64_t soft_device_id(unsigned device)
{
    return hv_pci_logical_device_id(SEGMENT, soft.function[device].bdf);
}

void soft_set_ats(uint16_t bdf, bool on)
{
    softiommu_set_ats(soft.iommu, soft_device(bdf), on);
}

void soft_add_function(uint16_t bdf, soft_switch_step *on_switch_step, void *function)
{
    if (soft.devices == SOFTIOMMU_DEVICES_MAX)
        host_panic("more than %u functions behind the software IOMMU", SOFTIOMMU_DEVICES_MAX);
    soft.function[soft.devices++] =
        (struct soft_function){.bdf = bdf, .on_switch_step = on_switch_step, .owner = function};
}

static void on_switch_step(void *owner, unsigned device)
{
    const struct soft_function *function = &soft.function[device];

    (void)owner;
    if (function->on_switch_step)
        function->on_switch_step(function->owner);
}

void soft_set_limits(uint8_t iova_bits, bool five_level)
{
    soft.limits = (struct backend_limits){
        .iova_bits = iova_bits,
        .five_level = five_level,
        .ats = true,
        .page_sizes = HV_IOMMU_PGSIZE_ALL,
        .dids = DIDS,
    };
}

static bool soft_init(void)
{
    static const char *const policies[] = {"none", "random", "adversarial"};
    struct softiommu_config config = {
        .policy = soft_options.caching,
        .ad_mode = soft_options.ad_mode,
        .seed = soft_options.seed,
        .iova_bits = soft_options.iova_bits != 0 ? soft_options.iova_bits : soft.limits.iova_bits,
        .physical_bits = log2_floor(guest_gpa_limit()),
        .xd_reserved = soft_options.xd_reserved,
        .extended_accessed = soft_options.extended_accessed,
        .user_ignored = soft_options.user_ignored,
        .keep_idle_domains = soft_options.keep_idle_domains,
        .page_sizes = HV_IOMMU_PGSIZE_ALL,
        .iotlb_entries = IOTLB_ENTRIES,
        .walk_cache_entries = WALK_CACHE_ENTRIES,
        .device_tlb_entries = DEVICE_TLB_ENTRIES,
        .rules = soft_options.rules,
    };
    struct softiommu_callbacks callbacks = {
        .stage2 = soft_memory.stage2,
        .read64 = soft_memory_read64,
        .compare_exchange64 = soft_memory.compare_exchange64,
        .copy_from = soft_memory.copy_from,
        .copy_to = soft_memory.copy_to,
        .on_switch_step = on_switch_step,
        .on_translation = soft_options.on_translation,
    };
    size_t size;

    if (soft_options.page_sizes != 0)
        config.page_sizes = soft_options.page_sizes;
    if (soft_options.cache_entries != 0)
        config.iotlb_entries = config.walk_cache_entries = config.device_tlb_entries =
            soft_options.cache_entries;
    if (soft.devices == 0)
        return false;
    config.devices = soft.devices;
    size = softiommu_storage_size(&config);
    if (size != 0)
        soft.iommu = softiommu_init(&config, &callbacks,
                                    host_pages((size + PAGE_SIZE - 1) / PAGE_SIZE), size);
    if (!soft.iommu)
        host_panic("the software IOMMU refuses its configuration: %u bits of IOVA, %u physical",
                   config.iova_bits, config.physical_bits);
    host_log(LOG_INFO,
             "software IOMMU: %u functions, %u bits, caching %s seed %llu, %zu KiB of caches\n",
             soft.devices, config.iova_bits, policies[config.policy],
             (unsigned long long)config.seed, size / 1024);
    return true;
}

static const struct backend_limits *soft_limits(void)
{
    return &soft.limits;
}

static bool soft_owns(uint16_t bdf)
{
    return number_of(bdf) != soft.devices;
}

static struct softiommu_translation translation_of(const struct translation *t)
{
    static const enum softiommu_kind kinds[] = {
        [TRANSLATION_BLOCKED] = SOFTIOMMU_BLOCKED,
        [TRANSLATION_IDENTITY] = SOFTIOMMU_IDENTITY,
        [TRANSLATION_PAGING] = SOFTIOMMU_PAGING,
    };

    return (struct softiommu_translation){
        .kind = kinds[t->kind], .root = t->root, .levels = t->levels, .did = t->did};
}

static void soft_set_translation(uint16_t bdf, const struct translation *from,
                                 const struct translation *to)
{
    struct softiommu_translation target = translation_of(to);
    bool done;

    (void)from; /* the unit knows what the device had */
    soft_lock();
    done = softiommu_switch_device(soft.iommu, soft_device(bdf), &target,
                                   to->did == DID_NONE ? SOFTIOMMU_DETACH : SOFTIOMMU_ATTACH);
    soft_unlock();
    if (!done)
        host_panic("the software IOMMU refuses kind %u, root 0x%llx, %u levels for %04x",
                   (unsigned)to->kind, (unsigned long long)to->root, to->levels, bdf);
}

static void soft_flush_domain(const struct translation *t)
{
    soft_lock();
    softiommu_flush_domain(soft.iommu, t->did);
    soft_unlock();
}

static void soft_flush_range(const struct translation *t, struct page_range range)
{
    soft_lock();
    softiommu_flush_range(soft.iommu, t->did, range.first, log2_floor(range.count));
    soft_unlock();
}

static void soft_forget_domain(const struct translation *t)
{
    struct softiommu_translation domain = translation_of(t);

    soft_lock();
    softiommu_delete_domain(soft.iommu, &domain);
    soft_unlock();
}

static bool soft_take_fault(uint64_t device_id, bool clear, struct oracle_fault *fault)
{
    unsigned device;
    bool found;

    soft_lock();
    device = device_id == ORACLE_FAULT_ANY_DEVICE ? softiommu_oldest_fault(soft.iommu)
                                                  : number_of((uint16_t)device_id);
    *fault = (struct oracle_fault){0};
    found = device < soft.devices && softiommu_take_fault(soft.iommu, device, clear, fault);
    soft_unlock();
    if (found)
        fault->device_id = soft_device_id(device);
    return found;
}

struct iommu_backend backend_soft = {
    .name = "software",
    .init = soft_init,
    .limits = soft_limits,
    .owns = soft_owns,
    .set_translation = soft_set_translation,
    .flush_domain = soft_flush_domain,
    .flush_range = soft_flush_range,
    .forget_domain = soft_forget_domain,
    .take_fault = soft_take_fault,
};
