#include "study_identity.h"

#include "paths.h"
#include "report_data.h"
#include "study_json.h"
#include "study_layout.h"
#include "study_trial.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX ((size_t)1 << 30)
#define DEPTH_MAX      32 /* of folders in a modules folder */
#define SHOWN_MAX      3  /* differences in an error */

/* ---- The files. ---- */

/* Appends the bytes of a file, behind its name and length: no two folders give the same sequence.
 */
static int append_file(FILE *out, const char *path, const char *name, struct evd_error *error)
{
    char *text;
    size_t len;
    int rc = lg_read_file(path, FILE_BYTES_MAX, &text, &len, error);
    if (rc != EVD_OK)
        return rc;
    fprintf(out, "%s%c%zu%c", name, 0, len, 0);
    fwrite(text, 1, len, out);
    free(text);
    return EVD_OK;
}

/* Where a link leads, so that one that was turned to another file counts; a server follows it. */
static int append_link(FILE *out, const char *path, const char *name, struct evd_error *error)
{
    char target[LG_PATH_MAX];
    struct stat status;
    ssize_t len = readlink(path, target, sizeof(target));
    fprintf(out, "%s%c%zd%c", name, 0, len, 0);
    fwrite(target, 1, len > 0 ? (size_t)len : 0, out);
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) ? append_file(out, path, name, error)
                                                               : EVD_OK;
}

/* The shared objects in a folder and below, sorted by name, each behind its path in `root`, of
 * `root_len` bytes. Links to folders are not followed. */
static int append_folder(FILE *out, const char *path, size_t root_len, unsigned depth,
                         struct evd_error *error)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort), rc = EVD_OK;
    if (count < 0)
        return evd_error_set(error, EVD_ERR_SYSTEM, "cannot read the folder '%s': %s", path,
                             strerror(errno));
    for (int i = 0; i < count; i++) {
        char inside[LG_PATH_MAX];
        const char *name = entries[i]->d_name;
        size_t len = strlen(name);
        bool object = len > 3 && strcmp(name + len - 3, ".so") == 0;
        struct stat status;
        if (rc == EVD_OK && name[0] != '.' &&
            snprintf(inside, sizeof(inside), "%s/%s", path, name) < LG_PATH_MAX &&
            lstat(inside, &status) == 0) {
            if (S_ISDIR(status.st_mode) && depth < DEPTH_MAX)
                rc = append_folder(out, inside, root_len, depth + 1, error);
            else if (S_ISLNK(status.st_mode) && object)
                rc = append_link(out, inside, inside + root_len, error);
            else if (S_ISREG(status.st_mode) && object)
                rc = append_file(out, inside, inside + root_len, error);
        }
        free(entries[i]);
    }
    free(entries);
    return rc;
}

/* What was written to `all`, a memory stream of *bytes, which both are used up. */
static int hash_stream(FILE *all, char **bytes, const size_t *len, int rc, char out[static 65],
                       struct evd_error *error)
{
    if (!all || (fclose(all) != 0 && rc == EVD_OK))
        rc = evd_error_set(error, EVD_ERR_NO_MEMORY, "no memory to read what is measured");
    if (rc == EVD_OK)
        rc = lg_data_sha256(*bytes, *len, out, error);
    free(*bytes);
    return rc;
}

/* All layouts of the server that are used, in one. They are there: lg_layouts_check(). */
static int hash_layouts(const struct lg_study_options *options, char out[static 65],
                        struct evd_error *error)
{
    char *bytes = NULL, path[LG_PATH_MAX], name[32];
    size_t len;
    FILE *all = open_memstream(&bytes, &len);
    int rc = EVD_OK;
    for (unsigned i = 1; all && i <= lg_layouts_used(options->design) && rc == EVD_OK; i++) {
        snprintf(name, sizeof(name), "%u", i);
        rc = lg_layout_path(options, i, path, error);
        if (rc == EVD_OK)
            rc = append_file(all, path, name, error);
    }
    return hash_stream(all, &bytes, &len, rc, out, error);
}

/* Of a file, or of the shared objects of a folder; "" in out when there is neither. */
static int hash(const char *path, char out[static 65], struct evd_error *error)
{
    struct stat status;
    char *bytes = NULL;
    size_t len;
    out[0] = '\0';
    if (stat(path, &status) != 0 || !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)))
        return EVD_OK;
    if (S_ISREG(status.st_mode)) {
        int rc = lg_read_file(path, FILE_BYTES_MAX, &bytes, &len, error);
        if (rc == EVD_OK)
            rc = lg_data_sha256(bytes, len, out, error);
        free(bytes);
        return rc;
    }
    FILE *all = open_memstream(&bytes, &len);
    int rc = all ? append_folder(all, path, strlen(path), 0, error) : EVD_OK;
    return hash_stream(all, &bytes, &len, rc, out, error);
}

