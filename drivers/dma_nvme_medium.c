/* SPDX-License-Identifier: MIT */
/*
 * The engine with blocks that the user gave it, which hold, in units of 4 KiB:
 *
 *   0  FILL  fill value, sent by fill         written once by prepare
 *   1  OUT   data that write sends            written by every write
 *   2  IN    what read took from memory (two units: one block more than the bytes)
 *
 * Read and Write of whole blocks move any number of bytes at any address by an SGL: the bytes that
 * are wanted, and what a block has beyond them in scratch. A controller completes a Write with
 * success although its data were blocked, and puts zeros on the medium: so nothing outside of these
 * blocks is ever written, and a block after the bytes shows whether the rest of a read worked.
 */
#include "drivers/dma_nvme.h"

#include "drivers/dma_classes.h"
#include "drivers/nvme_options.h"
#include "lib/string.h"

#define UNIT      4096u
#define UNIT_FILL 0u
#define UNIT_OUT  1u
#define UNIT_IN   2u

#define FILL_VALUE 0x96
#define MAX_LENGTH 65536u
#define START_MAX  8u /* units of start_fill() */

#define READABLE_MAX 256u /* units that are looked at for zeros */

static const struct dma_engine_ops dma_nvme_medium_ops, dma_nvme_readable_ops;

static bool transfer(struct dma_engine *e, enum nvme_io_opcode opcode, uint64_t block,
                     unsigned blocks, const struct nvme_sgl *list, unsigned count)
{
    struct nvme_command c = {.opcode = (uint8_t)opcode,
                             .flags = NVME_BY_SGL,
                             .nsid = nvme_of(e)->scratch.nsid,
                             .cdw10 = (uint32_t)block,
                             .cdw11 = (uint32_t)(block >> 32),
                             .cdw12 = blocks - 1};

    if (count == 1) {
        c.sgl = list[0];
    } else {
        memcpy(nvme_memory(e, NVME_PAGE_LIST), list, count * sizeof(*list));
        c.sgl = (struct nvme_sgl){.address = nvme_address(e, NVME_PAGE_LIST),
                                  .length = count * (uint32_t)sizeof(*list),
                                  .type = NVME_SGL_LAST_SEGMENT};
    }
    return nvme_run(e, NVME_QUEUE_IO, &c);
}

static uint64_t block_of(const struct dma_engine *e, unsigned unit)
{
    return nvme_of(e)->scratch.first + (uint64_t)unit * (UNIT / nvme_of(e)->block_size);
}

/* `length` bytes, up to a unit, from or to memory at `iova`, and the rest of the last block, or of
 * `more` blocks beyond it, from or to `rest`. */
static bool move(struct dma_engine *e, enum nvme_io_opcode opcode, unsigned unit, uint64_t iova,
                 size_t length, uint64_t rest, unsigned more)
{
    const unsigned size = nvme_of(e)->block_size;
    const unsigned blocks = (unsigned)((length + size - 1) / size) + more;
    const struct nvme_sgl list[] = {
        {.address = iova, .length = (uint32_t)length},
        {.address = rest, .length = (uint32_t)(blocks * size - length)}};

    return transfer(e, opcode, block_of(e, unit), blocks, list, list[1].length != 0 ? 2 : 1);
}

/* A unit of the medium to a page. */
static struct nvme_command read_command(const struct dma_engine *e, unsigned unit, uint64_t iova)
{
    const uint64_t block = block_of(e, unit);

    return (struct nvme_command){.opcode = NVME_READ,
                                 .flags = NVME_BY_SGL,
                                 .nsid = nvme_of(e)->scratch.nsid,
                                 .sgl = {.address = iova, .length = UNIT},
                                 .cdw10 = (uint32_t)block,
                                 .cdw11 = (uint32_t)(block >> 32),
                                 .cdw12 = UNIT / nvme_of(e)->block_size - 1};
}

static size_t next_part(size_t length, size_t done)
{
    return length - done < UNIT ? length - done : UNIT;
}

static bool fill(struct dma_engine *e, uint64_t iova, size_t length)
{
    bool runs = nvme_start(e);

    for (size_t done = 0; runs && done < length; done += UNIT) {
        runs = move(e, NVME_READ, UNIT_FILL, iova + done, next_part(length, done),
                    nvme_address(e, NVME_PAGE_REST), 0);
    }
    return !nvme_of(e)->stuck;
}

/* Whole units. The controller has its commands when this returns, and has carried out none, some or
 * all of them. */
