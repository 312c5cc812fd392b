/* SPDX-License-Identifier: MIT */
#ifndef PVT_ABI_ORACLE_H
#define PVT_ABI_ORACLE_H

#include <stdint.h>

#include "assert.h"

/*
 * Optional oracle of the reference host (docs/oracle.md). Not a part of Hyper-V.
 * It only adds detail to a verdict: a guest must reach the same verdict where it is absent.
 */

/* EAX = highest oracle leaf; EBX, ECX, EDX = "PvtOracle" and NULs. Other hypervisors use this leaf:
 * compare all. */
#define HV_ORACLE_CPUID          0x40000100u
#define HV_ORACLE_CPUID_EBX_PVTO UINT32_C(0x4F747650)
#define HV_ORACLE_CPUID_ECX_RACL UINT32_C(0x6C636172)
#define HV_ORACLE_CPUID_EDX_E    UINT32_C(0x00000065)

/* EAX = version of the interface; EBX = features. */
#define HV_ORACLE_CPUID_FEATURES   0x40000101u
#define HV_ORACLE_VERSION          2u
#define HV_ORACLE_FEATURE_FAULT    (UINT32_C(1) << 0)
#define HV_ORACLE_FEATURE_COUNTERS (UINT32_C(1) << 1)
#define HV_ORACLE_FEATURE_INFO     (UINT32_C(1) << 2)

/* Simple calls in memory form through the ordinary hypercall page. */
#define HVCALL_ORACLE_FAULT    0x7F01u
#define HVCALL_ORACLE_COUNTERS 0x7F02u
#define HVCALL_ORACLE_INFO     0x7F03u

/* Oldest fault record of one device, or of any device. */
struct oracle_fault_input {
    uint64_t device_id;
    uint64_t flags;
};
ABI_SIZE(struct oracle_fault_input, 16);
ABI_OFFSET(struct oracle_fault_input, device_id, 0);
ABI_OFFSET(struct oracle_fault_input, flags, 8);

#define ORACLE_FAULT_ANY_DEVICE UINT64_C(0xFFFFFFFFFFFFFFFF)

#define ORACLE_FAULT_CLEAR          (UINT64_C(1) << 0) /* remove the record after the read */
#define ORACLE_FAULT_FLAGS_RESERVED UINT64_C(0xFFFFFFFFFFFFFFFE)

struct oracle_fault {
    uint64_t device_id;
    uint64_t iova;
    uint32_t valid;
    uint32_t access;       /* enum oracle_access */
    uint32_t reason_class; /* enum oracle_fault_class */
    uint32_t raw_reason;   /* as the translation backend numbers it; for people */
    uint32_t lost;         /* records dropped since the last read */
    uint32_t reserved;
};
ABI_SIZE(struct oracle_fault, 40);
ABI_OFFSET(struct oracle_fault, device_id, 0);
ABI_OFFSET(struct oracle_fault, iova, 8);
ABI_OFFSET(struct oracle_fault, valid, 16);
ABI_OFFSET(struct oracle_fault, access, 20);
ABI_OFFSET(struct oracle_fault, reason_class, 24);
ABI_OFFSET(struct oracle_fault, raw_reason, 28);
ABI_OFFSET(struct oracle_fault, lost, 32);
ABI_OFFSET(struct oracle_fault, reserved, 36);

#define ORACLE_FAULT_VALID                                                                         \
    (UINT32_C(1) << 0) /* clear: there was no record, and all but `lost` is zero */

enum oracle_access {
    ORACLE_ACCESS_NONE = 0,
    ORACLE_ACCESS_READ = 1,
    ORACLE_ACCESS_WRITE = 2,
};

/* Why the access was refused, in words that hold for every translation backend. Values are only
 * ever appended. */
#define ORACLE_FAULT_CLASS_LIST(X)                                                                 \
    X(NONE, 0)                                                                                     \
    X(NOT_PRESENT, 1)                                                                              \
    X(WRITE_DENIED, 2)                                                                             \
    X(READ_DENIED, 3)                                                                              \
    X(RESERVED_BIT, 4)                                                                             \
    X(NON_CANONICAL, 5)                                                                            \
    X(PRIVILEGE, 6)                                                                                \
    X(BLOCKED, 7)                                                                                  \
    X(TABLE_UNREADABLE, 8)                                                                         \
    X(INTERRUPT_WINDOW, 9)                                                                         \
    X(OTHER, 10)

enum oracle_fault_class {
#define ORACLE_FAULT_CLASS_ENUMERATOR(name, value) ORACLE_FAULT_CLASS_##name = (value),
    ORACLE_FAULT_CLASS_LIST(ORACLE_FAULT_CLASS_ENUMERATOR)
#undef ORACLE_FAULT_CLASS_ENUMERATOR
};

/* Counters of the host since it started, over all processors. */
struct oracle_counters_input {
    uint64_t flags; /* none defined: 0 */
};
ABI_SIZE(struct oracle_counters_input, 8);
ABI_OFFSET(struct oracle_counters_input, flags, 0);

struct oracle_counters {
    uint64_t exits_total;
    uint64_t exits_cpuid;
    uint64_t exits_msr;
    uint64_t exits_io;
    uint64_t exits_hypercall;
    uint64_t exits_npf;
    uint64_t exits_other;
    uint64_t hypercalls_device_domain;
    uint64_t flush_domain_ops;
    uint64_t flush_range_ops;
    uint64_t reserved[6];
};
ABI_SIZE(struct oracle_counters, 128);
ABI_OFFSET(struct oracle_counters, exits_total, 0);
ABI_OFFSET(struct oracle_counters, exits_cpuid, 8);
ABI_OFFSET(struct oracle_counters, exits_msr, 16);
ABI_OFFSET(struct oracle_counters, exits_io, 24);
ABI_OFFSET(struct oracle_counters, exits_hypercall, 32);
ABI_OFFSET(struct oracle_counters, exits_npf, 40);
ABI_OFFSET(struct oracle_counters, exits_other, 48);
ABI_OFFSET(struct oracle_counters, hypercalls_device_domain, 56);
ABI_OFFSET(struct oracle_counters, flush_domain_ops, 64);
ABI_OFFSET(struct oracle_counters, flush_range_ops, 72);
ABI_OFFSET(struct oracle_counters, reserved, 80);

/* Identity of the host; HVCALL_ORACLE_INFO has no input. Each text ends with NUL and is padded with
 * NUL. */
#define ORACLE_BACKEND_SIZE      16
#define ORACLE_DEFECT_SIZE       48
#define ORACLE_HOST_VERSION_SIZE 16
#define ORACLE_VARIANT_SIZE      112

struct oracle_info {
    char backend[ORACLE_BACKEND_SIZE];
    char defect[ORACLE_DEFECT_SIZE]; /* empty: no defect is switched on */
    char host_version[ORACLE_HOST_VERSION_SIZE];
    char variant[ORACLE_VARIANT_SIZE]; /* empty: no variant is switched on */
};
ABI_SIZE(struct oracle_info, 192);
ABI_OFFSET(struct oracle_info, backend, 0);
ABI_OFFSET(struct oracle_info, defect, 16);
ABI_OFFSET(struct oracle_info, host_version, 64);
ABI_OFFSET(struct oracle_info, variant, 80);

#endif
