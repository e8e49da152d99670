#include "workloads/run/event_lists.h"

#include <stdlib.h>
#include <string.h>

#include "sim/err.h"

void event_lists_init(struct event_lists *lists, uint32_t fan_in)
{
    // One more than the lists need: the filling shifts the offsets by one place.
    *lists = (struct event_lists){.offsets = xcalloc((size_t)fan_in + 2, sizeof(uint32_t))};
}

void event_lists_free(struct event_lists *lists)
{
    free(lists->offsets);
    free(lists->events);
}

static void reserve_events(struct event_lists *lists, size_t events)
{
    if (events > lists->event_capacity) {
        lists->event_capacity = events + events / 4; // activity changes slowly during training
        free(lists->events);
        lists->events = xmalloc(lists->event_capacity * sizeof(uint32_t));
    }
}

void event_lists_fill(struct event_lists *lists, uint32_t fan_in, const struct view *spikes,
                      uint32_t rows)
{
    uint32_t *place = lists->offsets + 1; // place[id + 1]: first the count of id, then its start
    memset(lists->offsets, 0, ((size_t)fan_in + 2) * sizeof(uint32_t));
    size_t events = 0;
    for (size_t row = 0; row < rows; row++) {
        const uint32_t *ids = spikes->ids + row * spikes->row_stride;
        uint32_t count = spikes->counts[row * 2];
        for (uint32_t i = 0; i < count; i++) {
            place[ids[i] + 1]++;
        }
        events += count;
    }
    reserve_events(lists, events);
    for (uint32_t id = 0; id < fan_in; id++) {
        place[id + 1] += place[id];
    }
    // place[id] is now the start of id's events; filling moves it to their end.
    for (size_t row = 0; row < rows; row++) {
        const uint32_t *ids = spikes->ids + row * spikes->row_stride;
        uint32_t count = spikes->counts[row * 2];
        for (uint32_t i = 0; i < count; i++) {
            lists->events[place[ids[i]]++] = (uint32_t)row;
        }
    }
}
