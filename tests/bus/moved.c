/* SPDX-License-Identifier: MIT */
/* Registers and configuration windows that move while a leaf names their address. */
#include "abi/ioat.h"
#include "drivers/dma_edu_registers.h"
#include "drivers/dma_nvme_registers.h"
#include "drivers/dma_rocker.h"
#include "drivers/dmaprobe.h"
#include "drivers/pci_registers.h"
#include "drivers/vpci/move.h"
#include "kernel/cpu.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "bus"

#define TARGET         0x06000000ull /* IOVA that leads to registers */
#define KEPT           0x5A5A5A58u
#define MSI_ADDRESS    4u
#define INTERRUPT_LINE 0x3Cu

/* Of each class: a register of 32 bits that keeps what is written while the device is idle. */
static const uint32_t keeper[DMA_CLASS_COUNT] = {
    [DMA_CLASS_ROCKER] = ROCKER_TEST_DMA_ADDR,
    [DMA_CLASS_EDU] = EDU_DMA_SOURCE,
    [DMA_CLASS_DMAPROBE] = DMAPROBE_BUFFER,
    [DMA_CLASS_DMAPROBE_ATS] = DMAPROBE_BUFFER,
    [DMA_CLASS_NVME] = NVME_ASQ,
    [DMA_CLASS_IOAT] = IOAT_CHANNEL(0) + IOAT_CHANERRMSK,
};

/* A device that moves, and one of each class that is not slow, on other buses, which write to where
 * it is and was. */
struct scene {
    struct dma_engine *moves, *writer[DMA_CLASS_COUNT];
    unsigned writers;
    struct domain *of_moves, *of_writers;
    struct buffer b, other;
};

static void add_writers(struct test_run *t, struct scene *s)
{
    struct dma_engine *list[DMA_ENGINES_MAX];
    unsigned count = fast_devices(t, list, 1);

    for (unsigned i = 0; i < count; i++) {
        bool first = s->writers == 0 || s->writer[s->writers - 1]->class != list[i]->class;

        if (first && list[i]->function.vpci != s->moves->function.vpci)
            s->writer[s->writers++] = list[i];
    }
    if (s->writers == 0)
        SKIP("needs a second device, on another bus");
}

static struct scene scene(struct test_run *t)
{
    struct scene s = {.moves = device(t)};

    if (!s.moves->function.vpci)
        SKIP("the device is on no virtual PCI bus");
    add_writers(t, &s);
    s.b = buffer(t, 1);
    s.other = buffer(t, 1);
    s.of_moves = domain_mapping(t, IOVA, &s.b);
    s.of_writers = domain_mapping(t, IOVA, &s.other);
    for (unsigned i = 0; i < s.writers; i++) {
        attach(t, s.of_writers, s.writer[i]);
        warm(t, s.writer[i], IOVA, &s.other, "a writing device");
    }
    return s;
}

static void write_to_target(struct test_run *t, struct scene *s, uint64_t offset, const char *what)
{
    for (unsigned i = 0; i < s->writers; i++) {
        fill_by_device(t, s->writer[i], TARGET + offset, sizeof(uint32_t), what);
        drain_faults(t, s->writer[i]);
    }
    expect_untouched(t, &s->b, what);
    expect_untouched(t, &s->other, what);
}

/* The device is quiet and in no domain in which it could be busy. */
static volatile uint8_t *kept(struct test_run *t, const struct scene *s)
{
    REQUIRE(dma_reset(s->moves), "the device does not become quiet");
    return s->moves->registers + keeper[s->moves->class];
}

static uint32_t put(struct test_run *t, const struct scene *s)
{
    volatile uint8_t *at = kept(t, s);

    cpu_store32(at, KEPT);
    return cpu_load32(at);
}

static uint32_t got(const struct scene *s)
{
    return cpu_load32(s->moves->registers + keeper[s->moves->class]);
}

static void expect_works(struct test_run *t, struct scene *s, const char *what)
{
    attach(t, s->of_moves, s->moves);
    expect_write(t, s->moves, IOVA, &s->b, 0, 16, what);
}

/* The old address leads nowhere, before and after a flush. */
static void expect_nowhere(struct test_run *t, struct scene *s, uint64_t offset)
{
    uint32_t before = put(t, s);

    write_to_target(t, s, offset, "a leaf that names the old place");
    CHECK_EQ(got(s), before, "register at the new place, after DMA to the old one");
    flush(t, s->of_writers);
    write_to_target(t, s, offset, "a leaf that names the old place, flushed");
    CHECK_EQ(got(s), before, "register at the new place, after DMA to the old one and a flush");
}

