#include "thread_pool.h"

#include <chrono>
#include <limits>

namespace napi_torch::engine {
namespace {

constexpr uint32_t kStop = std::numeric_limits<uint32_t>::max();

// Longer than the gap between two steps of a plan, and than most gaps between two consecutive runs; short compared with
// the time slice of the operating system, which a spinning thread would take from others.
constexpr std::chrono::microseconds kSpin{80};

// How long a thread computes before it offers its core to others. Where there are as many computing threads as cores,
// the scheduler makes a thread that wakes up, such as the one that runs JavaScript, wait for its next clock tick: that
// delayed the event loop by 5 ms. With this, the delay measured 2.6 ms at the same throughput, also beside other
// programs.
constexpr std::chrono::milliseconds kYieldInterval{1};

void Pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Spins, then sleeps, until `value` is no longer `old`.
void WaitWhile(const std::atomic<uint32_t>& value, uint32_t old) {
  const auto end = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 32; ++i) {
      if (value.load(std::memory_order_acquire) != old) return;
      Pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(int threads) : last_yields_(static_cast<size_t>(threads > 1 ? threads : 1)) {
  helpers_.reserve(static_cast<size_t>(threads > 1 ? threads - 1 : 0));
  try {
    for (int thread = 1; thread < threads; ++thread) helpers_.emplace_back([this, thread] { Help(thread); });
  } catch (...) {  // The system refused a thread: those that run must end before the pool is destroyed.
    Publish(kStop);
    for (std::thread& helper : helpers_) helper.join();
    throw;
  }
}

ThreadPool::~ThreadPool() {
  Publish(kStop);
  for (std::thread& helper : helpers_) helper.join();
}

void ThreadPool::Publish(uint32_t round) {
  round_.store(round, std::memory_order_release);
  round_.notify_all();
}

void ThreadPool::RunShared(int64_t items, const void* context, ItemFunction function) {
  const uint32_t previous = round_.load(std::memory_order_relaxed);
  const uint32_t round = previous + 1 == kStop ? 0 : previous + 1;
  items_ = items;
  context_ = context;
  function_ = function;
  pending_.store(static_cast<uint32_t>(items), std::memory_order_relaxed);
  claim_.store(uint64_t{round} << 32 | static_cast<uint32_t>(items), std::memory_order_release);
  Publish(round);

  Work(round, 0);
  for (uint32_t left = pending_.load(std::memory_order_acquire); left != 0;
       left = pending_.load(std::memory_order_acquire)) {
    WaitWhile(pending_, left);
  }
}

void ThreadPool::Work(uint32_t round, int thread) {
  uint64_t claim = claim_.load(std::memory_order_acquire);
  for (;;) {
    const auto left = static_cast<uint32_t>(claim);
    if (static_cast<uint32_t>(claim >> 32) != round || left == 0) return;
    if (!claim_.compare_exchange_weak(claim, claim - 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
    function_(context_, items_ - left, thread);
    if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) pending_.notify_one();
    YieldIfDue(thread);
    claim = claim_.load(std::memory_order_acquire);
  }
}

void ThreadPool::YieldIfDue(int thread) {
  Clock::time_point& last_yield = last_yields_[static_cast<size_t>(thread)];
  const Clock::time_point now = Clock::now();
  if (now - last_yield < kYieldInterval) return;
  last_yield = now;
  std::this_thread::yield();
}

void ThreadPool::Help(int thread) {
  uint32_t seen = 0;
  for (;;) {
    WaitWhile(round_, seen);
    seen = round_.load(std::memory_order_acquire);
    if (seen == kStop) return;
    Work(seen, thread);
  }
}

}  // namespace napi_torch::engine
