#include "generate.h"
#include "rng.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The longest member that put_member() writes stays below this. */
#define MEMBER_MAX 1024
/* `"padding":""}` closes every payload. */
#define CLOSING 13

static const char *const words[] = {
    "merge",        "branch",      "commit",   "caf\xc3\xa9",  "release",  "\\\"quoted\\\"",
    "review",       "deploy",      "h\\u00e9", "line\\nbreak", "issue",    "tab\\tbed",
    "label",        "C:\\\\path",  "sprint",   "\xe2\x9c\x93", "rollback", "cache",
    "na\xc3\xafve", "<b>bold</b>", "retry",
};

static const char *pick_word(struct lg_rng *rng)
{
    return words[lg_rng_below(rng, sizeof(words) / sizeof(*words))];
}

/* One member of a kind that webhooks are full of, with a comma behind it. Returns its length. */
static size_t put_member(struct lg_rng *rng, unsigned number, char *out)
{
    uint64_t id = lg_rng_below(rng, 1000000000), hash = lg_rng_next(rng);
    const char *a = pick_word(rng), *b = pick_word(rng), *c = pick_word(rng);
    int len;

    switch (lg_rng_below(rng, 4)) {
    case 0: /* a user */
        len = snprintf(out, MEMBER_MAX,
                       "\"user_%u\":{\"login\":\"octocat-%" PRIu64 "\",\"id\":%" PRIu64
                       ",\"node_id\":\"MDQ6VXNlcj%" PRIx64 "\","
                       "\"avatar_url\":\"https://avatars.example.com/u/%" PRIu64 "?v=4\","
                       "\"gravatar_id\":\"\",\"url\":\"https://api.example.com/users/octocat\","
                       "\"events_url\":\"https://api.example.com/users/octocat/events{/privacy}\","
                       "\"type\":\"User\",\"site_admin\":false},",
                       number, id % 1000, id, hash, id);
        break;
    case 1: /* labels */
        len = snprintf(out, MEMBER_MAX,
                       "\"labels_%u\":[{\"id\":%" PRIu64 ",\"name\":\"%s\",\"color\":\"%06" PRIx64
                       "\",\"default\":true,\"description\":null},{\"id\":%" PRIu64
                       ",\"name\":\"%s %s\",\"color\":\"d73a4a\",\"default\":false,"
                       "\"description\":\"%s\"}],",
                       number, id, a, hash & 0xffffff, id + 1, b, c, a);
        break;
    case 2: /* a body of text */
        len = snprintf(out, MEMBER_MAX,
                       "\"body_%u\":\"%s %s: %s\\r\\n\\r\\n- %s\\n- %s (#%" PRIu64 ")\\n\",",
                       number, a, b, c, b, a, id);
        break;
    default: /* links, numbers, lists in lists */
        len = snprintf(out, MEMBER_MAX,
                       "\"changes_%u\":{\"from\":\"%016" PRIx64 "\",\"ratio\":%" PRIu64
                       ".%03u,\"delta\":-%" PRIu64 ",\"matrix\":[[1,2],[3,[4,5e3]],[]],"
                       "\"html_url\":\"https://example.com/octo-org/octo-repo/pull/%" PRIu64
                       "/files#diff\",\"meta\":{\"draft\":false,\"merged_at\":null,\"note\":\"%s\","
                       "\"updated_at\":\"2019-05-15T15:20:%02uZ\"}},",
                       number, hash, id % 100, (unsigned)(hash % 1000), id % 10000, id % 5000, c,
                       (unsigned)(id % 60));
    }
    return (size_t)len;
}

static size_t put_head(struct lg_rng *rng, const char *event, char *out)
{
    const char *action = strrchr(event, '.');
    uint64_t id = lg_rng_below(rng, 1000000000);
    int len = 0;

    action = action == NULL ? event : action + 1;
    out[len++] = '{';
    if (strcmp(action, "received") != 0)
        len += snprintf(out + len, MEMBER_MAX, "\"action\":\"%.100s\",", action);
    len += snprintf(out + len, MEMBER_MAX,
                    "\"repository\":{\"id\":%" PRIu64 ",\"name\":\"repo-%" PRIu64
                    "\",\"full_name\":\"octo-org/repo-%" PRIu64
                    "\",\"private\":false},\"sender\":{\"login\":\"octocat-%" PRIu64
                    "\",\"id\":%" PRIu64 "},",
                    id, id % 100, id % 100, id % 1000, id);
    return (size_t)len;
}

void lg_generate_payload(const char *event, uint64_t row, size_t bytes, char *out)
{
    static const char filler[] = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do ";
    char piece[2 * MEMBER_MAX];
    struct lg_rng rng;
    size_t at, len;

    lg_rng_init(&rng, row * UINT64_C(1000003) + bytes);
    len = put_head(&rng, event, piece);
    memcpy(out, piece, len);
    at = len;
    for (unsigned number = 1;; number++) {
        len = put_member(&rng, number, piece);
        if (at + len + CLOSING > bytes)
            break;
        memcpy(out + at, piece, len);
        at += len;
    }
    memcpy(out + at, "\"padding\":\"", CLOSING - 2);
    at += CLOSING - 2;
    for (size_t i = 0; at < bytes - 2; i++)
        out[at++] = filler[i % (sizeof(filler) - 1)];
    memcpy(out + at, "\"}", 2);
}
