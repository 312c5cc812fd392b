/* SPDX-License-Identifier: MIT */
/* A fault record in words. */
#include "drivers/oracle.h"
#include "lib/fmt.h"

const char *oracle_fault_class_name(uint32_t fault_class)
{
    switch (fault_class) {
#define CASE(name, value)                                                                          \
    case value:                                                                                    \
        return #name;
        ORACLE_FAULT_CLASS_LIST(CASE)
#undef CASE
    default:
        return "unknown class";
    }
}

void oracle_fault_text(char *text, size_t size, const struct oracle_fault *fault)
{
    if (!(fault->valid & ORACLE_FAULT_VALID)) {
        fmt_snprintf(text, size, "no fault");
        return;
    }
    fmt_snprintf(text, size, "%s of IOVA 0x%llx, %s (raw 0x%x), device 0x%llx",
                 fault->access == ORACLE_ACCESS_WRITE ? "write" : "read",
                 (unsigned long long)fault->iova, oracle_fault_class_name(fault->reason_class),
                 fault->raw_reason, (unsigned long long)fault->device_id);
}
