/* SPDX-License-Identifier: MIT */
/* Entry point that libFuzzer calls with one input after the other. Returns 0. */
#ifndef PVT_TESTS_FUZZ_FUZZ_H
#define PVT_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
