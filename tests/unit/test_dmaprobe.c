/* SPDX-License-Identifier: MIT */
/* The emulated DMA engine: every operation and mode, and requests of random bytes. */
#include <string.h>

#include "host/iommu/soft_backend.h"
#include "lib/bits.h"
#include "tests/unit/dmaprobe_fixture.h"

#define FRESH 0x11

static struct dmaprobe_request *run(unsigned slot, struct dmaprobe_request request)
{
    *machine_request(slot) = request;
    machine_write(DMAPROBE_DOORBELL, slot);
    return machine_request(slot);
}

static void assert_ok(const struct dmaprobe_request *r, uint64_t moved)
{
    assert_int_equal(r->state, DMAPROBE_FINISHED);
    assert_int_equal(r->status, DMAPROBE_OK);
    assert_int_equal(r->moved, moved);
}

static void assert_only(uint64_t from, uint64_t length, uint8_t value)
{
    for (uint64_t i = 0; i < MACHINE_RAM; i++)
        if (machine.ram[i] != (i >= from && i < from + length ? value : FRESH))
            fail_msg("byte 0x%llx is 0x%02x", (unsigned long long)i, machine.ram[i]);
}

static void moves_bytes(void **state)
{
    struct dmaprobe_request *r;

    (void)state;
    r = run(0, (struct dmaprobe_request){
                   .operation = DMAPROBE_FILL, .iova = 0xFFF, .length = 0x2003, .operand = 0x77});
    assert_ok(r, 0x2003);
    assert_only(0xFFF, 0x2003, 0x77);

    r = run(1, (struct dmaprobe_request){
                   .operation = DMAPROBE_READ, .iova = 0xFFE, .length = 3, .buffer = 5});
    assert_ok(r, 3);
    assert_memory_equal(machine_buffer() + 5, "\x11\x77\x77", 3);

    for (unsigned i = 0; i < DMAPROBE_BUFFER_SIZE; i++)
        machine_buffer()[i] = (uint8_t)(i * 7 + i / 256);
    r = run(2, (struct dmaprobe_request){
                   .operation = DMAPROBE_WRITE, .iova = 0x123457, .length = DMAPROBE_LENGTH_MAX});
    assert_ok(r, DMAPROBE_LENGTH_MAX);
    assert_memory_equal(machine.ram + 0x123457, machine_buffer(), DMAPROBE_LENGTH_MAX);
    r = run(3, (struct dmaprobe_request){
                   .operation = DMAPROBE_COMPARE, .iova = 0x123457, .length = 0x10000});
    assert_ok(r, 0x10000);
    machine.ram[0x123457 + 0x3001] ^= 1;
    r = run(3, (struct dmaprobe_request){
                   .operation = DMAPROBE_COMPARE, .iova = 0x123457, .length = 0x10000});
    assert_int_equal(r->status, DMAPROBE_MISMATCH);
    assert_int_equal(r->result, 0x3001);
    r = run(4,
            (struct dmaprobe_request){.operation = DMAPROBE_INVERT, .iova = 0x2FFE, .length = 6});
    assert_ok(r, 12);
    assert_memory_equal(machine.ram + 0x2FFD, "\x77\x88\x88\x88\x88\xEE\xEE\x11", 8 - 0);
    assert_int_equal(machine_read(DMAPROBE_COMPLETED), 6);
    assert_int_equal(machine_read(DMAPROBE_BYTES),
                     0x2003 + 3 + DMAPROBE_LENGTH_MAX + 2 * 0x10000 + 12);
}

static void does_atomics(void **state)
{
    struct dmaprobe_request request = {
        .operation = DMAPROBE_ADD, .iova = 0x1008, .length = 8, .operand = 5};
    uint64_t value;

    (void)state;
    assert_int_equal(run(0, request)->result, 0x1111111111111111);
    request.operation = DMAPROBE_SWAP;
    request.length = 4;
    request.operand = 0xAABBCCDD;
    assert_int_equal(run(0, request)->result, 0x11111116);
    request.operation = DMAPROBE_COMPARE_SWAP;
    request.length = 8;
    request.compare = 0x11111111AABBCCDD;
    request.operand = 1;
    assert_int_equal(run(0, request)->result, 0x11111111AABBCCDD);
    assert_int_equal(run(0, request)->result, 1); /* no match: unchanged */
    memcpy(&value, machine.ram + 0x1008, sizeof(value));
    assert_int_equal(value, 1);
    request.iova = 0x1004;
    assert_int_equal(run(0, request)->status, DMAPROBE_BAD_REQUEST);
    request.iova = 0x1008;
    request.length = 2;
    assert_int_equal(run(0, request)->status, DMAPROBE_BAD_REQUEST);
}

