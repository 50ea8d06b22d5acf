/* api.orders: a module from outside the tree, as its author writes it. `total` adds up the data
 * [{"price": cents, "quantity": n}, …] and takes a discount off that depends on the amount. */
#include <cjson/cJSON.h>
#include <evdispatch/module.h>

#define STEPS 4

struct discounts {
    uint64_t from[STEPS]; /* cents */
    uint64_t percent[STEPS];
};

static int open_orders(void *state, const struct evd_config *config)
{
    (void)config;
    struct discounts *discounts = state;
    for (uint64_t i = 0; i < STEPS; i++) {
        discounts->from[i] = i * i * 10000;
        discounts->percent[i] = i * 5;
    }
    return EVD_OK;
}

static int add_item(const cJSON *item, uint64_t *total)
{
    const cJSON *price = cJSON_GetObjectItemCaseSensitive(item, "price");
    const cJSON *quantity = cJSON_GetObjectItemCaseSensitive(item, "quantity");
    if (!cJSON_IsNumber(price) || !cJSON_IsNumber(quantity) || price->valueint < 0 ||
        quantity->valueint < 0)
        return -1;
    *total += (uint64_t)price->valueint * (uint64_t)quantity->valueint;
    return 0;
}

static int total(void *state, struct evd_call *call)
{
    const struct discounts *discounts = state;
    const cJSON *data, *item;
    uint64_t sum = 0, percent = 0;

    int rc = evd_json(call, &data);
    if (rc < 0)
        return rc;
    if (!cJSON_IsArray(data))
        return evd_fail(call, "bad_order", "data must be an array of items");
    cJSON_ArrayForEach(item, data)
    {
        if (add_item(item, &sum) < 0)
            return evd_fail(call, "bad_order", "an item is {\"price\": cents, \"quantity\": n}");
    }
    for (int i = 0; i < STEPS; i++) {
        if (sum >= discounts->from[i])
            percent = discounts->percent[i];
    }
    return evd_reply_uint(call, sum - sum * percent / 100);
}

static const struct evd_function functions[] = {
    {"total", total},
};

EVD_MODULE(orders, .state_size = sizeof(struct discounts), .open = open_orders,
           EVD_FUNCTIONS(functions));
