/* SPDX-License-Identifier: MIT */
/*
 * The list of defects for the runner, read from the image without booting it: NUL-terminated
 * strings, fields separated by tabs, "defects <format version>" first. One array, because the order
 * of several variables is up to the compiler.
 */
#include "host/defects/defects.h"

#define DEFECT(enumerator, name, requirements, sentence)                                           \
    "defect\t" name "\t" requirements "\t" sentence "\tany\0"
#define DEFECT_VTD(enumerator, name, requirements, sentence)                                       \
    "defect\t" name "\t" requirements "\t" sentence "\tvtd\0"
#define DEFECT_BUS(enumerator, name, requirements, sentence)                                       \
    "defect\t" name "\t" requirements "\t" sentence "\tvpci\0"
#define DEFECT_IOAT(enumerator, name, requirements, sentence)                                      \
    "defect\t" name "\t" requirements "\t" sentence "\tioat\0"
#define DEFECT_PROBE(enumerator, name, requirements, sentence)                                     \
    "defect\t" name "\t" requirements "\t" sentence "\tsoft\0"
#define DEFECT_SOFT(fault, name, requirements, sentence)                                           \
    "defect\t" name "\t" requirements "\t" sentence "\tsoft\0"

__attribute__((section(".pvtcat"), used)) static const char catalogue[] = "defects\t1\0"
#include "host/defects/defects.def"
    ;

#undef DEFECT
#undef DEFECT_VTD
#undef DEFECT_PROBE
#undef DEFECT_BUS
#undef DEFECT_IOAT
#undef DEFECT_SOFT
