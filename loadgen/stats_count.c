#include "stats_count.h"

#include "stats_parts.h"

#include <gsl/gsl_cdf.h>
#include <math.h>

double lg_binomial_least(unsigned hits, unsigned of, double chance)
{
    return hits == 0 ? 1 : gsl_cdf_binomial_Q(hits - 1, chance, of);
}

unsigned lg_binomial_limit(unsigned of, double chance, double tail)
{
    unsigned limit = 0;
    while (limit < of && gsl_cdf_binomial_Q(limit, chance, of) > tail)
        limit++;
    return limit;
}

struct lg_interval lg_share_interval(unsigned hits, unsigned of)
{
    struct lg_interval out = {.estimate = NAN, .low = NAN, .high = NAN, .coverage = LG_LEVEL};
    double tail = (1 - LG_LEVEL) / 2, k = hits, n = of;
    if (of == 0)
        return out;
    out.estimate = k / n;
    out.n = of;
    out.bounded = true;
    out.low = hits == 0 ? 0 : gsl_cdf_beta_Pinv(tail, k, n - k + 1);
    out.high = hits == of ? 1 : gsl_cdf_beta_Qinv(tail, k + 1, n - k);
    return out;
}

double lg_kolmogorov_p(double distance, unsigned n)
{
    double root = sqrt(n), x = (root + 0.12 + 0.11 / root) * distance, p = 0;
    if (n == 0 || isnan(distance))
        return NAN;
    if (x < 0.2) /* the series converges slowly there, to 1 */
        return 1;
    for (int k = 1; k <= 100; k++)
        p += (k % 2 ? 2 : -2) * exp(-2 * k * k * x * x);
    return fmin(fmax(p, 0), 1);
}
