/* SPDX-License-Identifier: MIT */
/* A client of VMBus in the place of the suite's own, whose buses the harness brings back after the
 * test. */
#ifndef PVT_TESTS_BUS_CLIENT_H
#define PVT_TESTS_BUS_CLIENT_H

#include "abi/vpci.h"
#include "drivers/vmbus/messages.h"
#include "tests/harness/fixture.h"

#define CLIENT_VECTOR  0x53u           /* of the SINT, where a test looks for it */
#define CLIENT_WAIT_US test_owed_us(t) /* for what has to come */
#define CLIENT_LATE_US 3000u           /* for what must not, or need not */
#define CLIENT_LOOKS   64u /* at least, in any of these times: a busy computer passes over them */

/* The suite's connection ends, and there is another one, by that version alone (0: any), with all
 * offers. False: the host does not speak it. Skips the test where there are no buses. */
bool client_connect_as(struct test_run *t, uint32_t version);
/* By any version. */
void client_connect(struct test_run *t);
/* Of the n-th vPCI bus; skips the test when there are fewer. */
struct vmbus_offer *client_offer(struct test_run *t, unsigned n);
/* Channel `number` (0 or 1) of the client, which has memory of its own. */
struct vmbus_channel *client_channel(unsigned number);
/* Opens it for the n-th bus, and agrees on a version of vPCI, the first message of a channel. */
struct vmbus_channel *client_open(struct test_run *t, unsigned number, unsigned n,
                                  const struct vmbus_opening *opening);
/* That alone, on a channel that is open: the earliest version that the host speaks, of 1.1 to 1.4.
 */
uint32_t client_agree(struct test_run *t, struct vmbus_channel *channel);
/* The bus enters D0 with that window; a host that still holds it in D0, for the connection before,
 * is first asked to leave. Returns the status of the last BUS_D0ENTRY. */
uint32_t client_enter_d0(struct test_run *t, struct vmbus_channel *channel, uint64_t window);
/* RESOURCES_ASSIGNED in the form of the version, with BAR 0 there (NULL: without BARs, as Linux
 * sends it). Returns the status. */
uint32_t client_assign(struct test_run *t, struct vmbus_channel *channel, uint32_t version,
                       uint32_t slot, const struct vpci_resource *bar);
/* The slot word of the first function of the channel's bus. */
uint32_t client_slot(const struct vmbus_channel *channel);
/* A request about this function that changes nothing goes to the host, and its completion comes. */
void client_round_trip(struct test_run *t, struct vmbus_channel *channel);
/* The next completion; false: none comes within that time. */
bool client_completion(struct vmbus_channel *channel, uint64_t *transaction, uint64_t us);
bool client_reply(struct vmbus_channel *channel, uint64_t *transaction, void *reply, size_t room,
                  uint64_t us);

/* Of a vPCI message of the guest. */
const char *client_request_name(uint32_t type);
/* A request goes to the host. Returns the NT_STATUS_* of its completion, whose first bytes are left
 * in *reply (NULL: dropped). */
uint32_t client_ask(struct test_run *t, struct vmbus_channel *channel, const void *message,
                    size_t size, struct vpci_requirements_reply *reply);

/* A list of pages is described to the host, which answers by a message. */
void client_describe(struct test_run *t, uint32_t gpadl, unsigned pages);
/* Registers of the SynIC. The value is taken, and read back. */
uint64_t client_msr(uint32_t msr);
bool client_try_msr(uint32_t msr, uint64_t value);
void client_set_msr(struct test_run *t, uint32_t msr, uint64_t value);
/* The event flag comes in the page, in time. */
bool client_flag(const void *page, uint32_t flag, uint64_t us);
/* The vector is requested within that time. Interrupts are off. */
bool client_requested(unsigned vector, uint64_t us);
/* Interrupts that wait are taken. */
void client_take_interrupts(void);

/* The second processor listens while the first one does something. From second_memory(). */
struct ear {
    _Alignas(4096) uint8_t events[4096]; /* its event flags, where the test sets them up */
    uint64_t vp, us;                     /* how long it waits for each */
    uint32_t flag;                       /* that it waits for; 0: none */
    unsigned vector;                     /* that is to come then */
    bool listens, requested, done;
};
/* ear->vp is there afterwards. */
void client_find_second(struct test_run *t, struct ear *ear);
void client_second_listens(struct test_run *t, struct ear *ear);
/* It heard both. */
bool client_second_heard(struct test_run *t, struct ear *ear);

/* GPA of the window of the first function on a virtual PCI bus; 0: there is no such bus. */
uint64_t client_find_window(void);

#endif
