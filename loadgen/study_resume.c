#include "study_resume.h"

#include "paths.h"
#include "place.h"
#include "study_identity.h"
#include "study_json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ABOUT_BYTES_MAX ((size_t)16 << 20)

static int system_error(const char *what, const char *path, struct evd_error *error)
{
    return evd_error_set(error, EVD_ERR_SYSTEM, "cannot %s '%s': %s", what, path, strerror(errno));
}

/* Unlike flock()'s it is not handed on to a child that outlives the study by a moment. */
static int lock(int fd, const char *out, struct evd_error *error)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_SETLK, &whole) == 0)
        return EVD_OK;
    if (errno == EACCES || errno == EAGAIN)
        return evd_error_set(error, EVD_ERR_USAGE, "another study is at work in '%s'", out);
    return system_error("lock trials.jsonl in", out, error);
}

static int trials_path(const char *out, char path[LG_PATH_MAX], struct evd_error *error)
{
    if (snprintf(path, LG_PATH_MAX, "%s/trials.jsonl", out) < LG_PATH_MAX)
        return EVD_OK;
    return evd_error_set(error, EVD_ERR_USAGE, "the path '%.60s...' is too long", out);
}

int lg_resume_open(const char *out, FILE **ret_trials, struct evd_error *ret_error)
{
    char path[LG_PATH_MAX];
    int rc = trials_path(out, path, ret_error);
    *ret_trials = NULL;
    if (rc != EVD_OK)
        return rc;
    if (mkdir(out, 0777) != 0 && errno != EEXIST)
        return system_error("make the folder", out, ret_error);
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0)
        return system_error("write", path, ret_error);
    rc = lock(fd, out, ret_error);
    if (rc == EVD_OK && !(*ret_trials = fdopen(fd, "a")))
        rc = system_error("write", path, ret_error);
    if (rc != EVD_OK)
        close(fd);
    return rc;
}

/* Takes out what stands behind the last line's end: a study was killed while it wrote. */
static int cut(int fd, const char *path, off_t *size, size_t *ret_cut, struct evd_error *error)
{
    char block[4096];
    off_t end = *size;
    *ret_cut = 0;
    while (end > 0) {
        off_t from = end > (off_t)sizeof(block) ? end - (off_t)sizeof(block) : 0;
        ssize_t len = pread(fd, block, (size_t)(end - from), from);
        if (len != end - from)
            return system_error("read", path, error);
        const char *newline = memrchr(block, '\n', (size_t)len);
        end = newline ? from + (newline - block) + 1 : from;
        if (newline)
            break;
    }
    if (end == *size)
        return EVD_OK;
    if (ftruncate(fd, end) != 0 || fdatasync(fd) != 0)
        return system_error("cut the last line of", path, error);
    *ret_cut = (size_t)(*size - end);
    *size = end;
    return EVD_OK;
}

