/* SPDX-License-Identifier: MIT */
/* RETARGET_DEVICE_INTERRUPT with any input and any size of its variable header. */
#include <stdlib.h>
#include <string.h>

#include "host/vpci/retarget_parse.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hv_input_retarget_device_interrupt input;
    struct retarget retarget;
    uint64_t *header;
    size_t words;

    if (size < sizeof(input))
        return 0;
    memcpy(&input, data, sizeof(input));
    words = (size - sizeof(input)) / sizeof(*header);
    header = malloc(words * sizeof(*header) + 1); /* exactly as long as it is said to be */
    if (!header)
        return 0;
    memcpy(header, data + sizeof(input), words * sizeof(*header));
    if (retarget_parse(&input, header, (uint32_t)words, &retarget) &&
        retarget.vp != RETARGET_NO_VP &&
        retarget.vp >= HV_PROCESSOR_SET_BANKS * HV_PROCESSOR_SET_BANK_BITS)
        abort();
    free(header);
    return 0;
}
