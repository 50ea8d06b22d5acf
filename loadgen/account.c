#include "account.h"

#include <inttypes.h>

const char *lg_outcome_key(enum lg_outcome outcome)
{
    static const char *const keys[] = {
#define OUTCOME_KEY(name, key, words) [LG_##name] = (key),
        LG_OUTCOME_MAP(OUTCOME_KEY)
#undef OUTCOME_KEY
    };

    return keys[outcome];
}

const char *lg_outcome_words(enum lg_outcome outcome)
{
    static const char *const texts[] = {
#define OUTCOME_WORDS(name, key, words) [LG_##name] = (words),
        LG_OUTCOME_MAP(OUTCOME_WORDS)
#undef OUTCOME_WORDS
    };

    return texts[outcome];
}

void lg_account_merge(struct lg_account *into, const struct lg_account *from)
{
    into->scheduled += from->scheduled;
    for (int i = 0; i < LG_OUTCOMES; i++)
        into->outcomes[i] += from->outcomes[i];
}

int lg_account_check(const struct lg_account *account, const char *window,
                     struct evd_error *ret_error)
{
    uint64_t sum = 0;

    for (int i = 0; i < LG_OUTCOMES; i++)
        sum += account->outcomes[i];
    if (sum == account->scheduled)
        return EVD_OK;
    return evd_error_set(ret_error, EVD_ERR_INTERNAL,
                         "accounting of the %s window does not add up: %" PRIu64
                         " requests scheduled, %" PRIu64 " accounted for",
                         window, account->scheduled, sum);
}

uint64_t lg_account_errors(const struct lg_account *account)
{
    uint64_t sum = 0;

    for (int i = 0; i < LG_OUTCOMES; i++)
        if (i != LG_OK && i != LG_UNSENT)
            sum += account->outcomes[i];
    return sum;
}
