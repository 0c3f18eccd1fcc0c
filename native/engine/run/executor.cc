#include "executor.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <utility>

namespace napi_torch::engine {
namespace {

// Limits the threads that libtorch's operators use on this thread. libtorch also makes the limit that was set last the
// default of new threads, so another thread sets the former default again.
void LimitOperatorThreads(int threads) {
  int before = 0;
  std::thread([&before] { before = at::get_num_threads(); }).join();
  at::set_num_threads(threads);
  std::thread([before] { at::set_num_threads(before); }).join();
}

}  // namespace

Executor::Executor(int threads, std::function<void()> notify)
    : pool_(threads), notify_(std::move(notify)), thread_([this] { Work(); }) {}

Executor::~Executor() {
  {
    const Lock lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  thread_.join();
}

void Executor::Submit(const std::shared_ptr<JobQueue>& queue, std::shared_ptr<Job> job) {
  const Lock lock(mutex_);
  Enqueue(queue, std::move(job));
}

void Executor::RunNow(const std::shared_ptr<JobQueue>& queue, const std::shared_ptr<Job>& job) {
  Lock lock(mutex_);
  job->is_awaited_ = true;
  Enqueue(queue, job);
  done_.wait(lock, [&job] { return job->is_done_; });
}

void Executor::Cancel(const std::shared_ptr<JobQueue>& queue, const std::shared_ptr<Job>& job) {
  bool notify = false;
  {
    const Lock lock(mutex_);
    job->is_canceled_ = true;
    const auto found = std::find(queue->jobs_.begin(), queue->jobs_.end(), job);
    const bool is_running = queue->is_active_ && found == queue->jobs_.begin();
    if (found != queue->jobs_.end() && !is_running) {
      queue->jobs_.erase(found);
      job->was_canceled = true;
      notify = Complete(job);
    }
  }
  if (notify) notify_();
}

std::vector<std::shared_ptr<Job>> Executor::TakeCompleted() {
  const Lock lock(mutex_);
  return std::exchange(completed_, {});
}

void Executor::Enqueue(const std::shared_ptr<JobQueue>& queue, std::shared_ptr<Job> job) {
  queue->jobs_.push_back(std::move(job));
  if (queue->is_listed_) return;
  queue->is_listed_ = true;
  queues_.push_back(queue);
  work_.notify_one();
}

bool Executor::Complete(std::shared_ptr<Job> job) {
  job->is_done_ = true;
  if (job->is_awaited_) {
    done_.notify_all();
    return false;
  }
  completed_.push_back(std::move(job));
  return completed_.size() == 1;
}

void Executor::Work() {
  const c10::InferenceMode inference_mode;
  Lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [this] { return stopping_ || !queues_.empty(); });
    if (stopping_) break;
    WorkOnNext(lock);
  }
  for (const std::shared_ptr<JobQueue>& queue : queues_) queue->jobs_.clear();
  queues_.clear();
  completed_.clear();
}

// Does one part of the first job of the next queue.
void Executor::WorkOnNext(Lock& lock) {
  const std::shared_ptr<JobQueue> queue = std::move(queues_.front());
  queues_.pop_front();
  queue->is_listed_ = false;
  if (queue->jobs_.empty()) return;  // All of them have been canceled.

  std::shared_ptr<Job> job = queue->jobs_.front();
  queue->is_active_ = true;
  lock.unlock();
  bool has_more = false;
  try {
    const c10::WarningUtils::WarningHandlerGuard guard(&job->warnings);
    if (!has_thread_limit_) LimitOperatorThreads(pool_.threads());
    has_thread_limit_ = true;
    has_more = job->Advance({pool_, queue->memory_}, {job->is_canceled_, stopping_});
  } catch (...) {
    job->failure = std::current_exception();
  }
  lock.lock();
  queue->is_active_ = false;

  const bool is_canceled = has_more && job->is_canceled_;
  bool notify = false;
  if (!has_more || is_canceled) {
    queue->jobs_.pop_front();
    job->was_canceled = job->was_canceled || is_canceled;
    notify = Complete(std::move(job));
  }
  if (!queue->jobs_.empty()) {
    queue->is_listed_ = true;
    queues_.push_back(queue);
  }
  if (notify) {
    lock.unlock();
    notify_();
    lock.lock();
  }
}

}  // namespace napi_torch::engine
