#include "stats_trend.h"

#include "stats_parts.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define EXACT_MAX 50 /* values */
#define FENCE     1.5

/* Twice the chance that a random order of n has at most `pairs` pairs one way round: Kendall's
 * recursion over how many pairs a further value adds. */
static double exact_p(size_t n, size_t pairs)
{
    double p[EXACT_MAX * (EXACT_MAX - 1) / 2 + 1] = {1}, tail = 0;
    for (size_t k = 2, reach = 0; k <= n; k++) {
        double next[EXACT_MAX * (EXACT_MAX - 1) / 2 + 1] = {0};
        for (size_t i = 0; i <= reach; i++) {
            for (size_t added = 0; added < k; added++)
                next[i + added] += p[i] / (double)k;
        }
        reach += k - 1;
        for (size_t i = 0; i <= reach; i++)
            p[i] = next[i];
    }
    for (size_t i = 0; i <= pairs; i++)
        tail += p[i];
    return fmin(1, 2 * tail);
}

static double normal_p(size_t n, double score)
{
    double variance = (double)n * (double)(n - 1) * (double)(2 * n + 5) / 18;
    double off = fabs(score) - 1; /* for continuity */
    return off <= 0 ? 1 : 2 * gsl_cdf_ugaussian_Q(off / sqrt(variance));
}

/* The slopes between all pairs of points; returns how many, and of them ups, downs and ties. */
static size_t slopes_of(const double *logs, const double *at, size_t n, double *slopes,
                        size_t *ret_up, size_t *ret_down)
{
    size_t count = 0;
    *ret_up = *ret_down = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++) {
            *ret_up += logs[j] > logs[i];
            *ret_down += logs[j] < logs[i];
            slopes[count++] = (logs[j] - logs[i]) / (at[j] - at[i]);
        }
    }
    return count;
}

struct lg_trend lg_trend_of(const double *x, size_t n)
{
    struct lg_trend trend = {.change = NAN, .p = NAN};
    double logs[LG_TREND_MAX], at[LG_TREND_MAX];
    size_t up, down;
    for (size_t i = 0; i < n && trend.n < LG_TREND_MAX; i++) {
        if (!isfinite(x[i]) || x[i] <= 0)
            continue;
        at[trend.n] = (double)i;
        logs[trend.n++] = log(x[i]);
    }
    double *slopes = trend.n < 2 ? NULL : malloc(trend.n * (trend.n - 1) / 2 * sizeof *slopes);
    if (slopes == NULL)
        return trend;
    size_t count = slopes_of(logs, at, trend.n, slopes, &up, &down);
    qsort(slopes, count, sizeof *slopes, lg_by_value);
    trend.change = exp((slopes[(count - 1) / 2] + slopes[count / 2]) / 2 * (double)(n - 1));
    trend.p = trend.n <= EXACT_MAX && up + down == count
                  ? exact_p(trend.n, up < down ? up : down)
                  : normal_p(trend.n, (double)up - (double)down);
    free(slopes);
    return trend;
}

unsigned lg_outliers(const double *x, const double *ref, size_t n, double *ret_farthest,
                     unsigned *ret_place)
{
    double logs[LG_TREND_MAX], sorted[LG_TREND_MAX], farthest = 0;
    size_t place[LG_TREND_MAX], count = 0;
    unsigned outliers = 0;
    *ret_farthest = NAN;
    *ret_place = 0;
    for (size_t i = 0; i < n && count < LG_TREND_MAX; i++) {
        if (!isfinite(x[i]) || !isfinite(ref[i]) || x[i] <= 0 || ref[i] <= 0)
            continue;
        place[count] = i + 1;
        sorted[count] = logs[count] = log(x[i] / ref[i]);
        count++;
    }
    if (count < 4)
        return 0;
    qsort(sorted, count, sizeof *sorted, lg_by_value);
    double low = gsl_stats_quantile_from_sorted_data(sorted, 1, count, 0.25);
    double high = gsl_stats_quantile_from_sorted_data(sorted, 1, count, 0.75);
    double median = gsl_stats_median_from_sorted_data(sorted, 1, count);
    double reach = FENCE * (high - low);
    for (size_t i = 0; i < count; i++) {
        if (logs[i] >= low - reach && logs[i] <= high + reach)
            continue;
        outliers++;
        if (fabs(logs[i] - median) <= fabs(farthest))
            continue;
        farthest = logs[i] - median;
        *ret_farthest = exp(farthest);
        *ret_place = (unsigned)place[i];
    }
    return outliers;
}
