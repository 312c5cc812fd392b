/* SPDX-License-Identifier: MIT */
/* A device behind vPCI: a request through the rings of its bus, an access to configuration space,
 * and the time from the host's wish to take the bus away until the guest has let go of it. */
#include "drivers/dma_engine.h"
#include "drivers/pci_registers.h"
#include "drivers/vpci/removal.h"
#include "drivers/vpci/vpci.h"
#include "tests/bench/bench.h"

#define REQUESTS 50ull
#define ACCESSES 200ull

static void request(void *argument)
{
    for (uint64_t i = 0; i < REQUESTS; i++)
        bench_require(vpci_round_trip(argument), "a request on a vPCI bus has no reply");
}

static void read_configuration(void *argument)
{
    for (uint64_t i = 0; i < ACCESSES; i++)
        bench_require(pci_read32(argument, PCI_COMMAND) != UINT32_MAX,
                      "the configuration space of a vPCI function cannot be read");
}

static void offer(void *argument)
{
    bench_require(vpci_restore(argument), "a bus that was ejected does not come again");
}

static void eject(void *argument)
{
    bench_require(vpci_remove(argument, VPCI_BY_EJECT), "a bus cannot be ejected");
}

void bench_vmbus(void)
{
    const struct dma_engine *e = dma_engine_get(DMA_CLASS_DMAPROBE, 0);
    struct pci_function function;

    if (!e)
        e = dma_engine_fast();
    if (!e || !e->function.vpci)
        return; /* on plain PCI */
    function = e->function;
    bench_run(&(struct bench){.name = "vmbus_round_trip",
                              .operations = REQUESTS,
                              .round = request,
                              .argument = &function,
                              .baseline = "hypercall",
                              .baseline_ps = bench_cost("hypercall")});
    bench_run(&(struct bench){.name = "vpci_config_read",
                              .operations = ACCESSES,
                              .round = read_configuration,
                              .argument = &function,
                              .baseline = "cpuid_exit",
                              .baseline_ps = bench_cost("cpuid_exit")});
    if (!vpci_removable(&function))
        return; /* a host that takes no bus away on request */
    bench_run(&(struct bench){.name = "eject_to_gone",
                              .operations = 1,
                              .round = eject,
                              .prepare = offer,
                              .argument = &function,
                              .baseline = "vmbus_round_trip",
                              .baseline_ps = bench_cost("vmbus_round_trip")});
    offer(&function);
}
