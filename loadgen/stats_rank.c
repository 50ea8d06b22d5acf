#include "stats_rank.h"

#include "stats_parts.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

#define EXACT_MAX 200 /* pairs */

static int by_size(const void *a, const void *b)
{
    double x = fabs(*(const double *)a), y = fabs(*(const double *)b);
    return (x > y) - (x < y);
}

/* The probability of each sum of those of `ranks` that a fair coin picks; NULL without memory. */
static double *sums(const unsigned *ranks, size_t n, size_t total)
{
    double *p = calloc(total + 1, sizeof *p);
    if (p == NULL)
        return NULL;
    size_t reach = 0;
    p[0] = 1;
    for (size_t i = 0; i < n; i++) {
        reach += ranks[i];
        for (size_t sum = reach + 1; sum-- > 0;)
            p[sum] = (p[sum] + (sum >= ranks[i] ? p[sum - ranks[i]] : 0)) / 2;
    }
    return p;
}

/* The same of n ranks without ties, n up to EXACT_MAX. */
static double *untied_sums(size_t n)
{
    unsigned ranks[EXACT_MAX] = {0};
    for (size_t i = 0; i < n; i++)
        ranks[i] = (unsigned)i + 1;
    return sums(ranks, n, n * (n + 1) / 2);
}

/* How many of the smallest means lie below the interval, plus one; and what it then covers. 0
 * without memory. */
static size_t cut(size_t n, double *ret_coverage)
{
    size_t total = n * (n + 1) / 2;
    if (n > EXACT_MAX) {
        double mean = (double)total / 2, sd = sqrt(mean * (double)(2 * n + 1) / 6);
        *ret_coverage = LG_LEVEL;
        return (size_t)(mean + gsl_cdf_ugaussian_Pinv((1 - LG_LEVEL) / 2) * sd) + 1;
    }
    double *p = untied_sums(n);
    if (p == NULL)
        return 0;
    size_t rank = lg_rank_cut(p, ret_coverage);
    free(p);
    return rank;
}

static double *walsh(const double *x, size_t n, size_t *ret_count)
{
    double *means = malloc(n * (n + 1) / 2 * sizeof *means);
    size_t count = 0;
    for (size_t i = 0; i < n && means != NULL; i++) {
        for (size_t j = i; j < n; j++)
            means[count++] = (x[i] + x[j]) / 2;
    }
    if (means != NULL)
        qsort(means, count, sizeof *means, lg_by_value);
    *ret_count = count;
    return means;
}

static struct lg_interval of_finite(const double *x, size_t n)
{
    struct lg_interval out = {.estimate = NAN, .low = NAN, .high = NAN, .n = n};
    size_t count;
    double *means = n == 0 ? NULL : walsh(x, n, &count);
    size_t rank = means == NULL ? 0 : cut(n, &out.coverage);
    if (rank > 0) {
        out.estimate = (means[(count - 1) / 2] + means[count / 2]) / 2;
        out.bounded = out.coverage >= LG_LEAST_LEVEL;
        out.low = means[rank - 1];
        out.high = means[count - rank];
        /* As if the interval were a normal one: for what could have been detected. */
        out.spread = (out.high - out.low) / 2 / gsl_cdf_ugaussian_Pinv((1 + out.coverage) / 2);
    }
    free(means);
    return out;
}

struct lg_interval lg_shift_interval(const double *differences, size_t n)
{
    double x[LG_RANK_MAX];
    size_t count = 0;
    for (size_t i = 0; i < n && count < LG_RANK_MAX; i++) {
        if (isfinite(differences[i]))
            x[count++] = differences[i];
    }
    return of_finite(x, count);
}

struct lg_interval lg_shift_ratio_interval(const double *x, const double *ref, size_t n)
{
    double logs[LG_RANK_MAX];
    size_t count = 0;
    for (size_t i = 0; i < n && count < LG_RANK_MAX; i++) {
        if (isfinite(x[i]) && isfinite(ref[i]) && x[i] > 0 && ref[i] > 0)
            logs[count++] = log(x[i] / ref[i]);
    }
    struct lg_interval out = of_finite(logs, count);
    out.estimate = exp(out.estimate);
    out.low = exp(out.low);
    out.high = exp(out.high);
    return out;
}

static double normal_p(const unsigned *ranks, size_t n, double sum)
{
    double mean = 0, variance = 0;
    for (size_t i = 0; i < n; i++) {
        mean += (double)ranks[i] / 2;
        variance += (double)ranks[i] * (double)ranks[i] / 4;
    }
    double off = fabs(sum - mean) - 1; /* for continuity; ranks are doubled here */
    return off <= 0 ? 1 : 2 * gsl_cdf_ugaussian_Q(off / sqrt(variance));
}

double lg_signed_rank_p(const double *differences, size_t n)
{
    double x[LG_RANK_MAX], sizes[LG_RANK_MAX];
    unsigned ranks[LG_RANK_MAX];
    size_t count = 0, total = 0, sum = 0;
    for (size_t i = 0; i < n && count < LG_RANK_MAX; i++) {
        if (isfinite(differences[i]) && differences[i] != 0)
            x[count++] = differences[i];
    }
    if (count == 0)
        return 1;
    qsort(x, count, sizeof *x, by_size);
    for (size_t i = 0; i < count; i++)
        sizes[i] = fabs(x[i]);
    lg_ranks_twice(sizes, count, ranks);
    for (size_t i = 0; i < count; i++) {
        total += ranks[i];
        sum += x[i] > 0 ? ranks[i] : 0;
    }
    if (count > EXACT_MAX)
        return normal_p(ranks, count, (double)sum);
    double *p = sums(ranks, count, total), tail = 0;
    if (p == NULL)
        return NAN;
    size_t end = sum < total - sum ? sum : total - sum; /* the distribution is symmetric */
    for (size_t i = 0; i <= end; i++)
        tail += p[i];
    free(p);
    return fmin(1, 2 * tail);
}

double lg_signed_rank_attained(size_t n, double level)
{
    if (n > EXACT_MAX || level >= 1)
        return fmin(level, 1);
    double *p = untied_sums(n), tail = 0;
    if (p == NULL)
        return NAN;
    for (size_t i = 0; 4 * i < n * (n + 1) && 2 * (tail + p[i]) <= level; i++)
        tail += p[i];
    free(p);
    return 2 * tail;
}

void lg_holm(double *p, size_t count)
{
    size_t tests = 0;
    double least = 0; /* no adjusted p is below that of a smaller one */
    for (size_t i = 0; i < count; i++)
        tests += isnan(p[i]) ? 0 : 1;
    /* By rank, without moving them: families are small. Done ones are marked by a sign. */
    for (size_t done = 0; done < tests; done++) {
        size_t next = count;
        for (size_t i = 0; i < count; i++) {
            if (!isnan(p[i]) && !signbit(p[i]) && (next == count || p[i] < p[next]))
                next = i;
        }
        least = fmax(least, fmin(1, p[next] * (double)(tests - done)));
        p[next] = -least;
    }
    for (size_t i = 0; i < count; i++)
        p[i] = fabs(p[i]);
}
