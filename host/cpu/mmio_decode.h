/* SPDX-License-Identifier: MIT */
/*
 * Decodes the instructions by which 64-bit code touches device registers: MOV between memory and a
 * register or an immediate, MOVZX, MOVSX and MOVSXD (AMD64 Architecture Programmer's Manual, volume
 * 3). QEMU's emulation reports the address of an access but not the instruction. No dependence on
 * the rest of the host.
 */
#ifndef PVT_HOST_CPU_MMIO_DECODE_H
#define PVT_HOST_CPU_MMIO_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INSTRUCTION_MAX 15u

enum mmio_kind { MMIO_LOAD, MMIO_STORE, MMIO_STORE_IMMEDIATE };

struct mmio_instruction {
    enum mmio_kind kind;
    uint8_t length;      /* bytes of the instruction */
    uint8_t size;        /* bytes of memory: 1, 2, 4 or 8 */
    uint8_t reg;         /* number of the register, 0 (RAX) to 15 */
    bool high_byte;      /* AH, CH, DH, BH: bits 15:8 of register `reg` */
    uint8_t destination; /* LOAD: bytes of the register that are written; 4 clears the upper half */
    bool sign;           /* LOAD: sign-extended, else zero-extended */
    uint64_t immediate;  /* STORE_IMMEDIATE */
    struct mmio_operand {
        uint8_t base, index; /* numbers of registers, or MMIO_NO_REGISTER; base may be
                                MMIO_NEXT_INSTRUCTION */
        uint8_t scale;       /* shift of the index */
        uint8_t segment;     /* MMIO_FLAT, or the prefix of FS or GS */
        bool address_32;     /* the address is cut to 32 bits */
        uint64_t displacement;
    } operand;
};
#define MMIO_NO_REGISTER      0xFFu
#define MMIO_NEXT_INSTRUCTION 0xFEu
#define MMIO_FLAT             0u
#define MMIO_FS               0x64u
#define MMIO_GS               0x65u

/* The parts of an address: the sixteen registers in the order of their numbers, RIP of the
 * instruction, bases. */
struct mmio_state {
    uint64_t registers[16], rip, fs_base, gs_base;
};
/* Linear address of the operand: the first byte of the access. */
uint64_t mmio_address(const struct mmio_instruction *instruction, const struct mmio_state *state);

/* `bytes` from RIP on, as many as could be read. False for every instruction that is not in the
 * list above. */
bool mmio_decode(const uint8_t *bytes, size_t count, struct mmio_instruction *instruction);

/* New value of the register after a load of `value`. */
uint64_t mmio_loaded(const struct mmio_instruction *instruction, uint64_t old, uint64_t value);
/* Value that a store writes, from the value of its register. */
uint64_t mmio_stored(const struct mmio_instruction *instruction, uint64_t reg);

#endif
