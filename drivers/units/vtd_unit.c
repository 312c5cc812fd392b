/* SPDX-License-Identifier: MIT */
#include "drivers/units/vtd_unit.h"

#include "drivers/units/vtd_faults.h"
#include "kernel/cpu.h"
#include "kernel/memory.h"
#include "kernel/paging.h"
#include "kernel/time.h"
#include "lib/string.h"

#define REGISTERS_SIZE   0x1000u
#define WAIT_US          1000000u
#define DEVICES_PER_HALF 128u
#define BUSES_MAX        4u
#define DESCRIPTOR_WORDS 4u
#define TAG_BITS         9u /* OWN_DOMAINS_MAX + 1 tags */
#define RECORD_SIZE      16u
#define RECORD_F_DWORD   12u

static struct {
    volatile uint8_t *registers;
    uint64_t capabilities, extended;
    unsigned record; /* offset of the first fault record */
    uint64_t *root, *queue;
    volatile uint32_t *status;
    uint32_t tail, sequence;
    struct vtd_place *places; /* of each engine */
    size_t devices;
    uint64_t waits;
    const char *dead;
    bool touched;
} vtd;

uint32_t vtd_read32(unsigned offset)
{
    return (uint32_t)vtd_fault_read(offset, *(volatile uint32_t *)(vtd.registers + offset));
}

uint64_t vtd_read64(unsigned offset)
{
    return vtd_fault_read(offset, *(volatile uint64_t *)(vtd.registers + offset));
}

void vtd_write32(unsigned offset, uint32_t value)
{
    uint64_t wide = value;

    if (vtd_fault_write(offset, &wide))
        *(volatile uint32_t *)(vtd.registers + offset) = (uint32_t)wide;
}

void vtd_write64(unsigned offset, uint64_t value)
{
    if (vtd_fault_write(offset, &value))
        *(volatile uint64_t *)(vtd.registers + offset) = value;
}

void vtd_flaw(uint64_t *word, uint64_t bits)
{
    *(volatile uint64_t *)word = vtd_fault_store(*word ^ bits, bits);
    cpu_memory_barrier();
}

uint64_t vtd_capabilities(void)
{
    return vtd.capabilities;
}

uint64_t vtd_extended(void)
{
    return vtd.extended;
}

unsigned vtd_fault_record(void)
{
    return vtd.record;
}

uint64_t vtd_waits(void)
{
    return vtd.waits;
}

const char *vtd_unit_dead(void)
{
    return vtd.dead;
}

/* The processor writes GSTS back as GCMD, without the commands that take effect once. */
bool vtd_command(uint64_t bit, bool on)
{
    const uint32_t mask = (uint32_t)bit;
    const uint64_t end = time_us() + WAIT_US;
    uint32_t value = vtd_read32(VTD_GSTS) & VTD_STATUS_KEPT;

    vtd_write32(VTD_GCMD, on ? value | mask : value & ~mask);
    while (((vtd_read32(VTD_GSTS) & mask) != 0) != on) {
        if (time_us() > end)
            return false;
        cpu_pause();
    }
    return true;
}

unsigned vtd_tail(void)
{
    return vtd.tail;
}

uint64_t *vtd_queue_place(unsigned n)
{
    return vtd.queue + DESCRIPTOR_WORDS * (size_t)n;
}

void vtd_push_wide(const uint64_t descriptor[4])
{
    uint64_t *place = vtd_queue_place(vtd.tail);
    uint64_t changed[DESCRIPTOR_WORDS];

    memcpy(changed, descriptor, sizeof(changed));
    if (!vtd_fault_descriptor(changed, vtd.tail))
        return;
    memcpy(place, changed, sizeof(changed));
    vtd.tail = (vtd.tail + 1) % VTD_QUEUE_ENTRIES;
}

void vtd_push(uint64_t low, uint64_t high)
{
    const uint64_t descriptor[DESCRIPTOR_WORDS] = {low, high};

    vtd_push_wide(descriptor);
}

void vtd_push_wait(const volatile uint32_t *word, uint32_t data, uint64_t flags)
{
    vtd_push(VTD_INVALIDATE_WAIT | VTD_WAIT_STATUS | flags | (uint64_t)data << VTD_STATUS_SHIFT,
             gpa_of((const void *)word));
}

void vtd_submit(void)
{
    cpu_memory_barrier();
    vtd_write64(VTD_IQT, (uint64_t)vtd.tail << VTD_IQT_SHIFT);
}

bool vtd_drain(void)
{
    uint64_t end;

    if (vtd.dead)
        return false;
    vtd_push_wait(vtd.status, ++vtd.sequence, 0);
    vtd_submit();
    end = time_us() + WAIT_US;
    while (*vtd.status != vtd.sequence) {
        if (vtd_read32(VTD_FSTS) & VTD_FSTS_QUEUE)
            vtd.dead = "the VT-d unit refused a descriptor of its driver (FSTS.IQE)";
        else if (time_us() > end)
            vtd.dead = "the VT-d unit did not carry out its invalidation queue within a second";
        if (vtd.dead)
            return false;
        cpu_pause();
    }
    vtd.waits++;
    return true;
}

