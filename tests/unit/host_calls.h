/* SPDX-License-Identifier: MIT */
/* Calls of the pvIOMMU, as a guest makes them, for unit tests of the host. */
#ifndef PVT_TESTS_UNIT_HOST_CALLS_H
#define PVT_TESTS_UNIT_HOST_CALLS_H

#include "abi/device_domain.h"
#include "tests/unit/unit.h"

/* Pages of the guest with the parameter lists. */
#define HOST_CALLS_INPUT  0x3000u
#define HOST_CALLS_OUTPUT 0x4000u

/* The input page, cleared. */
void *host_calls_input(void);
void host_calls_name(struct hv_input_device_domain *name, uint32_t id);
/* The result of a call, with all its continuations. */
uint64_t host_call(uint64_t control, uint64_t rdx, uint64_t r8);

enum hv_status host_call_create(uint32_t id);
enum hv_status host_call_configure(uint32_t id, uint64_t flags, uint64_t root);
enum hv_status host_call_attach(uint32_t id, uint64_t device_id);
enum hv_status host_call_detach(uint64_t device_id);
enum hv_status host_call_delete(uint32_t id);
enum hv_status host_call_flush(uint32_t id);
/* A list of one page. */
enum hv_status host_call_flush_page(uint32_t id, uint64_t page);

#endif
