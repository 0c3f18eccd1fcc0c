// The threads of one executor. They share a range of work items, spin for a bounded time when there are none, and then
// sleep: unbounded spinning makes everything many times slower as soon as another program wants a core.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

namespace napi_torch::engine {

class ThreadPool {
 public:
  // `threads` includes the one that calls Run.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(helpers_.size()) + 1; }

  // Calls body(item, thread) for each item of [0, items), and returns when all are done. Threads take items one at a
  // time, so that a slow thread delays no more than one item. `body` must not throw. Only one thread may call Run at a
  // time.
  template <class Body>
  void Run(int64_t items, const Body& body) {
    if (helpers_.empty() || items <= 1) {
      for (int64_t item = 0; item < items; ++item) {
        body(item, 0);
        YieldIfDue(0);
      }
      return;
    }
    RunShared(items, &body, [](const void* context, int64_t item, int thread) {
      (*static_cast<const Body*>(context))(item, thread);
    });
  }

 private:
  using ItemFunction = void (*)(const void* context, int64_t item, int thread);
  using Clock = std::chrono::steady_clock;

  void RunShared(int64_t items, const void* context, ItemFunction function);
  void Help(int thread);
  // Claims and runs items of the round until none are left.
  void Work(uint32_t round, int thread);
  void Publish(uint32_t round);
  void YieldIfDue(int thread);

  // The round in the upper half, the number of unclaimed items in the lower: one atomic operation claims an item of a
  // certain round.
  std::atomic<uint64_t> claim_{0};
  // The work of the round: written before `claim_`, and unchanged until all items are done.
  int64_t items_ = 0;
  const void* context_ = nullptr;
  ItemFunction function_ = nullptr;
  // Items that are not done yet.
  alignas(64) std::atomic<uint32_t> pending_{0};
  // The newest round, or kStop: helpers sleep until it changes.
  alignas(64) std::atomic<uint32_t> round_{0};
  // When each thread last yielded its core.
  std::vector<Clock::time_point> last_yields_;
  std::vector<std::thread> helpers_;
};

}  // namespace napi_torch::engine
