/* SPDX-License-Identifier: MIT */
/* Rings whose memory holds anything, and changes between two packets. */
#include <stdlib.h>
#include <string.h>

#include "host/vmbus/ring.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/vmbus_fixture.h"

#define PACKETS_MAX 2000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* The control page may be a data page as well. */
    static const uint64_t pages[][3] = {{10, 11, 12}, {10, 10, 12}};
    static struct ring_packet packet;
    struct ring reader, writer;
    unsigned packets = 0;

    if (size < 1)
        return 0;
    memset(fake_ram + 10 * 4096, 0, 3 * 4096);
    memcpy(fake_ram + 10 * 4096, data + 1, size - 1 < 3 * 4096 ? size - 1 : 3 * 4096);
    if (ring_open(&reader, RING_READER, pages[data[0] & 1], 3)) {
        while (ring_take(&reader, &packet) == RING_TAKEN && packets++ < PACKETS_MAX) {
            if (packet.size > sizeof(packet.payload) || reader.index >= 8192 ||
                reader.index % 8 != 0)
                abort();
            ring_writer_waits(&reader);
            if (data[0] & 2)
                fake_ram[10 * 4096 + packets % 8] ^= data[packets % size];
        }
    }
    if (ring_open(&writer, RING_WRITER, pages[data[0] & 1], 3)) {
        for (unsigned i = 0; i < 20 && ring_has_room(&writer, 100 * i % 1000, 1); i++) {
            ring_put(&writer, 6, i, packet.payload, 100 * i % 1000);
            if (writer.index >= 8192 || writer.index % 8 != 0)
                abort();
        }
    }
    return 0;
}
