/* SPDX-License-Identifier: MIT */
/*
 * The two reserved ids as domains of the host (DOM-4): a device in DEFAULT passes through as before
 * its first ATTACH, one in NULL is blocked. The guest can attach devices to them and flush them,
 * nothing else.
 */
#include "abi/device_domain.h"
#include "host/base/panic.h"
#include "host/domains/private.h"

static void create(uint32_t id, enum translation_kind kind)
{
    struct domain *domain;

    if (domain_create(id) != HV_STATUS_SUCCESS)
        host_panic("no room for the special domain 0x%x", id);
    domain = domain_find(id);
    domain->translation.kind = kind;
    domain->configured = true;
    domain->reserved = true;
}

void reserved_domains_create(void)
{
    create(HV_DEVICE_DOMAIN_ID_DEFAULT, TRANSLATION_IDENTITY);
    create(HV_DEVICE_DOMAIN_ID_NULL, TRANSLATION_BLOCKED);
}