TEST(moved_registers_are_out_of_reach,
     PROMISE("When the registers of a device have moved, DMA to their old address reaches neither "
             "them nor memory, and the device works")
     COVERS("BUS-7") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("Devices of other classes, on other buses, get a leaf that names a page of registers of "
           "the device, and write there, which may arrive or not. The registers move by the BAR. "
           "The others write by the same leaf, before and after a flush of their domain. The "
           "device does a DMA. The leaf is pointed at the new address, the others write, and all "
           "of it happens again on the way back.")
     EXPECTS("After each move a register that keeps what is written has its value, the buffers "
             "are unchanged, and DMA of the device arrives.")
     IF_IT_FAILS("Stage 2 of the IOMMU does not follow the address map of the guest: where "
                 "registers were, a device of another owner may be next."))
{
    struct scene s = scene(t);
    uint64_t offset = keeper[s.moves->class] % PAGE_SIZE;
    uint64_t page = pci_bar(&s.moves->function, 0) + keeper[s.moves->class] - offset;

    map_gpa(t, s.of_writers, TARGET, page, PAGE_SIZE, RW);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t old = pci_bar(&s.moves->function, 0), now;

        (void)put(t, &s);
        write_to_target(t, &s, offset, "a leaf that names the present place");
        STEP("a register holds 0x%x after DMA to it", got(&s));
        now = dma_move_registers(s.moves);
        REQUIRE(now != 0, "there is no address space to move registers to");
        STEP("the registers of device 0x%llx move from 0x%llx to 0x%llx", s.moves->device_id, old,
             now);
        expect_nowhere(t, &s, offset);
        expect_works(t, &s, "from its new place");
        page += now - old;
        retarget(t, s.of_writers, TARGET, page);
        flush(t, s.of_writers);
    }
}

static unsigned config_keeper(const struct dma_engine *e)
{
    unsigned msi = pci_capability(&e->function, PCI_CAPABILITY_MSI);

    return msi != 0 ? msi + MSI_ADDRESS : INTERRUPT_LINE;
}

TEST(moved_window_is_out_of_reach,
     PROMISE("When the configuration window of a bus has moved, DMA to its old address reaches "
             "neither configuration space nor memory, and the device works")
     COVERS("BUS-7") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("Devices of other classes, on other buses, get a leaf that names configuration space in "
           "the window of the device's bus, and write there. The bus leaves D0 and enters it with "
           "a window at another address. The others write by the same leaf, before and after a "
           "flush of their domain. The device does a DMA. All of it happens again on the way back.")
     EXPECTS("After each move a word of configuration space that keeps what is written has its "
             "value, the buffers are unchanged, and DMA of the device arrives.")
     IF_IT_FAILS("The host gives devices a way to configuration space, or to what is at the "
                 "address of a window that has gone."))
{
    struct scene s = scene(t);
    const struct pci_function *f = &s.moves->function;
    unsigned at = config_keeper(s.moves);

    map_gpa(t, s.of_writers, TARGET, vpci_window(f) + PAGE_SIZE, PAGE_SIZE, RW);
    for (unsigned i = 0; i < 2; i++) {
        uint32_t before;
        uint64_t now;

        REQUIRE(dma_reset(s.moves), "the device does not become quiet");
        write_to_target(t, &s, at, "a leaf that names the present window");
        now = vpci_move_window(f);
        dma_bus_was_reset(f->vpci);
        REQUIRE(now != 0, "the bus does not come back with a window at another address");
        STEP("the window of device 0x%llx is at 0x%llx", s.moves->device_id, now);
        pci_write32(f, at, KEPT);
        before = pci_read32(f, at);
        for (unsigned flushed = 0; flushed < 2; flushed++) {
            write_to_target(t, &s, at, "a leaf that names the old window");
            CHECK_EQ(pci_read32(f, at), before, "configuration space, after DMA to the old window");
            flush(t, s.of_writers);
        }
        pci_write32(f, at, 0);
        expect_works(t, &s, "after its window has moved");
        retarget(t, s.of_writers, TARGET, now + PAGE_SIZE);
        flush(t, s.of_writers);
    }
}
