/* SPDX-License-Identifier: MIT */
/* Parts of the machine that write to memory and are no PCI function: neither nested paging nor VT-d
 * stands in their way. */
#define TEST_GROUP "hostile"
#include "drivers/pci.h"
#include "kernel/acpi.h"
#include "kernel/cpu.h"
#include "kernel/paging.h"
#include "kernel/time.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/hostile/hostile.h"

#define HPET_CONFIG      0x10u
#define HPET_RUN         BIT(0)
#define HPET_COUNTER     0xF0u
#define HPET_TIMER       0x100u
#define HPET_TIMER_BYTES 0x20u
#define HPET_TIMERS      3u
#define TIMER_COMPARATOR 0x08u
#define TIMER_ROUTE      0x10u
#define TIMER_INTERRUPT  BIT(2)
#define TIMER_FSB        BIT(14)
#define TICKS            1000u
#define WAIT_US          2000u
#define VALUE            0xDEADBEEFull

static uint64_t hpet_base(void)
{
    const struct acpi_table *table = acpi_find("HPET", 0);
    struct acpi_hpet hpet;

    if (!table || table->length < sizeof(hpet))
        return 0;
    memcpy(&hpet, table, sizeof(hpet));
    return hpet.address;
}

static uint64_t hpet_read(uint64_t at)
{
    uint64_t value = 0;

    (void)load_caught(at, 8, &value);
    return value;
}

/* Aims a timer at `gpa`, with stores of `size` bytes, and lets it fire. Returns its configuration
 * at that time. */
static uint64_t fire(uint64_t base, unsigned timer, unsigned size, uint64_t gpa)
{
    uint64_t at = base + HPET_TIMER + timer * HPET_TIMER_BYTES, old = hpet_read(at),
             run = hpet_read(base + HPET_CONFIG);
    uint64_t config;

    (void)store_caught(at + TIMER_ROUTE, 8, gpa << 32 | VALUE);
    (void)store_caught(at + TIMER_ROUTE, 4, VALUE);
    (void)store_caught(at + TIMER_ROUTE + 4, 4, gpa);
    (void)store_caught(base + HPET_CONFIG, 8, run | HPET_RUN);
    (void)store_caught(at + TIMER_COMPARATOR, 8, hpet_read(base + HPET_COUNTER) + TICKS);
    (void)store_caught(at, size, TIMER_FSB | TIMER_INTERRUPT);
    config = hpet_read(at);
    time_delay_us(WAIT_US);
    (void)store_caught(at, 8, old);
    (void)store_caught(base + HPET_CONFIG, 8, run);
    return config;
}

STRESS(timer_message,
       PROMISE("A timer of the HPET writes no message to memory")
       COVERS("ISO-3") DEVICES(NONE) KINDS("dma bad-input")
       STEPS("Aims each timer at an unused page of the host, by delivery over the front-side bus, "
             "with stores of 4 and 8 bytes, and lets it fire.")
       EXPECTS("The bit that selects this delivery reads 0, and the host's memory is unchanged.")
       IF_IT_FAILS("The HPET writes four bytes anywhere below 4 GiB, also to the host's own "
                   "memory: it is a bus master that no IOMMU sees."))
{
    struct integrity_output host;
    uint64_t base = hpet_base();

    need_integrity(t, &host);
    if (!base)
        SKIP("the machine has no HPET");
    (void)paging_map_mmio(base, PAGE_SIZE);
    for (unsigned timer = 0; timer < HPET_TIMERS; timer++) {
        for (unsigned size = 4; size <= 8; size += 4) {
            uint64_t config = fire(base, timer, size, host.target + timer * PAGE_SIZE);
            struct integrity_output found;

            STEP("timer %llu, stores of %llu bytes: configuration 0x%llx", timer, size, config);
            CHECK(host_integrity_check(false, &found), "the host does not compare its own memory");
            CHECK_EQ(found.words_changed, 0,
                     "words of the host's unused pages that a timer has changed");
            CHECK(!(config & TIMER_FSB), "timer %u has front-side-bus delivery on: 0x%llx", timer,
                  (unsigned long long)config);
        }
    }
}

