/* SPDX-License-Identifier: MIT */
/* From CPUID to a hypercall page that can be called (reference 1.3). */
#include "abi/cpuid.h"
#include "abi/hypercall.h"
#include "abi/msr.h"
#include "drivers/hypercall.h"
#include "kernel/cpu.h"
#include "kernel/memory.h"
#include "kernel/paging.h"
#include "lib/hot.h"
#include "lib/string.h"

/*
 * Who we say we are: the open-source form with an operating system type that is not registered, so
 * that a host's workarounds for a known guest never apply to this one. The rest only has to stay
 * the same from run to run.
 */
#define OS_TYPE_CONFORMANCE 0x70
#define OS_ID               0x01
#define OS_VERSION          0x00010000
#define OS_BUILD            1

static struct {
    bool done;
    struct hypercall_discovery found;
    void *input, *output;
} layer;

static void read_vendor(struct hypercall_discovery *found)
{
    struct cpuid_result leaf = cpu_cpuid(HV_CPUID_VENDOR, 0);
    const uint32_t words[3] = {leaf.ebx, leaf.ecx, leaf.edx};

    found->max_leaf = leaf.eax;
    memcpy(found->vendor, words, sizeof(words));
    found->vendor[sizeof(words)] = '\0';
}

/* The signature decides, never the vendor's name: another hypervisor may implement this interface.
 */
static enum hypercall_state find_interface(struct hypercall_discovery *found)
{
    if ((cpu_cpuid(CPUID_1, 0).ecx & CPUID_1_ECX_HYPERVISOR_PRESENT) == 0)
        return HYPERCALL_NO_HYPERVISOR;
    read_vendor(found);
    if (found->max_leaf < HV_CPUID_VENDOR_EAX_MINIMUM)
        return HYPERCALL_NO_INTERFACE;
    found->interface = cpu_cpuid(HV_CPUID_INTERFACE, 0).eax;
    return found->interface == HV_CPUID_INTERFACE_EAX_HV1 ? HYPERCALL_READY
                                                          : HYPERCALL_NO_INTERFACE;
}

static bool set_guest_os_id(void)
{
    uint64_t id;

    if (msr_read_safe(HV_MSR_GUEST_OS_ID, &id) != TRAP_NONE)
        return false;
    if (id != 0)
        return true;
    id = hv_guest_os_id_open_source(OS_TYPE_CONFORMANCE, OS_ID, OS_VERSION, OS_BUILD);
    return msr_write_safe(HV_MSR_GUEST_OS_ID, id) == TRAP_NONE;
}

/* A refused enable does not fault: only reading it back tells (reference 1.4). */
static bool enable_page(uint64_t gpa)
{
    uint64_t value;

    if (msr_read_safe(HV_MSR_HYPERCALL, &value) != TRAP_NONE)
        return false;
    /* A locked register may fault on any write, so one that is right already is left alone. */
    if ((value & HV_HYPERCALL_MSR_ENABLE) != 0 && (value & HV_HYPERCALL_MSR_GPFN) == gpa)
        return true;
    if (msr_write_safe(HV_MSR_HYPERCALL, hv_hypercall_msr_enable(value, gpa)) != TRAP_NONE ||
        msr_read_safe(HV_MSR_HYPERCALL, &value) != TRAP_NONE)
        return false;
    return (value & HV_HYPERCALL_MSR_ENABLE) != 0 && (value & HV_HYPERCALL_MSR_GPFN) == gpa;
}

/*
 * Where the page is or shall be; 0 when the MSR cannot be read. A page that firmware enabled is
 * used as it is, unless it lies in memory that this image now hands out: the overlay would then
 * hide data.
 */