static void stops_at_a_refused_page(void **state)
{
    struct dmaprobe_request *r = run(0, (struct dmaprobe_request){.operation = DMAPROBE_FILL,
                                                                  .iova = MACHINE_RAM - 10,
                                                                  .length = 20,
                                                                  .operand = 0x77});

    (void)state;
    assert_int_equal(r->status, DMAPROBE_FAULT);
    assert_int_equal(r->fault_class, ORACLE_FAULT_CLASS_TABLE_UNREADABLE);
    assert_int_equal(r->fault_iova, MACHINE_RAM);
    assert_int_equal(r->moved, 10);
    machine_block(true);
    r = run(0,
            (struct dmaprobe_request){.operation = DMAPROBE_INVERT, .iova = 0x5000, .length = 20});
    assert_int_equal(r->status, DMAPROBE_FAULT);
    assert_int_equal(r->fault_class, ORACLE_FAULT_CLASS_BLOCKED);
    assert_int_equal(r->moved, 0);
    assert_only(MACHINE_RAM - 10, 10, 0x77);
}

static void scatters(void **state)
{
    struct dmaprobe_request *r;

    (void)state;
    machine_buffer()[0] = 1;
    machine_buffer()[1] = 2;
    machine_buffer()[2] = 3;
    machine_scatter()[4] = (struct dmaprobe_element){.iova = 0x9000, .length = 1};
    machine_scatter()[5] = (struct dmaprobe_element){.iova = 0x7FFF, .length = 2};
    r = run(0, (struct dmaprobe_request){.operation = DMAPROBE_WRITE,
                                         .flags = DMAPROBE_SCATTERED,
                                         .iova = 4 * 16,
                                         .elements = 2});
    assert_ok(r, 3);
    assert_int_equal(machine.ram[0x9000], 1);
    assert_memory_equal(machine.ram + 0x7FFF, "\x02\x03", 2);
    machine_scatter()[5].iova = MACHINE_RAM;
    r = run(0, (struct dmaprobe_request){.operation = DMAPROBE_WRITE,
                                         .flags = DMAPROBE_SCATTERED,
                                         .iova = 4 * 16,
                                         .elements = 2});
    assert_int_equal(r->status, DMAPROBE_FAULT);
    assert_int_equal(r->moved, 1);
    machine_scatter()[5].length = DMAPROBE_LENGTH_MAX;
    r = run(0, (struct dmaprobe_request){.operation = DMAPROBE_WRITE,
                                         .flags = DMAPROBE_SCATTERED,
                                         .iova = 4 * 16,
                                         .elements = 2});
    assert_int_equal(r->status, DMAPROBE_BAD_REQUEST);
}

/* The element that is refused ends, at the refused page; the ones after it go on. */
static void goes_on_after_a_refused_element(void **state)
{
    struct dmaprobe_request request = {.operation = DMAPROBE_FILL,
                                       .flags = DMAPROBE_SCATTERED | DMAPROBE_EACH,
                                       .operand = 0x77,
                                       .elements = 4};
    struct dmaprobe_request *r;

    (void)state;
    machine_scatter()[0] = (struct dmaprobe_element){.iova = MACHINE_RAM + 0x5000, .length = 8};
    machine_scatter()[1] = (struct dmaprobe_element){.iova = 0x3000, .length = 2};
    machine_scatter()[2] = (struct dmaprobe_element){.iova = MACHINE_RAM - 1, .length = 2};
    machine_scatter()[3] = (struct dmaprobe_element){.iova = 0x4FFF, .length = 3};
    r = run(0, request);
    assert_int_equal(r->status, DMAPROBE_FAULT);
    assert_int_equal(r->fault_iova, MACHINE_RAM + 0x5000);
    assert_int_equal(r->faults, 2);
    assert_int_equal(r->moved, 6);
    assert_memory_equal(machine.ram + 0x3000, "\x77\x77", 2);
    assert_int_equal(machine.ram[MACHINE_RAM - 1], 0x77);
    assert_memory_equal(machine.ram + 0x4FFF, "\x77\x77\x77", 3);
    assert_int_equal(machine.ram[0x5002], FRESH);

    request.flags = DMAPROBE_SCATTERED;
    r = run(0, request);
    assert_int_equal(r->moved, 0); /* without the flag the first one ends it */
    for (unsigned i = 0; i < 4; i++) {
        static const uint32_t with[] = {DMAPROBE_HELD, DMAPROBE_DELAYED, DMAPROBE_REPEAT, 0};

        request.operation = i == 3 ? DMAPROBE_WRITE : DMAPROBE_FILL;
        request.flags = DMAPROBE_SCATTERED | DMAPROBE_EACH | with[i];
        assert_int_equal(run(0, request)->status, DMAPROBE_BAD_REQUEST);
    }
    assert_int_equal(run(0, (struct dmaprobe_request){.operation = DMAPROBE_FILL,
                                                      .flags = DMAPROBE_EACH,
                                                      .iova = 0x3000,
                                                      .length = 1})
                         ->status,
                     DMAPROBE_BAD_REQUEST);
}