/* --- the boot disk: a virtio block device (Virtual I/O Device 1.2, 4.1 and 5.2) --- */
#define VIRTIO_VENDOR       0x1AF4u
#define VIRTIO_BLOCK        0x1042u
#define VIRTIO_BLOCK_LEGACY 0x1001u
#define CAPABILITY_LIST     0x34u
#define CAPABILITY_VENDOR   0x09u
#define CAPABILITIES_MAX    48u
#define VIRTIO_COMMON       1u
#define VIRTIO_NOTIFY       2u
#define FEATURE_VERSION_1   BIT(32)
#define FEATURE_IOMMU       BIT(33) /* VIRTIO_F_ACCESS_PLATFORM: DMA goes through the IOMMU */
#define STATUS_DRIVER       3u      /* acknowledged, driver */
#define STATUS_FEATURES     8u
#define STATUS_RUNNING      4u
#define RING_ENTRIES        4u
#define DESCRIPTOR_NEXT     1u
#define DESCRIPTOR_WRITE    2u
#define SECTOR              512u
#define RIGHT_US            2000000u
#define STOPPED_US          100000u
#define NOT_DONE            0xEEu

struct common_configuration {
    uint32_t device_feature_select, device_feature, driver_feature_select, driver_feature;
    uint16_t configuration_vector, queues;
    uint8_t status, generation;
    uint16_t queue, queue_size, queue_vector, queue_enable, queue_notify;
    uint64_t descriptors, driver, device;
};

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};

/* On one page: rings, the head of a request, its status. */
struct disk_memory {
    struct descriptor descriptor[RING_ENTRIES];
    uint16_t available_flags, available_index, available[RING_ENTRIES + 1];
    uint8_t unused[84];
    uint16_t used_flags, used_index;
    uint32_t used[2 * RING_ENTRIES + 1];
    struct {
        uint32_t type, reserved;
        uint64_t sector;
    } head;
    uint8_t status;
};

struct disk {
    const struct pci_function *function;
    volatile struct common_configuration *common;
    volatile uint16_t *notify;
    struct disk_memory *memory;
};

static volatile void *structure(const struct pci_function *f, unsigned type)
{
    unsigned at = pci_read8(f, CAPABILITY_LIST);

    for (unsigned i = 0; at != 0 && i < CAPABILITIES_MAX; i++, at = pci_read8(f, at + 1)) {
        if (pci_read8(f, at) == CAPABILITY_VENDOR && pci_read8(f, at + 3) == type) {
            return paging_map_mmio(pci_bar(f, pci_read8(f, at + 4)) + pci_read32(f, at + 8),
                                   PAGE_SIZE);
        }
    }
    return NULL;
}

static bool find_disk(struct disk *d)
{
    size_t count;
    const struct pci_function *f = pci_functions(&count);

    for (size_t i = 0; i < count; i++) {
        if (f[i].vendor == VIRTIO_VENDOR &&
            (f[i].device == VIRTIO_BLOCK || f[i].device == VIRTIO_BLOCK_LEGACY)) {
            pci_enable(&f[i], true);
            *d = (struct disk){.function = &f[i], .common = structure(&f[i], VIRTIO_COMMON)};
            d->notify = structure(&f[i], VIRTIO_NOTIFY);
            return d->common && d->notify;
        }
    }
    return false;
}

static uint64_t features(const struct disk *d)
{
    uint64_t low;

    d->common->device_feature_select = 0;
    low = d->common->device_feature;
    d->common->device_feature_select = 1;
    return (uint64_t)d->common->device_feature << 32 | low;
}

