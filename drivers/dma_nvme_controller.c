/* SPDX-License-Identifier: MIT */
/*
 * One admin queue and one I/O queue, without interrupts. A controller that does not reach its
 * queues sets CSTS.CFS or says nothing. It is stopped then, since QEMU's carries out later what it
 * could not fetch before, as soon as a domain lets it.
 */
#include "drivers/dma_nvme.h"

#include "kernel/cpu.h"
#include "kernel/time.h"
#include "lib/string.h"

#define COMMAND_US 5000000u /* a busy computer takes more than a second for a block of its disk */

static volatile uint32_t *register32(const struct dma_engine *e, size_t offset)
{
    return (volatile uint32_t *)(e->registers + offset);
}

static void write64(struct dma_engine *e, size_t offset, uint64_t value)
{
    *register32(e, offset) = (uint32_t)value;
    *register32(e, offset + 4) = (uint32_t)(value >> 32);
}

static bool say(struct dma_engine *e, const char *what, uint64_t code)
{
    e->outcome = what;
    e->outcome_code = code;
    return false;
}

/* Until CSTS.RDY is as wanted. */
static bool wait_ready(struct dma_engine *e, uint32_t ready)
{
    uint64_t end = time_us() + 1000ull * nvme_of(e)->ready_ms;

    for (;;) {
        uint32_t status = *register32(e, NVME_CSTS);

        if (status == NVME_CSTS_GONE)
            return say(e, "no device answers: CSTS", status);
        if ((status & NVME_CSTS_RDY) == ready)
            return true;
        if (ready != 0 && (status & NVME_CSTS_CFS) != 0)
            return say(e, "the controller does not start: CSTS", status);
        if (time_us() > end)
            return say(e, "the controller neither starts nor stops: CSTS", status);
        cpu_pause();
    }
}

bool nvme_stop(struct dma_engine *e)
{
    struct nvme *n = nvme_of(e);

    *register32(e, NVME_CC) = 0;
    n->base = 0;
    n->started = 0;
    n->stuck = !wait_ready(e, 0);
    return !n->stuck;
}

static struct nvme_command *slot(struct dma_engine *e, enum nvme_queue queue)
{
    enum nvme_page page = queue == NVME_QUEUE_ADMIN ? NVME_PAGE_ADMIN_SQ : NVME_PAGE_IO_SQ;

    return (struct nvme_command *)nvme_memory(e, page) + nvme_of(e)->tail[queue];
}

static volatile struct nvme_completion *next_completion(struct dma_engine *e, enum nvme_queue queue)
{
    enum nvme_page page = queue == NVME_QUEUE_ADMIN ? NVME_PAGE_ADMIN_CQ : NVME_PAGE_IO_CQ;

    return (struct nvme_completion *)nvme_memory(e, page) + nvme_of(e)->head[queue];
}

/* Submission at an even place, completion at the odd one after it (3.1.2 of the PCIe transport). */
static void ring(struct dma_engine *e, enum nvme_queue queue, bool completion, unsigned index)
{
    *register32(e, NVME_DOORBELLS + (2u * queue + completion) * nvme_of(e)->stride) = index;
}

static bool wait_completion(struct dma_engine *e, enum nvme_queue queue)
{
    const volatile struct nvme_completion *c = next_completion(e, queue);
    uint64_t end = time_us() + COMMAND_US;

    while (NVME_PHASE(c->status) != nvme_of(e)->phase[queue]) {
        uint32_t status = *register32(e, NVME_CSTS);

        if ((status & NVME_CSTS_CFS) != 0) {
            say(e,
                "the controller reports a fatal status, as when it does not reach its queues: CSTS",
                status);
            break;
        }
        if (time_us() > end) {
            say(e, "the controller does not complete a command within five seconds: CSTS", status);
            break;
        }
        cpu_pause();
    }
    return NVME_PHASE(c->status) == nvme_of(e)->phase[queue];
}

/* The completion has come, which must be of one of the `count` commands from that id on. */
static void take_completion(struct dma_engine *e, enum nvme_queue queue, uint16_t first,
                            unsigned count)
{
    struct nvme *n = nvme_of(e);
    const volatile struct nvme_completion *c = next_completion(e, queue);
    unsigned status = NVME_STATUS_CODE(c->status);

    if ((uint16_t)(c->command_id - first) >= count)
        say(e, "the controller completes another command than it was given: id", c->command_id);
    else if (status != 0)
        say(e, "the controller completes its command with an error: status", status);
    n->head[queue] = (n->head[queue] + 1) % n->entries;
    n->phase[queue] ^= n->head[queue] == 0 ? 1u : 0u;
    ring(e, queue, true, n->head[queue]);
    cpu_compiler_barrier(); /* the target has changed under the compiler */
}

