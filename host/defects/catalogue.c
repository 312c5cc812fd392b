/* SPDX-License-Identifier: MIT */
/*
 * The list of defects for the runner, read from the image without booting it: NUL-terminated
 * strings, fields separated by tabs, "defects <format version>" first. One array, because the order
 * of several variables is up to the compiler.
 *
 * The field of the sentence is empty: the sentences are in section .pvttext, which the debug file
 * alone has.
 */
#include "host/defects/defects.h"

#define RECORD(name, requirements, unit) "defect\t" name "\t" requirements "\t\t" unit "\0"

#define DEFECT(enumerator, name, requirements, sentence)       RECORD(name, requirements, "any")
#define DEFECT_VTD(enumerator, name, requirements, sentence)   RECORD(name, requirements, "vtd")
#define DEFECT_BUS(enumerator, name, requirements, sentence)   RECORD(name, requirements, "vpci")
#define DEFECT_IOAT(enumerator, name, requirements, sentence)  RECORD(name, requirements, "ioat")
#define DEFECT_PROBE(enumerator, name, requirements, sentence) RECORD(name, requirements, "soft")
#define DEFECT_SOFT(fault, name, requirements, sentence)       RECORD(name, requirements, "soft")

__attribute__((section(".pvtcat"), used)) static const char catalogue[] = "defects\t1\0"
#include "host/defects/defects.def"
    ;

#define DEFECT(enumerator, name, requirements, sentence) "defect\t" name "\t" sentence "\0"

__attribute__((section(".pvttext"), used)) static const char sentences[] = "sentences\t1\0"
#include "host/defects/defects.def"
    ;
