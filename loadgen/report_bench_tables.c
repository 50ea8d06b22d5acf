#include "report_bench.h"

#include "report_format.h"
#include "report_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- A way a row, a size a column ---- */

static bool belongs(const struct lg_bench *bench, const char *group, const char *parameter,
                    const char *tail)
{
    return strcmp(bench->group, group) == 0 && strcmp(bench->parameter, parameter) == 0 &&
           strcmp(bench->tail, tail) == 0;
}

/* The values of the parameter, in order; as many as a table has columns for. */
static size_t collect_values(const struct lg_bench_data *data, const char *group,
                             const char *parameter, const char *tail, double *values)
{
    size_t count = 0;
    for (size_t i = 0; i < data->count; i++) {
        const struct lg_bench *bench = &data->list[i];
        size_t at = 0;
        if (!belongs(bench, group, parameter, tail))
            continue;
        while (at < count && values[at] < bench->value)
            at++;
        if ((at < count && !(values[at] > bench->value)) || count == LG_TABLE_COLUMNS - 1)
            continue;
        memmove(values + at + 1, values + at, (count - at) * sizeof(*values));
        values[at] = bench->value;
        count++;
    }
    return count;
}

static void put_cost(struct lg_table_cell *cell, struct lg_bench *bench)
{
    bench->shown = true;
    if (bench->failure)
        lg_tables_put(cell, LG_TONE_BAD, "failed", "");
    else
        lg_tables_put_interval(cell, &bench->cost, LG_UNIT_NS);
}

static struct lg_table_cell *row_of(struct lg_table *table, const char *name)
{
    for (size_t i = 0; i < table->rows; i++)
        if (strcmp(table->cells[i][0].text, name) == 0)
            return table->cells[i];
    if (table->rows == LG_TABLE_ROWS)
        return NULL;
    struct lg_table_cell *row = table->cells[table->rows++];
    lg_tables_put(&row[0], LG_TONE_PLAIN, name, "");
    for (size_t i = 1; i < table->columns; i++)
        lg_tables_put(&row[i], LG_TONE_NUMBER, "", "");
    return row;
}

void lg_bench_matrix(const struct lg_bench_data *data, const char *group, const char *parameter,
                     const char *tail, const char *head, const char *caption, struct lg_doc *doc)
{
    double values[LG_TABLE_COLUMNS];
    char texts[LG_TABLE_COLUMNS][LG_PRINT_MAX], name[LG_BENCH_NAME_MAX + 2];
    const char *heads[LG_TABLE_COLUMNS] = {head};
    size_t count = collect_values(data, group, parameter, tail, values);
    for (size_t i = 0; i < count; i++)
        heads[i + 1] = strcmp(parameter, "size") == 0 ? lg_print_size(values[i], texts[i])
                                                      : lg_print_count(values[i], texts[i]);
    struct lg_table *table = count > 0 ? lg_tables_new(caption, count + 1, heads) : NULL;
    if (!table)
        return;
    for (size_t i = 0; i < data->count; i++) {
        struct lg_bench *bench = &data->list[i];
        if (!belongs(bench, group, parameter, tail))
            continue;
        snprintf(name, sizeof(name), "`%s`", bench->row);
        struct lg_table_cell *row = row_of(table, name);
        for (size_t c = 0; row && c < count; c++)
            if (!(values[c] < bench->value) && !(values[c] > bench->value))
                put_cost(&row[c + 1], bench);
    }
    doc->format->table(doc, table);
    free(table);
}

/* ---- Beside the bare operation ---- */

