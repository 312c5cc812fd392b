/* SPDX-License-Identifier: MIT */
/*
 * COM1 (16550). Text goes out as it is: no carriage returns are added. With its FIFO on, the UART
 * takes 16 bytes per status poll; each port access is a trip into the emulator, so this halves the
 * price of output.
 */
#include "kernel/console.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "kernel/cpu.h"
#include "lib/fmt.h"

#define COM1             0x3F8
#define UART_DATA        (COM1 + 0)
#define UART_IER         (COM1 + 1)
#define UART_FCR         (COM1 + 2) /* write */
#define UART_IIR         (COM1 + 2) /* read */
#define UART_LCR         (COM1 + 3)
#define UART_MCR         (COM1 + 4)
#define UART_LSR         (COM1 + 5)
#define UART_DIVISOR_LOW (COM1 + 0) /* while LCR_DLAB */
#define UART_DIVISOR_HI  (COM1 + 1)

#define LCR_8N1          0x03
#define LCR_DLAB         0x80
#define MCR_DTR_RTS      0x03
#define FCR_ENABLE_CLEAR 0x07
#define IIR_FIFO         0xC0
#define LSR_THR_EMPTY    0x20
#define LSR_ABSENT       0xFF
#define DIVISOR_115200   1

/* TSC ticks to wait for room: about a second, and the clock need not be calibrated yet. */
#define ROOM_TICKS (4ull << 30)

static struct {
    bool present;
    bool stuck; /* waited in vain once: drop text instead of waiting again, until there is room */
    bool line_open;
    unsigned fifo;
} console;

void console_init(void)
{
    cpu_out8(UART_IER, 0);
    cpu_out8(UART_LCR, LCR_DLAB);
    cpu_out8(UART_DIVISOR_LOW, DIVISOR_115200);
    cpu_out8(UART_DIVISOR_HI, 0);
    cpu_out8(UART_LCR, LCR_8N1);
    cpu_out8(UART_FCR, FCR_ENABLE_CLEAR);
    cpu_out8(UART_MCR, MCR_DTR_RTS);
    console.present = cpu_in8(UART_LSR) != LSR_ABSENT;
    console.fifo = (cpu_in8(UART_IIR) & IIR_FIFO) == IIR_FIFO ? 16 : 1;
    console.stuck = false;
}

static bool has_room(void)
{
    uint64_t start;

    if (cpu_in8(UART_LSR) & LSR_THR_EMPTY) {
        console.stuck = false;
        return true;
    }
    if (console.stuck)
        return false;
    start = cpu_rdtsc();
    while (cpu_rdtsc() - start < ROOM_TICKS) {
        if (cpu_in8(UART_LSR) & LSR_THR_EMPTY)
            return true;
        cpu_pause();
    }
    console.stuck = true;
    return false;
}

void console_write(const char *text, size_t length)
{
    if (!console.present || length == 0)
        return;
    console.line_open = text[length - 1] != '\n';
    while (length > 0 && has_room())
        for (unsigned room = console.fifo; room > 0 && length > 0; room--, length--)
            cpu_out8(UART_DATA, (uint8_t)*text++);
}

void console_fresh_line(void)
{
    if (console.line_open)
        console_write("\n", 1);
}

void console_vprintf(const char *format, va_list arguments)
{
    char text[512];
    int length = fmt_vsnprintf(text, sizeof(text), format, arguments);
    if (length > 0)
        console_write(text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
}

void console_printf(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    console_vprintf(format, arguments);
    va_end(arguments);
}
