#include "sim/commands/sweep_slurm.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/err.h"
#include "sim/version.h"

#define MEMORY_BESIDE_POINTS_MIB 512u // of the process that starts them; a guess

// One word of a shell, whatever is in it.
static void print_quoted(FILE *stream, const char *text)
{
    fputc('\'', stream);
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            fputs("'\\''", stream);
        } else {
            fputc(*text, stream);
        }
    }
    fputc('\'', stream);
}

// A name that #SBATCH lines can hold, which know no quotes.
static void print_plain(FILE *stream, const char *text)
{
    for (; *text != '\0'; text++) {
        fputc(isalnum((unsigned char)*text) || strchr("-_.", *text) != NULL ? *text : '_', stream);
    }
}

// The database's name without its ending. Owned.
static char *database_stem(const char *database)
{
    size_t length = strlen(database);
    bool has_ending = length > 3 && strcmp(database + length - 3, ".db") == 0;
    return xasprintf("%.*s", (int)(has_ending ? length - 3 : length), database);
}

static void print_directives(const struct slurm_job *job, FILE *stream)
{
    fputs("#SBATCH --job-name=tilesim-", stream);
    print_plain(stream, job->name);
    fprintf(stream, "\n#SBATCH --array=1-%u\n", job->shards);
    fprintf(stream, "#SBATCH --ntasks=1\n#SBATCH --cpus-per-task=%u\n", job->jobs);
    if (job->memory_mib > 0) {
        uint64_t all_mib = job->memory_mib * job->jobs + MEMORY_BESIDE_POINTS_MIB;
        fprintf(stream, "#SBATCH --mem=%lluM\n", (unsigned long long)all_mib);
    }
    fputs("#SBATCH --output=", stream);
    print_plain(stream, job->name);
    fputs(".%a.log\n", stream);
}

static void print_command(const struct slurm_job *job, const char *program, const char *path,
                          FILE *stream)
{
    char *stem = database_stem(job->database);
    char *database = xasprintf("%s.shard-", stem);
    fputs("exec ", stream);
    print_quoted(stream, program);
    fputs(" sweep ", stream);
    print_quoted(stream, path);
    fputs(" \\\n    --db ", stream);
    print_quoted(stream, database);
    fprintf(stream, "\"$SLURM_ARRAY_TASK_ID\"-of-%u.db", job->shards);
    fprintf(stream, " --shard \"$SLURM_ARRAY_TASK_ID\"/%u --jobs %u --quiet", job->shards,
            job->jobs);
    if (job->memory_mib > 0) {
        fprintf(stream, " --memory %llu", (unsigned long long)job->memory_mib);
    }
    if (job->timeout_seconds > 0) {
        fprintf(stream, " --timeout %llu", (unsigned long long)job->timeout_seconds);
    }
    fputs(job->is_sure ? " --yes" : "", stream);
    for (uint32_t i = 0; i < job->set_count; i++) {
        fputs(" \\\n    --set ", stream);
        print_quoted(stream, job->sets[i]);
    }
    fputc('\n', stream);
    free(database);
    free(stem);
}

static void print_script(const struct slurm_job *job, const char *program, const char *path,
                         const char *folder, FILE *stream)
{
    char *stem = database_stem(job->database);
    fprintf(stream, "#!/bin/bash\n");
    print_directives(job, stream);
    fprintf(stream,
            "# Made by tilesim %s (git %s). A shard that was stopped goes on where it was if it is "
            "submitted again.\n"
            "# Submit it, wait, and join the shards (in the folder below):\n"
            "#     sbatch --wait SCRIPT\n"
            "#     tilesim report ",
            TILESIM_VERSION, version_git());
    print_quoted(stream, stem);
    fprintf(stream, ".shard-*-of-%u.db --into ", job->shards);
    print_quoted(stream, job->database);
    fputs("\nset -eu\ncd ", stream);
    print_quoted(stream, folder);
    fputc('\n', stream);
    print_command(job, program, path, stream);
    free(stem);
}

bool slurm_write_script(const struct slurm_job *job, FILE *stream, char **why)
{
    char *program = realpath("/proc/self/exe", NULL);
    char *path = realpath(job->path, NULL); // a sweep on standard input has none
    char *folder = getcwd(NULL, 0);
    bool is_right = program != NULL && path != NULL && folder != NULL;
    if (is_right) {
        print_script(job, program, path, folder, stream);
    } else {
        *why = xasprintf("%s: a script needs its absolute path: %s", job->path, strerror(errno));
    }
    free(program);
    free(path);
    free(folder);
    return is_right;
}
