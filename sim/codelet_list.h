// The one list of codelets: what a vertex may run. Its cost stands in tiles/codelets/<name>.c.
// sizes[] are the static sizes that a vertex group gives; "dynamic" is what the activity adds.
// Row letters (F3, B7, ...) are those of docs/schedule.md.
#ifndef TILESIM_SIM_CODELET_LIST_H
#define TILESIM_SIM_CODELET_LIST_H

//  name                    sizes[0], [1], [2], [3]                            dynamic quantities
#define CODELETS(X)                                                                                  \
    X(slice)             /* region words, slices                            -                 */     \
    X(on_tile_copy)      /* bytes, contiguous runs                          -                 */     \
    X(fill)              /* words                                           -                 */     \
    X(cast)              /* elements                                        -                 */     \
    X(lif_update)        /* neurons, load slots, arithmetic slots (F3)      count: spikes in  */     \
    X(threshold_flags)   /* - one (neuron, sample) (F4)                     -                 */     \
    X(random_uniform)    /* integers (F5)                                   -                 */     \
    X(compact_flags)     /* - (F6)                           count: flags scanned; hits: ids  */     \
    X(combine_parts)     /* - (F7)                                          hits: ids copied  */     \
    X(combine_samples)   /* parts (F8)                                      hits: ids copied  */     \
    X(loop_counter)      /* - scalar index update (B1)                      -                 */     \
    X(elementwise)       /* elements, operands (1: by scalar, 2: two tensors), in place 0/1 - */     \
    X(fused_elementwise) /* elements, loads, stores, arithmetic slots per vector - */                \
    X(state_gradient)    /* neurons (B4 new)           count: ids scanned; hits: own ids      */     \
    X(state_gradient_sample) /* neurons of the layer (B4 old)                   hits: ids listed  */ \
    X(weight_gradient) /* neurons (B7)                                    count: spikes in  */       \
    X(spike_gradient)  /* neurons (B8)                                    count: listed ids */       \
    X(reduce_stage1)   /* partials (B9)                                   hits: 1 if live   */       \
    X(reduce_many)     /* partials, outputs (B10)                         -                 */       \
    X(scatter_ids)     /* neurons (sparse to dense of one vector)         hits: ids         */       \
    X(softmax_loss)    /* classes, samples                                -                 */       \
    X(optimizer)       /* elements, kind (enum optimizer_kind)            -                 */       \
    X(matmul_partial)  /* rows, in channels, out channels, bytes per element (2 or 4)  -    */       \
    X(transpose)       /* rows, columns                                   -                 */

enum codelet {
#define X(name) CODELET_##name,
    CODELETS(X)
#undef X
        CODELET_COUNT
};

const char *codelet_name(enum codelet codelet);

#endif
