#include "report/page/sweep.h"

#include "report/page/shell.h"
#include "report/page/sweep_model.h"

bool sweep_page_write(struct store *store, const char *path, char **why)
{
    json_t *data = sweep_model_create(store, why);
    if (data == NULL) {
        return false;
    }
    struct page page = {PAGE_SWEEP, "tilesim: a sweep", data};
    bool is_written = page_write_file(&page, path, why);
    json_decref(data);
    return is_written;
}
