// Which program made a result.
#ifndef TILESIM_SIM_VERSION_H
#define TILESIM_SIM_VERSION_H

#define TILESIM_VERSION "0.1.0"

// The git revision that the program was built from, "-dirty" if files were changed; "unknown"
// outside a repository. The Makefile compiles it into version.c alone.
const char *version_git(void);

#endif
