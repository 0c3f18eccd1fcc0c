// The thread that computes. It takes work of several engines in turn and never touches JavaScript.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "../error.h"
#include "plan.h"
#include "thread_pool.h"

namespace napi_torch::engine {

// A piece of work, done in parts between which others get their turn.
class Job {
 public:
  virtual ~Job() = default;

  // Does the next part and tells whether there are more. Throws what libtorch throws.
  virtual bool Advance(const Workplace& workplace, const Interrupt& interrupt) = 0;

  // What came of it, for whoever gave the job, once it is done.
  std::exception_ptr failure;
  WarningCollector warnings;
  bool was_cancelled = false;

 private:
  friend class Executor;
  std::atomic<bool> is_cancelled_{false};
  bool is_awaited_ = false;
  bool is_done_ = false;
};

// The jobs of one engine, done in their order.
class Lane {
 public:
  const EngineMemory& memory() const { return memory_; }

 private:
  friend class Executor;
  std::deque<std::shared_ptr<Job>> jobs_;
  EngineMemory memory_;
  // Whether the executor is at the first of them.
  bool is_active_ = false;
  // Whether the executor will come by.
  bool is_listed_ = false;
};

class Executor {
 public:
  // `threads` counts the executor's own. `notify` is called on its thread when jobs are done and none were before.
  Executor(int threads, std::function<void()> notify);
  // Waits for the step at which the executor is, and lets go of all jobs.
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  void Submit(const std::shared_ptr<Lane>& lane, std::shared_ptr<Job> job);
  // As Submit, but waits until the job is done; it is not among the completed ones then.
  void RunNow(const std::shared_ptr<Lane>& lane, const std::shared_ptr<Job>& job);
  // Ends the job early: at once if the executor is not at it, else after the step at which it is.
  void Cancel(const std::shared_ptr<Lane>& lane, const std::shared_ptr<Job>& job);

  std::vector<std::shared_ptr<Job>> TakeCompleted();

 private:
  using Lock = std::unique_lock<std::mutex>;

  void Work();
  void WorkOn(Lock& lock);
  void Enter(const std::shared_ptr<Lane>& lane, std::shared_ptr<Job> job);
  // Tells whether the owner is to be notified.
  bool Complete(std::shared_ptr<Job> job);

  ThreadPool pool_;
  const std::function<void()> notify_;
  bool is_limited_ = false;
  std::atomic<bool> stopping_{false};

  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable done_;
  // Lanes that have jobs, in the order of their turns.
  std::deque<std::shared_ptr<Lane>> lanes_;
  std::vector<std::shared_ptr<Job>> completed_;
  std::thread thread_;
};

}  // namespace napi_torch::engine
