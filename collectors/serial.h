/* collectors/serial.h - a serial line as a descriptor: non-blocking, raw, with the parameters of its endpoint. */
#ifndef COLLECTORS_SERIAL_H
#define COLLECTORS_SERIAL_H

#include "collectors/collector.h"

struct serial { const char *path; int baud, bits, stop; char parity; bool rs485; };   /* parity: N, E, O */

/* From ?baud=9600&parity=even&stop=1&bits=8&rs485=yes; the standard's own 19200 8E1 by default. */
bool serial_parse(const struct endpoint *ep, struct serial *out, struct err *err) MUST_USE;
/* -1 with err; the path is opened anew each time, so that a by-id name finds an adapter that came back elsewhere. */
int serial_open(const struct serial *s, struct err *err);

#endif
