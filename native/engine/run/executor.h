// The thread that computes. It works for several engines in turn, and never accesses JavaScript.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "../../error.h"
#include "../network/thread_pool.h"
#include "../plan/plan.h"

namespace napi_torch::engine {

// Work that is done in parts, between which other engines have their turn.
class Job {
 public:
  virtual ~Job() = default;

  // Does the next part, and returns whether there are more. May throw what libtorch throws.
  virtual bool Advance(const Resources& resources, const Interrupt& interrupt) = 0;

  // The outcome, once the job is done.
  std::exception_ptr failure;
  WarningCollector warnings;
  bool was_canceled = false;

 private:
  friend class Executor;
  std::atomic<bool> is_canceled_{false};
  bool is_awaited_ = false;
  bool is_done_ = false;
};

// The jobs of one engine, in the order in which they are done, and the memory that they share.
class JobQueue {
 public:
  const EngineMemory& memory() const { return memory_; }

 private:
  friend class Executor;
  std::deque<std::shared_ptr<Job>> jobs_;
  EngineMemory memory_;
  // Whether the executor is working on the first of them.
  bool is_active_ = false;
  // Whether the queue is in the list of the executor.
  bool is_listed_ = false;
};

class Executor {
 public:
  // `threads` includes the executor's own. It calls `notify` on its thread when the list of completed jobs is no longer
  // empty.
  Executor(int threads, std::function<void()> notify);
  // Waits for the step that runs, and drops all jobs.
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  void Submit(const std::shared_ptr<JobQueue>& queue, std::shared_ptr<Job> job);
  // As Submit, but waits until the job is done. It is then not among the completed ones.
  void RunNow(const std::shared_ptr<JobQueue>& queue, const std::shared_ptr<Job>& job);
  // Ends the job early: at once, or after the current step if the job is running.
  void Cancel(const std::shared_ptr<JobQueue>& queue, const std::shared_ptr<Job>& job);

  std::vector<std::shared_ptr<Job>> TakeCompleted();

 private:
  using Lock = std::unique_lock<std::mutex>;

  void Work();
  void WorkOnNext(Lock& lock);
  void Enqueue(const std::shared_ptr<JobQueue>& queue, std::shared_ptr<Job> job);
  // Returns whether notify_ must be called.
  bool Complete(std::shared_ptr<Job> job);

  ThreadPool pool_;
  const std::function<void()> notify_;
  bool has_thread_limit_ = false;
  std::atomic<bool> stopping_{false};

  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable done_;
  // The queues that have jobs, in the order of their turns.
  std::deque<std::shared_ptr<JobQueue>> queues_;
  std::vector<std::shared_ptr<Job>> completed_;
  std::thread thread_;
};

}  // namespace napi_torch::engine
