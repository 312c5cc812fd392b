/* SPDX-License-Identifier: MIT */
#include "tests/unit/dmaprobe_fixture.h"
#include "lib/bits.h"

#include <string.h>

#include "host/base/memory.h"
#include "host/base/reference_time.h"
#include "host/iommu/soft_backend.h"
#include "host/iommu/soft_memory.h"
#include "host/vdev/msi.h"

#define BLOCKS_MAX 16
#define BDF        0x80u
#define DID        3u

struct machine machine;
static void *blocks[BLOCKS_MAX];
static unsigned block_count;
static struct softiommu *iommu;

void *host_pages(size_t pages)
{
    assert_true(block_count < BLOCKS_MAX);
    blocks[block_count] = aligned_alloc(PAGE_SIZE, pages * PAGE_SIZE);
    assert_non_null(blocks[block_count]);
    return memset(blocks[block_count++], 0, pages * PAGE_SIZE);
}

uint64_t reference_time(void)
{
    return machine.now;
}

static void fill(uint64_t spa, uint8_t byte, size_t size)
{
    if (guest_is_ram(spa, size))
        memset((void *)(uintptr_t)spa, byte, size);
}
struct soft_memory soft_memory = {.fill = fill};

bool msi_send(const struct vdev_function *function, uint64_t address, uint32_t data)
{
    (void)function;
    machine.messages++;
    machine.message_address = address;
    machine.message_data = data;
    return true;
}

/* Addresses after stage 2 are those of this process. */
bool guest_is_ram(uint64_t gpa, uint64_t length)
{
    uint64_t start = (uintptr_t)machine.ram;

    return gpa >= start && length <= MACHINE_RAM && gpa - start <= MACHINE_RAM - length;
}

bool guest_is_hidden(uint64_t start, uint64_t length)
{
    (void)start;
    (void)length;
    return false;
}

void soft_lock(void)
{
}

void soft_unlock(void)
{
}

struct softiommu *soft_iommu(void)
{
    return iommu;
}

unsigned soft_device(uint16_t bdf)
{
    assert_int_equal(bdf, BDF);
    return 0;
}

struct vdev_function *vdev_functions(unsigned *count)
{
    *count = 1;
    return &machine.function;
}

struct vdev_function *vdev_find(uint16_t bdf)
{
    return bdf == BDF ? &machine.function : NULL;
}

/* SPA is the address of the byte on this machine, so that what the device touches is what the
 * sanitizer watches. */
static bool stage2(void *owner, uint64_t gpa, enum oracle_access access, uint64_t *spa,
                   uint64_t *size)
{
    (void)owner;
    (void)access;
    if (gpa >= MACHINE_RAM)
        return false;
    *spa = (uintptr_t)(machine.ram + gpa);
    *size = 0x1000 - gpa % 0x1000;
    return true;
}

static void copy_from(void *owner, void *to, uint64_t spa, size_t size)
{
    (void)owner;
    memcpy(to, (const void *)(uintptr_t)spa, size);
}

static void copy_to(void *owner, uint64_t spa, const void *from, size_t size)
{
    (void)owner;
    memcpy((void *)(uintptr_t)spa, from, size);
}

static void on_switch_step(void *owner, unsigned device)
{
    (void)owner;
    (void)device;
    dmaprobe_on_switch_step(machine.function.probe);
}

void machine_block(bool blocked)
{
    struct softiommu_translation t = {.kind = blocked ? SOFTIOMMU_BLOCKED : SOFTIOMMU_IDENTITY,
                                      .did = DID};

    assert_true(softiommu_switch_device(iommu, 0, &t, SOFTIOMMU_ATTACH));
}

int machine_reset(void **state)
{
    struct softiommu_config config = {
        .devices = 1,
        .iova_bits = 48,
        .physical_bits = 40,
        .page_sizes = 1 << 12,
        .iotlb_entries = 16,
        .walk_cache_entries = 16,
        .device_tlb_entries = 16,
    };
    struct softiommu_callbacks callbacks = {.stage2 = stage2,
                                            .copy_from = copy_from,
                                            .copy_to = copy_to,
                                            .on_switch_step = on_switch_step};
    struct config_identity identity = {.vendor = DMAPROBE_VENDOR, .device = DMAPROBE_DEVICE};
    size_t size = softiommu_storage_size(&config);

    machine_free(state);
    iommu = softiommu_init(&config, &callbacks, host_pages((size + 0xFFF) / 0x1000), size);
    assert_non_null(iommu);
    machine.ram = malloc(MACHINE_RAM);
    assert_non_null(machine.ram);
    memset(machine.ram, 0x11, MACHINE_RAM);
    machine.function = (struct vdev_function){.bdf = BDF, .config = &machine.config};
    config_endpoint(&machine.config, &identity, 0x100000000, DMAPROBE_BAR_SIZE, true);
    config_write(&machine.config, CONFIG_COMMAND, 2, COMMAND_MEMORY | COMMAND_MASTER);
    machine.function.probe = dmaprobe_new(&machine.function);
    machine_block(false);
    return 0;
}

int machine_free(void **state)
{
    (void)state;
    if (machine.function.probe)
        machine_write(DMAPROBE_CONTROL, DMAPROBE_CONTROL_RESET);
    while (block_count != 0)
        free(blocks[--block_count]);
    free(machine.ram);
    memset(&machine, 0, sizeof(machine));
    return 0;
}

static uint8_t *memory_at(uint32_t offset)
{
    for (unsigned i = 0; i < DMAPROBE_MEMORIES; i++) {
        const struct dmaprobe_memory *memory = dmaprobe_memory(machine.function.probe, i);

        if (memory->offset == offset)
            return memory->bytes;
    }
    fail_msg("the device has no memory at 0x%x", offset);
    return NULL;
}

struct dmaprobe_request *machine_request(unsigned slot)
{
    return (struct dmaprobe_request *)memory_at(DMAPROBE_REQUESTS) + slot;
}

uint8_t *machine_buffer(void)
{
    return memory_at(DMAPROBE_BUFFER);
}

struct dmaprobe_element *machine_scatter(void)
{
    return (struct dmaprobe_element *)memory_at(DMAPROBE_SCATTER);
}

void machine_write(unsigned offset, uint32_t value)
{
    dmaprobe_register_write(machine.function.probe, offset, 4, value);
}

uint32_t machine_read(unsigned offset)
{
    return (uint32_t)dmaprobe_register_read(machine.function.probe, offset, 4);
}