static void holds_until_released(void **state)
{
    struct dmaprobe_request request = {.operation = DMAPROBE_FILL,
                                       .flags = DMAPROBE_HELD,
                                       .iova = 0x1000,
                                       .length = 4,
                                       .operand = 0x77};

    (void)state;
    assert_int_equal(run(7, request)->state, DMAPROBE_RUNNING);
    assert_int_equal(machine_read(DMAPROBE_PENDING), 1 << 7);
    machine_write(DMAPROBE_DOORBELL, 7);
    assert_int_equal(machine_read(DMAPROBE_REFUSED), 1);
    assert_int_equal(machine.ram[0x1000], FRESH);
    machine_block(true); /* translated before, so the switch waits for it */
    assert_int_equal(machine.ram[0x1000], 0x77);
    assert_int_equal(machine_request(7)->state, DMAPROBE_RUNNING);
    machine_write(DMAPROBE_RELEASE, 1 << 7);
    assert_ok(machine_request(7), 4);
    assert_int_equal(machine_request(7)->drained, 1);

    request.flags |= DMAPROBE_LATE; /* is translated when it is let go, and refused then */
    machine_block(false);
    run(7, request);
    machine_block(true);
    machine_write(DMAPROBE_RELEASE, 1 << 7);
    assert_int_equal(machine_request(7)->status, DMAPROBE_FAULT);
    assert_int_equal(machine_request(7)->drained, 0);

    machine_block(false);
    memset(machine.ram + 0x1000, FRESH, 4);
    run(7, request);
    machine_write(DMAPROBE_CONTROL, DMAPROBE_CONTROL_RESET);
    assert_int_equal(machine_request(7)->status, DMAPROBE_CANCELLED);
    assert_int_equal(machine_read(DMAPROBE_PENDING), 0);
    assert_only(0, 0, 0);
}

static void waits_for_its_time(void **state)
{
    struct dmaprobe_request request = {.operation = DMAPROBE_FILL,
                                       .flags = DMAPROBE_DELAYED | DMAPROBE_INTERRUPT,
                                       .iova = 0x1000,
                                       .length = 4,
                                       .operand = 0x77,
                                       .delay_us = 50};

    (void)state;
    config_write(&machine.config, MSI_ADDRESS, 8, 0xFEE00000);
    config_write(&machine.config, MSI_DATA, 2, 0x55);
    config_write(&machine.config, MSI_CONTROL, 2, MSI_CONTROL_ENABLE);
    run(0, request);
    machine.now += 499;
    vdev_tick();
    assert_int_equal(machine_request(0)->state, DMAPROBE_RUNNING);
    machine.now += 1;
    vdev_tick();
    assert_ok(machine_request(0), 4);
    assert_only(0x1000, 4, 0x77);
    assert_int_equal(machine.messages, 1);
    assert_int_equal(machine.message_address, 0xFEE00000);
    assert_int_equal(machine.message_data, 0x55);
    assert_int_equal(machine_read(DMAPROBE_INTERRUPTS), 1);
}