static bool start_fill(struct dma_engine *e, uint64_t iova, size_t length)
{
    struct nvme_command commands[START_MAX];
    const unsigned count = (unsigned)(length / UNIT);

    if (length % UNIT != 0 || count > START_MAX || !nvme_start(e))
        return false;
    for (unsigned i = 0; i < count; i++)
        commands[i] = read_command(e, UNIT_FILL, iova + (uint64_t)i * UNIT);
    return nvme_start_commands(e, commands, count);
}

/* Puts `length` bytes of the load page on the medium and shows that they are there. */
static bool load(struct dma_engine *e, unsigned unit, size_t length)
{
    const uint8_t *sent = nvme_memory(e, NVME_PAGE_LOAD);
    uint8_t *back = nvme_memory(e, NVME_PAGE_STORE);

    for (size_t i = 0; i < length; i++)
        back[i] = (uint8_t)~sent[i];
    return move(e, NVME_WRITE, unit, nvme_address(e, NVME_PAGE_LOAD), length,
                nvme_address(e, NVME_PAGE_REST), 0) &&
           move(e, NVME_READ, unit, nvme_address(e, NVME_PAGE_STORE), length,
                nvme_address(e, NVME_PAGE_REST), 0) &&
           memcmp(sent, back, length) == 0;
}

static bool write(struct dma_engine *e, uint64_t iova, const void *data, size_t length)
{
    bool good = nvme_start(e);

    for (size_t done = 0; good && done < length; done += UNIT) {
        size_t part = next_part(length, done);

        memcpy(nvme_memory(e, NVME_PAGE_LOAD), (const uint8_t *)data + done, part);
        good = load(e, UNIT_OUT, part) &&
               move(e, NVME_READ, UNIT_OUT, iova + done, part, nvme_address(e, NVME_PAGE_REST), 0);
    }
    return good;
}

/* The block after the bytes is a witness: it comes from scratch by the same command, and goes back
 * the same way. */
static bool read_part(struct dma_engine *e, uint64_t iova, uint8_t *seen, size_t length)
{
    const size_t size = nvme_of(e)->block_size;
    const size_t whole = (length + size - 1) / size * size;
    uint8_t *witness = nvme_memory(e, NVME_PAGE_LOAD);
    uint8_t *back = nvme_memory(e, NVME_PAGE_STORE);

    memset(witness, (int)(e->operations & 0x7F) + 1, PAGE_SIZE);
    memset(back, 0, 2 * PAGE_SIZE);
    if (!move(e, NVME_WRITE, UNIT_IN, iova, length, nvme_address(e, NVME_PAGE_LOAD), 1) ||
        !move(e, NVME_READ, UNIT_IN, nvme_address(e, NVME_PAGE_STORE), whole + size, 0, 0) ||
        memory_find_other(back + whole, size, witness[0]))
        return false;
    memcpy(seen, back, length);
    return true;
}

static bool read(struct dma_engine *e, uint64_t iova, void *seen, size_t length)
{
    bool good = nvme_start(e);

    for (size_t done = 0; good && done < length; done += UNIT)
        good = read_part(e, iova + done, (uint8_t *)seen + done, next_part(length, done));
    return good;
}

/* NULL, or the partition table's kind; the first two blocks are read. */
static const char *partition_table(struct dma_engine *e, size_t block_size, bool *read_them)
{
    const struct nvme_sgl list = {.address = nvme_address(e, NVME_PAGE_STORE),
                                  .length = (uint32_t)(2 * block_size)};

    memset(nvme_memory(e, NVME_PAGE_STORE), 0, 2 * PAGE_SIZE);
    *read_them = transfer(e, NVME_READ, 0, 2, &list, 1) && !e->outcome;
    return nvme_partition_table(nvme_memory(e, NVME_PAGE_STORE), block_size);
}

/* NULL, or why the range that the user gave cannot be used. */
static const char *refusal(struct dma_engine *e)
{
    struct nvme *n = nvme_of(e);
    struct nvme_namespace ns;
    const char *misfit;
    bool read_them;

    if ((n->sgls & NVME_ID_SGLS_MASK) != NVME_ID_SGLS_BY_BYTE)
        return "the controller has no SGLs of any number of bytes";
    if (!nvme_identify_namespace(e, n->scratch.nsid, &ns))
        return "the controller does not identify this namespace";
    misfit = nvme_scratch_misfit(&n->scratch, &ns);
    if (misfit)
        return misfit;
    if (partition_table(e, ns.block_size, &read_them) && n->scratch.serial[0] == '\0') {
        return "the namespace has a partition table; if it is meant, name the serial number as "
               "well";
    }
    if (!read_them)
        return "the first blocks of the namespace cannot be read";
    n->block_size = ns.block_size;
    return NULL;
}

