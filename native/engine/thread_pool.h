// The threads of one executor. They share a range of work items, spin for a bounded time when there is none, and then
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
  // The caller of Run is one of `threads`.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(helpers_.size()) + 1; }

  // Calls body(item, thread) for each item from 0, and returns when all are done. Threads take the items one after the
  // other, so that one that is slowed down holds up no more than its item. `body` must not throw. One caller at a time.
  template <class Body>
  void Run(int64_t items, const Body& body) {
    if (helpers_.empty() || items <= 1) {
      for (int64_t item = 0; item < items; ++item) {
        body(item, 0);
        LetOthersRun(0);
      }
      return;
    }
    RunShared(items, &body, [](const void* context, int64_t item, int thread) {
      (*static_cast<const Body*>(context))(item, thread);
    });
  }

 private:
  using Call = void (*)(const void* context, int64_t item, int thread);
  using Clock = std::chrono::steady_clock;

  void RunShared(int64_t items, const void* context, Call call);
  void Help(int thread);
  // Takes and runs items of the round while there are some.
  void Work(uint32_t round, int thread);
  void Publish(uint32_t round);
  void LetOthersRun(int thread);

  // The round in the upper half, the items that nobody has taken yet in the lower: taking one can then not mix up
  // rounds.
  std::atomic<uint64_t> claim_{0};
  // Of the round. Written before `claim_`, and stable while one of its items is not done.
  int64_t items_ = 0;
  const void* context_ = nullptr;
  Call call_ = nullptr;
  // Items that are not done.
  alignas(64) std::atomic<uint32_t> pending_{0};
  // What helpers sleep on: the newest round, or kStop.
  alignas(64) std::atomic<uint32_t> round_{0};
  // Of each thread, when it last let others run.
  std::vector<Clock::time_point> turns_;
  std::vector<std::thread> helpers_;
};

}  // namespace napi_torch::engine