static void repeats(void **state)
{
    struct dmaprobe_request request = {.operation = DMAPROBE_ADD,
                                       .flags = DMAPROBE_REPEAT,
                                       .iova = 0x1000,
                                       .length = 8,
                                       .operand = 1};
    uint64_t value;

    (void)state;
    memset(machine.ram + 0x1000, 0, 8);
    run(0, request);
    for (unsigned i = 0; i < 10; i++)
        vdev_tick();
    memcpy(&value, machine.ram + 0x1000, sizeof(value));
    assert_int_equal(value, 10);
    assert_int_equal(machine_request(0)->repeats, 10);
    machine_block(true);
    memcpy(&value, machine.ram + 0x1000, sizeof(value));
    vdev_tick();
    vdev_tick();
    assert_memory_equal(&value, machine.ram + 0x1000, sizeof(value));
    assert_true(machine_request(0)->faults >= 1);
    machine_write(DMAPROBE_RELEASE, 1);
    assert_int_equal(machine_request(0)->state, DMAPROBE_FINISHED);
    assert_int_equal(machine_read(DMAPROBE_PENDING), 0);
}

static void delays_in_each_slot(void **state)
{
    struct dmaprobe_request request = {
        .operation = DMAPROBE_FILL, .flags = DMAPROBE_DELAYED, .length = 1, .operand = 0x77};

    (void)state;
    for (unsigned slot = 0; slot < DMAPROBE_SLOTS; slot++) {
        request.iova = 0x1000 + slot;
        request.delay_us = slot + 1;
        run(slot, request);
    }
    for (unsigned slot = 0; slot < DMAPROBE_SLOTS; slot++) {
        machine.now += 10;
        vdev_tick();
        assert_ok(machine_request(slot), 1);
        assert_only(0x1000, slot + 1, 0x77);
    }
}

static void expect_sums(uint64_t expected)
{
    uint64_t value;

    for (unsigned slot = 0; slot < DMAPROBE_SLOTS; slot++) {
        memcpy(&value, machine.ram + 0x1000 + sizeof(value) * slot, sizeof(value));
        if (value != expected)
            fail_msg("slot %u has added %u times", slot, (unsigned)value);
    }
}

/* With each tick and each step of a switch, until the device is reset. */
static void repeats_in_each_slot(void **state)
{
    struct dmaprobe_request request = {
        .operation = DMAPROBE_ADD, .flags = DMAPROBE_REPEAT, .length = 8, .operand = 1};

    (void)state;
    memset(machine.ram + 0x1000, 0, sizeof(uint64_t) * DMAPROBE_SLOTS);
    for (unsigned slot = 0; slot < DMAPROBE_SLOTS; slot++) {
        request.iova = 0x1000 + sizeof(uint64_t) * slot;
        run(slot, request);
    }
    for (unsigned i = 0; i < 3; i++)
        vdev_tick();
    expect_sums(3);
    dmaprobe_on_switch_step(machine.function.probe);
    vdev_tick(); /* one more of each, and what the step has begun */
    expect_sums(5);
    assert_int_equal(machine_read(DMAPROBE_PENDING), 0xFFFF);
    machine_write(DMAPROBE_CONTROL, DMAPROBE_CONTROL_RESET);
    assert_int_equal(machine_read(DMAPROBE_PENDING), 0);
    dmaprobe_on_switch_step(machine.function.probe);
    vdev_tick();
    expect_sums(5);
}

static void obeys_bus_master(void **state)
{
    struct dmaprobe_request request = {.operation = DMAPROBE_FILL,
                                       .flags = DMAPROBE_HELD,
                                       .iova = 0x1000,
                                       .length = 4,
                                       .operand = 0x77};

    (void)state;
    run(0, request);
    config_write(&machine.config, CONFIG_COMMAND, 2, COMMAND_MEMORY);
    machine_write(DMAPROBE_RELEASE, 1);
    assert_int_equal(machine_request(0)->status, DMAPROBE_NO_MASTER);
    request.flags = 0;
    assert_int_equal(run(0, request)->status, DMAPROBE_NO_MASTER);
    assert_only(0, 0, 0);
}

