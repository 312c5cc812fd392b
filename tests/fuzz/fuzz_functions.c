/* SPDX-License-Identifier: MIT */
/*
 * A guest that does anything with the registers and the device memory of the virtual functions: a
 * dmaprobe and an IOAT engine, behind a software IOMMU that is switched meanwhile. The input is a
 * list of operations. Guest memory is a block of the heap, so that the sanitizer sees an access
 * beside it.
 */
#include <string.h>

#include "abi/ioat.h"
#include "host/vdev/ioat.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"
#include "tests/unit/dmaprobe_fixture.h"

/* Addresses that the operations choose: descriptors, data, and the end of guest memory. */
#define CHAIN_PAGES 4u
#define STEPS_MAX   4000u /* each may run a batch of 64 descriptors of 64 KiB */

static struct vdev_function engine;
static struct config_space engine_config;

/* A low address, one at the end of guest memory, one above it, one at the end of the address
 * space. */
static uint64_t address(struct input *in)
{
    static const uint64_t from[] = {0, MACHINE_RAM - 0x100, MACHINE_RAM, UINT64_MAX - 0xFF};
    uint64_t choice = take(in, 1);

    return from[choice % 4] + take(in, choice & 0x80 ? 2 : 1);
}

static void load(struct vdev_function *function, struct input *in)
{
    unsigned offset = (unsigned)take(in, 3) % function->device->bar_size,
             size = 1u << take(in, 1) % 4;

    (void)function->device->read(function->engine, offset, size);
}

static void store(struct vdev_function *function, struct input *in, unsigned limit)
{
    unsigned offset = (unsigned)take(in, 3) % limit, size = 1u << take(in, 1) % 4;
    uint64_t value = take(in, size);

    function->device->write(function->engine, offset, size, value);
}

static void descriptor(struct input *in)
{
    uint64_t at = take(in, 1) % (CHAIN_PAGES * 16) * sizeof(struct ioat_descriptor);
    struct ioat_descriptor d = {.size = (uint32_t)take(in, 3), .control = (uint32_t)take(in, 1)};

    d.source = address(in);
    d.destination = address(in);
    d.next = take(in, 1) % (CHAIN_PAGES * 16) * sizeof(d);
    memcpy(machine.ram + at, &d, sizeof(d));
}

static void chain(struct input *in)
{
    engine.device->write(engine.engine, IOAT_CHANNEL(0) + IOAT_CHANERR, 4, UINT32_MAX);
    engine.device->write(engine.engine, IOAT_CHANNEL(0) + IOAT_CHANCMP, 8, address(in));
    engine.device->write(engine.engine, IOAT_CHANNEL(0) + IOAT_CHAINADDR, 8,
                         take(in, 1) * sizeof(struct ioat_descriptor));
    engine.device->write(engine.engine, IOAT_CHANNEL(0) + IOAT_DMACOUNT, 2, take(in, 1));
}

static void request(struct input *in)
{
    struct dmaprobe_request *r = machine_request((unsigned)take(in, 1) % DMAPROBE_SLOTS);

    take_bytes(in, r, 1 + take(in, 1) % sizeof(*r));
}

static void scatter(struct input *in)
{
    uint64_t first = take(in, 2) % DMAPROBE_SCATTER_LENGTH;
    struct dmaprobe_element *e = machine_scatter() + first;

    take_bytes(in, e, sizeof(*e) * (1 + take(in, 1) % 4 % (DMAPROBE_SCATTER_LENGTH - first)));
}

static void configure(struct vdev_function *function, struct input *in)
{
    unsigned offset = (unsigned)take(in, 2) % CONFIG_SPACE_SIZE, size = 1u << take(in, 1) % 3;

    config_write(function->config, offset & ~(size - 1), size, take(in, size));
    if (function->device->configured)
        function->device->configured(function->engine);
}

static void pass_time(struct input *in)
{
    machine.now += take(in, 2);
    machine.function.device->tick(machine.function.engine, machine.now);
    engine.device->tick(engine.engine, machine.now);
}

static void operate(struct input *in)
{
    switch (take(in, 1) % 11) {
    case 0:
        store(&engine, in, IOAT_BAR_SIZE);
        break;
    case 1:
        load(&engine, in);
        break;
    case 2:
        store(&machine.function, in, DMAPROBE_BAR_SIZE);
        break;
    case 3:
        store(&machine.function, in, 0x40); /* the registers of the dmaprobe */
        break;
    case 4:
        load(&machine.function, in);
        break;
    case 5:
        descriptor(in);
        break;
    case 6:
        chain(in);
        break;
    case 7:
        request(in);
        break;
    case 8:
        scatter(in);
        break;
    case 9:
        configure(take(in, 1) & 1 ? &engine : &machine.function, in);
        break;
    default:
        if (take(in, 1) % 8 == 0)
            machine_block(take(in, 1) & 1);
        pass_time(in);
        break;
    }
}

static void begin(void)
{
    static const struct config_identity identity = {.vendor = IOAT_VENDOR,
                                                    .device = IOAT_DEVICE,
                                                    .msix_vectors = IOAT_MSIX_VECTORS,
                                                    .msix_table = IOAT_MSIX_TABLE,
                                                    .msix_pba = IOAT_MSIX_PBA};

    if (!machine.ram) {
        machine_reset(NULL);
        engine = (struct vdev_function){.bdf = machine.function.bdf, .config = &engine_config};
        config_endpoint(&engine_config, &identity, 0x200000000, IOAT_BAR_SIZE, false);
        ioat_new(&engine);
    }
    config_write(&engine_config, CONFIG_COMMAND, 2, COMMAND_MEMORY | COMMAND_MASTER);
    config_write(&machine.config, CONFIG_COMMAND, 2, COMMAND_MEMORY | COMMAND_MASTER);
    engine.device->reset(engine.engine);
    machine.function.device->reset(machine.function.engine);
    machine_block(false);
    memset(machine.ram, 0, CHAIN_PAGES * 0x1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};

    begin();
    for (unsigned step = 0; in.size != 0 && step < STEPS_MAX; step++)
        operate(&in);
    return 0;
}
