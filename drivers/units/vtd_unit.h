/* SPDX-License-Identifier: MIT */
/*
 * Registers, invalidation queue and translation structures of a VT-d unit in scalable mode, as the
 * back end and the tests of the unit use them.
 */
#ifndef PVT_DRIVERS_UNITS_VTD_UNIT_H
#define PVT_DRIVERS_UNITS_VTD_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/units/own_domains.h"
#include "drivers/units/vtd_registers.h"

#define VTD_QUEUE_ENTRIES 128u /* of 32 bytes: one page */
#define VTD_ENTRY_WORDS   8u   /* of a PASID table entry */
#define VTD_CONTEXT_WORDS 4u

/* The entries that requests without PASID of one device go through. */
struct vtd_place {
    uint16_t bdf;
    uint64_t *root;      /* its half of the bus's entry */
    uint64_t *context;   /* VTD_CONTEXT_WORDS */
    uint64_t *directory; /* entry 0, in force; leads to one of the two tables */
    uint64_t *tables[2]; /* entry 0 only */
    unsigned now;
    const struct own_domain *in; /* NULL: in none */
};

/* Takes over the unit whose registers are at that address: queue, tables, translation on. Every
 * device of dma_engines() starts blocked. NULL, or why it cannot be used. */
const char *vtd_unit_start(uint64_t base_gpa);
/* As after vtd_unit_start(), whatever tests have left; also where vtd_unit_dead() said why not. */
const char *vtd_unit_restart(void);
/* NULL, or why the unit does not do its work any more; then every later wait ends at once. */
const char *vtd_unit_dead(void);
struct vtd_place *vtd_place_of(uint16_t bdf);
/* The tag of a domain is its number + 1: 0 belongs to devices that are in none. */
uint64_t vtd_tag(const struct own_domain *d);
/* Fills the entry of a PASID table for requests to the domain; NULL, or a blocking one: not
 * present. */
void vtd_fill_entry(uint64_t *entry, const struct own_domain *d);

uint32_t vtd_read32(unsigned offset);
uint64_t vtd_read64(unsigned offset);
void vtd_write32(unsigned offset, uint32_t value);
void vtd_write64(unsigned offset, uint64_t value);
/* Inverts bits of a structure that the unit walks. */
void vtd_flaw(uint64_t *word, uint64_t bits);
uint64_t vtd_capabilities(void);
uint64_t vtd_extended(void);
/* Offset of the first fault record. */
unsigned vtd_fault_record(void);
/* Sets or clears a bit of GCMD and waits for GSTS to show it. */
bool vtd_command(uint64_t bit, bool on);

/* The next place of the queue: its number, and a descriptor there. The unit learns of it by
 * vtd_submit(). */
unsigned vtd_tail(void);
uint64_t *vtd_queue_place(unsigned n);
void vtd_push(uint64_t low, uint64_t high);
void vtd_push_wide(const uint64_t descriptor[4]);
/* A wait descriptor that writes `data` to the word. */
void vtd_push_wait(const volatile uint32_t *word, uint32_t data, uint64_t flags);
void vtd_submit(void);
/* Hands over what was pushed, and waits for its end. */
bool vtd_drain(void);
uint64_t vtd_waits(void);
/* A fault record that has been read; false: it does not go, and the unit is dead. */
bool vtd_clear_record(unsigned offset);

/* Switches a queue on that is off, with head and tail at 0. */
bool vtd_restart_queue(void);

/* From now on a test changes registers, queue or tables by hand; the next vtd_unit_restore() makes
 * them again what the domains ask for. */
void vtd_unit_touch(void);
void vtd_unit_restore(void);

#endif
