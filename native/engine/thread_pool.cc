#include "thread_pool.h"

#include <chrono>
#include <limits>

namespace napi_torch::engine {
namespace {

constexpr uint32_t kStop = std::numeric_limits<uint32_t>::max();

// Longer than the gap between two steps of a plan, and than most between two runs that follow each other; short against
// the time slice of the system, which a spinning thread would take from others.
constexpr std::chrono::microseconds kSpin{80};

// For so long a thread computes until it asks whether another wants its core. Where as many threads compute as there
// are cores, the system lets one that wakes up, such as the one that runs JavaScript, wait for the next tick of its
// clock: that held up the event loop for 5 ms. Measured: 2.6 ms, at the same speed, also beside other programs.
constexpr std::chrono::milliseconds kTurn{1};

void Pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Waits until `value` is no longer `old`.
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

ThreadPool::ThreadPool(int threads) : turns_(static_cast<size_t>(threads > 1 ? threads : 1)) {
  helpers_.reserve(static_cast<size_t>(threads > 1 ? threads - 1 : 0));
  try {
    for (int thread = 1; thread < threads; ++thread) helpers_.emplace_back([this, thread] { Help(thread); });
  } catch (...) {  // The system refuses a thread: those that run must end before the object does.
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

void ThreadPool::RunShared(int64_t items, const void* context, Call call) {
  const uint32_t previous = round_.load(std::memory_order_relaxed);
  const uint32_t round = previous + 1 == kStop ? 0 : previous + 1;
  items_ = items;
  context_ = context;
  call_ = call;
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
    call_(context_, items_ - left, thread);
    if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) pending_.notify_one();
    LetOthersRun(thread);
    claim = claim_.load(std::memory_order_acquire);
  }
}

void ThreadPool::LetOthersRun(int thread) {
  Clock::time_point& begin = turns_[static_cast<size_t>(thread)];
  const Clock::time_point now = Clock::now();
  if (now - begin < kTurn) return;
  begin = now;
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
