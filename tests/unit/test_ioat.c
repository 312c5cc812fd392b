/* SPDX-License-Identifier: MIT */
/* The emulated IOAT engine: copies, chains, errors, messages, and registers of random values. */
#include <string.h>

#include "abi/ioat.h"
#include "host/iommu/soft_backend.h"
#include "host/vdev/ioat.h"
#include "tests/unit/dmaprobe_fixture.h"

#define FRESH      0x11
#define RING       0x1000u
#define COMPLETION 0x800u
#define SOURCE     0x20000u
#define TARGET     0x40000u
#define OUTSIDE    0x7F0000000ull /* no memory of the guest */

static struct ioat_descriptor *ring(unsigned n)
{
    return (struct ioat_descriptor *)(machine.ram + RING) + n;
}

static void store(unsigned offset, unsigned size, uint64_t value)
{
    machine.function.device->write(machine.function.engine, offset, size, value);
}

static uint64_t load(unsigned offset, unsigned size)
{
    return machine.function.device->read(machine.function.engine, offset, size);
}

static void tick(void)
{
    machine.function.device->tick(machine.function.engine, 0);
}

static void doorbell(unsigned count)
{
    store(IOAT_CHANNEL(0) + IOAT_DMACOUNT, 2, count);
}

static uint64_t status(void)
{
    return load(IOAT_CHANNEL(0) + IOAT_CHANSTS, 8);
}

static uint64_t at(unsigned n)
{
    return RING + n * sizeof(struct ioat_descriptor);
}

static void start_chain(void)
{
    store(IOAT_CHANNEL(0) + IOAT_CHANCMP, 8, COMPLETION);
    store(IOAT_CHANNEL(0) + IOAT_CHAINADDR, 4, RING);
    store(IOAT_CHANNEL(0) + IOAT_CHAINADDR + 4, 4, 0);
}

static int set_up(void **state)
{
    static const struct config_identity identity = {.vendor = IOAT_VENDOR,
                                                    .device = IOAT_DEVICE,
                                                    .msix_vectors = IOAT_MSIX_VECTORS,
                                                    .msix_table = IOAT_MSIX_TABLE,
                                                    .msix_pba = IOAT_MSIX_PBA};

    assert_int_equal(machine_reset(state), 0);
    machine.config = (struct config_space){0};
    config_endpoint(&machine.config, &identity, 0x100000000, IOAT_BAR_SIZE, false);
    config_write(&machine.config, CONFIG_COMMAND, 2, COMMAND_MEMORY | COMMAND_MASTER);
    ioat_new(&machine.function);
    for (unsigned n = 0; n < 256; n++)
        *ring(n) = (struct ioat_descriptor){.size = 0x100,
                                            .control = IOAT_CONTROL_COMPLETION,
                                            .source = SOURCE,
                                            .destination = TARGET + n * 0x100,
                                            .next = at((n + 1) % 256)};
    memset(machine.ram + SOURCE, 0x77, 0x10000);
    start_chain();
    return 0;
}

static int tear_down(void **state)
{
    machine.function.device->reset(machine.function.engine);
    return machine_free(state);
}

static bool copied(unsigned n)
{
    return machine.ram[TARGET + n * 0x100] == 0x77 &&
           machine.ram[TARGET + n * 0x100 + 0xFF] == 0x77;
}

static void tells_what_it_is(void **state)
{
    (void)state;
    assert_int_equal(load(IOAT_CBVER, 1), 0x33);
    assert_int_equal(load(IOAT_CHANCNT, 1), 1);
    assert_int_equal(load(IOAT_XFERCAP, 1), 16);
    assert_int_equal(load(IOAT_CHANCNT, 4), 0x1001);
    assert_int_equal(load(IOAT_DMACAPABILITY, 4), 0);
    assert_int_equal(config_read(&machine.config, MSI_CONTROL, 2), 0);
    assert_int_equal(config_read(&machine.config, CONFIG_MSI, 1), 0x11);
    assert_int_equal(config_read(&machine.config, CONFIG_MSI + 4, 4), IOAT_MSIX_TABLE);
}

