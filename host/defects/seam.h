/* SPDX-License-Identifier: MIT */
/* Shared by the files of this folder: installs decorators, functions that stand in front of the
 * right ones. */
#ifndef PVT_HOST_DEFECTS_SEAM_H
#define PVT_HOST_DEFECTS_SEAM_H

#include <stdbool.h>
#include <stddef.h>

#include "abi/device_domain.h"
#include "host/defects/defects.h"
#include "host/hypercalls/call.h"

bool defects_any(const enum defect *defects, size_t count);
#define ANY(...)                                                                                   \
    defects_any((const enum defect[]){__VA_ARGS__},                                                \
                sizeof((const enum defect[]){__VA_ARGS__}) / sizeof(enum defect))

/* Makes `handler` the handler of a call; returns the one that it has to call. */
call_handler *call_in_front(uint16_t code, call_handler *handler);
element_handler *call_element_in_front(uint16_t code, element_handler *element);
/* The same for all calls: the one to call is right[context->call - calls]. */
void calls_in_front(call_handler *handler, call_handler *right[CALL_COUNT]);

/* The domain that a call names in its first fields; NULL when these are not valid or there is none.
 */
struct domain *call_domain(struct call_context *context);
/* These fields are valid. */
bool call_header_valid(struct call_context *context);
/* The call has them. */
bool call_names_domain(const struct call *call);

/* The devices of a domain are in none afterwards, and blocked. */
void block_devices(struct domain *domain);
void block_domain(uint32_t id);

#endif
