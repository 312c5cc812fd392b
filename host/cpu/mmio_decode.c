/* SPDX-License-Identifier: MIT */
#include "host/cpu/mmio_decode.h"

#define PREFIX_OPERAND_SIZE 0x66
#define PREFIX_ADDRESS_SIZE 0x67

#define REX_MASK 0xF0
#define REX      0x40
#define REX_W    0x08
#define REX_R    0x04
#define REX_X    0x02
#define REX_B    0x01

#define MODRM_MOD(byte) ((byte) >> 6)
#define MODRM_REG(byte) ((byte) >> 3 & 7)
#define MODRM_RM(byte)  ((byte)&7)
#define MOD_REGISTER    3
#define RM_SIB          4 /* unless MOD_REGISTER */
#define RM_RIP          5 /* with mod 0: 32-bit displacement and no base */
#define SIB_BASE(byte)  ((byte)&7)

#define OPCODE_TWO_BYTES 0x0F

struct reader {
    const uint8_t *bytes;
    size_t count, at;
    bool ended; /* a read went past the end: the instruction is not complete */
    bool operand_size, address_size;
    uint8_t rex, segment;
};

static uint8_t next(struct reader *r)
{
    if (r->at >= r->count || r->at >= INSTRUCTION_MAX) {
        r->ended = true;
        return 0;
    }
    return r->bytes[r->at++];
}

static uint64_t next_number(struct reader *r, unsigned size)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < size; i++)
        number |= (uint64_t)next(r) << (8 * i);
    return number;
}

static bool is_prefix(uint8_t byte)
{
    switch (byte) {
    case PREFIX_OPERAND_SIZE:
    case PREFIX_ADDRESS_SIZE:
    case 0x26: /* ES, CS, SS and DS are flat in 64-bit code */
    case 0x2E:
    case 0x36:
    case 0x3E:
    case MMIO_FS:
    case MMIO_GS:
        return true;
    default: /* LOCK, REP and REPNE belong to no instruction that is decoded here */
        return false;
    }
}

/* Returns the first byte of the opcode. A REX prefix counts only right in front of it. */
static uint8_t prefixes(struct reader *r)
{
    uint8_t byte = next(r);

    for (; is_prefix(byte) || (byte & REX_MASK) == REX; byte = next(r)) {
        r->rex = (byte & REX_MASK) == REX ? byte : 0;
        if (byte == PREFIX_OPERAND_SIZE)
            r->operand_size = true;
        if (byte == PREFIX_ADDRESS_SIZE)
            r->address_size = true;
        if (byte == MMIO_FS || byte == MMIO_GS)
            r->segment = byte;
    }
    return byte;
}

static uint8_t operand_size(const struct reader *r)
{
    if (r->rex & REX_W)
        return 8;
    return r->operand_size ? 2 : 4;
}

#define SIB_INDEX(byte) ((byte) >> 3 & 7)
#define SIB_SCALE(byte) ((byte) >> 6)
#define INDEX_NONE      4u /* without REX.X */

static uint64_t displacement(struct reader *r, unsigned size)
{
    uint64_t value = next_number(r, size);

    return size == 1 ? (uint64_t)(int64_t)(int8_t)value : (uint64_t)(int64_t)(int32_t)value;
}

static uint8_t extended(const struct reader *r, uint8_t number, uint8_t rex_bit)
{
    return (uint8_t)(number + (r->rex & rex_bit ? 8 : 0));
}

/* Index and scale; returns the field of the base. */
static uint8_t sib(struct reader *r, struct mmio_operand *operand)
{
    uint8_t byte = next(r), index = extended(r, SIB_INDEX(byte), REX_X);

    if (index != INDEX_NONE) {
        operand->index = index;
        operand->scale = SIB_SCALE(byte);
    }
    return SIB_BASE(byte);
}

/* Decodes ModRM, SIB and displacement of a memory operand; *reg is the field in the middle. */
static bool memory_operand(struct reader *r, struct mmio_operand *operand, uint8_t *reg)
{
    uint8_t modrm = next(r), mod = MODRM_MOD(modrm), base = MODRM_RM(modrm);
    bool has_sib = base == RM_SIB;

    *reg = MODRM_REG(modrm);
    if (mod == MOD_REGISTER)
        return false;
    if (has_sib)
        base = sib(r, operand);
    operand->base = extended(r, base, REX_B);
    if (mod == 0 && base == RM_RIP)
        operand->base = has_sib ? MMIO_NO_REGISTER : MMIO_NEXT_INSTRUCTION;
    if (mod == 1)
        operand->displacement = displacement(r, 1);
    else if (mod == 2 || (mod == 0 && base == RM_RIP))
        operand->displacement = displacement(r, 4);
    return !r->ended;
}

static bool with_register(struct reader *r, struct mmio_instruction *i, enum mmio_kind kind,
                          uint8_t size)
{
    i->kind = kind;
    i->size = size;
    i->destination = size;
    if (!memory_operand(r, &i->operand, &i->reg))
        return false;
    if (r->rex & REX_R)
        i->reg += 8;
    /* Without any REX, numbers 4 to 7 of byte registers are the second bytes of the first four. */
    if (i->destination == 1 && r->rex == 0 && i->reg >= 4) {
        i->reg -= 4;
        i->high_byte = true;
    }
    return true;
}

