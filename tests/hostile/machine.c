/* SPDX-License-Identifier: MIT */
/* Registers of the chipset by which memory is mapped, moved or masked, for the guest and its host
 * alike. */
#define TEST_GROUP "hostile"
#include "drivers/pci.h"
#include "drivers/pci_ecam.h"
#include "kernel/cpu.h"
#include "lib/bits.h"
#include "tests/hostile/hostile.h"

#define CONFIG_ADDRESS 0xCF8u
#define CONFIG_DATA    0xCFCu
#define CONFIG_ENABLE  BIT(31)
#define HEADER_END     0x40u
#define SPACE_END      0x100u
#define CLASS_HOST     0x060000u
#define CLASS_ISA      0x060100u
#define CLASS_MASK     0xFFFF00u

/* Chipset registers of an ICH9 (14.1.1.26): the window of its other registers. */
#define ICH9_VENDOR 0x8086u
#define ICH9_DEVICE 0x2918u
#define ICH9_RCBA   0xF0u
#define RCBA_ENABLE BIT(0)
#define ICH9_ROUTE                                                                                 \
    0x60u /* and 0x68: which interrupt a pin raises; an operating system chooses it */

static const struct pci_function *find_class(uint32_t class_code)
{
    size_t count;
    const struct pci_function *f = pci_functions(&count);

    for (size_t i = 0; i < count; i++)
        if ((f[i].class_code & CLASS_MASK) == class_code && f[i].segment == 0 && !f[i].vpci)
            return &f[i];
    return NULL;
}

static uint32_t port_read(const struct pci_function *f, unsigned offset)
{
    cpu_out32(CONFIG_ADDRESS, (uint32_t)CONFIG_ENABLE | (uint32_t)f->bdf << 8 | (offset & ~3u));
    return cpu_in32(CONFIG_DATA);
}

static void port_write(const struct pci_function *f, unsigned offset, unsigned size, uint32_t value)
{
    uint16_t port = (uint16_t)(CONFIG_DATA + offset % 4);

    cpu_out32(CONFIG_ADDRESS, (uint32_t)CONFIG_ENABLE | (uint32_t)f->bdf << 8 | (offset & ~3u));
    switch (size) {
    case 1:
        cpu_out8(port, (uint8_t)value);
        break;
    case 2:
        cpu_out16(port, (uint16_t)value);
        break;
    default:
        cpu_out32(port, value);
        break;
    }
}

static void ecam_write(const struct pci_function *f, unsigned offset, unsigned size, uint32_t value)
{
    volatile void *reg = pci_ecam_register(f->segment, f->bdf, offset);

    if (reg)
        (void)store_caught((uint64_t)(uintptr_t)reg, size, value);
}

/* Writes the inverse of some bytes by each way; the old value is back before a check looks. */
static void expect_fixed_bytes(struct test_run *t, const struct pci_function *f, unsigned offset,
                               unsigned at, unsigned size)
{
    uint32_t old = port_read(f, offset), by_port, by_ecam;

    port_write(f, offset + at, size, ~old >> 8 * at);
    by_port = port_read(f, offset);
    port_write(f, offset, 4, old);
    ecam_write(f, offset + at, size, ~old >> 8 * at);
    by_ecam = port_read(f, offset);
    port_write(f, offset, 4, old);
    STEP("register 0x%llx, %llu bytes from %llu on: 0x%llx by port, 0x%llx by ECAM", offset, size,
         at, by_port, by_ecam);
    CHECK_EQ(by_port, old, "register of a bridge after a write by port");
    CHECK_EQ(by_ecam, old, "register of a bridge after a write to ECAM");
}

/* All of the register, and a part of it by chance. */
static void expect_fixed(struct test_run *t, const struct pci_function *f, unsigned offset)
{
    unsigned size = 1u << random_below(&t->random, 2);

    expect_fixed_bytes(t, f, offset, 0, 4);
    expect_fixed_bytes(t, f, offset, (unsigned)random_below(&t->random, 4 / size) * size, size);
}

