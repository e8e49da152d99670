#include "workloads/lower/lower_tiles_emit.h"

#include "sim/units.h"

void emit_each(struct program *program, enum codelet codelet, struct item_range items,
               struct vertex_sizes sizes, uint32_t layer)
{
    emit_dealt(program, codelet, items, items.count, sizes, layer);
}

void emit_dealt(struct program *program, enum codelet codelet, struct item_range items,
                uint32_t vertices, struct vertex_sizes sizes, uint32_t layer)
{
    program_add_group(program, &(struct vertex_group){
                                   .codelet = codelet,
                                   .dealing = DEAL_EVEN,
                                   .place = items.map,
                                   .items = items.count,
                                   .first_item = items.first,
                                   .sizes = {sizes.a, sizes.b, sizes.c, sizes.d},
                                   .vertices = vertices,
                                   .network_layer = layer,
                               });
}

void emit_reduction(struct program *program, const struct reduction *reduction, uint32_t layer)
{
    uint32_t outputs = (uint32_t)max_u64(reduction->outputs, 1);
    uint32_t pairs = (uint32_t)div_ceil(outputs, 2); // a vertex stores 64 bits at a time
    uint32_t vertices = (uint32_t)min_u64(reduction->contexts, pairs);
    uint32_t pairs_per_vertex = (uint32_t)div_ceil(pairs, vertices);
    vertices = (uint32_t)div_ceil(pairs, pairs_per_vertex);
    uint32_t outputs_per_vertex = (uint32_t)min_u64(outputs, 2 * pairs_per_vertex);
    emit_dealt(program, CODELET_reduce_many, reduction->items, vertices * reduction->items.count,
               (struct vertex_sizes){reduction->partials, outputs_per_vertex, 0, 0}, layer);
}

void emit_flow(struct program *program, enum flow_kind kind, struct item_range source,
               struct item_range destination, uint64_t bytes)
{
    program_add_flow(program, &(struct flow){
                                  .kind = kind,
                                  .source = source.map,
                                  .destination = destination.map,
                                  .first_source = source.first,
                                  .source_count = source.count,
                                  .first_destination = destination.first,
                                  .destination_count = destination.count,
                                  .bytes = bytes,
                              });
}

void emit_broadcast(struct program *program, struct item_range source, uint32_t words,
                    struct item_range destination)
{
    uint32_t words_per_source = (uint32_t)div_ceil(words, source.count);
    if (words_per_source == 0) {
        return;
    }
    uint32_t full = words / words_per_source;
    uint32_t rest = words % words_per_source;
    struct item_range part = {.map = source.map, .first = source.first, .count = full};
    emit_flow(program, FLOW_BROADCAST, part, destination,
              (uint64_t)words_per_source * EXCHANGE_WORD_BYTES);
    if (rest > 0) {
        part.first += full;
        part.count = 1;
        emit_flow(program, FLOW_BROADCAST, part, destination, (uint64_t)rest * EXCHANGE_WORD_BYTES);
    }
}
