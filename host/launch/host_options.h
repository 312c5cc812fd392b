/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_LAUNCH_HOST_OPTIONS_H
#define PVT_HOST_LAUNCH_HOST_OPTIONS_H

#include <stddef.h>

/*
 * \refhost.opt; changes the text, halts with a message on an error. Keys:
 *   defect=NAME         any number of times
 *   variant=NAME        any number of times
 *   log=0|1|2           errors, information (default), trace
 *   bus=pci|vpci        where the guest finds its devices (default pci)
 *   functions=0|1       whether there are virtual functions (default 1)
 *   caching=none|random|adversarial, seed=N   of the software IOMMU (default none)
 *   levels=4|5          5: five-level tables also beside VT-d, whose devices refuse such domains
 *                       (default: 5 without VT-d)
 *   bench=0|1           1: tells the cost of the barest entry and exit before the guest starts
 *   crash=0|1           1: the first FLUSH_DEVICE_DOMAIN ends in an exception of the host; for the
 *                       runner's own tests
 */
void host_options_apply(char *text, size_t length);

#endif
