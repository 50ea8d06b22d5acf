#include "stats_fit.h"

#include "dispatch/status.h"
#include "stats_bootstrap.h"
#include "stats_parts.h"

#include <gsl/gsl_multifit.h>
#include <math.h>
#include <stdlib.h>

enum { FIXED, GROWING, COEFFICIENTS, RESAMPLES = 1000 };

struct work {
    const struct lg_fit_point *points;
    size_t count, capacity;
    gsl_matrix *x, *covariance;
    gsl_vector *y, *weights, *coefficients;
    size_t which; /* coefficient that the bootstrap asks for */
};

/* One row for each point of these blocks; returns how many. */
static size_t fill(struct work *work, const size_t *blocks, size_t n)
{
    size_t rows = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < work->count && rows < work->capacity; k++) {
            const struct lg_fit_point *point = &work->points[k];
            if (point->block != blocks[i] || !(point->typical > 0) || !isfinite(point->y))
                continue;
            gsl_matrix_set(work->x, rows, FIXED, 1);
            gsl_matrix_set(work->x, rows, GROWING, point->x);
            gsl_vector_set(work->y, rows, point->y);
            gsl_vector_set(work->weights, rows, 1 / (point->typical * point->typical));
            rows++;
        }
    }
    return rows;
}

/* Whether there is a line: two places at least. */
static bool solve(struct work *work, size_t rows, double *ret_misfit)
{
    bool two = false;
    for (size_t i = 1; i < rows; i++)
        two = two ||
              fabs(gsl_matrix_get(work->x, i, GROWING) - gsl_matrix_get(work->x, 0, GROWING)) > 0;
    gsl_multifit_linear_workspace *space =
        two ? gsl_multifit_linear_alloc(rows, COEFFICIENTS) : NULL;
    if (!space)
        return false;
    gsl_matrix_view x = gsl_matrix_submatrix(work->x, 0, 0, rows, COEFFICIENTS);
    gsl_vector_view y = gsl_vector_subvector(work->y, 0, rows),
                    weights = gsl_vector_subvector(work->weights, 0, rows);
    int rc = gsl_multifit_wlinear(&x.matrix, &weights.vector, &y.vector, work->coefficients,
                                  work->covariance, ret_misfit, space);
    gsl_multifit_linear_free(space);
    return rc == 0;
}

static double coefficient(const size_t *blocks, size_t n, void *context)
{
    struct work *work = context;
    double misfit;
    size_t rows = fill(work, blocks, n);
    return rows > COEFFICIENTS && solve(work, rows, &misfit)
               ? gsl_vector_get(work->coefficients, work->which)
               : NAN;
}

static bool prepare(struct work *work, const struct lg_fit_point *points, size_t count,
                    size_t blocks)
{
    /* A draw may take the fullest block each time. */
    size_t fullest = 0;
    for (size_t block = 0; block < blocks; block++) {
        size_t here = 0;
        for (size_t k = 0; k < count; k++)
            here += points[k].block == block;
        fullest = here > fullest ? here : fullest;
    }
    *work = (struct work){.points = points, .count = count};
    work->capacity = fullest * blocks > 0 ? fullest * blocks : 1;
    work->x = gsl_matrix_alloc(work->capacity, COEFFICIENTS);
    work->covariance = gsl_matrix_alloc(COEFFICIENTS, COEFFICIENTS);
    work->y = gsl_vector_alloc(work->capacity);
    work->weights = gsl_vector_alloc(work->capacity);
    work->coefficients = gsl_vector_alloc(COEFFICIENTS);
    return work->x && work->covariance && work->y && work->weights && work->coefficients;
}

static void release(struct work *work)
{
    gsl_matrix_free(work->x);
    gsl_matrix_free(work->covariance);
    gsl_vector_free(work->y);
    gsl_vector_free(work->weights);
    gsl_vector_free(work->coefficients);
}

int lg_fit_line(const struct lg_fit_point *points, size_t count, size_t blocks, uint64_t seed,
                struct lg_fit *ret_fit)
{
    struct work work;
    size_t *all = calloc(blocks + 1, sizeof(*all));
    *ret_fit = (struct lg_fit){.fixed.estimate = NAN, .growing.estimate = NAN, .misfit = INFINITY};
    if (!all || !prepare(&work, points, count, blocks)) {
        if (all)
            release(&work);
        free(all);
        return EVD_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < blocks; i++)
        all[i] = i;
    size_t rows = fill(&work, all, blocks);
    if (rows >= COEFFICIENTS && solve(&work, rows, &ret_fit->misfit)) {
        struct lg_interval *out[COEFFICIENTS] = {&ret_fit->fixed, &ret_fit->growing};
        double estimates[COEFFICIENTS] = {gsl_vector_get(work.coefficients, FIXED),
                                          gsl_vector_get(work.coefficients, GROWING)};
        for (work.which = FIXED; work.which < COEFFICIENTS; work.which++) {
            *out[work.which] =
                lg_bca_interval(coefficient, &work, blocks, RESAMPLES, LG_LEVEL, seed);
            out[work.which]->estimate = estimates[work.which];
        }
    }
    release(&work);
    free(all);
    return EVD_OK;
}
