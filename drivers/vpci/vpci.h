/* SPDX-License-Identifier: MIT */
/*
 * Functions on virtual PCI buses (reference 5). They are found, powered and given addresses by the
 * first call of vpci_bus_count(), which pci_functions() makes; from then on drivers/pci.h reaches
 * them like any other function.
 */
#ifndef PVT_DRIVERS_VPCI_VPCI_H
#define PVT_DRIVERS_VPCI_VPCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/pci.h"
#include "drivers/vpci/mmio_window.h"

/* Segments of struct pci_function: that of the first bus. No MCFG table uses these numbers. */
#define VPCI_SEGMENT_FIRST 0x4000u
#define VPCI_BUSES_MAX     32u

enum vpci_stage {
    VPCI_NOT_OPENED,      /* the channel of the bus could not be opened */
    VPCI_NO_VERSION,      /* no version of the protocol that both sides speak */
    VPCI_NO_RELATIONS,    /* the list of functions did not come, or is empty */
    VPCI_NO_REQUIREMENTS, /* QUERY_RESOURCE_REQUIREMENTS was refused */
    VPCI_NO_WINDOW,       /* no place for the configuration window was accepted */
    VPCI_NO_RESOURCES,    /* no address space for the BARs, or they were refused */
    VPCI_READY,
};

/* How far a bus came, for a person. */
struct vpci_state {
    enum vpci_stage stage;
    uint64_t device_id; /* of function 0 */
    uint32_t version;   /* agreed on, or asked for last */
    unsigned functions;
    uint64_t window;    /* tried last */
    const char *source; /* of its address; NULL: none was tried */
    uint32_t message;   /* type of the last request; 0: none */
    uint32_t status;    /* of its reply; NT_STATUS_* */
};

/* Brings all buses up on the first call. Without VMBus there are none, and nothing is sent. */
size_t vpci_bus_count(void);
/* `bus` is below vpci_bus_count(). */
struct vpci_state vpci_bus_state(size_t bus);
const char *vpci_stage_text(enum vpci_stage stage);

/* The n-th function of all buses that are ready, in the order of their logical ids; NULL after the
 * last. */
const struct pci_function *vpci_function(size_t n);

/* Windows that a person names, instead of those that are looked for. Before the first call above.
 */
void vpci_override_windows(const struct mmio_windows *windows);

/* A request and its reply through the rings of a function's bus; nothing changes. False: no reply.
 */
bool vpci_round_trip(const struct pci_function *pci);

/* Configuration space of such a function; size 1, 2 or 4, offset a multiple of it below 4096. */
uint32_t vpci_config_read(const struct pci_function *pci, unsigned offset, unsigned size);
void vpci_config_write(const struct pci_function *pci, unsigned offset, unsigned size,
                       uint32_t value);

/* See pci_message_create(). `count` messages for neighboring vectors, whose data are neighbors.
 * False also for an answer that names another number of messages. */
bool vpci_create_messages(const struct pci_function *f, uint8_t vector, unsigned count,
                          struct pci_message *message);
/* Of that virtual processor. */
bool vpci_create_messages_for(const struct pci_function *f, uint64_t vp, uint8_t vector,
                              unsigned count, struct pci_message *message);
/* NT_STATUS_* of the last request on the bus of the function; NT_STATUS_UNSUCCESSFUL: no
 * completion. */
uint32_t vpci_last_status(const struct pci_function *f);
void vpci_delete_messages(const struct pci_function *f, const struct pci_message *message,
                          unsigned count);
/* The message requests that vector of that virtual processor from now on. */
enum hv_status vpci_retarget_message(const struct pci_function *f,
                                     const struct pci_message *message, uint8_t vector,
                                     uint64_t vp);
/* The same by a mask of virtual processors, of which the host chooses one. */
enum hv_status vpci_retarget_message_to_any(const struct pci_function *f,
                                            const struct pci_message *message, uint32_t vector,
                                            uint64_t vps);

#endif
