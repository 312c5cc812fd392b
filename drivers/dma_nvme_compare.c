/* SPDX-License-Identifier: MIT */
/* Compare reads memory and tells whether it has the data of the medium, which stays as it is. */
#include "drivers/dma_nvme.h"

#include "lib/bits.h"
#include "lib/string.h"

#define UNIT PAGE_SIZE

static struct nvme_command command(const struct dma_engine *e, enum nvme_io_opcode opcode,
                                   uint64_t iova)
{
    const struct nvme *n = nvme_of(e);
    struct nvme_command c = {.opcode = (uint8_t)opcode,
                             .nsid = n->known.nsid,
                             .cdw10 = (uint32_t)n->known.block,
                             .cdw11 = (uint32_t)(n->known.block >> 32),
                             .cdw12 = n->known.blocks - 1};

    c.prp[0] = iova;
    return c;
}

enum nvme_compared nvme_compare(struct dma_engine *e, uint64_t iova)
{
    struct nvme_command c = command(e, NVME_COMPARE, iova);

    if (!nvme_start(e) || !nvme_run(e, NVME_QUEUE_IO, &c))
        return NVME_SILENT;
    if (!e->outcome)
        return NVME_EQUAL;
    return e->outcome_code == NVME_COMPARE_FAILURE ? NVME_DIFFERENT : NVME_REFUSED;
}

/* 4 KiB at that byte of the namespace. */
static void choose(struct nvme *n, uint32_t nsid, const struct nvme_namespace *ns, uint64_t byte)
{
    n->known.nsid = nsid;
    n->known.block = byte / ns->block_size;
    n->known.blocks = (unsigned)(UNIT / ns->block_size);
}

static uint32_t first_namespace(struct dma_engine *e)
{
    struct nvme_command c = {.opcode = NVME_IDENTIFY, .cdw10 = NVME_CNS_ACTIVE};
    uint32_t nsid = 0;

    c.prp[0] = nvme_address(e, NVME_PAGE_STORE);
    if (nvme_succeed(e, NVME_QUEUE_ADMIN, &c))
        memcpy(&nsid, nvme_memory(e, NVME_PAGE_STORE), sizeof(nsid));
    return nsid;
}

/* Most disks have zeros somewhere: in front of the first partition, or everywhere. */
static const char *find_zeros(struct dma_engine *e)
{
    static const uint64_t candidates[] = {512u << 10, 0, 64u << 10, 768u << 10};
    struct nvme *n = nvme_of(e);
    uint32_t nsid = first_namespace(e);
    struct nvme_namespace ns;

    if (nsid == 0 || !nvme_identify_namespace(e, nsid, &ns) || ns.block_size < 512 ||
        ns.block_size > UNIT || ns.metadata != 0)
        return "the controller has no namespace with blocks of 512 to 4096 bytes and no metadata";
    memset(nvme_memory(e, NVME_PAGE_KNOWN), 0, UNIT);
    for (size_t i = 0; i < ARRAY_SIZE(candidates) && nvme_start(e); i++) {
        choose(n, nsid, &ns, candidates[i]);
        if (n->known.block + n->known.blocks <= ns.blocks &&
            nvme_compare(e, nvme_address(e, NVME_PAGE_KNOWN)) == NVME_EQUAL)
            return NULL;
    }
    n->known.blocks = 0;
    return "no blocks of zeros were found, and the user gave none whose data may be seen "
           "(nvme-read)";
}

static const char *read_given(struct dma_engine *e)
{
    struct nvme *n = nvme_of(e);
    const struct nvme_namespace ns = {.block_size = n->block_size};
    struct nvme_command c;

    choose(n, n->scratch.nsid, &ns, n->telling * n->block_size);
    c = command(e, NVME_READ, nvme_address(e, NVME_PAGE_KNOWN));
    if (nvme_succeed(e, NVME_QUEUE_IO, &c))
        return NULL;
    n->known.blocks = 0;
    return "the blocks that the user gave cannot be read";
}

const char *nvme_know(struct dma_engine *e)
{
    struct nvme *n = nvme_of(e);

    if (n->known.blocks != 0)
        return NULL;
    if (!nvme_start(e))
        return "the controller does not start";
    if ((n->oncs & NVME_ID_ONCS_COMPARE) == 0)
        return "the controller has no Compare";
    return n->block_size != 0 ? read_given(e) : find_zeros(e);
}
