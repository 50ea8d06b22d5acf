/* What the layout of the code does to the comparisons: a table, where blocks repeat layouts. */
#include "report_parts.h"

#include "report_format.h"
#include "stats_groups.h"
#include "study_layout.h"

#include <math.h>
#include <stdlib.h>

#define LEAST_BLOCKS 2 /* of a layout, for it to be told from its blocks */

/* columns: two of a place for each block; groups: one. */
static void spread_of(const struct lg_summary *summary, size_t scenario, size_t load, size_t arm,
                      double *columns[2], size_t *groups, struct lg_layouts_spread *ret_spread)
{
    const struct lg_design *design = &summary->data->design;
    size_t counts[LG_LAYOUTS_MAX + 1] = {0};
    struct lg_layouts_spread spread = {.p = NAN};
    lg_summary_column(summary, scenario, load, arm, LG_CPU, columns[0]);
    lg_summary_column(summary, scenario, load, design->reference, LG_CPU, columns[1]);
    for (unsigned block = 1; block <= design->blocks; block++) {
        unsigned layout = lg_layout_of(design, block);
        double ratio = log(columns[0][block - 1] / columns[1][block - 1]);
        columns[0][block - 1] = ratio;
        groups[block - 1] = layout;
        if (isfinite(ratio)) {
            spread.means[layout] += ratio;
            counts[layout]++;
        }
    }
    spread.p = lg_groups_p(columns[0], groups, design->blocks);
    for (unsigned layout = 1; layout <= design->layouts; layout++) {
        if (counts[layout] < LEAST_BLOCKS) {
            spread.means[layout] = NAN;
            continue;
        }
        spread.means[layout] /= (double)counts[layout];
        spread.layouts++;
        if (spread.least == 0 || spread.means[layout] < spread.means[spread.least])
            spread.least = layout;
        if (spread.greatest == 0 || spread.means[layout] > spread.means[spread.greatest])
            spread.greatest = layout;
    }
    *ret_spread = spread;
}

int lg_layouts_of(const struct lg_summary *summary, size_t scenario, size_t load, size_t arm,
                  struct lg_layouts_spread *ret_spread)
{
    size_t blocks = summary->data->design.blocks;
    double *columns[2] = {calloc(blocks, sizeof(double)), calloc(blocks, sizeof(double))};
    size_t *groups = calloc(blocks, sizeof(*groups));
    int rc = columns[0] && columns[1] && groups ? EVD_OK : EVD_ERR_NO_MEMORY;
    if (rc == EVD_OK)
        spread_of(summary, scenario, load, arm, columns, groups, ret_spread);
    free(columns[0]);
    free(columns[1]);
    free(groups);
    return rc;
}

double lg_layouts_apart(const struct lg_layouts_spread *spread)
{
    return exp(spread->means[spread->greatest] - spread->means[spread->least]) - 1;
}

static void put_ratio(const struct lg_layouts_spread *spread, unsigned layout,
                      struct lg_table_cell *cell)
{
    char text[LG_PRINT_MAX], detail[32];
    snprintf(detail, sizeof(detail), "layout %u", layout);
    lg_tables_put(cell, LG_TONE_NUMBER,
                  lg_print_value(exp(spread->means[layout]), LG_UNIT_RATIO, text), detail);
}

static void put_row(const struct lg_summary *summary, size_t scenario, size_t load, size_t arm,
                    const struct lg_layouts_spread *spread, struct lg_table *table)
{
    const struct lg_design *design = &summary->data->design;
    struct lg_table_cell *row = table->cells[table->rows++];
    char text[LG_TABLE_TEXT], number[LG_PRINT_MAX];
    snprintf(text, sizeof(text), "`%s`, `%s`, %s", design->arms[arm].name,
             design->scenarios[scenario], design->loads[load].name);
    lg_tables_put(&row[0], LG_TONE_PLAIN, text, "");
    put_ratio(spread, spread->least, &row[1]);
    put_ratio(spread, spread->greatest, &row[2]);
    lg_tables_put(&row[3], LG_TONE_NUMBER, lg_print_share(lg_layouts_apart(spread), number), "");
    if (spread->p < 0.001)
        snprintf(text, sizeof(text), "< 0.001");
    else
        snprintf(text, sizeof(text), isfinite(spread->p) ? "%.3f" : "-", spread->p);
    lg_tables_put(&row[4], LG_TONE_NUMBER, text, "");
}

static int put_rows(const struct lg_summary *summary, size_t scenario, size_t load,
                    struct lg_table *table)
{
    const struct lg_design *design = &summary->data->design;
    struct lg_layouts_spread spread;
    int rc = EVD_OK;
    for (size_t arm = 0; arm < design->arm_count && table->rows < LG_TABLE_ROWS && rc == EVD_OK;
         arm++) {
        if (arm == design->reference)
            continue;
        rc = lg_layouts_of(summary, scenario, load, arm, &spread);
        if (rc == EVD_OK && spread.layouts >= 2)
            put_row(summary, scenario, load, arm, &spread, table);
    }
    return rc;
}

bool lg_layouts_several(const struct lg_design *design)
{
    return design->layouts >= 2;
}

struct lg_table *lg_layouts_table(const struct lg_summary *summary)
{
    static const char *const heads[] = {"Arm, scenario, load", "Least ratio", "Greatest ratio",
                                        "Apart", "p: layouts are alike"};
    const struct lg_design *design = &summary->data->design;
    if (!lg_layouts_several(design))
        return NULL;
    struct lg_table *table = lg_tables_new(
        "The layout of the code: server CPU per call as a ratio to the reference of the same "
        "block, the geometric mean over the blocks of each layout; the least and the greatest of "
        "these means. p: of Kruskal and Wallis' test on the ratios of single blocks. What a row "
        "has apart, with a small p, a study of one layout would have taken for a difference "
        "between arms. The A/A arm runs the reference's very code: its row is noise.",
        5, heads);
    int rc = table ? EVD_OK : EVD_ERR_NO_MEMORY;
    for (size_t i = 0; rc == EVD_OK && i < design->scenario_count * design->load_count; i++) {
        size_t scenario = i / design->load_count, load = i % design->load_count;
        if (lg_is_known(summary, load) && lg_is_closed(summary, load))
            rc = put_rows(summary, scenario, load, table);
    }
    if (rc == EVD_OK && table->rows > 0)
        return table;
    free(table);
    return NULL;
}

void lg_layouts_write(const struct lg_summary *summary, struct lg_doc *doc)
{
    struct lg_table *table = lg_layouts_table(summary);
    if (table)
        doc->format->table(doc, table);
    free(table);
}
