#include "study_disk.h"

#include "study_trial.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DEPTH_MAX 32 /* of folders in a modules folder */

struct total {
    double files, bytes;
};

/* Adds the shared objects in a folder and below it. Links are not followed. */
static int add_folder(const char *path, unsigned depth, struct total *total,
                      struct evd_error *error)
{
    DIR *folder = opendir(path);
    if (!folder)
        return evd_error_set(error, EVD_ERR_USAGE, "the modules folder %s: %s", path,
                             strerror(errno));
    const struct dirent *entry;
    int rc = EVD_OK;
    while (rc == EVD_OK && (entry = readdir(folder))) {
        char inside[LG_PATH_MAX];
        struct stat status;
        size_t len = strlen(entry->d_name);
        if (entry->d_name[0] == '.' ||
            snprintf(inside, sizeof(inside), "%s/%s", path, entry->d_name) >= LG_PATH_MAX ||
            lstat(inside, &status) != 0)
            continue;
        if (S_ISDIR(status.st_mode) && depth < DEPTH_MAX)
            rc = add_folder(inside, depth + 1, total, error);
        if (!S_ISREG(status.st_mode) || len <= 3 || strcmp(entry->d_name + len - 3, ".so") != 0)
            continue;
        total->files++;
        total->bytes += (double)status.st_size;
    }
    closedir(folder);
    return rc;
}

static int add_arm(const struct lg_study_options *options, const struct lg_arm *arm, cJSON *list,
                   struct evd_error *error)
{
    char program[LG_PATH_MAX], modules[LG_PATH_MAX];
    struct total total = {0};
    struct stat status;
    int rc = lg_arm_path(options, arm->program, program, error);
    if (rc == EVD_OK)
        rc = lg_arm_path(options, arm->modules, modules, error);
    if (rc != EVD_OK)
        return rc;
    const char *path = program[0] ? program : options->server;
    if (access(path, X_OK) != 0 || stat(path, &status) != 0)
        return evd_error_set(error, EVD_ERR_USAGE,
                             "the server of arm '%s', %s: %s (./evdispatch study builds those of "
                             "its designs)",
                             arm->name, path, strerror(errno));
    if (modules[0])
        rc = add_folder(modules, 0, &total, error);
    if (rc != EVD_OK)
        return rc;
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "arm", arm->name);
    cJSON_AddNumberToObject(item, "program_bytes", (double)status.st_size);
    cJSON_AddNumberToObject(item, "modules", total.files);
    cJSON_AddNumberToObject(item, "modules_bytes", total.bytes);
    cJSON_AddItemToArray(list, item);
    return EVD_OK;
}

int lg_study_disk(const struct lg_study_options *options, cJSON *about, struct evd_error *ret_error)
{
    const struct lg_design *design = options->design;
    bool named = false;
    for (size_t i = 0; i < design->arm_count; i++)
        named = named || design->arms[i].program || design->arms[i].modules;
    if (!named)
        return EVD_OK;
    cJSON *list = cJSON_AddArrayToObject(about, "disk");
    int rc = EVD_OK;
    for (size_t i = 0; i < design->arm_count && rc == EVD_OK; i++)
        rc = add_arm(options, &design->arms[i], list, ret_error);
    return rc;
}

int lg_disk_check(const char *folder, struct evd_error *ret_error)
{
    struct statvfs disk;
    if (statvfs(folder, &disk) != 0)
        return EVD_OK;
    uint64_t left = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (left >= LG_DISK_LEAST_BYTES)
        return EVD_OK;
    return evd_error_set(
        ret_error, EVD_ERR_SYSTEM,
        "the disk of '%s' is full: %llu bytes are left; the study goes on when the "
        "same command is given again",
        folder, (unsigned long long)left);
}