static void copies(void **state)
{
    uint64_t written;

    (void)state;
    ring(1)->source = SOURCE + 0xFFF;
    ring(1)->destination = TARGET + 0x10FFD;
    ring(1)->size = 1;
    doorbell(2);
    assert_int_equal(status(), at(1) | IOAT_STATUS_IDLE);
    memcpy(&written, machine.ram + COMPLETION, sizeof(written));
    assert_int_equal(written, status());
    assert_true(copied(0));
    assert_int_equal(machine.ram[TARGET + 0x100], FRESH);
    assert_int_equal(machine.ram[TARGET + 0x10FFC], FRESH);
    assert_int_equal(machine.ram[TARGET + 0x10FFD], 0x77);
    assert_int_equal(machine.ram[TARGET + 0x10FFE], FRESH);
    ring(2)->control = IOAT_CONTROL_NULL; /* and no completion */
    doorbell(3);
    assert_int_equal(status(), at(2) | IOAT_STATUS_IDLE);
    assert_int_equal(machine.ram[TARGET + 0x200], FRESH);
    assert_memory_equal(machine.ram + COMPLETION, &written, sizeof(written));
}

/* A batch at the doorbell, another one at each exit, whose last write stays in flight. */
static void long_chains_take_exits(void **state)
{
    (void)state;
    doorbell(100);
    assert_true(vdev_watched());
    assert_int_equal(status(), at(63) | IOAT_STATUS_ACTIVE);
    assert_true(copied(63) && !copied(64));
    tick();
    assert_int_equal(status(), at(98) | IOAT_STATUS_ACTIVE);
    assert_true(copied(98) && !copied(99));
    tick();
    assert_int_equal(status(), at(99) | IOAT_STATUS_IDLE);
    assert_true(copied(99) && !vdev_watched());
}

static void in_flight(void **state)
{
    (void)state;
    doorbell(100);
    tick();
    machine_block(true); /* waits for the write that is in flight */
    assert_true(copied(99));
    tick();
    assert_int_equal(status(), at(99) | IOAT_STATUS_IDLE);

    machine_block(false);
    memset(machine.ram + TARGET, FRESH, 0x10000);
    start_chain();
    doorbell(100);
    tick();
    store(IOAT_CHANNEL(0) + IOAT_CHANCMD, 1, IOAT_CHANCMD_RESET);
    tick();
    assert_false(copied(99));
    assert_int_equal(status(), IOAT_STATUS_HALTED);
    assert_false(vdev_watched());

    start_chain();
    doorbell(100);
    tick();
    config_write(&machine.config, CONFIG_COMMAND, 2, COMMAND_MEMORY);
    tick();
    assert_false(copied(99));
    assert_int_equal(status() & IOAT_STATUS_MASK, IOAT_STATUS_HALTED);
}

static void suspends(void **state)
{
    (void)state;
    doorbell(100);
    store(IOAT_CHANNEL(0) + IOAT_CHANCMD, 1, IOAT_CHANCMD_SUSPEND);
    assert_int_equal(status(), at(63) | IOAT_STATUS_SUSPENDED);
    tick();
    assert_false(copied(64));
    store(IOAT_CHANNEL(0) + IOAT_CHAINADDR, 8, at(64));
    doorbell(1);
    assert_int_equal(status(), at(64) | IOAT_STATUS_IDLE);
}

static void expect_error(uint32_t error)
{
    doorbell(1);
    assert_int_equal(status() & IOAT_STATUS_MASK, IOAT_STATUS_HALTED);
    assert_int_equal(load(IOAT_CHANNEL(0) + IOAT_CHANERR, 4), error);
    assert_int_equal(machine.ram[COMPLETION] & IOAT_STATUS_MASK, IOAT_STATUS_HALTED);
    doorbell(2);
    assert_false(copied(1));
    start_chain(); /* does not help while the error stands */
    doorbell(1);
    assert_false(copied(0));
    store(IOAT_CHANNEL(0) + IOAT_CHANERR, 4, error);
    assert_int_equal(load(IOAT_CHANNEL(0) + IOAT_CHANERR, 4), 0);
    *ring(0) = *ring(1);
    start_chain();
    doorbell(1);
    assert_true(copied(1));
}

