#include "report_format.h"
#include "report_parts.h"

#include <math.h>
#include <stdlib.h>

static struct lg_table *new_table(size_t columns)
{
    struct lg_table *table = calloc(1, sizeof(*table));
    if (table) {
        table->caption = "";
        table->columns = columns;
    }
    return table;
}

struct lg_table *lg_figure_rows(const struct lg_chart_row *rows, size_t count, const char *head)
{
    struct lg_table *table = new_table(2);
    if (!table)
        return NULL;
    table->heads[0] = "Row";
    table->heads[1] = head;
    for (size_t i = 0; i < count && i < LG_TABLE_ROWS; i++) {
        struct lg_table_cell *row = table->cells[table->rows++];
        lg_tables_put(&row[0], LG_TONE_PLAIN, rows[i].label, "");
        lg_tables_put(&row[1], LG_TONE_NUMBER, rows[i].text, "");
    }
    return table;
}

/* The text of the tic there, or the number. */
static const char *place_text(const struct lg_chart_tic *tics, size_t count, double x, char *out)
{
    for (size_t i = 0; i < count; i++)
        if (!(tics[i].at < x) && !(tics[i].at > x))
            return tics[i].text;
    return lg_print_number(x, out);
}

struct lg_table *lg_figure_lines(const struct lg_chart_line *lines, size_t count,
                                 const struct lg_chart_tic *tics, size_t tic_count,
                                 const char *x_title, const char *y_title)
{
    struct lg_table *table = new_table(3);
    if (!table)
        return NULL;
    table->heads[0] = "Line";
    table->heads[1] = x_title;
    table->heads[2] = y_title;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < lines[i].count && table->rows < LG_TABLE_ROWS; k++) {
            struct lg_table_cell *row = table->cells[table->rows++];
            char x[LG_PRINT_MAX], value[LG_PRINT_MAX], bounds[LG_PRINT_MAX];
            lg_print_figure(&lines[i].values[k], value, bounds);
            lg_tables_put(&row[0], LG_TONE_PLAIN, lines[i].label, "");
            lg_tables_put(&row[1], LG_TONE_NUMBER, place_text(tics, tic_count, lines[i].x[k], x),
                          "");
            lg_tables_put(&row[2], LG_TONE_NUMBER, value, bounds);
        }
    }
    return table;
}

struct lg_table *lg_figure_stacks(const struct lg_chart_stack *rows, size_t count,
                                  const char *const *parts, size_t part_count)
{
    struct lg_table *table = part_count + 2 <= LG_TABLE_COLUMNS ? new_table(part_count + 2) : NULL;
    if (!table)
        return NULL;
    table->heads[0] = "Row";
    for (size_t k = 0; k < part_count; k++)
        table->heads[1 + k] = parts[k];
    table->heads[part_count + 1] = "in all";
    for (size_t i = 0; i < count && table->rows < LG_TABLE_ROWS; i++) {
        struct lg_table_cell *row = table->cells[table->rows++];
        char value[LG_PRINT_MAX];
        lg_tables_put(&row[0], LG_TONE_PLAIN, rows[i].label, "");
        for (size_t k = 0; k < part_count; k++)
            lg_tables_put(&row[1 + k], LG_TONE_NUMBER, lg_print_number(rows[i].parts[k], value),
                          "");
        lg_tables_put(&row[part_count + 1], LG_TONE_NUMBER, rows[i].text, "");
    }
    return table;
}
