/* SPDX-License-Identifier: MIT */
/*
 * VMBus (reference 3): the connection, the offers of the host, and channels. One processor uses it,
 * by polling; every wait has an end. `vmbus_state` tells which step failed, for a person at the
 * first run on a new host.
 */
#ifndef PVT_DRIVERS_VMBUS_VMBUS_H
#define PVT_DRIVERS_VMBUS_VMBUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/vmbus.h"
#include "drivers/vmbus/ring.h"

enum vmbus_stage {
    VMBUS_ABSENT,    /* no hypercall interface, or none of its SynIC registers */
    VMBUS_NO_SYNIC,  /* a register of it did not take its value */
    VMBUS_NO_ANSWER, /* INITIATE_CONTACT could not be sent, or nothing came back */
    VMBUS_REFUSED,   /* no version that both sides speak */
    VMBUS_NO_OFFERS, /* connected, and the list of offers never came to its end */
    VMBUS_CONNECTED,
};

struct vmbus_state {
    enum vmbus_stage stage;
    uint32_t version;          /* that was agreed on, or asked for last */
    uint32_t connection_id;    /* that messages go to */
    uint32_t vp;               /* VP index of the processor that connected */
    unsigned offers;           /* of any kind */
    uint32_t sent, received;   /* types of the last messages; 0: none */
    unsigned post_status;      /* enum hv_status of the last HVCALL_POST_MESSAGE */
    const char *synic_problem; /* VMBUS_NO_SYNIC: the register */
};

/* Connects on the first call, which may take seconds on a host that does not answer. */
const struct vmbus_state *vmbus_init(void);
const char *vmbus_stage_text(enum vmbus_stage stage);

struct vmbus_offer {
    uint8_t interface_guid[16], instance_guid[16]; /* in memory order */
    uint32_t channel_id, connection_id;
    bool rescinded;
};

#define VMBUS_OFFERS_MAX 64u

/* The n-th offer of an interface, in the order of their arrival; NULL after the last. */
struct vmbus_offer *vmbus_offer(const uint8_t *interface_guid, unsigned n);
/* Of any interface; NULL: no channel has that id for SIGNAL_EVENT. */
struct vmbus_offer *vmbus_offer_by_connection(uint32_t connection_id);
/* Waits for an offer of that interface which may come after the end of the list. */
bool vmbus_wait_for_offer(const uint8_t *interface_guid, uint64_t timeout_us);

/* Pages of data in each direction. With both control pages the whole fits into one GPADL_HEADER. */
#define VMBUS_CHANNEL_DATA_PAGES 4u

struct vmbus_channel {
    struct vmbus_offer *offer;
    void *memory; /* both rings; kept for another open */
    uint32_t gpadl;
    struct vmbus_ring out, in;
    uint64_t transaction;
    bool open;
    uint32_t status; /* NT_STATUS_* of the last GPADL or open that was refused */
};

/* False: `channel->status` and vmbus_init() tell. The channel's memory lives as long as the image.
 */
bool vmbus_channel_open(struct vmbus_channel *channel, struct vmbus_offer *offer);
struct vmbus_opening {
    uint32_t gpadl;            /* the id of the list of pages; 0: the next that was not used */
    bool interrupts;           /* the host signals the channel */
    const uint32_t *target_vp; /* which it signals; NULL: the one that connected to VMBus */
};
bool vmbus_channel_open_with(struct vmbus_channel *channel, struct vmbus_offer *offer,
                             const struct vmbus_opening *opening);
/* Also after the offer was rescinded. */
void vmbus_channel_close(struct vmbus_channel *channel);

/* Sends a data packet and signals the host; `completion` asks for a reply. Returns the transaction
 * id, 0: no room. */
uint64_t vmbus_channel_send(struct vmbus_channel *channel, const void *payload, size_t size,
                            bool completion);
/* Tells the host to look into its ring. */
void vmbus_channel_signal(const struct vmbus_channel *channel);
/* Takes a packet that has arrived, if any. A host that waits for room hears of it. */
enum vmbus_ring_result vmbus_channel_take(struct vmbus_channel *channel, struct vmbus_packet *head,
                                          void *payload, size_t room, size_t *size);
/* The ring from the host with this control page has more room: signals a host that waits for it
 * (reference 4.4). Too many signals are right, too few are not. */
void vmbus_channel_made_room(const struct vmbus_channel *channel,
                             const volatile struct vmbus_ring_control *control);

/* Gives the channel up without a word to the host: its connection has ended, or is about to. */
void vmbus_channel_forget(struct vmbus_channel *channel);

/* UNLOAD: takes everything back that the host may still hold: channels, pages, the connection, the
 * SynIC. False: it was not answered. */
bool vmbus_stop(void);
/* Connects again, after vmbus_stop() or in place of it; channels have to be forgotten before. The
 * list of offers is a new one: pointers to offers are void. */
const struct vmbus_state *vmbus_start_again(void);
/* The same, with that version of the protocol and no other. */
const struct vmbus_state *vmbus_start_as(uint32_t version);

#endif
