/* SPDX-License-Identifier: MIT */
#ifndef PVT_ABI_HOST_INTEGRITY_H
#define PVT_ABI_HOST_INTEGRITY_H

#include <stdint.h>

#include "assert.h"

/*
 * Optional: the reference host compares its own memory with what it was at launch
 * (docs/threat-model.md), for tests that attack the host. Not a part of Hyper-V: tests that need it
 * skip where it is absent.
 */

/* EAX = version of the interface; EBX, ECX, EDX = "PvtIntegrity". Compare all. */
#define HV_INTEGRITY_CPUID          0x40000120u
#define HV_INTEGRITY_VERSION        1u
#define HV_INTEGRITY_CPUID_EBX_PVTI UINT32_C(0x49747650)
#define HV_INTEGRITY_CPUID_ECX_NTEG UINT32_C(0x6765746E)
#define HV_INTEGRITY_CPUID_EDX_RITY UINT32_C(0x79746972)

/* A simple call in memory form. Pages that have changed get their pattern back: a change is
 * reported once. */
#define HVCALL_HOST_INTEGRITY 0x7F12u

#define INTEGRITY_ALL_PAGES      (1u << 0) /* all pages with a pattern; else the target alone */
#define INTEGRITY_FLAGS_RESERVED (~INTEGRITY_ALL_PAGES)

struct integrity_input {
    uint32_t flags;
    uint32_t reserved;
};
ABI_SIZE(struct integrity_input, 8);

struct integrity_output {
    uint64_t constants_changed; /* ranges of text and constant data whose checksum differs; stays
                                   until the end */
    uint64_t words_changed;     /* words of 8 bytes in unused pages */
    uint64_t first_changed;     /* GPA of the first of them; 0: none */
    uint64_t bytes_checked;
    /* Unused pages of the host: an access there harms nothing, and is found. Page-aligned. */
    uint64_t target, target_length;
    /* Code of the host. */
    uint64_t text, text_length;
};
ABI_SIZE(struct integrity_output, 64);
ABI_OFFSET(struct integrity_output, words_changed, 8);
ABI_OFFSET(struct integrity_output, target, 32);
ABI_OFFSET(struct integrity_output, text, 48);

#endif
