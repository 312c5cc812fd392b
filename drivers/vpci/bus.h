/* SPDX-License-Identifier: MIT */
/* vPCI buses, for the files of drivers/vpci only. */
#ifndef PVT_DRIVERS_VPCI_BUS_H
#define PVT_DRIVERS_VPCI_BUS_H

#include "abi/vpci.h"
#include "drivers/vmbus/vmbus.h"
#include "drivers/vpci/vpci.h"
#include "kernel/time.h"

#define VPCI_FUNCTIONS_PER_BUS 8u

/* Hosts do not promise that a BAR or the command register reads back: what was written is kept
 * here. */
struct vpci_function {
    struct pci_function pci;
    struct vpci_relation relation;
    uint32_t bar_mask[VPCI_BARS]; /* as QUERY_RESOURCE_REQUIREMENTS tells */
    uint32_t bar[VPCI_BARS];      /* as a BAR reads, type bits included */
    uint16_t command;             /* when the connection to VMBus ended */
    uint64_t other, low;          /* where BAR 0 goes when it moves; 0: no place yet */
};

struct vpci_bus {
    struct vmbus_channel channel;
    struct vpci_state state;
    struct vpci_function function[VPCI_FUNCTIONS_PER_BUS];
    unsigned functions;
    uint16_t segment;
    bool relations_came;
    uint32_t relations;       /* type of the last list of functions */
    uint32_t wanted;          /* the only version that is asked for; 0: any */
    bool placed;              /* has had a window and BARs, and gets the same ones again */
    bool away;                /* the host has taken it away */
    uint32_t ejected;         /* slot word that the last EJECT named */
    uint64_t other_window;    /* where the window goes when it moves; 0: no place yet */
    bool lost;                /* the connection to VMBus has ended, and the bus is not back */
    bool let_go;              /* its driver has ended the use of a function, or of all */
    bool gone;                /* it did not come back, and is given up */
    struct vmbus_offer last;  /* of that connection */
    volatile uint8_t *window; /* mapped; NULL: not in D0 */
};

/* Below vpci_bus_count(). */
struct vpci_bus *vpci_bus(size_t index);
/* The offer of the bus with that GUID, which may have another channel id than before; NULL: none.
 */
struct vmbus_offer *vpci_offer_of(const uint8_t *instance_guid);
/* Hosts may offer an assigned device some time after the end of the list. */
#define VPCI_LATE_OFFER_US time_for_answer_us(2000000u)
#define VPCI_NEXT_OFFER_US time_for_answer_us(500000u) /* after another one, all in all */

/* Sends a request and waits for its reply, of which `reply_size` bytes are copied. False: no reply,
 * or one that is too short, or a failure; bus->state tells. */
bool vpci_request(struct vpci_bus *bus, const void *request, size_t size, void *reply,
                  size_t reply_size);
/* The same for a message that has no reply. */
bool vpci_tell(struct vpci_bus *bus, const void *message, size_t size);
/* Waits until the host has sent the list of functions. */
bool vpci_wait_for_relations(struct vpci_bus *bus);

/* One candidate after the other, best first; NULL source after the last. */
struct vpci_place {
    struct mmio_windows windows;
    const char *source;
};
struct vpci_place vpci_place(unsigned n);

/* Address space for BAR 0 of the function, or for the window of the bus, aligned to its size; 0: no
 * room. `wide`: above 4 GiB if there is room, otherwise below. */
uint64_t vpci_space_for_bar(const struct vpci_function *f, bool wide);
uint64_t vpci_space_for_window(void);
/* From D0 entry with bus->state.window to functions that have their addresses. */
bool vpci_resume(struct vpci_bus *bus);

/* The steps that bring a bus from an offer to VPCI_READY. */
void vpci_bring_up(struct vpci_bus *bus, struct vmbus_offer *offer);

#endif
