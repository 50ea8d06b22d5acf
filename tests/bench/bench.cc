#include "bench.h"

#include <benchmark/benchmark.h>

#include <cstdio>
#include <string>
#include <vector>

struct evd_bench {
    benchmark::State *state;
    int64_t bytes, items;
};

namespace
{

// Google Benchmark ends with 0 also when a benchmark reports an error: count them.
class Reporter : public benchmark::ConsoleReporter
{
  public:
    explicit Reporter(bool be_quiet) : ConsoleReporter(OO_Tabular), quiet(be_quiet) {}

    bool ReportContext(const Context &context) override
    {
        return quiet || ConsoleReporter::ReportContext(context);
    }

    void ReportRuns(const std::vector<Run> &runs) override
    {
        for (const Run &run : runs) {
            errors += run.error_occurred;
            if (quiet && run.error_occurred)
                std::fprintf(stderr, "evd-bench: %s: %s\n", run.benchmark_name().c_str(),
                             run.error_message.c_str());
        }
        if (!quiet)
            ConsoleReporter::ReportRuns(runs);
    }

    int errors = 0;

  private:
    bool quiet;
};

} // namespace

void evd_bench_add(const char *name, evd_bench_fn fn, void *arg)
{
    benchmark::RegisterBenchmark(name, [fn, arg](benchmark::State &state) {
        evd_bench bench = {&state, 0, 0};
        fn(&bench, arg);
        if (bench.bytes > 0)
            state.SetBytesProcessed(bench.bytes * static_cast<int64_t>(state.iterations()));
        if (bench.items > 0)
            state.SetItemsProcessed(bench.items * static_cast<int64_t>(state.iterations()));
    });
}

void evd_bench_context(const char *key, const char *value)
{
    benchmark::AddCustomContext(key, value);
}

int evd_bench_main(int argc, char **argv, bool quiet)
{
    // Interleaved repetitions: drift of the machine hits every benchmark alike.
    std::vector<char *> args(argv, argv + argc);
    std::string interleave = "--benchmark_enable_random_interleaving=true";
    args.insert(args.begin() + 1, interleave.data());
    int count = static_cast<int>(args.size());
    benchmark::Initialize(&count, args.data());
    if (benchmark::ReportUnrecognizedArguments(count, args.data()))
        return 2;
    Reporter reporter(quiet);
    size_t matched = benchmark::RunSpecifiedBenchmarks(&reporter);
    benchmark::Shutdown();
    return matched > 0 && reporter.errors == 0 ? 0 : 1;
}

bool evd_bench_next(evd_bench *bench)
{
    return bench->state->KeepRunning();
}

bool evd_bench_next_batch(evd_bench *bench, int64_t count)
{
    return bench->state->KeepRunningBatch(count);
}

int64_t evd_bench_iterations(const evd_bench *bench)
{
    return static_cast<int64_t>(bench->state->max_iterations);
}

void evd_bench_bytes(evd_bench *bench, int64_t bytes_per_iteration)
{
    bench->bytes = bytes_per_iteration;
}

void evd_bench_items(evd_bench *bench, int64_t items_per_iteration)
{
    bench->items = items_per_iteration;
}

void evd_bench_counter(evd_bench *bench, const char *name, double value)
{
    bench->state->counters[name] = value;
}

void evd_bench_pause(evd_bench *bench)
{
    bench->state->PauseTiming();
}

void evd_bench_resume(evd_bench *bench)
{
    bench->state->ResumeTiming();
}

void evd_bench_fail(evd_bench *bench, const char *why)
{
    bench->state->SkipWithError(why);
}
