/* SPDX-License-Identifier: MIT */
/* Requests on a vPCI channel with any content. */
#include <stdlib.h>

#include "abi/vmbus.h"
#include "host/vpci/request_parse.h"
#include "tests/fuzz/fuzz.h"

static void check_bars(const struct vpci_request *request)
{
    for (unsigned i = 0; i < VPCI_BARS; i++)
        if ((request->message.resources.bar[i].type == VPCI_RESOURCE_NULL) !=
            (request->bar[i].length == 0))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vpci_request request;

    if (vpci_request_parse(data, size, &request) != NT_STATUS_SUCCESS)
        return 0;
    switch (request.type) {
    case VPCI_RESOURCES_ASSIGNED:
    case VPCI_RESOURCES_ASSIGNED_2:
    case VPCI_RESOURCES_ASSIGNED_3:
        check_bars(&request);
        break;
    case VPCI_CREATE_INTERRUPT:
    case VPCI_CREATE_INTERRUPT_2:
    case VPCI_CREATE_INTERRUPT_3:
        if (request.create.count == 0 || request.create.count > VPCI_INTERRUPTS_PER_REQUEST)
            abort();
        break;
    default:
        break;
    }
    return 0;
}
