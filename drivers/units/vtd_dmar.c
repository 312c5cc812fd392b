/* SPDX-License-Identifier: MIT */
#include "drivers/units/vtd_dmar.h"

#include <stdbool.h>

#include "lib/bits.h"
#include "lib/string.h"

/* ACPI table DMAR (VT-d 8.1): a header of 48 bytes, then remapping structures; those of type 0
 * describe units (8.3), with device scopes from byte 16 on (8.3.1). */
#define STRUCTURES     48u
#define STRUCTURE_HEAD 4u
#define UNIT           0u
#define UNIT_FLAGS     4u
#define UNIT_ALL       1u /* INCLUDE_PCI_ALL: all devices that no other unit has */
#define UNIT_SEGMENT   6u
#define UNIT_BASE      8u
#define UNIT_SCOPES    16u
#define SCOPE_HEAD     6u
#define SCOPE_LENGTH   1u
#define SCOPE_BUS      5u
#define SCOPE_ENDPOINT 1u
#define SCOPE_BRIDGE   2u
#define SCOPE_STEP     2u /* device and function */
#define BUS(bdf)       ((uint8_t)((bdf) >> 8))
#define BDF(bus, at)   ((uint16_t)((bus) << 8 | ((at)[0] & 0x1F) << 3 | ((at)[1] & 7)))

/* Every scope of a unit lies within it. */
static bool scopes_fit(const uint8_t *unit, size_t length)
{
    for (size_t at = UNIT_SCOPES; at < length; at += unit[at + SCOPE_LENGTH])
        if (length - at < SCOPE_HEAD + SCOPE_STEP ||
            unit[at + SCOPE_LENGTH] < SCOPE_HEAD + SCOPE_STEP ||
            unit[at + SCOPE_LENGTH] > length - at || unit[at + SCOPE_LENGTH] % 2 != 0)
            return false;
    return true;
}

static bool scope_has(const uint8_t *scope, uint16_t bdf, vtd_bridge_at *bridge_at)
{
    const size_t length = scope[SCOPE_LENGTH];
    uint16_t at = BDF(scope[SCOPE_BUS], scope + SCOPE_HEAD);
    struct vtd_bridge bridge;

    if (scope[0] != SCOPE_ENDPOINT && scope[0] != SCOPE_BRIDGE)
        return false;
    for (size_t step = SCOPE_HEAD + SCOPE_STEP; step < length; step += SCOPE_STEP) {
        bridge = bridge_at(at);
        if (bridge.secondary == 0)
            return false;
        at = BDF(bridge.secondary, scope + step);
    }
    if (at == bdf || scope[0] == SCOPE_ENDPOINT)
        return at == bdf;
    bridge = bridge_at(at);
    return bridge.secondary != 0 && BUS(bdf) >= bridge.secondary && BUS(bdf) <= bridge.last;
}

static bool unit_names(const uint8_t *unit, size_t length, uint16_t bdf, vtd_bridge_at *bridge_at)
{
    for (size_t at = UNIT_SCOPES; at < length; at += unit[at + SCOPE_LENGTH])
        if (scope_has(unit + at, bdf, bridge_at))
            return true;
    return false;
}

static uint16_t word_at(const uint8_t *at)
{
    uint16_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static uint64_t base_of(const uint8_t *unit)
{
    uint64_t value;

    memcpy(&value, unit + UNIT_BASE, sizeof(value));
    return value;
}

/* Registers of the unit that has the device in its scope; 0: none has. The table has been checked.
 */
static uint64_t unit_of(const uint8_t *table, size_t length, uint16_t bdf, vtd_bridge_at *bridge_at)
{
    uint64_t rest = 0;

    for (size_t at = STRUCTURES; at < length; at += word_at(table + at + 2)) {
        const uint8_t *unit = table + at;

        if (word_at(unit) != UNIT || word_at(unit + UNIT_SEGMENT) != 0)
            continue;
        if (unit_names(unit, word_at(unit + 2), bdf, bridge_at))
            return base_of(unit);
        if (unit[UNIT_FLAGS] & UNIT_ALL)
            rest = base_of(unit);
    }
    return rest;
}

/* NULL, or what is wrong with the table. */
static const char *check(const uint8_t *table, size_t length)
{
    bool found = false;

    for (size_t at = STRUCTURES; at < length; at += word_at(table + at + 2)) {
        const uint8_t *structure = table + at;
        size_t size;

        if (length - at < STRUCTURE_HEAD)
            return "ACPI table DMAR ends within a structure";
        size = word_at(structure + 2);
        if (size < STRUCTURE_HEAD || size > length - at)
            return "ACPI table DMAR has a structure of a length that cannot be";
        if (word_at(structure) != UNIT)
            continue;
        if (size < UNIT_SCOPES || !scopes_fit(structure, size))
            return "ACPI table DMAR describes a unit with device scopes that do not fit";
        if (base_of(structure) == 0 || !is_aligned(base_of(structure), PAGE_SIZE))
            return "ACPI table DMAR gives a unit's registers an address that cannot be";
        found = true;
    }
    return found ? NULL : "no VT-d unit: ACPI table DMAR describes none";
}

const char *vtd_dmar_find(const uint8_t *table, size_t length, const uint16_t *bdfs, size_t count,
                          vtd_bridge_at *bridge_at, uint64_t *base)
{
    const char *problem =
        table ? check(table, length)
              : "no VT-d unit: there is no ACPI table DMAR, or its checksum is wrong";
    uint64_t found = 0;

    if (problem)
        return problem;
    if (count == 0)
        return "no device is there that the VT-d unit could translate for";
    for (size_t i = 0; i < count; i++) {
        uint64_t unit = unit_of(table, length, bdfs[i], bridge_at);

        if (unit == 0)
            return "a device under test is in the scope of no VT-d unit";
        if (found != 0 && unit != found)
            return "the devices under test are in the scopes of several VT-d units, and this "
                   "driver drives one";
        found = unit;
    }
    *base = found;
    return NULL;
}