static uint64_t choose_page(void)
{
    uint64_t value, existing;
    void *page;

    if (msr_read_safe(HV_MSR_HYPERCALL, &value) != TRAP_NONE)
        return 0;
    existing = value & HV_HYPERCALL_MSR_GPFN;
    if ((value & HV_HYPERCALL_MSR_ENABLE) != 0 &&
        ((value & HV_HYPERCALL_MSR_LOCKED) != 0 || !memory_is_ours(existing, PAGE_SIZE)))
        return existing;
    page = memory_boot_pages(1);
    memset(page, HYPERCALL_UNDERLAY, PAGE_SIZE);
    return gpa_of(page);
}

static enum hypercall_state discover(struct hypercall_discovery *found)
{
    enum hypercall_state state = find_interface(found);
    struct cpuid_result features;

    if (state != HYPERCALL_READY)
        return state;
    if (!set_guest_os_id())
        return HYPERCALL_REFUSED;
    found->page = choose_page();
    if (found->page == 0 || !enable_page(found->page))
        return HYPERCALL_REFUSED;
    paging_set(found->page, PAGE_SIZE, PAGING_RX);
    features = cpu_cpuid(HV_CPUID_FEATURES, 0);
    found->features_eax = features.eax;
    found->features_ebx = features.ebx;
    found->features_edx = features.edx;
    return HYPERCALL_READY;
}

HOT const struct hypercall_discovery *hypercall_init(void)
{
    if (!layer.done) {
        layer.done = true;
        layer.input = memory_boot_pages(1);
        layer.output = memory_boot_pages(1);
        layer.found.state = discover(&layer.found);
    }
    return &layer.found;
}

static uint64_t calls_withheld;

uint64_t hypercall_withheld(void)
{
    return calls_withheld;
}

HOT const void *hypercall_entry(void)
{
    const struct hypercall_discovery *found = hypercall_init();

    if (found->state == HYPERCALL_READY)
        return gpa_pointer(found->page);
    __atomic_add_fetch(&calls_withheld, 1, __ATOMIC_RELAXED);
    return NULL;
}

bool hypercall_reenable(void)
{
    const struct hypercall_discovery *found = hypercall_init();

    return found->state == HYPERCALL_READY && set_guest_os_id() && enable_page(found->page);
}

bool hypercall_page_is_locked(void)
{
    uint64_t msr;

    return msr_read_safe(HV_MSR_HYPERCALL, &msr) == TRAP_NONE &&
           (msr & HV_HYPERCALL_MSR_LOCKED) != 0;
}

bool hypercall_restore_underlay(void)
{
    uint64_t page = hypercall_init()->page, msr = 0;

    if (!memory_is_ours(page, PAGE_SIZE) || msr_read_safe(HV_MSR_HYPERCALL, &msr) != TRAP_NONE ||
        (msr & HV_HYPERCALL_MSR_LOCKED))
        return true;
    msr_write_safe(HV_MSR_HYPERCALL, msr & ~HV_HYPERCALL_MSR_ENABLE);
    paging_set(page, PAGE_SIZE, PAGING_RW);
    memset(gpa_pointer(page), HYPERCALL_UNDERLAY, PAGE_SIZE);
    paging_set(page, PAGE_SIZE, PAGING_RX);
    return hypercall_reenable();
}

const char *hypercall_state_text(enum hypercall_state state)
{
    switch (state) {
    case HYPERCALL_READY:
        return "The host offers the Hv#1 interface and the hypercall page is enabled.";
    case HYPERCALL_NO_HYPERVISOR:
        return "No hypervisor: CPUID.1:ECX[31] is clear.";
    case HYPERCALL_NO_INTERFACE:
        return "A hypervisor without the Hv#1 interface: CPUID leaf 0x40000001 has another "
               "signature or is missing.";
    case HYPERCALL_REFUSED:
        return "The host offers Hv#1 but did not let the hypercall page be enabled (MSR "
               "0x40000001).";
    }
    return "unknown state";
}

void *hypercall_input_page(void)
{
    (void)hypercall_init();
    return layer.input;
}

void *hypercall_output_page(void)
{
    (void)hypercall_init();
    return layer.output;
}
