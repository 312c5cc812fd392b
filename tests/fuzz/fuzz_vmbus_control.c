/* SPDX-License-Identifier: MIT */
/* Control messages of VMBus with any content: what the parser says must fit in what it was given.
 */
#include <stdlib.h>

#include "host/vmbus/control_parse.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vmbus_request request;

    if (!vmbus_control_parse(data, size, &request))
        return 0;
    if (size > VMBUS_MESSAGE_SIZE_MAX || size < sizeof(struct vmbus_message))
        abort();
    if ((request.type == VMBUS_GPADL_HEADER || request.type == VMBUS_GPADL_BODY) &&
        request.pages.count * sizeof(uint64_t) > size)
        abort();
    if (request.type == VMBUS_GPADL_HEADER && request.pages.count > request.pages.total)
        abort();
    return 0;
}
