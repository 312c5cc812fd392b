/* SPDX-License-Identifier: MIT */
/*
 * PCI functions that exist in the host only: DMA engines ("dmaprobe", docs/dmaprobe.md, and IOAT,
 * docs/ioat.md) whose requests go through the software IOMMU, and the root ports above some of
 * them.
 */
#ifndef PVT_HOST_VDEV_VDEV_H
#define PVT_HOST_VDEV_VDEV_H

#include <stdbool.h>
#include <stdint.h>

#include "host/vdev/config_space.h"

#define VDEV_FUNCTIONS_MAX 16u

struct dmaprobe;

/* A kind of DMA engine. With the lock of the software IOMMU held. */
struct vdev_device {
    uint32_t bar_size; /* a power of two */
    /* Registers; `offset` in the BAR, `size` 1 to 8. */
    uint64_t (*read)(void *engine, unsigned offset, unsigned size);
    void (*write)(void *engine, unsigned offset, unsigned size, uint64_t value);
    void (*reset)(void *engine);              /* as at power-on */
    void (*tick)(void *engine, uint64_t now); /* reference time */
    void (*configured)(void *engine); /* a word of its configuration space was written; or NULL */
};

struct vdev_function {
    uint16_t bdf;
    bool ats; /* has the capability */
    struct config_space *config;
    const struct vdev_device *device; /* NULL: a bridge */
    void *engine;
    struct dmaprobe *probe; /* the engine, where it is one */
    /* Sends an interrupt message; NULL: as on a PCI bus. */
    bool (*send_message)(void *owner, uint64_t address, uint32_t data);
    void *message_owner;
    int watched;   /* requests of it that wait for time to pass */
    bool decoding; /* BAR 0 answers, at `base` */
    uint64_t base;
};

/* Makes the functions, takes their configuration pages and registers out of the nested tables, and
 * adds them to the list of PCI functions. Before launch, after pci_enumerate() and the import of
 * the memory map. Returns how many can be managed; 0, with a log line, on a machine that has no
 * room for them. */
unsigned vdev_create(void);
/* Shows a page of the host at a guest-physical address; NULL: the gap is back
 * (host/cpu/nested_paging.h). */
typedef bool vdev_map_page(uint64_t gpa, void *page);
/* Shows the memory of the functions to the guest. After nested_paging_init(). */
void vdev_start(vdev_map_page *map);

/* The functions stand on buses of their own (host/vpci), not on the PCI bus. Before vdev_create().
 */
extern bool vdev_off_bus;

struct vdev_function *vdev_functions(unsigned *count);
/* NULL when no emulated function has this requester id. */
struct vdev_function *vdev_find(uint16_t bdf);

/* How many requests of the function wait for time to pass: one more, or one less. */
void vdev_watch(struct vdev_function *function, int change);
extern int vdev_requests_watched;
static inline bool vdev_watched(void)
{
    return __atomic_load_n(&vdev_requests_watched, __ATOMIC_RELAXED) != 0;
}
void vdev_let_time_pass(void);
/* At every exit: lets the time pass for requests that wait or repeat. Most of the time there are
 * none, and an exit costs one look. */
static inline void vdev_tick(void)
{
    if (vdev_watched())
        vdev_let_time_pass();
}

#endif