static void registers_stand_anything(void **state)
{
    (void)state;
    assert_int_equal(machine_read(DMAPROBE_ID), DMAPROBE_ID_VALUE);
    assert_true(dmaprobe_register_read(machine.function.probe, 0, 8) ==
                (UINT64_C(1) << 32 | DMAPROBE_ID_VALUE));
    assert_true(dmaprobe_register_read(machine.function.probe, 2, 4) == UINT64_MAX);
    assert_true(dmaprobe_register_read(machine.function.probe, 0, 1) == UINT64_MAX);
    assert_int_equal(machine_read(0x2000), UINT32_MAX);
    dmaprobe_register_write(machine.function.probe, DMAPROBE_DOORBELL, 8, 0);
    machine_write(DMAPROBE_DOORBELL, DMAPROBE_SLOTS);
    machine_write(DMAPROBE_DOORBELL, UINT32_MAX);
    machine_write(DMAPROBE_RELEASE, UINT32_MAX);
    assert_int_equal(machine_read(DMAPROBE_REFUSED), 2);
    assert_int_equal(machine_read(DMAPROBE_COMPLETED), 0);
}

/* Biased toward the edges, so that a good share gets through the checks. */
static struct dmaprobe_request random_request(struct random *r)
{
    static const uint32_t sizes[] = {
        0, 1, 4, 8, 4096, DMAPROBE_BURST_MAX, DMAPROBE_LENGTH_MAX, UINT32_MAX};
    struct dmaprobe_request request = {
        .operation = (uint32_t)random_below(r, 10),
        .flags = random_below(r, 4) ? 1u << random_below(r, 7) : (uint32_t)random_below(r, 0x80),
        .iova = random_below(r, 2) ? random_below(r, MACHINE_RAM + 0x1000)
                                   : random_u64(r) >> random_below(r, 64),
        .length = sizes[random_below(r, ARRAY_SIZE(sizes))] + (uint32_t)random_below(r, 3) - 1,
        .buffer = random_below(r, 2) ? 0 : (uint32_t)random_below(r, DMAPROBE_BUFFER_SIZE + 0x100),
        .operand = random_u64(r),
        .delay_us = (uint32_t)random_below(r, 40),
        .elements = (uint32_t)random_below(r, DMAPROBE_SCATTER_LENGTH + 2),
    };

    if (random_below(r, 4) == 0)
        request.iova = random_below(r, DMAPROBE_SCATTER_LENGTH + 2) * 16;
    if (random_below(r, 4) != 0)
        request.elements %= 8;
    return request;
}

/* Nothing outside of the device's and the guest's memory is touched (the sanitizers watch), every
 * request ends, and the engine is sane after it. The guest changes its scatter lists while they are
 * in use. */
static void random_requests(void **state)
{
    struct random r = unit_random();
    unsigned started = 0;

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        unsigned slot = (unsigned)random_below(&r, DMAPROBE_SLOTS);

        machine_scatter()[random_below(&r, DMAPROBE_SCATTER_LENGTH)] = (struct dmaprobe_element){
            .iova = random_below(&r, MACHINE_RAM),
            .length = (uint32_t)(random_u64(&r) >> (32 + random_below(&r, 32)))};
        run(slot, random_request(&r));
        machine.now += random_below(&r, 200);
        vdev_tick();
        if (random_below(&r, 8) == 0)
            machine_block(random_below(&r, 4) == 0);
        if (random_below(&r, 8) == 0)
            machine_write(DMAPROBE_RELEASE, (uint32_t)random_u64(&r));
        if (random_below(&r, 500) == 0) {
            started += machine_read(DMAPROBE_COMPLETED);
            machine_write(DMAPROBE_CONTROL, DMAPROBE_CONTROL_RESET);
        }
    }
    assert_true(started > 1000);
    machine_write(DMAPROBE_CONTROL, DMAPROBE_CONTROL_RESET);
    machine_block(false);
    assert_int_equal(machine_read(DMAPROBE_PENDING), 0);
    assert_ok(
        run(0, (struct dmaprobe_request){.operation = DMAPROBE_FILL, .iova = 0x1000, .length = 1}),
        1);
}

#define WITH_MACHINE(test) cmocka_unit_test_setup_teardown(test, machine_reset, machine_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MACHINE(moves_bytes),
        WITH_MACHINE(does_atomics),
        WITH_MACHINE(stops_at_a_refused_page),
        WITH_MACHINE(scatters),
        WITH_MACHINE(goes_on_after_a_refused_element),
        WITH_MACHINE(holds_until_released),
        WITH_MACHINE(waits_for_its_time),
        WITH_MACHINE(repeats),
        WITH_MACHINE(delays_in_each_slot),
        WITH_MACHINE(repeats_in_each_slot),
        WITH_MACHINE(obeys_bus_master),
        WITH_MACHINE(registers_stand_anything),
        WITH_MACHINE(random_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
