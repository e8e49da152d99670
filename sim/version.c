#include "sim/version.h"

#ifndef TILESIM_GIT
#define TILESIM_GIT "unknown"
#endif

const char *version_git(void)
{
    return TILESIM_GIT;
}
