// Prints how many 10^9 float32 operations a second this machine does on so many threads: multiply-adds between registers,
// nothing else. bench/engine/peak.ts compiles it for the machine and runs it around the measurements.
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

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 1;
  const int threads = std::atoi(arguments[1]);
  const double seconds = std::atof(arguments[2]);
  // Not known when this is compiled.
  const float scale = 1 - 1 / (1024.0F + count);
  std::vector<double> rates(threads);
  std::vector<float> sinks(threads);
  std::vector<std::thread> workers;
  for (int i = 0; i < threads; ++i) {
    workers.emplace_back([&, i] { rates[i] = Run(seconds, scale, &sinks[i]); });
  }
  for (std::thread& worker : workers) worker.join();
  double total = 0;
  for (const double rate : rates) total += rate;
  std::printf("%.1f %d %g\n", total / 1e9, kBytes * 8, static_cast<double>(sinks[0]));
}
