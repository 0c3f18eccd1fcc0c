// Prints how many 10^9 float32 operations a second this machine does on so many threads, multiply-adds between registers and
// nothing else; and how many 10^9 bytes a second they read of 64 MB together. bench/engine/peak.ts compiles it for the
// machine and runs it around the measurements.
//
// peak THREADS SECONDS

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

#if defined(__AVX512F__)
constexpr int kBytes = 64;
#elif defined(__AVX__)
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif
typedef float Vector __attribute__((vector_size(kBytes)));

// More than the latency of a multiply-add times those that are begun in a cycle; fewer than the registers.
constexpr int kSums = 12;
constexpr int kRepeats = 4096;
constexpr double kOperations = 2.0 * kSums * kRepeats * (kBytes / sizeof(float));

// Gives operations per second.
double Run(double seconds, float scale, float* sink) {
  using Clock = std::chrono::steady_clock;
  const Vector factor = Vector{} + scale;
  const Vector summand = Vector{} + (1 - scale);
  Vector sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = Vector{} + float(i);
  double operations = 0;
  const auto start = Clock::now();
  double elapsed = 0;
  while (elapsed < seconds) {
    for (int repeat = 0; repeat < kRepeats; ++repeat) {
#pragma GCC unroll 12
      for (int i = 0; i < kSums; ++i) sums[i] = sums[i] * factor + summand;
    }
    operations += kOperations;
    elapsed = std::chrono::duration<double>(Clock::now() - start).count();
  }
  Vector total{};
  for (const Vector& sum : sums) total += sum;
  *sink = total[0];
  return operations / elapsed;
}

constexpr size_t kReadBytes = 64'000'000;

// Gives bytes per second that one of so many threads reads of its share.
double Read(double seconds, int threads, float* sink) {
  using Clock = std::chrono::steady_clock;
  // More sums than one, as each waits for the one before it.
  constexpr size_t kReads = 8;
  const size_t count = kReadBytes / threads / kBytes / kReads * kReads;
  std::vector<Vector> memory(count, Vector{} + 1.0F);
  Vector sums[kReads] = {};
  double bytes = 0;
  const auto start = Clock::now();
  double elapsed = 0;
  while (elapsed < seconds) {
    for (size_t at = 0; at < count; at += kReads) {
#pragma GCC unroll 8
      for (size_t i = 0; i < kReads; ++i) sums[i] += memory[at + i];
    }
    bytes += static_cast<double>(count) * kBytes;
    elapsed = std::chrono::duration<double>(Clock::now() - start).count();
  }
  Vector total{};
  for (const Vector& sum : sums) total += sum;
  *sink += total[0];
  return bytes / elapsed;
}

// Adds up what `measure` gives on each of so many threads.
template <class Measure>
double OnThreads(int threads, std::vector<float>& sinks, const Measure& measure) {
  std::vector<double> rates(threads);
  std::vector<std::thread> workers;
  for (int i = 0; i < threads; ++i) {
    workers.emplace_back([&, i] { rates[i] = measure(&sinks[i]); });
  }
  for (std::thread& worker : workers) worker.join();
  double total = 0;
  for (const double rate : rates) total += rate;
  return total;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 1;
  const int threads = std::atoi(arguments[1]);
  const double seconds = std::atof(arguments[2]);
  // Not known when this is compiled.
  const float scale = 1 - 1 / (1024.0F + count);
  std::vector<float> sinks(threads);
  const double peak = OnThreads(threads, sinks, [&](float* sink) { return Run(seconds, scale, sink); });
  const double bandwidth = OnThreads(threads, sinks, [&](float* sink) { return Read(seconds, threads, sink); });
  std::printf("%.1f %.1f %d %g\n", peak / 1e9, bandwidth / 1e9, kBytes * 8, static_cast<double>(sinks[0]));
}
