// A published claim of speed-ups held against the model: what `tilesim validate --group claim`
// shows. Filled by sim/. Nothing here is measured: the points behind the claim were not published.
#ifndef TILESIM_REPORT_CLAIM_H
#define TILESIM_REPORT_CLAIM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CLAIM_MACHINES_MAX 16
#define CLAIM_NAME_BYTES 32

struct claim_machine {
    char name[CLAIM_NAME_BYTES];
    bool is_tiles, fits;
    double step_seconds;
    double compute, exchange, sync, launch, loop; // parts of step_seconds
    char largest[CLAIM_NAME_BYTES];               // compute set or exchange with the largest share
    double largest_part;
};

struct claim_point {
    const char *series, *id;
    uint32_t machine_count;
    struct claim_machine machines[CLAIM_MACHINES_MAX]; // the same ones at every point
    char why[200];                                     // not run; empty: it ran
};

struct claim_result {
    struct claim_point *points; // owned
    uint32_t point_count;
    const uint32_t *claimed; // times as fast
    uint32_t claimed_count;
    const char *source; // of the claim
    uint32_t failed;
};

void claim_result_free(struct claim_result *result);
// has_points: the table of all points; else the summary alone. Nothing if there are no points.
void claim_result_print(const struct claim_result *result, FILE *stream, bool has_colour,
                        bool has_points);
json_t *claim_result_to_json(const struct claim_result *result); // new reference

#endif