static int read_about(const char *out, cJSON **ret_about, struct evd_error *error)
{
    char path[LG_PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/study.json", out) >= LG_PATH_MAX)
        return evd_error_set(error, EVD_ERR_USAGE, "the path '%.60s...' is too long", out);
    if (access(path, F_OK) != 0)
        return evd_error_set(error, EVD_ERR_USAGE,
                             "'%s' holds trials, and no study.json that says of what; give --out "
                             "another folder",
                             out);
    return lg_json_read(path, ABOUT_BYTES_MAX, ret_about, error);
}

static int read_kept(const char *out, FILE *trials, const cJSON *about, off_t size,
                     struct lg_resume *resume, cJSON **ret_about, struct evd_error *error)
{
    char path[LG_PATH_MAX];
    struct stat status;
    int rc = trials_path(out, path, error);
    if (rc == EVD_OK)
        rc = read_about(out, ret_about, error);
    if (rc == EVD_OK)
        rc = lg_identity_compare(out, *ret_about, about, error);
    if (rc == EVD_OK)
        rc = cut(fileno(trials), path, &size, &resume->cut_bytes, error);
    if (rc == EVD_OK)
        rc = lg_data_read(out, &resume->data, error);
    /* That has closed the file, and with it the lock. */
    if (rc == EVD_OK)
        rc = lock(fileno(trials), out, error);
    if (rc == EVD_OK && (fstat(fileno(trials), &status) != 0 || status.st_size != size))
        rc = evd_error_set(error, EVD_ERR_USAGE, "another study is at work in '%s'", out);
    if (rc != EVD_OK)
        lg_data_release(&resume->data);
    return rc;
}

int lg_resume_read(const char *out, FILE *trials, const cJSON *about, struct lg_resume *ret_resume,
                   cJSON **ret_about, struct evd_error *ret_error)
{
    struct stat status;
    *ret_resume = (struct lg_resume){0};
    *ret_about = NULL;
    if (fstat(fileno(trials), &status) != 0)
        return system_error("read the size of trials.jsonl in", out, ret_error);
    if (status.st_size == 0)
        return EVD_OK;
    int rc = read_kept(out, trials, about, status.st_size, ret_resume, ret_about, ret_error);
    if (rc != EVD_OK) {
        cJSON_Delete(*ret_about);
        *ret_about = NULL;
    }
    return rc;
}

int lg_resume_check(const struct lg_resume *resume, const char *out,
                    const struct lg_trial_plan *plan, struct evd_error *ret_error)
{
    char path[LG_PATH_MAX];
    int rc = trials_path(out, path, ret_error);
    if (rc != EVD_OK)
        return rc;
    const struct lg_trial *there = &resume->data.trials[plan->number - 1];
    const struct lg_design *design = &resume->data.design;
    const struct lg_place place = {path, plan->number, ret_error};
    /* Its number is that of its line: lg_data_read(). */
    if (there->block == plan->block && there->arm == plan->arm &&
        there->scenario == plan->scenario && there->load == plan->load)
        return EVD_OK;
    return lg_place_complain(&place,
                             "trial %u of block %u, '%.40s': by the order of study.json it is "
                             "trial %u of block %u, '%.40s'",
                             there->number, there->block, design->arms[there->arm].name,
                             plan->number, plan->block, design->arms[plan->arm].name);
}

int lg_resume_check_payloads(const struct lg_resume *resume, const struct lg_trial_plan *plan,
                             const cJSON *line, struct evd_error *ret_error)
{
    const struct lg_scenario_facts *facts = &resume->data.scenarios[plan->scenario];
    const cJSON *run = cJSON_GetObjectItemCaseSensitive(line, "run");
    const cJSON *scenario = cJSON_GetObjectItemCaseSensitive(run, "scenario");
    const char *payloads = lg_json_string(scenario, "payloads", "unknown");
    if (!facts->known || resume->data.design.own_scenarios || !cJSON_IsObject(run) ||
        strcmp(facts->payloads, payloads) == 0)
        return EVD_OK;
    return evd_error_set(ret_error, EVD_ERR_USAGE,
                         "the trials that are there had other payloads (%.60s) than there are now "
                         "(%.60s)",
                         facts->payloads, payloads);
}

void lg_resume_note(const struct lg_resume *resume, const char *at, cJSON *about)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(about, "resumed");
    if (!list)
        list = cJSON_AddArrayToObject(about, "resumed");
    cJSON *note = cJSON_CreateObject();
    cJSON_AddStringToObject(note, "at", at);
    cJSON_AddNumberToObject(note, "after_trials", (double)resume->data.count);
    cJSON_AddNumberToObject(note, "cut_bytes", (double)resume->cut_bytes);
    cJSON_AddItemToArray(list, note);
    cJSON_ReplaceItemInObjectCaseSensitive(about, "finished", cJSON_CreateNull());
    cJSON_DeleteItemFromObjectCaseSensitive(about, "trials_sha256");
}

void lg_resume_release(struct lg_resume *resume)
{
    lg_data_release(&resume->data);
}