static void start_disk(struct test_run *t, struct disk *d)
{
    d->common->status = 0;
    d->common->status = STATUS_DRIVER;
    d->common->driver_feature_select = 0;
    d->common->driver_feature = 0;
    d->common->driver_feature_select = 1;
    d->common->driver_feature = (FEATURE_VERSION_1 | FEATURE_IOMMU) >> 32;
    d->common->status = STATUS_DRIVER | STATUS_FEATURES;
    REQUIRE(d->common->status & STATUS_FEATURES, "the disk refuses its features");
    memset(d->memory, 0, sizeof(*d->memory));
    d->common->queue = 0;
    d->common->queue_size = RING_ENTRIES;
    d->common->descriptors = gpa_of(d->memory->descriptor);
    d->common->driver = gpa_of(&d->memory->available_flags);
    d->common->device = gpa_of(&d->memory->used_flags);
    d->common->queue_enable = 1;
    d->common->status = STATUS_DRIVER | STATUS_FEATURES | STATUS_RUNNING;
}

static bool is_done(void *argument)
{
    return *(volatile uint8_t *)argument != NOT_DONE;
}

/* Reads the first sector of the disk to `gpa`, in at most `wait_us`. True: the disk says that it
 * has done so. */
static bool read_sector(struct disk *d, uint64_t gpa, uint64_t wait_us)
{
    struct disk_memory *m = d->memory;

    m->status = NOT_DONE;
    m->descriptor[0] = (struct descriptor){gpa_of(&m->head), sizeof(m->head), DESCRIPTOR_NEXT, 1};
    m->descriptor[1] = (struct descriptor){gpa, SECTOR, DESCRIPTOR_NEXT | DESCRIPTOR_WRITE, 2};
    m->descriptor[2] = (struct descriptor){gpa_of(&m->status), 1, DESCRIPTOR_WRITE, 0};
    m->available_index++;
    cpu_memory_barrier();
    *d->notify = 0;
    return time_wait(is_done, &m->status, wait_us) && m->status == 0;
}

STRESS(disk_writes,
       PROMISE("The boot disk writes to memory of the guest, and not to memory of the host")
       COVERS("ISO-3") DEVICES(NONE) KINDS("dma bad-input")
       STEPS("Starts the virtio disk, reads its first sector to a page of the guest, then to an "
             "unused page of the host.")
       EXPECTS("The first read succeeds, and the second one leaves the host's memory unchanged.")
       IF_IT_FAILS("A bus master of the machine passes the IOMMU by. The property iommu_platform "
                   "of QEMU's virtio devices makes it go through."))
{
    struct integrity_output host, found;
    uint8_t *page = page_alloc(1, PAGE_SIZE);
    struct disk d = {0};
    struct oracle_fault fault;
    bool own, checked;

    need_integrity(t, &host);
    if (!find_disk(&d))
        SKIP("the machine has no virtio disk");
    if (!(features(&d) & FEATURE_IOMMU)) {
        SKIP("the disk of this machine passes the IOMMU by: it lacks QEMU's property "
             "iommu_platform");
    }
    d.memory = page_alloc(1, PAGE_SIZE);
    REQUIRE(page && d.memory, "no memory");
    start_disk(t, &d);
    own = read_sector(&d, gpa_of(page), RIGHT_US);
    (void)read_sector(&d, host.target, STOPPED_US);
    checked = host_integrity_check(false, &found);
    d.common->status = 0;
    /* The record of the write that was stopped. */
    while (oracle_take_fault(ORACLE_FAULT_ANY_DEVICE, &fault) && (fault.valid & ORACLE_FAULT_VALID))
        STEP("fault at 0x%llx, device 0x%llx", fault.iova, fault.device_id);
    CHECK(checked, "the host does not compare its own memory");
    CHECK_EQ(found.words_changed, 0, "words of the host's unused pages that the disk has changed");
    REQUIRE(own, "the disk does not read to memory of the guest");
}