bool vtd_clear_record(unsigned offset)
{
    vtd_write32(offset + RECORD_F_DWORD, (uint32_t)(VTD_FAULT_F >> 32));
    if (!(vtd_read64(offset + 8) & VTD_FAULT_F))
        return true;
    vtd.dead = "the VT-d unit does not clear a fault record that has been taken";
    return false;
}

struct vtd_place *vtd_place_of(uint16_t bdf)
{
    for (size_t i = 0; i < vtd.devices; i++)
        if (vtd.places[i].bdf == bdf)
            return &vtd.places[i];
    return NULL;
}

uint64_t vtd_tag(const struct own_domain *d)
{
    return d ? (uint64_t)d->number + 1 : 0;
}

void vtd_fill_entry(uint64_t *entry, const struct own_domain *d)
{
    memset(entry, 0, VTD_ENTRY_WORDS * sizeof(*entry));
    if (!d || d->kind == OWN_BLOCKED)
        return;
    entry[1] = vtd_tag(d);
    if (d->kind == OWN_PAGING)
        entry[2] = d->root;
    entry[0] = VTD_PRESENT | VTD_PASID_WIDTH_48 |
               (d->kind == OWN_PAGING ? VTD_PASID_FIRST_STAGE : VTD_PASID_PASS_THROUGH);
}

/* Root, context and PASID tables of all engines; every device starts blocked. */
static const char *build_tables(void)
{
    struct {
        uint8_t bus;
        uint64_t *halves[2];
    } buses[BUSES_MAX] = {0};
    unsigned bus_count = 0;
    size_t count;
    const struct dma_engine *e = dma_engines(&count);

    vtd.places = memory_boot_pages((count * sizeof(*vtd.places) + PAGE_SIZE - 1) / PAGE_SIZE);
    for (size_t i = 0; i < count; i++) {
        const uint16_t bdf = e[i].function.bdf;
        const uint8_t bus = (uint8_t)(bdf >> 8), function = (uint8_t)bdf;
        struct vtd_place *place = &vtd.places[i];
        unsigned b = 0;

        while (b < bus_count && buses[b].bus != bus)
            b++;
        if (b == bus_count) {
            if (bus_count == BUSES_MAX)
                return "the devices are on more buses than this driver has tables for";
            buses[bus_count++].bus = bus;
            for (unsigned half = 0; half < 2; half++)
                buses[b].halves[half] = memory_boot_pages(1);
        }
        place->bdf = bdf;
        place->directory = memory_boot_pages(1);
        place->tables[0] = memory_boot_pages(1);
        place->tables[1] = memory_boot_pages(1);
        place->root = vtd.root + 2 * (size_t)bus + function / DEVICES_PER_HALF;
        place->context = buses[b].halves[function / DEVICES_PER_HALF] +
                         (size_t)VTD_CONTEXT_WORDS * (function % DEVICES_PER_HALF);
    }
    vtd.devices = count;
    return NULL;
}

/* The entries of a device as its domain asks for. */
static void fill_place(const struct vtd_place *place)
{
    uint64_t *context_table = (uint64_t *)((uintptr_t)place->context & ~(uintptr_t)(PAGE_SIZE - 1));

    vtd_fill_entry(place->tables[place->now], place->in);
    place->directory[0] = gpa_of(place->tables[place->now]) | VTD_PRESENT;
    memset(place->context, 0, VTD_CONTEXT_WORDS * sizeof(*place->context));
    place->context[0] = gpa_of(place->directory) | VTD_PRESENT;
    *place->root = gpa_of(context_table) | VTD_PRESENT;
}

static bool flush_everything(void)
{
    cpu_memory_barrier();
    vtd_push(VTD_INVALIDATE_CONTEXT | VTD_GLOBAL, 0);
    vtd_push(VTD_INVALIDATE_PASID | VTD_PASID_GLOBAL, 0);
    vtd_push(VTD_INVALIDATE_IOTLB | VTD_GLOBAL, 0);
    return vtd_drain();
}

bool vtd_restart_queue(void)
{
    vtd.tail = 0;
    vtd_write64(VTD_IQT, 0);
    vtd_write64(VTD_IQA, gpa_of(vtd.queue) | VTD_IQA_LARGE);
    return vtd_command(VTD_COMMAND_QIE, true);
}

static const char *lacking(void)
{
    if (vtd.capabilities == UINT64_MAX || vtd.extended == UINT64_MAX)
        return "the VT-d unit's registers read as all ones: there is no unit at that address";
    if (!(vtd.extended & VTD_ECAP_QI) || !(vtd.extended & VTD_ECAP_SMTS) ||
        !(vtd.extended & VTD_ECAP_FSTS) || !(vtd.extended & VTD_ECAP_PT)) {
        return "the VT-d unit lacks queued invalidation, scalable mode, first-stage translation or "
               "pass-through";
    }
    if (VTD_CAP_DOMAIN_BITS(vtd.capabilities) < TAG_BITS)
        return "the VT-d unit has fewer than 512 domain ids";
    if (VTD_CAP_MGAW(vtd.capabilities) < VTD_WIDTH_4_LEVELS)
        return "the VT-d unit translates fewer than 48 bits of an address";
    if (vtd.capabilities & VTD_CAP_RWBF)
        return "the VT-d unit needs its write buffer flushed, and this driver does not do that";
    if (vtd.record + RECORD_SIZE > REGISTERS_SIZE)
        return "the VT-d unit's fault records are outside of the page of its registers";
    return NULL;
}