bool nvme_take_scratch(struct dma_engine *e)
{
    struct nvme *n = nvme_of(e);

    n->block_size = 0;
    n->refused = NULL;
    if (!nvme_scratch_for(n->serial, &n->scratch))
        return false;
    n->refused = refusal(e);
    if (n->refused)
        return false;
    memset(nvme_memory(e, NVME_PAGE_LOAD), FILL_VALUE, UNIT);
    if (!load(e, UNIT_FILL, UNIT)) {
        n->refused = "data that were written to the range do not come back";
        n->block_size = 0;
        return false;
    }
    n->telling = n->scratch.first;
    e->ops = &dma_nvme_medium_ops;
    return true;
}

/* A unit of zeros becomes the first of the range; one of other data, where there is one, is for
 * Compare. */
static bool find_units(struct dma_engine *e)
{
    struct nvme *n = nvme_of(e);
    const struct nvme_sgl list = {.address = nvme_address(e, NVME_PAGE_STORE), .length = UNIT};
    const unsigned blocks = UNIT / n->block_size;
    const struct nvme_scratch range = n->scratch;
    bool zeros = false, data = false;

    for (unsigned i = 0; i < READABLE_MAX && (i + 1ull) * blocks <= range.count; i++) {
        uint64_t block = range.first + (uint64_t)i * blocks;
        bool *found;

        memset(nvme_memory(e, NVME_PAGE_STORE), 0xFF, UNIT);
        if (!transfer(e, NVME_READ, block, blocks, &list, 1))
            return false;
        found = memory_find_other(nvme_memory(e, NVME_PAGE_STORE), UNIT, 0) ? &data : &zeros;
        if (e->outcome || *found)
            continue;
        *found = true;
        *(found == &zeros ? &n->scratch.first : &n->telling) = block;
    }
    if (!data)
        n->telling = n->scratch.first;
    return zeros;
}

static const char *unreadable(struct dma_engine *e)
{
    struct nvme *n = nvme_of(e);
    struct nvme_namespace ns;
    const char *misfit;

    if ((n->sgls & NVME_ID_SGLS_MASK) != NVME_ID_SGLS_BY_BYTE)
        return "the controller has no SGLs of any number of bytes";
    if (!nvme_identify_namespace(e, n->scratch.nsid, &ns))
        return "the controller does not identify this namespace";
    misfit = nvme_scratch_misfit(&n->scratch, &ns);
    if (misfit)
        return misfit;
    n->block_size = ns.block_size;
    return find_units(e) ? NULL : "the first MiB of the range has no 4 KiB of zeros";
}

bool nvme_take_readable(struct dma_engine *e)
{
    struct nvme *n = nvme_of(e);

    if (!nvme_readable_for(n->serial, &n->scratch))
        return false;
    n->refused = unreadable(e);
    n->readable = !n->refused;
    if (n->refused)
        n->block_size = 0;
    else
        e->ops = &dma_nvme_readable_ops;
    return !n->refused;
}

static const struct dma_engine_ops dma_nvme_medium_ops = {
    .name = "nvme",
    .features = DMA_FILL | DMA_WRITE | DMA_READ | DMA_SHOWS_READS | DMA_STAGED | DMA_QUEUED,
    .max_length = MAX_LENGTH,
    .max_start = START_MAX * UNIT,
    .iova_bits = 64,
    .fill_value = FILL_VALUE,
    .match = nvme_match,
    .probe = nvme_probe,
    .reset = nvme_reset,
    .prepare = nvme_prepare,
    .describe = nvme_describe,
    .interrupt = nvme_interrupt,
    .fill = fill,
    .write = write,
    .read = read,
    .start_fill = start_fill,
    .finish = nvme_finish_commands,
};

/* Nothing is written, so that no read can be shown; blocks of zeros go to any byte. */
static const struct dma_engine_ops dma_nvme_readable_ops = {
    .name = "nvme",
    .features = DMA_FILL | DMA_STAGED | DMA_QUEUED,
    .max_length = MAX_LENGTH,
    .max_start = START_MAX * UNIT,
    .iova_bits = 64,
    .fill_value = 0x00,
    .match = nvme_match,
    .probe = nvme_probe,
    .reset = nvme_reset,
    .prepare = nvme_prepare,
    .describe = nvme_describe,
    .interrupt = nvme_interrupt,
    .fill = fill,
    .start_fill = start_fill,
    .finish = nvme_finish_commands,
};
