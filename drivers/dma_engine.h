/* SPDX-License-Identifier: MIT */
/*
 * A device that moves bytes when told to. Guarantees, the same for every class:
 *  - dma_write, dma_fill, dma_clear: the device writes bytes [iova, iova + length) in ascending
 * order, in one or more transfers; the call returns when it has no access left to make, or false
 * when that takes too long;
 *  - dma_read: the device reads [iova, iova + length), and what it saw is in `seen` afterwards,
 * byte for byte; on a blocked read `seen` holds what the platform returns (QEMU: zeros);
 *  - true means "the device is done", never "the DMA was allowed": devices on QEMU do not see
 * faults;
 *  - nothing outside [iova, iova + length) is accessed by the device (but see scratch below).
 * IOVAs are bus addresses; length 1..max_length, and all of it below 2^iova_bits of the engine:
 * anything else is refused (false).
 *
 * A class with DMA_STAGED has a buffer of its own that only DMA can fill or empty. Its engines
 * therefore also access `scratch` (scratch_size bytes), which they find at `staging_iova`: at first
 * the GPA of scratch; a test that puts the device into a paging domain maps it there (writable) and
 * stores the IOVA. These pass through it:
 *  - dma_prepare() loads the patterns that fill and clear send, and checks them. It is needed once,
 * under any translation that reaches scratch (identity, say); afterwards fill and clear touch
 * nothing but their target;
 *  - dma_write() first loads and checks the data: false = scratch not reached and no access to the
 * target made;
 *  - dma_read() then fetches what was read: false = scratch not reached, `seen` untouched.
 *
 * A class with DMA_QUEUED takes its commands from scratch. Its engines do nothing where they do not
 * reach it, which is done as well: true. staging_iova follows the domain (dma_follow()); 0 = it is
 * not known, and no access is made. If an operation failed, `outcome` has the report of the device.
 */
#ifndef PVT_DRIVERS_DMA_ENGINE_H
#define PVT_DRIVERS_DMA_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/pci.h"
#include "drivers/pviommu.h"

enum dma_class {
    DMA_CLASS_ROCKER,
    DMA_CLASS_EDU,
    DMA_CLASS_DMAPROBE,
    DMA_CLASS_DMAPROBE_ATS, /* with a device TLB */
    DMA_CLASS_NVME,
    DMA_CLASS_IOAT,
    DMA_CLASS_COUNT
};

enum dma_feature {
    DMA_FILL = 1 << 0,  /* constant byte only; the value is the device's choice, see fill_value */
    DMA_WRITE = 1 << 1, /* arbitrary bytes */
    DMA_READ = 1 << 2,  /* device reads memory */
    DMA_SHOWS_READS = 1 << 3, /* bytes read are visible to the driver */
    DMA_READ_MODIFY =
        1 << 4,          /* inverts each byte in place: shows that the read saw the right byte */
    DMA_SLOW = 1 << 5,   /* tens of milliseconds per operation */
    DMA_STAGED = 1 << 6, /* needs dma_prepare(), and scratch in reach for read and write */
    DMA_DEFERRED =
        1 << 7, /* start_fill/start_write/finish: the access happens some time after the start */
    DMA_QUEUED = 1 << 8, /* reaches nothing without scratch, which every paging domain maps */
    DMA_DWORDS = 1 << 9, /* moves whole dwords */
};

struct dma_engine;

struct dma_engine_ops {
    const char *name;
    unsigned features;
    size_t max_length;  /* bytes per operation */
    size_t max_start;   /* bytes per start_fill or start_write, 0 = class has none */
    unsigned iova_bits; /* width of the addresses that every device of the class can emit */
    uint8_t fill_value, clear_value;
    bool (*match)(const struct pci_function *f);
    bool (*probe)(struct dma_engine *e);
    bool (*reset)(struct dma_engine *e); /* waits until the device is quiet */
    bool (*prepare)(struct dma_engine *e);
    void (*describe)(const struct dma_engine *e, char *text,
                     size_t size); /* key=value ..., once it is prepared */
    bool (*widen)(struct dma_engine *e, uint64_t iova);
    bool (*fill)(struct dma_engine *e, uint64_t iova, size_t length);  /* writes fill_value */
    bool (*clear)(struct dma_engine *e, uint64_t iova, size_t length); /* writes clear_value */
    bool (*invert)(struct dma_engine *e, uint64_t iova,
                   size_t length); /* reads, inverts, writes back */
    bool (*write)(struct dma_engine *e, uint64_t iova, const void *data, size_t length);
    bool (*read)(struct dma_engine *e, uint64_t iova, void *seen, size_t length);
    /* For classes that can: start and return at once; finish waits. */
    bool (*start_fill)(struct dma_engine *e, uint64_t iova, size_t length);
    bool (*start_write)(struct dma_engine *e, uint64_t iova, const void *data, size_t length);
    bool (*finish)(struct dma_engine *e);
    bool (*start_chain)(struct dma_engine *e, uint64_t iova, size_t length, bool write);
    uint8_t *(*chain_seen)(const struct dma_engine *e);
    /* Has the device request message 0; false: it does not in its present state. */
    bool (*interrupt)(struct dma_engine *e);
};

