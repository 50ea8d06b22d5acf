#include "options.h"

#include "dispatch/json.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define HELP_COLUMN 27
#define HELP_WIDTH  80

static const char *const load_names[] = {
    [EVD_LOAD_CACHED] = "cached", [EVD_LOAD_CALL] = "call", NULL};
static const char *const alloc_names[] = {
    [EVD_ALLOC_MALLOC] = "malloc", [EVD_ALLOC_POOL] = "pool", NULL};
static const char *const log_formats[] = {"text", "json", NULL};
static const char *const log_levels[] = {"info", "warning", "error", NULL};

#define AT(m)                                                                                      \
    .offset = offsetof(struct evd_server_config, m),                                               \
    .size = sizeof(((struct evd_server_config *)0)->m)
#define ROW(k, n, h, r, ...)                                                                       \
    {.kind = EVD_OPTION_##k, .name = (n), .help = (h), .reason = (r), __VA_ARGS__},
#define GROUP(title) {.kind = EVD_OPTION_GROUP, .name = (title)},
#define NAME(n, m, list, d, b, h, r)                                                               \
    ROW(NAME, n, h, r, AT(m), .argument = "NAME", .names = (list), .initial = (d), .backend = (b))
#define CHOICE(n, m, list, d, b, h, r)                                                             \
    ROW(CHOICE, n, h, r, AT(m), .argument = "NAME", .names = (list), .initial = (d), .backend = (b))
#define TEXT(n, m, a, d, b, h, r)                                                                  \
    ROW(TEXT, n, h, r, AT(m), .argument = (a), .initial = (d), .backend = (b))
#define ADDRESSES(n, m, c, h, r)                                                                   \
    ROW(ADDRESSES, n, h, r, AT(m), .count_offset = offsetof(struct evd_server_config, c),          \
        .argument = "ADDRESS", .initial = EVD_LISTEN_DEFAULT)
#define SIZE(n, m, lo, hi, d, h, r)                                                                \
    ROW(SIZE, n, h, r, AT(m), .argument = "SIZE", .min = (lo), .max = (hi), .initial = (d))
#define COUNT(n, m, lo, hi, d, h, r)                                                               \
    ROW(COUNT, n, h, r, AT(m), .argument = "N", .min = (lo), .max = (hi), .initial = (d))
#define DURATION(n, m, d, h, r) ROW(DURATION, n, h, r, AT(m), .argument = "T", .initial = (d))
#define SWITCH(n, m, h, r)      ROW(SWITCH, n, h, r, AT(m))

const struct evd_option evd_options[] = {
#include "options.def"
};
const size_t evd_option_count = sizeof evd_options / sizeof *evd_options;
static_assert(sizeof evd_options / sizeof *evd_options <= EVD_OPTIONS_MAX, "raise EVD_OPTIONS_MAX");

/* ---- Values. ---- */

static int choose(const struct evd_option *option, const char *text, struct evd_error *ret_error)
{
    char allowed[160] = "";
    for (int i = 0; option->names[i] != NULL; i++) {
        if (strcmp(option->names[i], text) == 0)
            return i;
        size_t len = strlen(allowed);
        (void)snprintf(allowed + len, sizeof allowed - len, "%s%s", i == 0 ? "" : ", ",
                       option->names[i]);
    }
    return evd_error_set(ret_error, EVD_ERR_USAGE, "--%s=%s is not one of: %s", option->name, text,
                         allowed);
}

static void store(void *member, size_t size, uint64_t value)
{
    if (size == sizeof(uint64_t)) {
        memcpy(member, &value, size);
    } else {
        unsigned narrow = (unsigned)value; /* within the option's range */
        assert(size == sizeof narrow);
        memcpy(member, &narrow, sizeof narrow);
    }
}

static int add_address(const struct evd_option *option, const char *text, char *config,
                       struct evd_error *ret_error)
{
    size_t *count = (size_t *)(void *)(config + option->count_offset);
    struct evd_address *list = (struct evd_address *)(void *)(config + option->offset);
    if (*count == option->size / sizeof *list)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "at most %zu times", *count);
    int rc = evd_parse_address(text, &list[*count], ret_error);
    *count += rc >= 0;
    return rc;
}

static int set(const struct evd_option *option, const char *text, struct evd_server_config *config,
               struct evd_error *ret_error)
{
    char *member = (char *)config + option->offset;
    uint64_t value = 0;
    int rc;

    switch (option->kind) {
    case EVD_OPTION_NAME:
        rc = choose(option, text, ret_error);
        if (rc >= 0)
            memcpy(member, &option->names[rc], sizeof option->names[rc]);
        return rc;
    case EVD_OPTION_CHOICE:
        rc = choose(option, text, ret_error);
        value = rc >= 0 ? (uint64_t)rc : 0;
        break;
    case EVD_OPTION_TEXT:
        memcpy(member, &text, sizeof text);
        return EVD_OK;
    case EVD_OPTION_ADDRESSES:
        return add_address(option, text, (char *)config, ret_error);
    case EVD_OPTION_SIZE:
        rc = evd_parse_size(text, option->min, option->max, &value, ret_error);
        break;
    case EVD_OPTION_COUNT:
        rc = evd_parse_uint(text, option->min, option->max, &value, ret_error);
        break;
    case EVD_OPTION_DURATION:
        rc = evd_parse_duration(text, &value, ret_error);
        break;
    case EVD_OPTION_SWITCH:
        *(bool *)(void *)member = true;
        return EVD_OK;
    default:
        return EVD_OK;
    }
    if (rc >= 0)
        store(member, option->size, value);
    return rc;
}

