// Long texts of the points, in pieces of which equal ones are kept once: of a sweep's
// configurations and results most is the same. A column holds the numbers of a text's pieces in
// order, as a JSON list; the view `points` joins them again in SQL, store_join_text() in C.
#ifndef TILESIM_REPORT_STORE_PIECES_H
#define TILESIM_REPORT_STORE_PIECES_H

#include <sqlite3.h>
#include <stddef.h>

struct store_pieces;

// database: borrowed; it must have a table `pieces`.
struct store_pieces *store_pieces_create(sqlite3 *database);
void store_pieces_destroy(struct store_pieces *pieces); // NULL is allowed

// Adds those pieces of a text that are new. The list, owned by the caller; NULL: the database
// refused.
char *store_split_text(struct store_pieces *pieces, const char *text);
// A transaction was undone: what is known of pieces may be wrong.
void store_forget_pieces(struct store_pieces *pieces);

struct store_text { // zero it before the first use
    char *text;     // owned
    size_t length_bytes, room;
};

// The text of a list, in the buffer. NULL: a piece is missing.
const char *store_join_text(struct store_pieces *pieces, const char *list,
                            struct store_text *buffer);
void store_text_free(struct store_text *buffer);

#endif