static void put_file(cJSON *files, const char *name, const char *sha256)
{
    cJSON *file = cJSON_CreateObject();
    cJSON_AddStringToObject(file, "file", name);
    if (sha256[0])
        cJSON_AddStringToObject(file, "sha256", sha256);
    else
        cJSON_AddNullToObject(file, "sha256");
    cJSON_AddItemToArray(files, file);
}

/* `name` is what the list calls it; one of a name is enough. */
static int add(cJSON *files, const char *name, const char *path, struct evd_error *error)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, files)
    {
        if (strcmp(lg_json_string(item, "file", ""), name) == 0)
            return EVD_OK;
    }
    char sha256[65];
    int rc = hash(path, sha256, error);
    if (rc == EVD_OK)
        put_file(files, name, sha256);
    return rc;
}

static int add_layouts(const struct lg_study_options *options, cJSON *files,
                       struct evd_error *error)
{
    char sha256[65], name[48];
    int rc = hash_layouts(options, sha256, error);
    snprintf(name, sizeof(name), "%u layouts of evd-server", lg_layouts_used(options->design));
    if (rc == EVD_OK)
        put_file(files, name, sha256);
    return rc;
}

static int add_named(const struct lg_study_options *options, cJSON *files, const char *name,
                     struct evd_error *error)
{
    char path[LG_PATH_MAX];
    int rc = name ? lg_arm_path(options, name, path, error) : EVD_OK;
    return name && rc == EVD_OK ? add(files, name, path, error) : rc;
}

/* What the server of an arm is told to read: from where the study itself runs, as the server does.
 */
static int add_read(const struct lg_args *server, cJSON *files, struct evd_error *error)
{
    static const char *const options[] = {"--module-config", "--modules"};
    int rc = EVD_OK;
    for (size_t i = 0; i < server->count && rc == EVD_OK; i++) {
        const char *value = server->items[i] + strcspn(server->items[i], "=");
        size_t len = (size_t)(value - server->items[i]);
        bool reads = false;
        for (size_t k = 0; k < sizeof(options) / sizeof(*options); k++)
            reads = reads ||
                    (strlen(options[k]) == len && strncmp(server->items[i], options[k], len) == 0);
        if (*value == '=')
            value++;
        else
            value = i + 1 < server->count ? server->items[i + 1] : "";
        if (reads && *value)
            rc = add(files, value, value, error);
    }
    return rc;
}

/* Where `loadgen run` finds the scenario of this name. */
static int add_scenario(const struct lg_study_options *options, cJSON *files, const char *name,
                        struct evd_error *error)
{
    char path[LG_PATH_MAX], relative[LG_NAME_MAX + 40];
    if (lg_path_is_file(name))
        return add(files, name, name, error);
    snprintf(relative, sizeof(relative), "../share/scenarios/%.48s.json", name);
    int rc = lg_path_beside_file(options->loadgen, relative, path, error);
    return rc == EVD_OK ? add(files, name, path, error) : rc;
}

int lg_identity_add_files(const struct lg_study_options *options, cJSON *about,
                          struct evd_error *ret_error)
{
    const struct lg_design *design = options->design;
    cJSON *files = cJSON_AddArrayToObject(about, "files");
    char modules[LG_PATH_MAX];
    int rc = add(files, "loadgen", options->loadgen, ret_error);
    if (rc == EVD_OK)
        rc = add(files, "evd-server", options->server, ret_error);
    if (rc == EVD_OK && design->layouts > 0)
        rc = add_layouts(options, files, ret_error);
    if (rc == EVD_OK)
        rc = lg_path_beside_file(options->server, "../modules", modules, ret_error);
    if (rc == EVD_OK)
        rc = add(files, "modules of evd-server", modules, ret_error);
    for (size_t i = 0; i < design->arm_count && rc == EVD_OK; i++) {
        const struct lg_arm *arm = &design->arms[i];
        rc = add_named(options, files, arm->program, ret_error);
        if (rc == EVD_OK)
            rc = add_named(options, files, arm->modules, ret_error);
        if (rc == EVD_OK)
            rc = add_named(options, files, arm->scenario, ret_error);
        if (rc == EVD_OK)
            rc = add_read(&arm->server, files, ret_error);
    }
    for (size_t i = 0; i < design->scenario_count && !design->own_scenarios && rc == EVD_OK; i++)
        rc = add_scenario(options, files, design->scenario_files[i], ret_error);
    return rc;
}