static const struct dispatch {
    const char *label, *name, *base, *bare, *arm;
} dispatches[] = {
    {"`static`", "dispatch/static/state:64", "dispatch/raw-call", "a call through a table",
     "static"},
    {"`dynamic/cached`", "dispatch/dynamic-cached/state:64", "dispatch/raw-call",
     "a call through a table", "dynamic-cached"},
    {"`instance/pool`", "dispatch/instance-pool/state:64",
     "dispatch/static/state:64 + instance/raw-pool/size:64", "`static`, and a block from a list",
     "instance-pool"},
    {"`instance/malloc`", "dispatch/instance-malloc/state:64",
     "dispatch/static/state:64 + instance/raw-malloc/size:64", "`static`, and `malloc` to `free`",
     "instance-malloc"},
    {"`dynamic/call`", "dispatch/dynamic-call/state:64", "dispatch/raw-image/state:64",
     "a bare load of its image", "dynamic-call"},
    {"`dynamic/call`", "dispatch/dynamic-call/state:64", "dispatch/raw-dlopen/state:64",
     "a bare `dlopen` of its file", "dynamic-call"},
    {"`static`, no state", "dispatch/static/state:0", "dispatch/raw-call", "a call through a table",
     ""},
    {"`dynamic/cached`, no state", "dispatch/dynamic-cached/state:0", "dispatch/raw-call",
     "a call through a table", ""},
    {"`instance/pool`, no state", "dispatch/instance-pool/state:0", "dispatch/static/state:0",
     "`static`", ""},
    {"`instance/malloc`, no state", "dispatch/instance-malloc/state:0", "dispatch/static/state:0",
     "`static`", ""},
    {"`dynamic/call`, no state", "dispatch/dynamic-call/state:0", "dispatch/raw-image/state:0",
     "a bare load of its image", ""},
    {"`dynamic/call`, no state", "dispatch/dynamic-call/state:0", "dispatch/raw-dlopen/state:0",
     "a bare `dlopen` of its file", ""},
    {"`static`, 10 endpoints", "dispatch/static/endpoints:10",
     "lookup/evd_names/names:10/hit + dispatch/raw-call", "a look-up, and a call",
     "static-10-endpoints"},
    {"`static`, 256 endpoints", "dispatch/static/endpoints:256",
     "lookup/evd_names/names:256/hit + dispatch/raw-call", "a look-up, and a call", ""},
    {"`static`, 4,096 endpoints", "dispatch/static/endpoints:4096",
     "lookup/evd_names/names:4096/hit + dispatch/raw-call", "a look-up, and a call", ""},
    {"`static`, 10,000 endpoints", "dispatch/static/endpoints:10000",
     "lookup/evd_names/names:10000/hit + dispatch/raw-call", "a look-up, and a call",
     "static-10000-endpoints"},
};

/* "+23.1 ns", and its bounds. */
static void put_difference(struct lg_table_cell *cell, const struct lg_interval *difference)
{
    char value[LG_PRINT_MAX], bounds[LG_PRINT_MAX];
    lg_print_difference_ns(difference, value, bounds);
    lg_tables_put(cell, LG_TONE_NUMBER, value, bounds);
}

/* Time, bare operation, its time, difference, ratio: five cells. */
static void put_pair(const struct lg_bench_data *data, const char *name, const char *base,
                     const char *bare, struct lg_table_cell *cells)
{
    struct lg_bench_pair pair;
    struct lg_bench *bench = lg_bench_find(data, name);
    bool paired = lg_bench_pair(data, name, base, &pair);
    put_cost(&cells[0], bench);
    lg_tables_put(&cells[1], LG_TONE_PLAIN, bare, "");
    for (size_t i = 2; i < 5; i++)
        lg_tables_put(&cells[i], LG_TONE_NUMBER, "-", "");
    if (!paired)
        return;
    for (size_t i = 0; i < pair.term_count; i++)
        pair.terms[i]->shown = true;
    lg_tables_put_interval(&cells[2], &pair.base, LG_UNIT_NS);
    put_difference(&cells[3], &pair.difference);
    lg_tables_put_interval(&cells[4], &pair.ratio, LG_UNIT_RATIO);
}