static bool extending(struct reader *r, struct mmio_instruction *i, uint8_t size, bool sign)
{
    if (!with_register(r, i, MMIO_LOAD, size))
        return false;
    if (i->high_byte) { /* names of byte registers do not apply to the destination */
        i->high_byte = false;
        i->reg += 4;
    }
    i->destination = operand_size(r);
    i->sign = sign;
    return true;
}

static bool with_immediate(struct reader *r, struct mmio_instruction *i, uint8_t size)
{
    uint8_t extension;

    i->kind = MMIO_STORE_IMMEDIATE;
    i->size = size;
    if (!memory_operand(r, &i->operand, &extension) || extension != 0)
        return false;
    i->immediate = next_number(r, size == 8 ? 4 : size);
    if (size == 8)
        i->immediate = (uint64_t)(int64_t)(int32_t)i->immediate;
    return true;
}

/* MOV between RAX and an absolute address. */
static bool absolute(struct reader *r, struct mmio_instruction *i, enum mmio_kind kind,
                     uint8_t size)
{
    i->kind = kind;
    i->size = size;
    i->destination = size;
    i->operand.displacement = next_number(r, r->address_size ? 4 : 8);
    return true;
}

static bool two_bytes(struct reader *r, struct mmio_instruction *i)
{
    switch (next(r)) {
    case 0xB6:
        return extending(r, i, 1, false);
    case 0xB7:
        return extending(r, i, 2, false);
    case 0xBE:
        return extending(r, i, 1, true);
    case 0xBF:
        return extending(r, i, 2, true);
    default:
        return false;
    }
}

static bool one_byte(struct reader *r, struct mmio_instruction *i, uint8_t opcode)
{
    switch (opcode) {
    case 0x63: /* MOVSXD; without REX.W it is a plain 32-bit or 16-bit move */
        return extending(r, i, operand_size(r) == 2 ? 2 : 4, true);
    case 0x88:
        return with_register(r, i, MMIO_STORE, 1);
    case 0x89:
        return with_register(r, i, MMIO_STORE, operand_size(r));
    case 0x8A:
        return with_register(r, i, MMIO_LOAD, 1);
    case 0x8B:
        return with_register(r, i, MMIO_LOAD, operand_size(r));
    case 0xA0:
        return absolute(r, i, MMIO_LOAD, 1);
    case 0xA1:
        return absolute(r, i, MMIO_LOAD, operand_size(r));
    case 0xA2:
        return absolute(r, i, MMIO_STORE, 1);
    case 0xA3:
        return absolute(r, i, MMIO_STORE, operand_size(r));
    case 0xC6:
        return with_immediate(r, i, 1);
    case 0xC7:
        return with_immediate(r, i, operand_size(r));
    case OPCODE_TWO_BYTES:
        return two_bytes(r, i);
    default:
        return false;
    }
}

bool mmio_decode(const uint8_t *bytes, size_t count, struct mmio_instruction *instruction)
{
    struct reader r = {.bytes = bytes, .count = count};
    uint8_t opcode = prefixes(&r);

    *instruction =
        (struct mmio_instruction){.operand = {.base = MMIO_NO_REGISTER, .index = MMIO_NO_REGISTER}};
    if (!one_byte(&r, instruction, opcode) || r.ended)
        return false;
    instruction->length = (uint8_t)r.at;
    instruction->operand.segment = r.segment;
    instruction->operand.address_32 = r.address_size;
    return true;
}

uint64_t mmio_address(const struct mmio_instruction *instruction, const struct mmio_state *state)
{
    const struct mmio_operand *operand = &instruction->operand;
    uint64_t address = operand->displacement;

    if (operand->base == MMIO_NEXT_INSTRUCTION)
        address += state->rip + instruction->length;
    else if (operand->base != MMIO_NO_REGISTER)
        address += state->registers[operand->base];
    if (operand->index != MMIO_NO_REGISTER)
        address += state->registers[operand->index] << operand->scale;
    if (operand->address_32)
        address = (uint32_t)address;
    if (operand->segment == MMIO_FS)
        address += state->fs_base;
    if (operand->segment == MMIO_GS)
        address += state->gs_base;
    return address;
}

static uint64_t low_bytes(uint64_t value, unsigned size)
{
    return size >= 8 ? value : value & ((UINT64_C(1) << (8 * size)) - 1);
}

static uint64_t extend(const struct mmio_instruction *i, uint64_t value)
{
    unsigned unused = 64 - 8u * i->size;

    value = low_bytes(value, i->size);
    return i->sign && unused != 0 ? (uint64_t)((int64_t)(value << unused) >> unused) : value;
}

uint64_t mmio_loaded(const struct mmio_instruction *i, uint64_t old, uint64_t value)
{
    value = low_bytes(extend(i, value), i->destination);
    if (i->high_byte)
        return (old & ~UINT64_C(0xFF00)) | value << 8;
    if (i->destination >= 4)
        return value;
    return (old & ~low_bytes(UINT64_MAX, i->destination)) | value;
}

uint64_t mmio_stored(const struct mmio_instruction *i, uint64_t reg)
{
    if (i->kind == MMIO_STORE_IMMEDIATE)
        return low_bytes(i->immediate, i->size);
    return low_bytes(i->high_byte ? reg >> 8 : reg, i->size);
}