STRESS(chipset_windows,
       PROMISE("No write moves or switches off a window, a block of registers or shadow memory of "
               "the chipset")
       COVERS("ISO-3") DEVICES(NONE) KINDS("bad-input")
       STEPS("Clears the enable bit of the window of chipset registers (RCBA) by port and by ECAM. "
             "Then writes the inverse of each register from 0x40 on of the host bridge and of the "
             "ISA bridge, all of it and a part by chance, by both ways; and writes across the end "
             "of the address port.")
       EXPECTS("All keep their values, except for those that route the pins of interrupts.")
       IF_IT_FAILS("The guest lays a window over the host's memory, or moves registers that the "
                   "host uses: the host reads and writes something else from then on."))
{
    const struct pci_function *isa = find_class(CLASS_ISA), *host = find_class(CLASS_HOST);
    uint32_t old, by_port, by_ecam;

    need_integrity(t, NULL);
    if (isa && isa->vendor == ICH9_VENDOR && isa->device == ICH9_DEVICE) {
        old = port_read(isa, ICH9_RCBA);
        port_write(isa, ICH9_RCBA, 4, old ^ (uint32_t)RCBA_ENABLE);
        by_port = port_read(isa, ICH9_RCBA);
        port_write(isa, ICH9_RCBA, 4, old);
        ecam_write(isa, ICH9_RCBA, 4, old ^ (uint32_t)RCBA_ENABLE);
        by_ecam = port_read(isa, ICH9_RCBA);
        port_write(isa, ICH9_RCBA, 4, old);
        CHECK_EQ(by_port, old, "RCBA after a write by port");
        CHECK_EQ(by_ecam, old, "RCBA after a write to ECAM");
    }
    for (unsigned offset = HEADER_END; offset < SPACE_END; offset += 4) {
        if (host)
            expect_fixed(t, host, offset);
        if (isa && (offset & ~8u) != ICH9_ROUTE)
            expect_fixed(t, isa, offset);
    }
    if (host) {
        /* The last byte of the address port with the first ones of the data port. */
        old = port_read(host, HEADER_END + 0x20);
        cpu_out32(CONFIG_DATA - 1, ~old);
        cpu_out16(CONFIG_DATA - 1, (uint16_t)~old);
        CHECK_EQ(port_read(host, HEADER_END + 0x20), old,
                 "register after a write across both ports");
    }
}

#define WRITES         800u
#define EXTENDED_FROM  0x100u
#define EXTENDED_WORDS 960u
#define BAR_FIRST      0x10u

static bool is_engine(const struct pci_function *f)
{
    size_t count;
    const struct dma_engine *e = dma_engines(&count);

    for (size_t i = 0; i < count; i++)
        if (e[i].device_id == f->device_id)
            return true;
    return false;
}

/* Capabilities of a device under test reset it, those of a port take away the devices below. */
static unsigned some_offset(struct test_run *t, const struct pci_function *f)
{
    bool head_only = is_engine(f) || (f->header_type & 0x7F) != 0;
    unsigned words = (head_only ? HEADER_END : SPACE_END) / 4;
    unsigned word = (unsigned)random_below(&t->random, words);

    if (random_below(&t->random, 4) == 0 && pci_ecam_register(f->segment, f->bdf, EXTENDED_FROM))
        word = (EXTENDED_FROM + 4 * (unsigned)random_below(&t->random, EXTENDED_WORDS)) / 4;
    return 4 * word;
}

