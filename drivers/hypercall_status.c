/* SPDX-License-Identifier: MIT */
#include "abi/status.h"
#include "drivers/hypercall.h"

const char *hv_status_name(unsigned status)
{
    switch (status) {
#define STATUS_CASE(name, value)                                                                   \
    case (value):                                                                                  \
        return #name;
        HV_STATUS_LIST(STATUS_CASE)
#undef STATUS_CASE
    default:
        return "unknown status";
    }
}