int evd_option_set(const struct evd_option *option, const char *text,
                   struct evd_server_config *config, struct evd_error *ret_error)
{
    struct evd_error error;
    int rc = set(option, text, config, &error);
    if (rc >= 0)
        return rc;
    if (strncmp(error.text, "--", 2) == 0) /* it is named already */
        return evd_error_set(ret_error, rc, "%s", error.text);
    return evd_error_set(ret_error, rc, "--%s: %.200s", option->name, error.text);
}

void evd_options_set_defaults(struct evd_server_config *config)
{
    struct evd_error error;
    for (const struct evd_option *o = evd_options; o < evd_options + evd_option_count; o++) {
        bool own = o->kind == EVD_OPTION_TEXT || o->kind == EVD_OPTION_ADDRESSES;
        if (o->initial == NULL || own)
            continue;
        int rc = evd_option_set(o, o->initial, config, &error);
        assert(rc >= 0);
        (void)rc;
    }
}

/* ---- --help ---- */

/* Words, broken between HELP_COLUMN and HELP_WIDTH. `at`: the column where the line stands. */
static void print_wrapped(FILE *out, const char *text, size_t at)
{
    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        if (at > HELP_COLUMN && at + 1 + len > HELP_WIDTH) {
            (void)fputs("\n", out);
            at = 0;
        }
        if (at < HELP_COLUMN)
            (void)fprintf(out, "%*s", (int)(HELP_COLUMN - at), "");
        else
            (void)fputs(" ", out);
        at = (at < HELP_COLUMN ? HELP_COLUMN : at + 1) + len;
        (void)fwrite(text, 1, len, out);
        text += len + (text[len] == ' ');
    }
    (void)fputs("\n", out);
}

static const char *size_text(uint64_t bytes, char *text, size_t cap)
{
    static const char units[] = {'\0', 'k', 'm', 'g', '\0'};
    size_t unit = 0;
    while (unit < 3 && bytes >= 1024 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    (void)snprintf(text, cap, "%llu%.1s", (unsigned long long)bytes, &units[unit]);
    return text;
}

const char *evd_option_range(const struct evd_option *option, char *text, size_t cap)
{
    char min[32], max[32];
    text[0] = '\0';
    if (option->kind == EVD_OPTION_SIZE)
        (void)snprintf(text, cap, "%s to %s", size_text(option->min, min, sizeof min),
                       size_text(option->max, max, sizeof max));
    if (option->kind == EVD_OPTION_COUNT)
        (void)snprintf(text, cap, "%llu to %llu", (unsigned long long)option->min,
                       (unsigned long long)option->max);
    return text;
}

void evd_options_print_help(FILE *out)
{
    for (const struct evd_option *o = evd_options; o < evd_options + evd_option_count; o++) {
        if (o->kind == EVD_OPTION_GROUP) {
            (void)fprintf(out, "%s%s:\n", o == evd_options ? "" : "\n", o->name);
            continue;
        }
        char text[1024], range[80];
        (void)evd_option_range(o, range, sizeof range);
        const char *initial = o->initial != NULL ? o->initial : "";
        (void)snprintf(text, sizeof text, "%s%s%s%s%s%s", o->help, range[0] != '\0' ? "; " : "",
                       range, initial[0] != '\0' ? " [" : "", initial,
                       initial[0] != '\0' ? "]" : "");
        int at = fprintf(out, "  --%s%s%s", o->name, o->argument != NULL ? " " : "",
                         o->argument != NULL ? o->argument : "");
        print_wrapped(out, text, at > 0 ? (size_t)at : 0);
    }
}

void evd_options_print_markdown(FILE *out)
{
    for (const struct evd_option *o = evd_options; o < evd_options + evd_option_count; o++) {
        if (o->kind == EVD_OPTION_GROUP) {
            (void)fprintf(out,
                          "%s**%s**\n\n| option | default | range | what | why |\n"
                          "|---|---|---|---|---|\n",
                          o == evd_options ? "" : "\n", o->name);
            continue;
        }
        char range[80];
        const char *tick = o->initial != NULL ? "`" : "";
        (void)fprintf(out, "| `--%s%s%s` | %s%s%s | %s | %s | %s |\n", o->name,
                      o->argument != NULL ? " " : "", o->argument != NULL ? o->argument : "", tick,
                      o->initial != NULL ? o->initial : "", tick,
                      evd_option_range(o, range, sizeof range), o->help, o->reason);
    }
}
