#include "executor.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <utility>

namespace napi_torch::engine {
namespace {

// Limits the threads of libtorch's operators on this thread. libtorch makes the limit that any thread has set last the
// default of threads to come, so another one sets the former default again.
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

void Executor::Submit(const std::shared_ptr<Lane>& lane, std::shared_ptr<Job> job) {
  const Lock lock(mutex_);
  Enter(lane, std::move(job));
}

void Executor::RunNow(const std::shared_ptr<Lane>& lane, const std::shared_ptr<Job>& job) {
  Lock lock(mutex_);
  job->is_awaited_ = true;
  Enter(lane, job);
  done_.wait(lock, [&job] { return job->is_done_; });
}

void Executor::Cancel(const std::shared_ptr<Lane>& lane, const std::shared_ptr<Job>& job) {
  bool notify = false;
  {
    const Lock lock(mutex_);
    job->is_cancelled_ = true;
    const auto found = std::find(lane->jobs_.begin(), lane->jobs_.end(), job);
    const bool is_at_work = lane->is_active_ && found == lane->jobs_.begin();
    if (found != lane->jobs_.end() && !is_at_work) {
      lane->jobs_.erase(found);
      job->was_cancelled = true;
      notify = Complete(job);
    }
  }
  if (notify) notify_();
}

std::vector<std::shared_ptr<Job>> Executor::TakeCompleted() {
  const Lock lock(mutex_);
  return std::exchange(completed_, {});
}

void Executor::Enter(const std::shared_ptr<Lane>& lane, std::shared_ptr<Job> job) {
  lane->jobs_.push_back(std::move(job));
  if (lane->is_listed_) return;
  lane->is_listed_ = true;
  lanes_.push_back(lane);
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
    work_.wait(lock, [this] { return stopping_ || !lanes_.empty(); });
    if (stopping_) break;
    WorkOn(lock);
  }
  for (const std::shared_ptr<Lane>& lane : lanes_) lane->jobs_.clear();
  lanes_.clear();
  completed_.clear();
}

// Gives the lane whose turn it is one part of its first job.
void Executor::WorkOn(Lock& lock) {
  const std::shared_ptr<Lane> lane = std::move(lanes_.front());
  lanes_.pop_front();
  lane->is_listed_ = false;
  if (lane->jobs_.empty()) return;  // All have been cancelled.

  std::shared_ptr<Job> job = lane->jobs_.front();
  lane->is_active_ = true;
  lock.unlock();
  bool has_more = false;
  try {
    const c10::WarningUtils::WarningHandlerGuard guard(&job->warnings);
    if (!is_limited_) LimitOperatorThreads(pool_.threads());
    is_limited_ = true;
    has_more = job->Advance({pool_, lane->memory_}, {job->is_cancelled_, stopping_});
  } catch (...) {
    job->failure = std::current_exception();
  }
  lock.lock();
  lane->is_active_ = false;

  const bool is_cancelled = has_more && job->is_cancelled_;
  bool notify = false;
  if (!has_more || is_cancelled) {
    lane->jobs_.pop_front();
    job->was_cancelled = job->was_cancelled || is_cancelled;
    notify = Complete(std::move(job));
  }
  if (!lane->jobs_.empty()) {
    lane->is_listed_ = true;
    lanes_.push_back(lane);
  }
  if (notify) {
    lock.unlock();
    notify_();
    lock.lock();
  }
}

}  // namespace napi_torch::engine
