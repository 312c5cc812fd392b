/* SPDX-License-Identifier: MIT */
#include "drivers/nvme_scratch.h"

#include "drivers/dma_nvme_registers.h"
#include "lib/options.h"
#include "lib/string.h"

#define BLOCK_SHIFT_MIN 9u
#define BLOCK_SHIFT_MAX 12u

/* Master boot record (UEFI Specification 2.10, 5.2.1), and the header of a GPT in block 1 (5.3.2).
 */
#define MBR_SIGNATURE 510u
#define GPT_SIGNATURE "EFI PART"

/* Ends the part of `text` at the character `end`; the rest, or NULL where it has no such character.
 */
static char *split(char *text, char end)
{
    char *at = strchr(text, end);

    if (at)
        *at++ = '\0';
    return at;
}

static const char *take_serial(const char *serial, struct nvme_scratch *scratch)
{
    size_t length = strlen(serial);

    if (length == 0 || length > NVME_SERIAL_MAX)
        return "a serial number has 1 to 20 characters";
    memcpy(scratch->serial, serial, length + 1);
    return NULL;
}

const char *nvme_scratch_parse(const char *text, struct nvme_scratch *scratch)
{
    struct option_error error;
    char copy[NVME_SCRATCH_TEXT_MAX], *lba, *count, *serial;
    uint64_t nsid;

    *scratch = (struct nvme_scratch){0};
    if (strlen(text) >= sizeof(copy))
        return "longer than NSID:LBA+COUNT,SERIAL can be";
    memcpy(copy, text, strlen(text) + 1);
    serial = split(copy, ',');
    lba = split(copy, ':');
    count = !lba ? NULL : split(lba, '+');
    if (!count)
        return "not of the form NSID:LBA+COUNT or NSID:LBA+COUNT,SERIAL";
    if (!option_number(copy, 1, UINT32_MAX - 1, &nsid, &error) ||
        !option_number(lba, 0, UINT64_MAX, &scratch->first, &error) ||
        !option_number(count, 1, UINT64_MAX, &scratch->count, &error))
        return "NSID, LBA and COUNT are numbers, NSID and COUNT from 1";
    if (scratch->first + (scratch->count - 1) < scratch->first)
        return "the range ends beyond the last block that a number can name";
    scratch->nsid = (uint32_t)nsid;
    return !serial ? NULL : take_serial(serial, scratch);
}

static uint64_t little_endian(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = bytes; i > 0; i--)
        value = value << 8 | at[i - 1];
    return value;
}

struct nvme_namespace nvme_namespace_of(const uint8_t *identify)
{
    unsigned format = identify[NVME_NS_FLBAS] & NVME_NS_FORMAT_MASK;
    uint32_t lbaf = (uint32_t)little_endian(identify + NVME_NS_FORMATS + 4 * (size_t)format, 4);
    unsigned shift = NVME_NS_SHIFT(lbaf);

    return (struct nvme_namespace){.blocks = little_endian(identify + NVME_NS_SIZE, 8),
                                   .block_size = shift < 32 ? 1u << shift : 0,
                                   .metadata = NVME_NS_METADATA(lbaf)};
}

const char *nvme_scratch_misfit(const struct nvme_scratch *scratch, const struct nvme_namespace *ns)
{
    if (ns->blocks == 0)
        return "the controller has no such namespace";
    if (ns->block_size < 1u << BLOCK_SHIFT_MIN || ns->block_size > 1u << BLOCK_SHIFT_MAX)
        return "blocks of the namespace have neither 512 nor 1024, 2048 or 4096 bytes";
    if (ns->metadata != 0)
        return "the namespace is formatted with metadata";
    if (scratch->first >= ns->blocks || scratch->count > ns->blocks - scratch->first)
        return "the range ends after the namespace";
    if (scratch->count < NVME_SCRATCH_BYTES / ns->block_size)
        return "the range has less than 16 KiB";
    return NULL;
}

const char *nvme_partition_table(const uint8_t *blocks, size_t block_size)
{
    if (memcmp(blocks + block_size, GPT_SIGNATURE, sizeof(GPT_SIGNATURE) - 1) == 0)
        return "GPT";
    if (blocks[MBR_SIGNATURE] == 0x55 && blocks[MBR_SIGNATURE + 1] == 0xAA)
        return "MBR";
    return NULL;
}

void nvme_identify_text(char *text, const uint8_t *field, size_t size)
{
    size_t first = 0;

    while (size > 0 && (field[size - 1] == ' ' || field[size - 1] == '\0'))
        size--;
    while (first < size && field[first] == ' ')
        first++;
    for (size_t i = first; i < size; i++) {
        char c = (char)field[i];

        *text++ = c < ' ' || c > '~' || c == '"' || c == '\\' ? '?' : c;
    }
    *text = '\0';
}
