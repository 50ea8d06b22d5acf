#include "synth.h"

#include "loadgen/paths.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OLD_BYTES_MAX ((size_t)1 << 30)

/* A file that is made in memory first. */
struct output {
    char *text;
    size_t len;
    FILE *out;
};

static int begin(struct output *output, struct evd_error *error)
{
    *output = (struct output){0};
    output->out = open_memstream(&output->text, &output->len);
    return output->out ? EVD_OK : evd_error_set(error, EVD_ERR_NO_MEMORY, "out of memory");
}

static bool is_same(const char *path, const struct output *output)
{
    struct evd_error ignored;
    char *old;
    size_t len;
    if (lg_read_file(path, OLD_BYTES_MAX, &old, &len, &ignored) < 0)
        return false;
    bool same = len == output->len && memcmp(old, output->text, len) == 0;
    free(old);
    return same;
}

static int save(const char *path, const struct output *output, struct evd_error *error)
{
    char next[LG_PATH_MAX + 8];
    snprintf(next, sizeof(next), "%s.new", path);
    FILE *file = fopen(next, "we");
    if (!file)
        return evd_error_set(error, EVD_ERR_SYSTEM, "cannot write %s: %s", next, strerror(errno));
    bool written = fwrite(output->text, 1, output->len, file) == output->len;
    int why = errno;
    if (fclose(file) != 0 && written) {
        written = false;
        why = errno;
    }
    if (written && rename(next, path) == 0)
        return EVD_OK;
    why = written ? errno : why;
    unlink(next);
    return evd_error_set(error, EVD_ERR_SYSTEM, "cannot write %s: %s", path, strerror(why));
}

/* Ends the file and puts it into DIR, unless it is there already. */
static int end(const struct synth_options *options, const char *name, struct output *output,
               struct evd_error *error)
{
    char path[LG_PATH_MAX];
    int rc = EVD_OK;
    if (fclose(output->out) != 0)
        rc = evd_error_set(error, EVD_ERR_NO_MEMORY, "no memory for %s", name);
    else if (snprintf(path, sizeof(path), "%s/%s", options->out, name) >= LG_PATH_MAX)
        rc = evd_error_set(error, EVD_ERR_USAGE, "--out: the path is too long");
    else if (!is_same(path, output))
        rc = save(path, output, error);
    free(output->text);
    return rc;
}

static void source_name(uint64_t module, uint64_t file, char *out, size_t cap)
{
    if (file == 0)
        snprintf(out, cap, "m%" PRIu64 ".c", module);
    else
        snprintf(out, cap, "m%" PRIu64 "_%" PRIu64 ".c", module, file);
}

static int write_sources(const struct synth_options *options, struct evd_error *error)
{
    uint64_t files = synth_files(options);
    int rc = EVD_OK;
    for (uint64_t i = 0; i < options->modules * files && rc == EVD_OK; i++) {
        char name[64];
        struct output output;
        rc = begin(&output, error);
        if (rc != EVD_OK)
            return rc;
        synth_write_source(options, i / files, i % files, output.out);
        source_name(i / files, i % files, name, sizeof(name));
        rc = end(options, name, &output, error);
    }
    return rc;
}

static int write_cmake(const struct synth_options *options, struct evd_error *error)
{
    struct output output;
    int rc = begin(&output, error);
    if (rc != EVD_OK)
        return rc;
    fprintf(output.out,
            "# Made by evd-synth. Part of a server by -DEVD_EXTRA_MODULES=<this folder>.\n"
            "# --modules %" PRIu64 " --functions %" PRIu64 " --code %" PRIu64
            " --relocations %" PRIu64 " --constructor %" PRIu64 " --state %" PRIu64
            " --prefix %s --seed %" PRIu64 "%s\n",
            options->modules, options->functions, options->code, options->relocations,
            options->constructor, options->state, options->prefix, options->seed,
            options->editable ? " --editable" : "");
    for (uint64_t module = 0; module < options->modules; module++) {
        char ident[SYNTH_PREFIX_MAX + 32], name[64];
        synth_ident(options, module, ident, sizeof(ident));
        fprintf(output.out, "evd_add_module(NAME %s.m%" PRIu64 " IDENT %s SOURCES", options->prefix,
                module, ident);
        for (uint64_t file = 0; file < synth_files(options); file++) {
            source_name(module, file, name, sizeof(name));
            fprintf(output.out, " %s", name);
        }
        fputs(")\n", output.out);
    }
    return end(options, "CMakeLists.txt", &output, error);
}

/* The endpoints of the sample, spread evenly over all. */
static void put_requests(const struct synth_options *options, FILE *out)
{
    uint64_t seal = options->state > 0 ? synth_seal(options) : 0;
    uint64_t total = options->modules * options->functions, chosen = 0;
    for (uint64_t module = 0; module < options->modules; module++) {
        struct lg_rng rng;
        synth_module_rng(options, module, &rng);
        for (uint64_t function = 0; function < options->functions; function++) {
            struct synth_step step = synth_step(&rng);
            uint64_t number = module * options->functions + function;
            if ((number + 1) * options->sample / total == chosen)
                continue;
            fprintf(out,
                    "%s\n    {\"event\": \"%s.m%" PRIu64 ".f%" PRIu64
                    "\", \"expect\": \"%016" PRIx64 "\"}",
                    chosen ? "," : "", options->prefix, module, function, synth_mix(seal, &step));
            chosen++;
        }
    }
}

static int write_scenario(const struct synth_options *options, struct evd_error *error)
{
    struct output output;
    int rc = begin(&output, error);
    if (rc != EVD_OK)
        return rc;
    const char *name = strrchr(options->prefix, '.');
    fprintf(output.out,
            "{\n  \"name\": \"%.60s\",\n"
            "  \"description\": \"%" PRIu64 " of %" PRIu64 " synthetic endpoints, each as often as "
            "the others.\",\n  \"requests\": [",
            name ? name + 1 : options->prefix, options->sample,
            options->modules * options->functions);
    put_requests(options, output.out);
    fputs("\n  ]\n}\n", output.out);
    return end(options, "scenario.json", &output, error);
}

int synth_write(const struct synth_options *options, struct evd_error *ret_error)
{
    if (mkdir(options->out, 0777) != 0 && errno != EEXIST)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot make the folder %s: %s",
                             options->out, strerror(errno));
    int rc = write_sources(options, ret_error);
    if (rc == EVD_OK)
        rc = write_cmake(options, ret_error);
    if (rc == EVD_OK)
        rc = write_scenario(options, ret_error);
    return rc;
}