struct dma_engine {
    const struct dma_engine_ops *ops;
    enum dma_class class;
    struct pci_function function;
    uint64_t device_id; /* logical device id used in pvIOMMU calls */
    volatile uint8_t *registers;
    uint64_t mapped;    /* bytes of them */
    unsigned iova_bits; /* width of the addresses that this device emits */
    void *scratch;      /* pages of DMA_STAGED, else NULL */
    size_t scratch_size;
    uint64_t staging_iova; /* where the device finds scratch */
    uint64_t share; /* of DMA_QUEUED: its place among what paging domains share (domain_share()) */
    bool prepared;
    const char *unusable; /* why the device cannot be used although it is in order; NULL = it can */
    const char
        *outcome; /* of the last operation: what the device reports, and a number; NULL = nothing */
    uint64_t outcome_code;
    void *state;         /* of the class */
    bool used;           /* by a test or the harness, since the start of the machine */
    bool touched;        /* its registers were used, or may have been, since the last reset */
    bool ats;            /* its own translation cache is on */
    uint64_t operations; /* DMAs started since boot */
    bool moved;          /* BAR 0 is at its other place (drivers/vpci/move.h) */
};

#define DMA_ENGINES_MAX 256

/* Probes all classes once; later calls return the same list, ordered by class, then requester id.
 */
struct dma_engine *dma_engines(size_t *count);
/* Devices of these classes that are not in the list, for their registers (BAR 0) are at addresses
 * that the kernel does not map: PAGING_GPA_LIMIT (kernel/paging.h). */
const struct dma_engine *dma_unreachable(size_t *count);
/* DMAs that all engines have started since boot. */
uint64_t dma_operations(void);
/* The n-th engine of a class, or NULL. */
struct dma_engine *dma_engine_get(enum dma_class class, unsigned n);
/* The first engine that is not DMA_SLOW, or NULL. */
struct dma_engine *dma_engine_fast(void);
const char *dma_class_name(enum dma_class class);
/* Is it one with DMA_SLOW? */
bool dma_class_is_slow(enum dma_class class);
/* Takes an engine out of the list and its device off the bus; pointers to engines are void after
 * that. */
void dma_engine_leave_out(struct dma_engine *e);
/* The same for all whose bus is not in reach (drivers/vpci/restart.h). */
void dma_engines_follow_buses(void);
/* Those of a class that went with their buses. */
unsigned dma_lost(enum dma_class class);

/* From now on `record` hears of each DMA below before it begins; NULL: no one does. `what`:
 * "write", "read", "invert" or "start" (of a write that ends in dma_finish()). */
void dma_record_by(void (*record)(const struct dma_engine *e, const char *what, uint64_t iova,
                                  size_t length));
/* NULL-safe wrappers: false when the class cannot do it. They split nothing: length must fit
 * max_length. */
bool dma_fill(struct dma_engine *e, uint64_t iova, size_t length);
bool dma_clear(struct dma_engine *e, uint64_t iova, size_t length);
bool dma_invert(struct dma_engine *e, uint64_t iova, size_t length);
bool dma_write(struct dma_engine *e, uint64_t iova, const void *data, size_t length);
bool dma_read(struct dma_engine *e, uint64_t iova, void *seen, size_t length);
bool dma_start_fill(struct dma_engine *e, uint64_t iova, size_t length);
bool dma_start_write(struct dma_engine *e, uint64_t iova, const void *data, size_t length);
bool dma_finish(struct dma_engine *e);
/* For classes that take commands from a long chain: starts DMA_CHAIN_LENGTH copies of `length`
 * bytes, from scratch to `iova` (fill_value) or from there to scratch, and returns while the device
 * is at work. The chain lies at the start of scratch (DMA_CHAIN_PAGES). Ends in dma_finish(). */
#define DMA_CHAIN_LENGTH 250u
#define DMA_CHAIN_PAGES  4u
bool dma_start_chain(struct dma_engine *e, uint64_t iova, size_t length, bool write);
/* The page of scratch that copies to scratch write. NULL: the class has no chains. */
uint8_t *dma_chain_seen(const struct dma_engine *e);
/* The device sends the message of pci_message_set(), MSI or entry 0 of MSI-X, and no other. False:
 * it does not where it is now, or the class cannot. */
bool dma_interrupt(struct dma_engine *e);
/* The device is in that domain now: a DMA_QUEUED engine finds its queues there from now on. */
void dma_follow(const struct domain *d, uint64_t device_id);
/* True at once for classes that need no preparation and for engines that are prepared. */
bool dma_prepare(struct dma_engine *e);
/* For classes whose devices may have more address lines than their registers tell. `iova` has to
 * lead to scratch, as staging_iova does: true, and iova_bits is set, when the device can emit an
 * address of as many bits as it has. False for all others. */
bool dma_widen(struct dma_engine *e, uint64_t iova);
/* The functions of that bus (struct pci_function) have lost their settings; NULL: those of all
 * buses on VMBus have. */
void dma_bus_was_reset(const void *vpci);
/* Moves the registers of a device on vPCI to their other place, or back, and uses them there.
 * Returns the new address; 0: they stay, as there is no room. */
uint64_t dma_move_registers(struct dma_engine *e);
/* The device has no access left to make, and staging_iova is what it was at first. False when it
 * does not become quiet.
 */
bool dma_reset(struct dma_engine *e);

#endif