void lg_bench_dispatches(const struct lg_bench_data *data, struct lg_doc *doc)
{
    static const char *const heads[] = {"Dispatch", "Time",  "Bare operation", "Its time",
                                        "More",     "Ratio", "Instructions"};
    struct lg_table *table = lg_tables_new(
        "One whole dispatch of an event to a function that answers `null`, on a state of 64 bytes "
        "where nothing else is said, beside the operation that it cannot do without; and the "
        "instructions that it takes in user space.",
        data->counted ? 7 : 6, heads);
    if (!table)
        return;
    for (size_t i = 0; i < sizeof(dispatches) / sizeof(*dispatches); i++) {
        const struct dispatch *which = &dispatches[i];
        char count[LG_PRINT_MAX];
        if (!lg_bench_find(data, which->name))
            continue;
        struct lg_table_cell *row = table->cells[table->rows++];
        double instructions = lg_bench_instructions(data, which->arm);
        lg_tables_put(&row[0], LG_TONE_PLAIN, which->label, "");
        put_pair(data, which->name, which->base, which->bare, &row[1]);
        lg_tables_put(&row[6], LG_TONE_NUMBER,
                      isfinite(instructions) ? lg_print_count(round(instructions), count) : "", "");
    }
    if (table->rows > 0)
        doc->format->table(doc, table);
    free(table);
}

/* Instances by allocator, or loads, each size beside what it cannot do without. */
static void put_bares(const struct lg_bench_data *data, const char *row_name, const char *base,
                      const char *bare, const char *group, struct lg_table *table)
{
    for (size_t i = 0; i < data->count; i++) {
        const struct lg_bench *bench = &data->list[i];
        char label[LG_TABLE_TEXT], size[LG_PRINT_MAX], terms[2 * LG_BENCH_NAME_MAX];
        if (!belongs(bench, group, "size", "") || strcmp(bench->row, row_name) != 0 ||
            table->rows == LG_TABLE_ROWS)
            continue;
        /* The size as it stands in the name: "16K". */
        snprintf(terms, sizeof(terms), "%.128s%.64s", base, strrchr(bench->name, ':') + 1);
        struct lg_table_cell *row = table->cells[table->rows++];
        snprintf(label, sizeof(label), "`%s`, %s", row_name, lg_print_size(bench->value, size));
        lg_tables_put(&row[0], LG_TONE_PLAIN, label, "");
        put_pair(data, bench->name, terms, bare, &row[1]);
    }
}

void lg_bench_bares(const struct lg_bench_data *data, const char *group, struct lg_doc *doc)
{
    static const char *const heads[] = {"What",     "Time", "Bare operation",
                                        "Its time", "More", "Ratio"};
    bool instances = strcmp(group, "instance") == 0;
    struct lg_table *table = lg_tables_new(
        instances
            ? "A dispatch to an instance of its own, by size and allocator, beside a dispatch "
              "of `static` and the same memory taken, cleared and given back."
            : "A dispatch that loads its module, by the module's size, beside the load alone.",
        6, heads);
    if (!table)
        return;
    if (instances) {
        put_bares(data, "pool", "dispatch/static/state:64 + instance/raw-pool/size:",
                  "`static`, and a block from a list", group, table);
        put_bares(data, "malloc", "dispatch/static/state:64 + instance/raw-malloc/size:",
                  "`static`, and `malloc` to `free`", group, table);
    } else {
        put_bares(data, "dynamic-call", "load/raw-image/size:", "a bare load of its image", group,
                  table);
        put_bares(data, "dynamic-call", "load/raw-dlopen/size:", "a bare `dlopen` of its file",
                  group, table);
    }
    if (table->rows > 0)
        doc->format->table(doc, table);
    free(table);
}

/* ---- The rest ---- */