static void source_refused(void **state)
{
    (void)state;
    ring(0)->source = OUTSIDE;
    expect_error(IOAT_ERROR_READ);
}

static void target_refused(void **state)
{
    (void)state;
    ring(0)->destination = OUTSIDE;
    expect_error(IOAT_ERROR_WRITE);
}

static void operation_unknown(void **state)
{
    (void)state;
    ring(0)->control = UINT32_C(0x87) << 24;
    expect_error(IOAT_ERROR_CONTROL);
}

static void length_wrong(void **state)
{
    (void)state;
    ring(0)->size = 0x10001;
    expect_error(IOAT_ERROR_LENGTH);
}

static void descriptor_refused(void **state)
{
    (void)state;
    ring(0)->next = OUTSIDE;
    doorbell(2);
    assert_true(copied(0));
    assert_int_equal(status(), at(0) | IOAT_STATUS_HALTED);
    assert_int_equal(load(IOAT_CHANNEL(0) + IOAT_CHANERR, 4), IOAT_ERROR_NEXT_ADDRESS);
}

static void sends_messages(void **state)
{
    (void)state;
    ring(0)->control |= IOAT_CONTROL_INTERRUPT;
    config_write(&machine.config, MSI_CONTROL, 2, MSIX_CONTROL_ENABLE);
    store(IOAT_MSIX_TABLE, 4, 0xFEE01000);
    store(IOAT_MSIX_TABLE + 8, 4, 0x55);
    doorbell(1);
    assert_int_equal(machine.messages, 0);
    assert_int_equal(load(IOAT_MSIX_PBA, 8), 1);
    assert_int_equal(load(IOAT_INTRCTRL, 1) & IOAT_INTRCTRL_PENDING, IOAT_INTRCTRL_PENDING);
    assert_int_equal(load(IOAT_ATTNSTATUS, 4), 1);
    assert_int_equal(load(IOAT_ATTNSTATUS, 4), 0);
    store(IOAT_MSIX_TABLE + 12, 4, 0);
    assert_int_equal(machine.messages, 1);
    assert_int_equal(machine.message_address, 0xFEE01000);
    assert_int_equal(machine.message_data, 0x55);
    assert_int_equal(load(IOAT_MSIX_PBA, 8), 0);
    store(IOAT_CHANNEL(0) + IOAT_CHANCTRL, 2, IOAT_CHANCTRL_ERR_INT);
    ring(1)->source = OUTSIDE;
    doorbell(2);
    assert_int_equal(machine.messages, 2);
    config_write(&machine.config, MSI_CONTROL, 2, 0);
    store(IOAT_CHANNEL(0) + IOAT_CHANERR, 4, UINT32_MAX);
    start_chain();
    doorbell(1);
    assert_int_equal(machine.messages, 2);
}

/* Registers and descriptors of random bytes, blocked every now and then: the sanitizers watch. */
static void stands_anything(void **state)
{
    struct random r = unit_random();

    (void)state;
    for (unsigned i = 0; i < 4000; i++) {
        unsigned size = 1u << random_below(&r, 4);
        unsigned offset = (unsigned)random_below(&r, IOAT_BAR_SIZE) & ~(size - 1);

        if (random_below(&r, 2) == 0)
            offset = IOAT_CHANNEL(0) + offset % 0x80;
        if (random_below(&r, 64) == 0)
            machine_block(random_below(&r, 2) != 0);
        machine.ram[RING + random_below(&r, 0x4000)] = (uint8_t)random_u64(&r);
        store(offset, size, random_below(&r, 2) != 0 ? random_below(&r, 0x100) : random_u64(&r));
        (void)load(offset, size);
        tick();
    }
    machine_block(false);
}

#define WITH_ENGINE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ENGINE(tells_what_it_is),
        WITH_ENGINE(copies),
        WITH_ENGINE(long_chains_take_exits),
        WITH_ENGINE(in_flight),
        WITH_ENGINE(suspends),
        WITH_ENGINE(source_refused),
        WITH_ENGINE(target_refused),
        WITH_ENGINE(operation_unknown),
        WITH_ENGINE(length_wrong),
        WITH_ENGINE(descriptor_refused),
        WITH_ENGINE(sends_messages),
        WITH_ENGINE(stands_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
