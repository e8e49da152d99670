// Where to cut a JSON text so that parts which texts have in common become equal pieces: between
// the members of what is long. The pieces in order are the text again, whatever it is.
#ifndef TILESIM_REPORT_JSON_CUT_H
#define TILESIM_REPORT_JSON_CUT_H

#include <stddef.h>
#include <stdint.h>

struct json_mark;

struct json_cut {            // zero it before the first use; its arrays are used again
    uint32_t *ends;          // owned; of the pieces, rising; the last is the text's end
    struct json_mark *marks; // owned; brackets and commas of the text
    uint32_t count, room, mark_count, mark_room;
};

// Fills ends. An object or a list of objects longer than JSON_CUT_BYTES is cut at each of its
// members, and so are they. Lists of numbers stay whole. A text that is not JSON is one piece.
#define JSON_CUT_BYTES 1500u
void json_cut_text(struct json_cut *cut, const char *text, size_t length_bytes);
void json_cut_free(struct json_cut *cut);

#endif
