/* SPDX-License-Identifier: MIT */
/* Configuration windows of virtual buses: which function they show. */
#include "abi/vpci.h"
#include "drivers/pci.h"
#include "drivers/pci_registers.h"
#include "drivers/vpci/move.h"
#include "drivers/vpci/restart.h"
#include "kernel/cpu.h"
#include "kernel/paging.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "bus"

#define FUNCTIONS_MAX  64u
#define SLOT_BITS      32u
#define BIT_STEP       4u
#define NO_SLOT        0xFFu /* device 31, function 7 */
#define MSI_ADDRESS    4u
#define INTERRUPT_LINE 0x3Cu
#define OTHER          0xF8u

/* A word of configuration space that keeps at least bits 7:2 of what is written. */
struct word {
    const struct pci_function *function;
    volatile uint32_t *window;
    unsigned at;
    uint32_t before, holds;
};

static uint32_t in_window(const struct word *w)
{
    return cpu_load32(w->window + (VPCI_WINDOW_CONFIG + w->at) / sizeof(uint32_t));
}

static unsigned find_words(struct word *word)
{
    size_t count;
    const struct pci_function *f = pci_functions(&count);
    unsigned found = 0;

    for (size_t i = 0; i < count && found < FUNCTIONS_MAX; i++) {
        struct word *w = &word[found];
        unsigned msi;

        if (!f[i].vpci || !vpci_is_in_reach(&f[i]))
            continue;
        msi = pci_capability(&f[i], PCI_CAPABILITY_MSI);
        *w = (struct word){.function = &f[i], .at = msi ? msi + MSI_ADDRESS : INTERRUPT_LINE};
        w->window = paging_map_mmio(vpci_window(&f[i]), VPCI_WINDOW_SIZE);
        w->before = pci_read32(&f[i], w->at);
        pci_write32(&f[i], w->at, (w->before & ~0xFFu) | (found + 1) % 32 * 4);
        found++;
    }
    return found;
}

static uint32_t slot_of(const struct word *w)
{
    return vpci_slot(w->function->bdf >> 3, w->function->bdf);
}

static bool is_slot(const struct word *word, unsigned count, const struct word *w, uint32_t slot)
{
    for (unsigned i = 0; i < count; i++)
        if (word[i].window == w->window && slot_of(&word[i]) == slot)
            return true;
    return false;
}

/* Nothing is there, and nothing takes the word. */
static void expect_empty(struct test_run *t, const struct word *w, uint32_t slot)
{
    cpu_store32(w->window, slot);
    cpu_memory_barrier();
    CHECK(in_window(w) == UINT32_MAX, "the slot word 0x%x, without a function, shows one", slot);
    cpu_store32(w->window + (VPCI_WINDOW_CONFIG + w->at) / sizeof(uint32_t), OTHER);
}

/* In each window but that one, the function that was selected last. */
static void expect_others(struct test_run *t, const struct word *word, unsigned count,
                          const volatile uint32_t *window)
{
    for (unsigned i = 0; i < count; i++)
        if (word[i].window != window && (i + 1 == count || word[i + 1].window != word[i].window))
            CHECK_EQ(in_window(&word[i]), word[i].holds, "a word in the window of another bus");
}

TEST(windows_show_their_function,
     PROMISE("A configuration window shows the function that was selected in it, and nothing where "
             "there is none")
     COVERS("BUS-20") DEVICES(NONE) KINDS("device")
     STEPS("Each function on a virtual bus gets a number of its own in a word of its configuration "
           "space. Each is selected. In one window after the other slots without a function are "
           "selected: the last one, and slot words that differ from the function's in one bit, "
           "those of the first function in each bit. "
           "The word is read and written there, and the words of all other windows are read "
           "without another selection. Then the function is selected again.")
     EXPECTS("Each function keeps its number. Slots without a function read all ones.")
     IF_IT_FAILS("The host does not follow the selection, takes one bus for another, or compares "
                 "a part of the slot word: settings of one device go to its neighbor, or an "
                 "operating system finds a device many times."))
{
    struct word *word = (void *)buffer(t, 1).data;
    unsigned count = find_words(word);

    _Static_assert(FUNCTIONS_MAX * sizeof(*word) <= PAGE_SIZE, "the words fit into a page");
    if (count == 0)
        SKIP("no function is on a virtual PCI bus");
    for (unsigned i = 0; i < count; i++)
        word[i].holds = pci_read32(word[i].function, word[i].at);
    for (unsigned i = 0; i < count; i++) {
        const struct word *w = &word[i];

        STEP("the window of device 0x%llx", (unsigned long long)w->function->device_id);
        /* All bits of the first one, and of the others a quarter each. */
        for (unsigned bit = i % BIT_STEP; bit < SLOT_BITS; bit += i == 0 ? 1 : BIT_STEP)
            if (!is_slot(word, count, w, slot_of(w) ^ UINT32_C(1) << bit))
                expect_empty(t, w, slot_of(w) ^ UINT32_C(1) << bit);
        expect_empty(t, w, NO_SLOT);
        expect_others(t, word, count, w->window);
        for (unsigned j = 0; j < count; j++)
            CHECK_EQ(pci_read32(word[j].function, word[j].at), word[j].holds,
                     "a word of a function that is selected");
    }
    for (unsigned i = 0; i < count; i++)
        pci_write32(word[i].function, word[i].at, word[i].before);
}
