#include "auth_claims.h"

#include <math.h>
#include <stdlib.h>

#define CLAIM_EVENTS "events" /* where --auth-events-claim does not name another */

#define REFUSE(error, ...) evd_error_set(error, EVD_ERR_NO_PERMISSION, __VA_ARGS__)

/* ---- Objects ---- */

/* Copies a key that has escapes to `keys`, without them. */
static struct evd_slice plain_key(struct evd_members *members, size_t *used, struct evd_slice key)
{
    if (key.len == 0 || memchr(key.ptr, '\\', key.len) == NULL)
        return key;
    char *to = members->keys + *used;
    int64_t len = evd_json_unescape(key, to, sizeof members->keys - *used);
    *used += (size_t)len; /* it fits: no key becomes longer, and all are in one token */
    return evd_slice(to, (size_t)len);
}

static bool has(const struct evd_members *members, struct evd_slice key)
{
    for (size_t i = 0; i < members->count; i++)
        if (evd_slice_equal(members->list[i].key, key))
            return true;
    return false;
}

int evd_members_read(struct evd_slice json, const char *what, struct evd_members *ret_members,
                     struct evd_error *ret_error)
{
    struct evd_json_scan scan;
    struct evd_slice key;
    struct evd_member member;
    struct evd_error why;
    size_t used = 0;

    if (json.len > EVD_AUTH_TOKEN_MAX)
        return REFUSE(ret_error, "the %s is longer than %d bytes", what, EVD_AUTH_TOKEN_MAX);
    ret_members->count = 0;
    evd_json_scan_init(&scan, json, EVD_JSON_DEPTH_DEFAULT);
    int rc = evd_json_scan_object(&scan);
    if (rc < 0)
        return REFUSE(ret_error, "the %s is not a JSON object", what);
    while ((rc = evd_json_scan_member(&scan, &key, &member.type, &member.value)) == EVD_MORE) {
        if (ret_members->count == EVD_AUTH_MEMBERS_MAX)
            return REFUSE(ret_error, "the %s has more than %d members", what, EVD_AUTH_MEMBERS_MAX);
        member.key = plain_key(ret_members, &used, key);
        if (has(ret_members, member.key))
            return REFUSE(ret_error, "the %s has a member twice", what);
        ret_members->list[ret_members->count++] = member;
    }
    if (rc < 0 || evd_json_scan_end(&scan) < 0) {
        (void)evd_json_scan_error(&scan, EVD_ERR_NO_PERMISSION, &why);
        return REFUSE(ret_error, "the %s is %.160s", what, why.text);
    }
    if (scan.nul != NULL)
        return REFUSE(ret_error, "the %s has \\u0000 in a string", what);
    return EVD_OK;
}

const struct evd_member *evd_members_find(const struct evd_members *members, const char *key)
{
    for (size_t i = 0; i < members->count; i++)
        if (evd_slice_equal(members->list[i].key, evd_slice_text(key)))
            return &members->list[i];
    return NULL;
}

/* The next element of an array that was validated; *rest starts as its text. False: none is left.
 */
static bool next_element(struct evd_slice *rest, enum evd_json_type *ret_type,
                         struct evd_slice *ret_value)
{
    struct evd_json_scan scan;
    if (rest->len == 0)
        return false;
    const char *end = rest->ptr + rest->len;
    const char *pos = rest->ptr + 1; /* behind '[' or ',' */
    evd_json_scan_init(&scan, evd_slice(pos, (size_t)(end - pos)), EVD_JSON_DEPTH_DEFAULT);
    if (evd_json_scan_value(&scan, ret_type, ret_value) < 0)
        return false; /* the ']' of an empty one */
    pos = ret_value->ptr + ret_value->len;
    while (*pos != ',' && *pos != ']') /* white space */
        pos++;
    *rest = evd_slice(pos, *pos == ']' ? 0 : (size_t)(end - pos));
    return true;
}

static struct evd_slice inside_of(struct evd_slice string)
{
    return evd_slice(string.ptr + 1, string.len - 2);
}

/* ---- Times and audience ---- */

/* A NumericDate (RFC 7519, 2): a number, fractions allowed. */
static int read_time(const struct evd_members *members, const char *name, double absent,
                     double *ret_time, struct evd_error *ret_error)
{
    const struct evd_member *member = evd_members_find(members, name);
    char text[EVD_JSON_NUMBER_MAX + 1];
    *ret_time = absent;
    if (member == NULL)
        return EVD_OK;
    if (member->type != EVD_JSON_NUMBER)
        return REFUSE(ret_error, "%s must be a number of seconds, not %s", name,
                      evd_json_type_text(member->type));
    memcpy(text, member->value.ptr, member->value.len); /* the scan allows no longer number */
    text[member->value.len] = '\0';
    *ret_time = strtod(text, NULL);
    return EVD_OK;
}

