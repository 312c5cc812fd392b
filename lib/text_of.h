/* SPDX-License-Identifier: MIT */
#ifndef PVT_LIB_TEXT_OF_H
#define PVT_LIB_TEXT_OF_H

/* The value of a macro as a string literal, as it is written there: "2u". */
#define TEXT_OF(macro)        TEXT_OF_TOKENS(macro)
#define TEXT_OF_TOKENS(token) #token

#endif
