/* SPDX-License-Identifier: MIT */
/* Virtual functions of a controller (NVM Express Base Specification 2.0, 5.28 and 8.26): secondary
 * controllers, which have no resources until the primary one gives them some. */
#include "drivers/dma_nvme.h"

#include "drivers/pci.h"
#include "lib/string.h"

#define QUEUES  2u /* an admin and an I/O queue */
#define VECTORS 1u

static bool manage(struct dma_engine *e, unsigned controller, unsigned resource, unsigned action,
                   unsigned count)
{
    struct nvme_command c = {.opcode = NVME_VIRTUALIZATION,
                             .cdw10 = NVME_VIRTUALIZATION_CDW10(controller, resource, action),
                             .cdw11 = count};

    return nvme_succeed(e, NVME_QUEUE_ADMIN, &c);
}

static bool identify(struct dma_engine *e, uint32_t what)
{
    struct nvme_command c = {.opcode = NVME_IDENTIFY, .cdw10 = what};

    if (!nvme_start(e))
        return false;
    c.prp[0] = nvme_address(e, NVME_PAGE_STORE);
    return nvme_succeed(e, NVME_QUEUE_ADMIN, &c);
}

/* The primary controller gives its flexible resources up, which takes a reset. */
static bool release_flexible(struct dma_engine *e)
{
    uint16_t controller;

    if (!identify(e, NVME_CNS_CONTROLLER))
        return false;
    memcpy(&controller, nvme_memory(e, NVME_PAGE_STORE) + NVME_ID_CNTLID, sizeof(controller));
    return manage(e, controller, NVME_RESOURCE_QUEUES, NVME_PRIMARY_FLEXIBLE, 0) &&
           manage(e, controller, NVME_RESOURCE_VECTORS, NVME_PRIMARY_FLEXIBLE, 0) && nvme_stop(e);
}

static bool put_online(struct dma_engine *e, uint16_t controller)
{
    return manage(e, controller, NVME_RESOURCE_QUEUES, NVME_SECONDARY_ASSIGN, QUEUES) &&
           manage(e, controller, NVME_RESOURCE_VECTORS, NVME_SECONDARY_ASSIGN, VECTORS) &&
           manage(e, controller, 0, NVME_SECONDARY_ONLINE, 0);
}

bool nvme_put_functions_online(struct dma_engine *e)
{
    const uint8_t *list = nvme_memory(e, NVME_PAGE_STORE);
    const unsigned count = pci_virtual_functions(&e->function);
    bool good = release_flexible(e) && identify(e, NVME_CNS_SECONDARY) &&
                list[NVME_SECONDARY_COUNT] >= count;

    for (unsigned i = 0; i < count && good; i++) {
        uint16_t controller;

        memcpy(&controller, list + NVME_SECONDARY_FIRST + (size_t)i * NVME_SECONDARY_SIZE,
               sizeof(controller));
        good = put_online(e, controller);
    }
    return good || (nvme_stop(e) && false);
}