static int check_times(const struct evd_members *members, int64_t now, double *ret_expires,
                       struct evd_error *ret_error)
{
    double expires, not_before;
    int rc = read_time(members, "exp", INFINITY, &expires, ret_error);
    if (rc >= 0)
        rc = read_time(members, "nbf", -INFINITY, &not_before, ret_error);
    if (rc < 0)
        return rc;
    *ret_expires = expires + EVD_AUTH_LEEWAY_S;
    if ((double)now >= *ret_expires)
        return REFUSE(ret_error, "it expired %.10g s ago", (double)now - expires);
    if ((double)now < not_before - EVD_AUTH_LEEWAY_S)
        return REFUSE(ret_error, "it is not valid before %.10g s from now",
                      not_before - (double)now);
    return EVD_OK;
}

static bool string_equals(struct evd_slice value, const char *text)
{
    char plain[EVD_AUTH_TOKEN_MAX];
    int64_t len = evd_json_unescape(inside_of(value), plain, sizeof plain);
    return len >= 0 && evd_slice_equal(evd_slice(plain, (size_t)len), evd_slice_text(text));
}

/* RFC 7519, 4.1.3: who does not find itself in `aud` must refuse the token. */
static int check_audience(const struct evd_members *members, const char *audience,
                          struct evd_error *ret_error)
{
    const struct evd_member *aud = evd_members_find(members, "aud");
    enum evd_json_type type;
    struct evd_slice value;
    bool found = false;

    if (aud == NULL)
        return audience == NULL ? EVD_OK
                                : REFUSE(ret_error, "it has no aud, but --auth-audience is given");
    if (audience == NULL)
        return REFUSE(ret_error, "it has an aud, but --auth-audience is not given");
    if (aud->type == EVD_JSON_STRING) {
        found = string_equals(aud->value, audience);
    } else if (aud->type == EVD_JSON_ARRAY) {
        for (struct evd_slice rest = aud->value; next_element(&rest, &type, &value);)
            found = found || (type == EVD_JSON_STRING && string_equals(value, audience));
    } else {
        return REFUSE(ret_error, "aud must be a string or an array of strings, not %s",
                      evd_json_type_text(aud->type));
    }
    return found ? EVD_OK : REFUSE(ret_error, "its aud is somebody else");
}

/* ---- The list of events ---- */