STRESS(configuration_sweep,
       PROMISE("Any value in any configuration register of any function is taken or dropped, and "
               "harms no host")
       COVERS("ISO-3") DEVICES(NONE) KINDS("bad-input")
       STEPS("Eight hundred times writes a random value of 1, 2 or 4 bytes to a register by "
             "chance of a function by chance, by port or by ECAM, and writes the old value after "
             "that. Of devices under test and of bridges these are the registers of the header and "
             "from 0x100 on.")
       EXPECTS("The host's memory is unchanged, and each function has its id and its BARs in the "
               "end.")
       IF_IT_FAILS("The last step names the register. The host has an offset unchecked, or takes "
                   "the value of a register for one of its own."))
{
    size_t count;
    const struct pci_function *all = pci_functions(&count);
    uint32_t bars[PCI_FUNCTIONS_MAX];
    unsigned written = 0;

    need_integrity(t, NULL);
    for (size_t i = 0; i < count; i++)
        bars[i] = all[i].vpci ? 0 : pci_read32(&all[i], BAR_FIRST);
    for (unsigned i = 0; i < WRITES && count != 0; i++) {
        const struct pci_function *f = &all[random_below(&t->random, count)];
        unsigned offset = some_offset(t, f), size = 1u << random_below(&t->random, 3),
                 at = (unsigned)random_below(&t->random, 4 / size) * size;
        uint32_t value = (uint32_t)random_u64(&t->random), old;
        bool by_port = offset < SPACE_END && random_below(&t->random, 2) == 0;

        if (f->vpci)
            continue;
        old = pci_read32(f, offset);
        STEP("function 0x%llx, register 0x%llx, %llu bytes 0x%llx, by port %llu", f->device_id,
             offset + at, size, value, by_port);
        if (by_port)
            port_write(f, offset + at, size, value);
        else
            ecam_write(f, offset + at, size, value);
        (void)pci_read32(f, offset);
        pci_write32(f, offset, old);
        written++;
    }
    for (size_t i = 0; i < count; i++) {
        if (all[i].vpci)
            continue;
        CHECK_EQ(pci_read32(&all[i], 0), (uint32_t)all[i].device << 16 | all[i].vendor,
                 "id of a function in the end");
        CHECK_EQ(pci_read32(&all[i], BAR_FIRST), bars[i], "its first BAR in the end");
    }
    OBSERVE("%u values in registers of %u functions", written, (unsigned)count);
}

#define SYSTEM_CONTROL     0x92u
#define A20                BIT(1)
#define KEYBOARD_DATA      0x60u
#define KEYBOARD_STATUS    0x64u
#define KEYBOARD_FULL      BIT(0)
#define KEYBOARD_READ_PORT 0xD0u
#define KEYBOARD_OUTPUT    0xD1u
#define A20_OFF            0xDDu
#define OUTPUT_WITHOUT_A20 0xCDu /* bit 0, the reset line, stays high */
#define READS              100u

static uint8_t keyboard_answer(uint8_t command)
{
    for (unsigned i = 0; i < READS && (cpu_in8(KEYBOARD_STATUS) & KEYBOARD_FULL); i++)
        (void)cpu_in8(KEYBOARD_DATA);
    cpu_out8(KEYBOARD_STATUS, command);
    return cpu_in8(KEYBOARD_DATA);
}

static uint8_t keyboard_output_port(void)
{
    return keyboard_answer(KEYBOARD_READ_PORT);
}

STRESS(address_line_20,
       PROMISE("Address line 20 stays on, by whatever port the guest switches it off")
       COVERS("ISO-3") DEVICES(NONE) KINDS("bad-input")
       STEPS("Clears the line's bit in port 0x92 with stores of 1, 2 and 4 bytes that touch it, "
             "and through the keyboard controller by command 0xDD and by its output port. Reads "
             "the line's state after each.")
       EXPECTS("The line is on each time.")
       IF_IT_FAILS("The machine masks bit 20 of every physical address, after nested translation: "
                   "pages of the guest become pages of the host, and the host's own accesses go "
                   "elsewhere."))
{
    uint8_t old = cpu_in8(SYSTEM_CONTROL);

    need_integrity(t, NULL);
    REQUIRE(old & A20, "address line 20 is off at the start");
    cpu_out8(SYSTEM_CONTROL, 0);
    CHECK(cpu_in8(SYSTEM_CONTROL) & A20, "the line is off after a store to port 0x92");
    cpu_out16(SYSTEM_CONTROL - 1, 0);
    cpu_out16(SYSTEM_CONTROL, 0);
    for (uint16_t port = SYSTEM_CONTROL - 3; port <= SYSTEM_CONTROL; port++)
        cpu_out32(port, 0);
    CHECK(cpu_in8(SYSTEM_CONTROL) & A20, "the line is off after a wider store");
    cpu_out8(KEYBOARD_STATUS, A20_OFF);
    CHECK(keyboard_output_port() & A20, "the line is off after command 0xDD");
    cpu_out8(KEYBOARD_STATUS, KEYBOARD_OUTPUT);
    cpu_out8(KEYBOARD_DATA, OUTPUT_WITHOUT_A20);
    CHECK(keyboard_output_port() & A20, "the line is off after a store to the output port");
    cpu_out16(KEYBOARD_DATA - 1, 0);
    cpu_out32(KEYBOARD_DATA + 1, 0);
    CHECK(cpu_in8(SYSTEM_CONTROL) & A20,
          "the line is off after stores across the ports of the keyboard controller");
}

