/* SPDX-License-Identifier: MIT */
/*
 * An NVMe controller as a DMA engine:
 *   dma_nvme_controller.c  starts and stops the controller, and carries out one command at a time
 *   dma_nvme.c             the engine that never writes to a medium, and reads none
 *   dma_nvme_medium.c      the engines with blocks that the user gave it (nvme-scratch=,
 * nvme-read=) dma_nvme_compare.c     Compare, which reads memory and leaves the medium alone
 *
 * The controller reaches nothing without its queues, which are in scratch. Every paging domain maps
 * scratch (domain_share()), and each attach tells the engine where it is: staging_iova, 0 = no
 * place is known. The queues never are at an address that may lead elsewhere, where the controller
 * would take other bytes for commands.
 */
#ifndef PVT_DRIVERS_DMA_NVME_H
#define PVT_DRIVERS_DMA_NVME_H

#include "drivers/dma_engine.h"
#include "drivers/dma_nvme_registers.h"
#include "drivers/nvme_scratch.h"
#include "kernel/memory.h"

enum nvme_queue { NVME_QUEUE_ADMIN, NVME_QUEUE_IO, NVME_QUEUES };

/* Pages of scratch. */
enum nvme_page {
    NVME_PAGE_ADMIN_SQ,
    NVME_PAGE_ADMIN_CQ,
    NVME_PAGE_IO_SQ,
    NVME_PAGE_IO_CQ,
    NVME_PAGE_LIST,                       /* SGL descriptors */
    NVME_PAGE_LOAD,                       /* data for the medium */
    NVME_PAGE_STORE,                      /* two: data from the medium */
    NVME_PAGE_REST = NVME_PAGE_STORE + 2, /* what a block has beyond the bytes that are wanted */
    NVME_PAGE_KNOWN,                      /* data that the medium has, for Compare */
    NVME_PAGES,
};

struct nvme {
    uint64_t base; /* IOVA of scratch that the queues were set up with; 0 = the controller is off */
    unsigned tail[NVME_QUEUES], head[NVME_QUEUES], phase[NVME_QUEUES];
    uint16_t next_id;
    unsigned entries; /* of each queue */
    unsigned started; /* commands of the I/O queue whose completions were not waited for yet */
    unsigned stride;  /* bytes from one doorbell to the next */
    unsigned ready_ms;
    bool stuck; /* does not stop */
    char model[NVME_ID_MODEL_SIZE + 1], serial[NVME_ID_SERIAL_SIZE + 1];
    uint32_t sgls, namespaces; /* active ones */
    uint16_t oncs;
    const char *refused; /* why blocks that the user gave are not used, or NULL */
    struct nvme_scratch scratch;
    unsigned block_size; /* bytes, of the namespace with these blocks; 0 = there are none */
    bool readable;       /* the blocks are for reading alone */
    uint64_t telling;    /* one of them, with data that are no zeros where there are such */
    struct {
        uint32_t nsid;
        uint64_t block;
        unsigned blocks; /* 4 KiB that are in the page of known data as well; 0 = none yet */
    } known;
};

static inline struct nvme *nvme_of(const struct dma_engine *e)
{
    return e->state;
}

static inline uint8_t *nvme_memory(const struct dma_engine *e, enum nvme_page page)
{
    return (uint8_t *)e->scratch + (size_t)page * PAGE_SIZE;
}

/* The address of that page for the controller. */
static inline uint64_t nvme_address(const struct dma_engine *e, enum nvme_page page)
{
    return nvme_of(e)->base + (uint64_t)page * PAGE_SIZE;
}

/* Stops the controller: it has no access left to make. False when it does not stop within its own
 * time-out, CAP.TO. */
bool nvme_stop(struct dma_engine *e);
/* The controller runs, with its queues at staging_iova: starts it where it does not. False when it
 * cannot be, and e->outcome says why; it is stopped then. */
bool nvme_start(struct dma_engine *e);
/* Carries out one command. True: a completion came, whose status is SUCCESS or in e->outcome.
 * False: none came, e->outcome says why, and the controller is stopped. */
bool nvme_run(struct dma_engine *e, enum nvme_queue queue, struct nvme_command *command);
/* Hands over all of them at once to the I/O queue, and waits for none. False: there is no room for
 * them, which there is for one less than the entries of the queue. No other command may be run
 * before nvme_finish_commands(). */
bool nvme_start_commands(struct dma_engine *e, struct nvme_command *commands, unsigned count);
/* Waits for all of them. False: the controller does not stop. */
bool nvme_finish_commands(struct dma_engine *e);
/* The same as nvme_run(), and the status was SUCCESS. */
bool nvme_succeed(struct dma_engine *e, enum nvme_queue queue, struct nvme_command *command);

/* Operations that both engines have. */
bool nvme_match(const struct pci_function *f);
bool nvme_probe(struct dma_engine *e);
bool nvme_reset(struct dma_engine *e);
bool nvme_prepare(struct dma_engine *e);
bool nvme_interrupt(struct dma_engine *e);
void nvme_describe(const struct dma_engine *e, char *text, size_t size);

/* Looks at the blocks that the user gave and takes them when nothing speaks against it. True: e has
 * the operations of dma_nvme_medium.c, and its pattern is on the medium. */
bool nvme_take_scratch(struct dma_engine *e);
/* The same for blocks that may be read alone: 4 KiB of zeros among them are what fill reads. */
bool nvme_take_readable(struct dma_engine *e);

/* The controller has made virtual functions (SR-IOV): gives each of them queues and a vector, and
 * puts it online. The controller has to stay as it is after that: when it stops, so do they. */
bool nvme_put_functions_online(struct dma_engine *e);

/* False: the controller says no, or nothing. */
bool nvme_identify_namespace(struct dma_engine *e, uint32_t nsid, struct nvme_namespace *ns);

/* Looks for 4 KiB of the medium whose data are known: the first of the blocks that the user gave,
 * or blocks of zeros of the first namespace, which Compare finds without showing data. NULL, or
 * why there are none. The device has to reach scratch. */
const char *nvme_know(struct dma_engine *e);
/* These data, 4 KiB, after nvme_know(). */
static inline const uint8_t *nvme_known_data(const struct dma_engine *e)
{
    return nvme_memory(e, NVME_PAGE_KNOWN);
}

enum nvme_compared { NVME_EQUAL, NVME_DIFFERENT, NVME_REFUSED, NVME_SILENT };
/* Has the controller compare them with the page at `iova`, a multiple of 4 KiB. REFUSED: a
 * completion with another error, in e->outcome; SILENT: none. */
enum nvme_compared nvme_compare(struct dma_engine *e, uint64_t iova);

#endif
