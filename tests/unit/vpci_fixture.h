/* SPDX-License-Identifier: MIT */
/* vPCI buses on the build machine: two devices of the host, and one of the machine with MSI and
 * MSI-X. */
#ifndef PVT_TESTS_UNIT_VPCI_FIXTURE_H
#define PVT_TESTS_UNIT_VPCI_FIXTURE_H

#include "host/vpci/bus.h"
#include "tests/unit/vmbus_fixture.h"

#define FAKE_LOW  UINT64_C(0xF8000000) /* address space of VMBus */
#define FAKE_HIGH UINT64_C(0xE000000000)

/* Channel 1: functions 0 and 3 of device 0x80. Channel 2: function 0 of device 0x88. Channel 3: the
 * machine's 0x90. */
#define FAKE_DEVICE  0x80u
#define FAKE_MACHINE 0x90u

struct fake_function {
    uint8_t config[256];
    unsigned resets, retargets;
};
extern struct fake_function fake_function[3];
extern unsigned fake_domain_resets;

/* The device of the machine: configuration space with two BARs of 32 bits, at FAKE_BAR0 and
 * FAKE_BAR1. */
#define FAKE_BAR0      0xC0000000u /* 8 KiB, not prefetchable: registers */
#define FAKE_BAR1      0xC0010000u /* 8 KiB: the first page has the MSI-X table with two entries */
#define FAKE_SRIOV     0x140u      /* extended capability */
#define FAKE_MSI       0x50u
#define FAKE_MSIX      0x60u
#define FAKE_EXPRESS   0x70u
#define FAKE_POWER     0x80u
#define FAKE_BAR_BYTES 0x2000u
extern uint8_t machine_config[4096], machine_bar1[FAKE_BAR_BYTES];

/* The argument of map_page(): the page at a place in the low range, 0 for none. */
uint64_t fake_mapped(uint64_t gpa);

/* Connects, opens a channel, agrees on a version. */
void fake_vpci_open(uint32_t channel, uint32_t version);
/* Sends a request and takes the completion. The first word of the reply; 0xFFFFFFFF: there was
 * none. Other packets are counted. */
uint32_t fake_vpci_request(uint32_t channel, const void *request, size_t size, void *reply,
                           size_t reply_size);
extern unsigned fake_packets;
extern uint8_t fake_first_packet[512], fake_last_packet[512];

uint64_t fake_mmio_read(uint64_t gpa, unsigned size);
void fake_mmio_write(uint64_t gpa, unsigned size, uint64_t value);

#endif
