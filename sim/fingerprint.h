// A short name for a text: two texts that differ have, for all that can happen, two names.
#ifndef TILESIM_SIM_FINGERPRINT_H
#define TILESIM_SIM_FINGERPRINT_H

#define FINGERPRINT_BYTES 33u // 32 hex digits and a NUL

void fingerprint(const char *text, char *digits);

#endif
