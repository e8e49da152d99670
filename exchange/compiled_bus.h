// The IPU's exchange: compiled, every tile can hear every other, one word per cycle into and out of
// a tile, no contention. Its time is that of the busiest port, plus a fixed cost and the latency.
#ifndef TILESIM_EXCHANGE_COMPILED_BUS_H
#define TILESIM_EXCHANGE_COMPILED_BUS_H

#include "exchange/exchange.h"

extern const struct fabric compiled_bus_fabric;

#endif
