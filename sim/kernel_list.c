#include "sim/kernel_list.h"

#include <stdlib.h>

void kernel_list_destroy(struct kernel_list *list)
{
    if (!list) {
        return;
    }
    free(list->kernels);
    free(list);
}