void lg_bench_attacks(const struct lg_bench_data *data, struct lg_doc *doc)
{
    static const char *const heads[] = {"Table", "Names", "Look-up", "Longest probe"};
    struct lg_table *table = lg_tables_new(
        "Names chosen by somebody who has read the source, to fall into one place of the table. "
        "`evd_names` draws a seed when it is made, and such names are as good as any; a hash "
        "without a seed becomes a list. Longest probe: slots that the worst look-up of all looks "
        "at.",
        4, heads);
    if (!table)
        return;
    for (size_t i = 0; i < data->count && table->rows < LG_TABLE_ROWS; i++) {
        struct lg_bench *bench = &data->list[i];
        char text[LG_BENCH_NAME_MAX + 2], number[LG_PRINT_MAX];
        if (!belongs(bench, "lookup", "attack", ""))
            continue;
        struct lg_table_cell *row = table->cells[table->rows++];
        snprintf(text, sizeof(text), "`%s`", bench->row);
        lg_tables_put(&row[0], LG_TONE_PLAIN, text, "");
        lg_tables_put(&row[1], LG_TONE_NUMBER, lg_print_count(bench->value, number), "");
        put_cost(&row[2], bench);
        lg_tables_put(&row[3], LG_TONE_NUMBER,
                      isfinite(bench->longest_probe) ? lg_print_count(bench->longest_probe, number)
                                                     : "-",
                      "");
    }
    if (table->rows > 0)
        doc->format->table(doc, table);
    free(table);
}

/* GB/s, and the time it rests on. */
static void put_throughput(const struct lg_bench *bench, struct lg_table_cell *cell)
{
    struct lg_interval rate = bench->cost;
    rate.estimate = bench->bytes / bench->cost.estimate;
    rate.low = bench->bytes / bench->cost.high;
    rate.high = bench->bytes / bench->cost.low;
    if (isfinite(rate.estimate))
        lg_tables_put_interval(cell, &rate, LG_UNIT_GBS);
    else
        lg_tables_put(cell, LG_TONE_NUMBER, "-", "");
}

void lg_bench_scans(const struct lg_bench_data *data, struct lg_doc *doc)
{
    static const char *const heads[] = {"What is read", "Bytes", "Time", "Rate"};
    struct lg_table *table = lg_tables_new(
        "The one validating scan that finds `event`, `id` and the span of `data`, over text alone.",
        4, heads);
    if (!table)
        return;
    for (size_t i = 0; i < data->count && table->rows < LG_TABLE_ROWS; i++) {
        struct lg_bench *bench = &data->list[i];
        char number[LG_PRINT_MAX], name[2 * LG_BENCH_NAME_MAX];
        if (strcmp(bench->group, "scan") != 0)
            continue;
        struct lg_table_cell *row = table->cells[table->rows++];
        snprintf(name, sizeof(name), "%s%s%s", bench->row, isfinite(bench->value) ? ", " : "",
                 isfinite(bench->value) ? lg_print_size(bench->value, number) : "");
        lg_tables_put(&row[0], LG_TONE_PLAIN, name, "");
        lg_tables_put(&row[1], LG_TONE_NUMBER,
                      isfinite(bench->bytes) ? lg_print_count(bench->bytes, number) : "-", "");
        put_cost(&row[2], bench);
        put_throughput(bench, &row[3]);
    }
    if (table->rows > 0)
        doc->format->table(doc, table);
    free(table);
}

void lg_bench_others(const struct lg_bench_data *data, struct lg_doc *doc)
{
    static const char *const heads[] = {"Benchmark", "Time", "Rate"};
    struct lg_table *table =
        lg_tables_new("What stands in no table above, by its name in `bench.json`.", 3, heads);
    if (!table)
        return;
    for (size_t i = 0; i < data->count && table->rows < LG_TABLE_ROWS; i++) {
        struct lg_bench *bench = &data->list[i];
        char text[LG_BENCH_NAME_MAX + 2];
        if (bench->shown)
            continue;
        struct lg_table_cell *row = table->cells[table->rows++];
        snprintf(text, sizeof(text), "`%s`", bench->name);
        lg_tables_put(&row[0], LG_TONE_PLAIN, text, "");
        put_cost(&row[1], bench);
        put_throughput(bench, &row[2]);
    }
    if (table->rows > 0) {
        doc->format->heading(doc, 2, "Other benchmarks");
        doc->format->table(doc, table);
    }
    free(table);
}