/* ---- What differs. ---- */

struct differences {
    FILE *out;
    unsigned count;
};

static void put_value(FILE *out, const cJSON *value)
{
    char *text = value ? cJSON_PrintUnformatted(value) : NULL;
    fprintf(out, "%.48s%s", text ? text : "nothing", text && strlen(text) > 48 ? "..." : "");
    cJSON_free(text);
}

static bool same_value(const char *path, const cJSON *a, const cJSON *b)
{
    const double slack = strcmp(path, "machine.memory_bytes") == 0 ? 1.0 / 64 : 0;
    if (cJSON_IsNumber(a) && cJSON_IsNumber(b))
        return fabs(a->valuedouble - b->valuedouble) <= slack * fabs(a->valuedouble);
    return cJSON_Compare(a, b, 1);
}

static void compare(struct differences *found, const char *path, const cJSON *a, const cJSON *b)
{
    char inner[160];
    const cJSON *item;
    bool lists = cJSON_IsArray(a) && cJSON_IsArray(b);
    if (lists || (cJSON_IsObject(a) && cJSON_IsObject(b))) {
        int index = 0;
        cJSON_ArrayForEach(item, a)
        {
            if (lists)
                snprintf(inner, sizeof(inner), "%.80s[%d]", path, index);
            else
                snprintf(inner, sizeof(inner), "%.80s.%.60s", path, item->string);
            compare(found, inner, item,
                    lists ? cJSON_GetArrayItem(b, index)
                          : cJSON_GetObjectItemCaseSensitive(b, item->string));
            index++;
        }
        index = 0;
        cJSON_ArrayForEach(item, b)
        {
            snprintf(inner, sizeof(inner), lists ? "%.80s[...]" : "%.80s.%.60s", path,
                     lists ? "" : item->string);
            if (lists ? index++ >= cJSON_GetArraySize(a) : !cJSON_HasObjectItem(a, item->string))
                compare(found, inner, NULL, item);
        }
        return;
    }
    if ((!a && !b) || (a && b && same_value(path, a, b)) || found->count++ >= SHOWN_MAX)
        return;
    fprintf(found->out, "%s%s was ", found->count > 1 ? "; " : "", path);
    put_value(found->out, a);
    fputs(" and is ", found->out);
    put_value(found->out, b);
}

/* By name, so that the error names the file, not its place in the list. */
static cJSON *by_name(const cJSON *about)
{
    cJSON *object = cJSON_CreateObject();
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(about, "files"))
    {
        cJSON_AddStringToObject(object, lg_json_string(item, "file", "?"),
                                lg_json_string(item, "sha256", "not there"));
    }
    return object;
}

int lg_identity_compare(const char *path, const cJSON *before, const cJSON *now,
                        struct evd_error *ret_error)
{
    static const char *const keys[] = {"schema",    "seed",   "design",         "version",
                                       "commit",    "build",  "server_version", "machine",
                                       "libraries", "pinning"};
    char text[200] = "";
    struct differences found = {.out = fmemopen(text, sizeof(text), "w")};
    cJSON *old_files = by_name(before), *new_files = by_name(now);
    if (!found.out || !old_files || !new_files) {
        cJSON_Delete(old_files);
        cJSON_Delete(new_files);
        if (found.out)
            fclose(found.out);
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory to compare two studies");
    }
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        compare(&found, keys[i], cJSON_GetObjectItemCaseSensitive(before, keys[i]),
                cJSON_GetObjectItemCaseSensitive(now, keys[i]));
    compare(&found, "files", old_files, new_files);
    /* Last: it follows from design and seed, which say more. */
    compare(&found, "order", cJSON_GetObjectItemCaseSensitive(before, "order"),
            cJSON_GetObjectItemCaseSensitive(now, "order"));
    fclose(found.out);
    cJSON_Delete(old_files);
    cJSON_Delete(new_files);
    if (found.count == 0)
        return EVD_OK;
    return evd_error_set(ret_error, EVD_ERR_USAGE,
                         "%s is of another study, which this one does not go on: %s%s", path, text,
                         found.count > SHOWN_MAX ? "; and more" : "");
}
