#include "stats_two.h"

#include "stats_parts.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_MAX 50 /* of each */

/* The probability of each number of pairs with x above y, 0 to m * n; NULL without memory. Of all
 * choices of m among m + n ranks: ways[j][u], j chosen so far, u pairs. The next rank is either one
 * of y, or one of x, above all of y so far. */
static double *pairs_above(size_t m, size_t n)
{
    size_t row = m * n + 1;
    double *ways = calloc((m + 1) * row, sizeof *ways), all = 0;
    if (ways == NULL)
        return NULL;
    ways[0] = 1;
    for (size_t rank = 0; rank < m + n; rank++) {
        for (size_t j = rank < m ? rank + 1 : m; j > 0; j--) {
            size_t below = rank + 1 - j; /* of y, when this is the j-th of x */
            for (size_t u = below; u < row && below <= n; u++)
                ways[j * row + u] += ways[(j - 1) * row + u - below];
        }
    }
    for (size_t u = 0; u < row; u++)
        all += ways[m * row + u];
    for (size_t u = 0; u < row; u++)
        ways[u] = ways[m * row + u] / all;
    return ways;
}

/* How many of the smallest differences lie below the interval, plus one; and what it then covers. 0
 * without memory. */
static size_t cut(size_t m, size_t n, double *ret_coverage)
{
    if (m > EXACT_MAX || n > EXACT_MAX) {
        double pairs = (double)m * (double)n, sd = sqrt(pairs * (double)(m + n + 1) / 12);
        *ret_coverage = LG_LEVEL;
        return (size_t)(pairs / 2 + gsl_cdf_ugaussian_Pinv((1 - LG_LEVEL) / 2) * sd) + 1;
    }
    double *p = pairs_above(m, n);
    if (p == NULL)
        return 0;
    size_t rank = lg_rank_cut(p, ret_coverage);
    free(p);
    return rank;
}

static size_t take_logs(const double *x, size_t n, double *out)
{
    size_t count = 0;
    for (size_t i = 0; i < n && count < LG_TWO_MAX; i++) {
        if (isfinite(x[i]) && x[i] > 0)
            out[count++] = log(x[i]);
    }
    return count;
}

struct lg_interval lg_two_ratio_interval(const double *x, size_t nx, const double *y, size_t ny)
{
    struct lg_interval out = {.estimate = NAN, .low = NAN, .high = NAN};
    double a[LG_TWO_MAX], b[LG_TWO_MAX];
    size_t m = take_logs(x, nx, a), n = take_logs(y, ny, b), count = 0;
    out.n = m < n ? m : n;
    double *differences = out.n == 0 ? NULL : malloc(m * n * sizeof *differences);
    size_t rank = differences == NULL ? 0 : cut(m, n, &out.coverage);
    for (size_t i = 0; i < m && rank > 0; i++) {
        for (size_t j = 0; j < n; j++)
            differences[count++] = a[i] - b[j];
    }
    if (rank > 0) {
        qsort(differences, count, sizeof *differences, lg_by_value);
        double low = differences[rank - 1], high = differences[count - rank];
        out.estimate = exp((differences[(count - 1) / 2] + differences[count / 2]) / 2);
        out.low = exp(low);
        out.high = exp(high);
        out.bounded = out.coverage >= LG_LEAST_LEVEL;
        /* As if the interval were a normal one: for what could have been detected. */
        out.spread = (high - low) / 2 / gsl_cdf_ugaussian_Pinv((1 + out.coverage) / 2);
    }
    free(differences);
    return out;
}

static size_t take_finite(const double *x, size_t n, double *out)
{
    size_t count = 0;
    for (size_t i = 0; i < n && count < LG_TWO_MAX; i++) {
        if (isfinite(x[i]))
            out[count++] = x[i];
    }
    return count;
}

/* The sum of t^3 - t over the groups of t equal values. */
static double tie_term(const double *a, size_t m, const double *b, size_t n)
{
    double all[2 * LG_TWO_MAX];
    memcpy(all, a, m * sizeof *a);
    memcpy(all + m, b, n * sizeof *b);
    qsort(all, m + n, sizeof *all, lg_by_value);
    return lg_ranks_twice(all, m + n, NULL);
}

/* `above` of m * n pairs; ties: the sum of t^3 - t. */
static double normal_p(double above, double m, double n, double ties)
{
    double pairs = m * n, all = m + n;
    double variance = pairs / 12 * (all + 1 - ties / (all * (all - 1)));
    double off = fabs(above - pairs / 2) - 0.5;
    return off <= 0 || variance <= 0 ? 1 : 2 * gsl_cdf_ugaussian_Q(off / sqrt(variance));
}

double lg_mann_whitney_counts_p(const uint64_t *x, const uint64_t *y, size_t buckets)
{
    double m = 0, n = 0, above = 0, ties = 0;
    for (size_t i = 0; i < buckets; i++) {
        double of_x = (double)x[i], of_y = (double)y[i], t = of_x + of_y;
        above += of_x * (n + of_y / 2);
        ties += t * t * t - t;
        m += of_x;
        n += of_y;
    }
    return m > 0 && n > 0 ? normal_p(above, m, n, ties) : NAN;
}

double lg_mann_whitney_p(const double *x, size_t nx, const double *y, size_t ny)
{
    double a[LG_TWO_MAX], b[LG_TWO_MAX], above = 0;
    size_t m = take_finite(x, nx, a), n = take_finite(y, ny, b);
    if (m == 0 || n == 0)
        return NAN;
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++)
            above += a[i] > b[j] ? 1 : a[i] < b[j] ? 0 : 0.5;
    }
    double pairs = (double)m * (double)n, ties = tie_term(a, m, b, n);
    if (m > EXACT_MAX || n > EXACT_MAX || ties > 0)
        return normal_p(above, (double)m, (double)n, ties);
    double *p = pairs_above(m, n), tail = 0;
    if (p == NULL)
        return NAN;
    for (size_t u = 0; (double)u <= fmin(above, pairs - above); u++)
        tail += p[u];
    free(p);
    return fmin(1, 2 * tail);
}