static int compare(struct evd_slice a, struct evd_slice b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_entries(const void *a, const void *b)
{
    return compare(*(const struct evd_slice *)a, *(const struct evd_slice *)b);
}

/* Whether `entry` allows the event (or all that the other entry `event` allows). */
static bool covers(struct evd_slice entry, struct evd_slice event)
{
    if (entry.ptr[entry.len - 1] != '.')
        return evd_slice_equal(entry, event);
    return event.len >= entry.len && memcmp(event.ptr, entry.ptr, entry.len) == 0;
}

/* Sorted, and without what another entry covers: what starts with a prefix then lies directly
 * behind it, so only the last entry that is not behind an event can cover the event. */
static void sort_events(struct evd_grant *grant)
{
    size_t kept = 0;
    if (grant->event_count == 0)
        return;
    qsort(grant->events, grant->event_count, sizeof *grant->events, compare_entries);
    for (size_t i = 1; i < grant->event_count; i++)
        if (!covers(grant->events[kept], grant->events[i]))
            grant->events[++kept] = grant->events[i];
    grant->event_count = kept + 1;
}

bool evd_grant_allows(const struct evd_grant *grant, struct evd_slice event)
{
    size_t low = 0, high = grant->event_count;
    if (grant->all_events)
        return true;
    while (low < high) { /* the first entry that is behind the event */
        size_t middle = low + (high - low) / 2;
        if (compare(grant->events[middle], event) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && covers(grant->events[low - 1], event);
}

/* segments of [A-Za-z0-9_-] joined by dots; the last may be "*". */
static bool is_entry(struct evd_slice name)
{
    bool empty = true;
    if (name.len > EVD_EVENT_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool last = i + 1 == name.len;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '_' || c == '-';
        if (c == '.' ? empty : !plain && !(c == '*' && last && empty))
            return false;
        empty = c == '.';
    }
    return !empty;
}

/* How many entries the list has, or a status. */
static int count_events(const struct evd_member *list, const char *name,
                        struct evd_error *ret_error)
{
    enum evd_json_type type;
    struct evd_slice value;
    int count = 0;

    if (list->type != EVD_JSON_ARRAY)
        return REFUSE(ret_error, "%.64s must be an array of names, not %s", name,
                      evd_json_type_text(list->type));
    for (struct evd_slice rest = list->value; next_element(&rest, &type, &value);) {
        if (type != EVD_JSON_STRING)
            return REFUSE(ret_error, "%.64s must hold names, not %s", name,
                          evd_json_type_text(type));
        if (++count > EVD_AUTH_EVENTS_MAX)
            return REFUSE(ret_error, "%.64s has more than %d names", name, EVD_AUTH_EVENTS_MAX);
    }
    return count;
}

/* ---- All of it ---- */

/* Hands out the strings of a token, which lie in the copy of it, or behind that copy where escapes
 * had to be undone. */
struct copier {
    struct evd_slice json; /* the original */
    const char *copy;
    char *room;
};

static struct evd_slice copied(struct copier *copier, struct evd_slice string)
{
    struct evd_slice inside = inside_of(string);
    if (inside.len == 0 || memchr(inside.ptr, '\\', inside.len) == NULL)
        return evd_slice(copier->copy + (inside.ptr - copier->json.ptr), inside.len);
    char *to = copier->room;
    int64_t len = evd_json_unescape(inside, to, inside.len);
    copier->room += len;
    return evd_slice(to, (size_t)len);
}

static int fill_events(struct evd_grant *grant, struct copier *copier, struct evd_slice list,
                       const char *name, struct evd_error *ret_error)
{
    enum evd_json_type type;
    struct evd_slice value;
    for (struct evd_slice rest = list; next_element(&rest, &type, &value);) {
        struct evd_slice entry = copied(copier, value);
        if (!is_entry(entry))
            return REFUSE(ret_error,
                          "%.64s must hold events (api.hello.greeting), prefixes of events "
                          "(api.hello.*) or *",
                          name);
        if (entry.ptr[entry.len - 1] == '*' && --entry.len == 0)
            grant->all_events = true;
        else
            grant->events[grant->event_count++] = entry;
    }
    sort_events(grant);
    return EVD_OK;
}

static struct evd_grant *allocate(struct evd_slice json, size_t events, struct copier *ret_copier)
{
    bool escapes = memchr(json.ptr, '\\', json.len) != NULL;
    size_t bytes =
        sizeof(struct evd_grant) + events * sizeof(struct evd_slice) + json.len * (escapes ? 2 : 1);
    struct evd_grant *grant = calloc(1, bytes);
    if (grant == NULL)
        return NULL;
    grant->bytes = bytes;
    grant->events = (struct evd_slice *)(grant + 1);
    char *copy = (char *)(grant->events + events);
    memcpy(copy, json.ptr, json.len);
    grant->json = evd_slice(copy, json.len);
    *ret_copier = (struct copier){.json = json, .copy = copy, .room = copy + json.len};
    return grant;
}

int evd_grant_read(const struct evd_auth_config *config, struct evd_slice json, int64_t now,
                   struct evd_grant **ret_grant, struct evd_error *ret_error)
{
    const char *name = config->events_claim != NULL ? config->events_claim : CLAIM_EVENTS;
    struct evd_members members;
    struct copier copier;
    double expires;
    int count = 0;

    int rc = evd_members_read(json, "payload", &members, ret_error);
    if (rc >= 0)
        rc = check_times(&members, now, &expires, ret_error);
    if (rc >= 0)
        rc = check_audience(&members, config->audience, ret_error);
    if (rc < 0)
        return rc;
    const struct evd_member *subject = evd_members_find(&members, "sub");
    if (subject != NULL && subject->type != EVD_JSON_STRING)
        return REFUSE(ret_error, "sub must be a string, not %s", evd_json_type_text(subject->type));
    const struct evd_member *events = evd_members_find(&members, name);
    if (events == NULL && config->events_claim != NULL)
        return REFUSE(ret_error, "it has no %.64s, which --auth-events-claim names", name);
    if (events != NULL && (count = count_events(events, name, ret_error)) < 0)
        return count;

    struct evd_grant *grant = allocate(json, (size_t)count, &copier);
    if (grant == NULL)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "out of memory");
    grant->expires = expires;
    grant->all_events = events == NULL;
    if (subject != NULL)
        grant->subject = copied(&copier, subject->value);
    if (events != NULL)
        rc = fill_events(grant, &copier, events->value, name, ret_error);
    if (rc < 0) {
        evd_grant_free(grant);
        return rc;
    }
    *ret_grant = grant;
    return EVD_OK;
}

void evd_grant_free(struct evd_grant *grant)
{
    free(grant);
}
