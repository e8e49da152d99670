#include "sim/fingerprint.h"

#include <stdio.h>

// FNV-1a, 128 bits. Constants: draft-eastlake-fnv, section 5.
void fingerprint(const char *text, char *digits)
{
    unsigned __int128 hash =
        (unsigned __int128)0x6c62272e07bb0142u << 64 | (unsigned __int128)0x62b821756295c58du;
    const unsigned __int128 prime = (unsigned __int128)1 << 88 | 0x13b;
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * prime;
    }
    snprintf(digits, FINGERPRINT_BYTES, "%016llx%016llx", (unsigned long long)(hash >> 64),
             (unsigned long long)hash);
}