static void enter(struct dma_engine *e, enum nvme_queue queue, struct nvme_command *command)
{
    struct nvme *n = nvme_of(e);

    command->id = n->next_id++;
    memcpy(slot(e, queue), command, sizeof(*command));
    n->tail[queue] = (n->tail[queue] + 1) % n->entries;
    e->operations++;
}

/* The controller is to carry out all that was entered. */
static void hand_over(struct dma_engine *e, enum nvme_queue queue)
{
    cpu_memory_barrier(); /* the entries, and tables that the device is about to read */
    ring(e, queue, false, nvme_of(e)->tail[queue]);
}

/* Waits for a completion and takes it. */
static bool complete(struct dma_engine *e, enum nvme_queue queue, uint16_t first, unsigned count)
{
    if (!wait_completion(e, queue)) {
        const char *outcome = e->outcome;
        uint64_t code = e->outcome_code;

        return nvme_stop(e) ? say(e, outcome, code) : false;
    }
    take_completion(e, queue, first, count);
    return true;
}

bool nvme_run(struct dma_engine *e, enum nvme_queue queue, struct nvme_command *command)
{
    e->outcome = NULL;
    enter(e, queue, command);
    hand_over(e, queue);
    return complete(e, queue, command->id, 1);
}

bool nvme_start_commands(struct dma_engine *e, struct nvme_command *commands, unsigned count)
{
    struct nvme *n = nvme_of(e);

    e->outcome = NULL;
    if (n->started + count >= n->entries)
        return say(e, "the queue has no room for so many commands: entries", n->entries);
    for (unsigned i = 0; i < count; i++)
        enter(e, NVME_QUEUE_IO, &commands[i]);
    n->started += count;
    hand_over(e, NVME_QUEUE_IO);
    return true;
}

bool nvme_finish_commands(struct dma_engine *e)
{
    struct nvme *n = nvme_of(e);
    const unsigned count = n->started;
    const uint16_t first = (uint16_t)(n->next_id - count);

    for (; n->started > 0; n->started--)
        if (!complete(e, NVME_QUEUE_IO, first, count))
            return !n->stuck;
    return true;
}

bool nvme_succeed(struct dma_engine *e, enum nvme_queue queue, struct nvme_command *command)
{
    return nvme_run(e, queue, command) && !e->outcome;
}

/* An I/O queue of the number 1: its completions first, then the queue that names them. */
static bool create_io_queue(struct dma_engine *e)
{
    const uint32_t size_and_id = (nvme_of(e)->entries - 1) << 16 | 1;
    struct nvme_command cq = {
        .opcode = NVME_CREATE_CQ, .cdw10 = size_and_id, .cdw11 = NVME_QUEUE_CONTIGUOUS};
    struct nvme_command sq = {
        .opcode = NVME_CREATE_SQ, .cdw10 = size_and_id, .cdw11 = 1u << 16 | NVME_QUEUE_CONTIGUOUS};

    cq.prp[0] = nvme_address(e, NVME_PAGE_IO_CQ);
    sq.prp[0] = nvme_address(e, NVME_PAGE_IO_SQ);
    return nvme_succeed(e, NVME_QUEUE_ADMIN, &cq) && nvme_succeed(e, NVME_QUEUE_ADMIN, &sq);
}

static bool start_again(struct dma_engine *e)
{
    struct nvme *n = nvme_of(e);

    if (!nvme_stop(e))
        return false;
    memset(nvme_memory(e, NVME_PAGE_ADMIN_SQ), 0, (size_t)(NVME_PAGE_IO_CQ + 1) * PAGE_SIZE);
    for (unsigned i = 0; i < NVME_QUEUES; i++) {
        n->tail[i] = n->head[i] = 0;
        n->phase[i] = 1;
    }
    n->base = e->staging_iova;
    *register32(e, NVME_AQA) = (n->entries - 1) << 16 | (n->entries - 1);
    write64(e, NVME_ASQ, nvme_address(e, NVME_PAGE_ADMIN_SQ));
    write64(e, NVME_ACQ, nvme_address(e, NVME_PAGE_ADMIN_CQ));
    *register32(e, NVME_CC) = NVME_CC_QUEUE_SIZES | NVME_CC_EN;
    if (!wait_ready(e, NVME_CSTS_RDY))
        return false;
    *register32(e, NVME_INTMS) = ~0u;
    return create_io_queue(e);
}

bool nvme_start(struct dma_engine *e)
{
    struct nvme *n = nvme_of(e);
    const char *outcome;
    uint64_t code;

    e->outcome = NULL;
    if (e->staging_iova == 0)
        return say(e, "the device is in a domain that maps no queues for it: place", 0);
    if (n->base == e->staging_iova &&
        (*register32(e, NVME_CSTS) & (NVME_CSTS_RDY | NVME_CSTS_CFS)) == NVME_CSTS_RDY)
        return true;
    if (start_again(e))
        return true;
    outcome = e->outcome;
    code = e->outcome_code;
    return nvme_stop(e) ? say(e, outcome, code) : false;
}