static const char *switch_on(void)
{
    for (size_t i = 0; i < vtd.devices; i++)
        fill_place(&vtd.places[i]);
    cpu_memory_barrier();
    if (!vtd_restart_queue())
        return "the VT-d unit does not start its invalidation queue";
    vtd_write64(VTD_RTADDR, gpa_of(vtd.root) | VTD_RTADDR_SCALABLE);
    if (!vtd_command(VTD_COMMAND_SRTP, true))
        return "the VT-d unit does not take its root table";
    if (!flush_everything())
        return vtd.dead;
    if (!vtd_command(VTD_COMMAND_TE, true))
        return "the VT-d unit does not switch its translation on";
    vtd_fault_begin(vtd.record, gpa_of((const void *)vtd.status));
    return NULL;
}

const char *vtd_unit_start(uint64_t base_gpa)
{
    const char *problem;

    vtd.registers = paging_map_mmio(base_gpa, REGISTERS_SIZE);
    vtd.capabilities = vtd_read64(VTD_CAP);
    vtd.extended = vtd_read64(VTD_ECAP);
    vtd.record = VTD_CAP_FRO(vtd.capabilities);
    problem = lacking();
    if (problem)
        return problem;
    if (vtd_read32(VTD_GSTS) & (uint32_t)(VTD_COMMAND_TE | VTD_COMMAND_QIE))
        return "the VT-d unit is in use already: firmware has switched on translation or its queue";
    vtd.root = memory_boot_pages(1);
    vtd.queue = memory_boot_pages(1);
    vtd.status = memory_boot_pages(1);
    problem = build_tables();
    return problem ? problem : switch_on();
}

void vtd_unit_touch(void)
{
    vtd.touched = true;
}

/*
 * Queue errors are repaired in place (6.5.2.11), which works whatever the head points to: every
 * place gets a valid descriptor, and the tail goes right after the head and on to where it was.
 */
static void repair_queue(void)
{
    for (unsigned i = 0; i < VTD_QUEUE_ENTRIES; i++) {
        uint64_t *place = vtd_queue_place(i);

        memset(place, 0, DESCRIPTOR_WORDS * sizeof(*place));
        place[0] = VTD_INVALIDATE_IOTLB | VTD_GLOBAL;
    }
    cpu_memory_barrier();
    vtd.tail = (uint32_t)(vtd_read64(VTD_IQH) >> VTD_IQT_SHIFT) % VTD_QUEUE_ENTRIES;
    vtd.tail = (vtd.tail + 1) % VTD_QUEUE_ENTRIES;
    vtd_submit();
    vtd_write32(VTD_FSTS, (uint32_t)VTD_FSTS_QUEUE);
    vtd_submit();
}

static void clear_faults(void)
{
    const unsigned records = VTD_CAP_NFR(vtd.capabilities);

    for (unsigned i = 0; i < records; i++)
        (void)vtd_clear_record(vtd.record + RECORD_SIZE * i);
    vtd_write32(VTD_FSTS, (uint32_t)(VTD_FSTS_OVERFLOW | VTD_FSTS_QUEUE));
    vtd_write32(VTD_ICS, VTD_ICS_COMPLETE);
}

/* QEMU 10.0 switches a queue off only where the last descriptor was a wait. */
const char *vtd_unit_restart(void)
{
    vtd_fault_end();
    vtd.dead = NULL;
    if (vtd_read32(VTD_GSTS) & (uint32_t)VTD_COMMAND_QIE) {
        repair_queue();
        if (!vtd_drain())
            return vtd.dead;
    }
    if (!vtd_command(VTD_COMMAND_TE, false) || !vtd_command(VTD_COMMAND_QIE, false))
        return "the VT-d unit does not switch its translation and its queue off";
    for (size_t i = 0; i < vtd.devices; i++) {
        vtd.places[i].in = NULL;
        vtd.places[i].now = 0;
    }
    clear_faults();
    vtd.touched = false;
    return vtd.dead ? vtd.dead : switch_on();
}

void vtd_unit_restore(void)
{
    if (!vtd.touched || vtd.dead)
        return;
    vtd.touched = false;
    repair_queue();
    if (!vtd_drain())
        return;
    for (size_t i = 0; i < vtd.devices; i++)
        fill_place(&vtd.places[i]);
    if (vtd_read64(VTD_IQA) != (gpa_of(vtd.queue) | VTD_IQA_LARGE) ||
        vtd_read64(VTD_RTADDR) != (gpa_of(vtd.root) | VTD_RTADDR_SCALABLE) ||
        !(vtd_read32(VTD_GSTS) & (uint32_t)VTD_COMMAND_TE))
        vtd.dead = "a test has left the VT-d unit switched off or with other tables";
    else
        (void)flush_everything();
    clear_faults();
}
