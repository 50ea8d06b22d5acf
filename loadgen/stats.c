#include "stats.h"

#include "stats_parts.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

#define POWER 0.80

double lg_t_quantile(double p, double dof)
{
    return gsl_cdf_tdist_Pinv(p, dof);
}

/* Welford's update: one pass, and no cancellation where the spread is small beside the mean. */
struct moments {
    double mean, squares;
    size_t n;
};

static void moments_add(struct moments *m, double x)
{
    m->n++;
    double delta = x - m->mean;
    m->mean += delta / (double)m->n;
    m->squares += delta * (x - m->mean);
}

static struct lg_interval moments_interval(const struct moments *m)
{
    struct lg_interval out = {.estimate = NAN, .low = NAN, .high = NAN, .coverage = LG_LEVEL};
    out.n = m->n;
    if (m->n == 0)
        return out;
    out.estimate = m->mean;
    if (m->n < 2)
        return out;
    double dof = (double)(m->n - 1);
    out.spread = sqrt(m->squares / dof / (double)m->n);
    double half = lg_t_quantile(1 - (1 - LG_LEVEL) / 2, dof) * out.spread;
    out.low = out.estimate - half;
    out.high = out.estimate + half;
    out.bounded = isfinite(half);
    return out;
}

/* Of logarithms, back on the scale of what they are of; the spread stays. */
static struct lg_interval exponential(struct lg_interval of_logs)
{
    of_logs.estimate = exp(of_logs.estimate);
    of_logs.low = exp(of_logs.low);
    of_logs.high = exp(of_logs.high);
    return of_logs;
}

struct lg_interval lg_geometric_interval(const double *x, size_t n)
{
    struct moments m = {0};
    for (size_t i = 0; i < n; i++)
        if (isfinite(x[i]) && x[i] > 0)
            moments_add(&m, log(x[i]));
    return exponential(moments_interval(&m));
}

/* Between the k-th smallest and the k-th largest of n lies the median with this probability. */
static double order_coverage(size_t k, size_t n)
{
    return 1 - 2 * gsl_cdf_binomial_P((unsigned)(k - 1), 0.5, (unsigned)n);
}

static struct lg_interval median_interval(const double *x, size_t n, bool measured)
{
    struct lg_interval out = {.estimate = NAN, .low = NAN, .high = NAN};
    double *sorted = n == 0 ? NULL : malloc(n * sizeof(*sorted));
    if (!sorted)
        return out;
    for (size_t i = 0; i < n; i++)
        if (isfinite(x[i]))
            sorted[out.n++] = x[i];
    if (out.n > 0) {
        qsort(sorted, out.n, sizeof(*sorted), lg_by_value);
        out.estimate =
            (sorted[(out.n - 1) / 2] + sorted[measured ? (out.n - 1) / 2 : out.n / 2]) / 2;
        size_t k = 1;
        while (2 * (k + 1) <= out.n && order_coverage(k + 1, out.n) >= LG_LEVEL)
            k++;
        out.coverage = order_coverage(k, out.n);
        out.bounded = out.coverage >= LG_LEAST_LEVEL;
        if (out.bounded) {
            out.low = sorted[k - 1];
            out.high = sorted[out.n - k];
        }
    }
    free(sorted);
    return out;
}

struct lg_interval lg_median_interval(const double *x, size_t n)
{
    return median_interval(x, n, false);
}

struct lg_interval lg_middle_interval(const double *x, size_t n)
{
    return median_interval(x, n, true);
}

double lg_detectable(const struct lg_interval *ratio)
{
    if (!ratio->bounded)
        return NAN;
    double dof = (double)(ratio->n - 1);
    double reach = lg_t_quantile(1 - (1 - LG_LEVEL) / 2, dof) + lg_t_quantile(POWER, dof);
    return expm1(reach * ratio->spread);
}

enum lg_verdict lg_judge(const struct lg_interval *ratio, bool higher_is_better)
{
    if (!ratio->bounded)
        return LG_UNRESOLVED;
    if (ratio->low >= 1 - LG_EQUIVALENCE_MARGIN && ratio->high <= 1 + LG_EQUIVALENCE_MARGIN)
        return LG_EQUIVALENT;
    if (ratio->low > 1)
        return higher_is_better ? LG_BETTER : LG_WORSE;
    if (ratio->high < 1)
        return higher_is_better ? LG_WORSE : LG_BETTER;
    return LG_UNRESOLVED;
}

enum lg_verdict lg_judge_pair(const struct lg_interval *ratio, double adjusted_p,
                              bool higher_is_better)
{
    enum lg_verdict verdict = lg_judge(ratio, higher_is_better);
    bool differs = verdict == LG_BETTER || verdict == LG_WORSE;
    return differs && !(adjusted_p <= LG_FAMILY_LEVEL) ? LG_UNRESOLVED : verdict;
}

bool lg_interval_off_one(const struct lg_interval *ratio)
{
    return ratio->bounded && (ratio->low > 1 || ratio->high < 1);
}