#define KEYBOARD_READ_MODE 0x20u
#define KEYBOARD_MODE_ZERO BIT(7)
#define STATUS_ERRORS      BITS(7, 6) /* parity and time-out */
#define SYSTEM_RESET       BIT(0)
#define SPEAKER_CONTROL    0x61u
#define SPEAKER_ERRORS     BITS(7, 6) /* parity and channel check */
#define RTC_INDEX          0x70u
#define RTC_DATA           0x71u
#define RTC_STATUS_D       0x8Du /* with NMI off */
#define RTC_STATUS_D_ZERO  BITS(6, 0)

static uint8_t clock_status(void)
{
    cpu_out8(RTC_INDEX, RTC_STATUS_D);
    return cpu_in8(RTC_DATA);
}

/* A generation 2 VM has none of them. Port 0x92 is of the chipset and tells nothing. */
static bool has_pc_devices(void)
{
    return clock_status() != UINT8_MAX || cpu_in8(SPEAKER_CONTROL) != UINT8_MAX ||
           cpu_in8(KEYBOARD_STATUS) != UINT8_MAX;
}

/* The same register by ports in all sizes, and by memory. */
static void expect_identity(struct test_run *t, const struct pci_function *f)
{
    uint32_t id = pci_read32(f, 0);

    STEP("identity of function 0x%llx by memory: 0x%llx", f->device_id, id);
    CHECK_EQ(port_read(f, 0), id, "identity by 4 bytes of port 0xCFC");
    for (uint16_t at = 0; at < 4; at++) {
        CHECK_EQ(cpu_in8(CONFIG_DATA + at), (uint8_t)(id >> at * 8), "its bytes by port 0xCFC");
        if (at % 2 == 0) {
            CHECK_EQ(cpu_in16(CONFIG_DATA + at), (uint16_t)(id >> at * 8),
                     "its halves by port 0xCFC");
        }
    }
}

STRESS(known_ports,
       PROMISE("Ports of a PC's devices read as what these devices have, not as if none was there")
       COVERS("ISO-3") DEVICES(NONE) KINDS("none")
       STEPS("Reads register D of the real-time clock, port 0x61, port 0x92, and status and mode "
             "of the keyboard controller, and the identity of the host bridge through port 0xCFC "
             "with 1, 2 and 4 bytes. A machine without clock, port 0x61 and keyboard controller "
             "skips this.")
       EXPECTS("Bits that are zero on every PC are zero, and the identity is the one that memory "
               "shows.")
       IF_IT_FAILS("The host answers for a port that it watches as if no device did. A guest takes "
                   "a device for absent, and checks of such a port see nothing."))
{
    const struct pci_function *bridge = find_class(CLASS_HOST);

    need_integrity(t, NULL);
    if (!has_pc_devices())
        SKIP("this machine has no devices of a PC");
    CHECK_EQ(clock_status() & RTC_STATUS_D_ZERO, 0, "bits 6:0 of the clock's register D");
    CHECK_EQ(cpu_in8(SPEAKER_CONTROL) & SPEAKER_ERRORS, 0, "errors in port 0x61");
    CHECK_EQ(cpu_in8(SYSTEM_CONTROL) & SYSTEM_RESET, 0, "reset bit of port 0x92");
    CHECK_EQ(cpu_in8(KEYBOARD_STATUS) & STATUS_ERRORS, 0, "errors in the keyboard's status");
    CHECK_EQ(keyboard_answer(KEYBOARD_READ_MODE) & KEYBOARD_MODE_ZERO, 0,
             "bit 7 of the keyboard controller's mode");
    if (bridge)
        expect_identity(t, bridge);
}
