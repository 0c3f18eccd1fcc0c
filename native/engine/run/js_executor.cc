#include "js_executor.h"

#include <utility>

#include "../../env.h"

namespace napi_torch::engine {
namespace {

// Stops the executors of a JavaScript thread when the thread ends or calls exit(), which destroys the objects of its
// thread before any static one (C++20, basic.start.term): libtorch and oneDNN take apart what the executors would still
// use. Unlike a listener it cannot be removed, and `process.reallyExit` runs it too. A function for atexit would be
// too early in the reverse order: operators make static objects when they first run.
class StopAtExit {
 public:
  ~StopAtExit() {
    for (const std::weak_ptr<JsExecutor>& weak : executors_) {
      if (const std::shared_ptr<JsExecutor> executor = weak.lock()) executor->Stop();
    }
  }

  void Add(const std::shared_ptr<JsExecutor>& executor) {
    std::erase_if(executors_, [](const std::weak_ptr<JsExecutor>& weak) { return weak.expired(); });
    executors_.push_back(executor);
  }

 private:
  std::vector<std::weak_ptr<JsExecutor>> executors_;
};

void StopWithThread([[maybe_unused]] const std::shared_ptr<JsExecutor>& executor) {
#ifndef _WIN32  // There all threads have ended before the destructors of libraries run.
  static thread_local StopAtExit stop_at_exit;
  stop_at_exit.Add(executor);
#endif
}

}  // namespace

std::shared_ptr<JsExecutor> JsExecutor::Of(Napi::Env env, int threads, const at::Device& device) {
  return Named(env, threads, device.str());
}

std::shared_ptr<JsExecutor> JsExecutor::ForBackward(Napi::Env env, int threads) {
  std::shared_ptr<JsExecutor>& kept = EnvData::Of(env).backward_executor;
  kept = Named(env, threads, "backward");
  return kept;
}

std::shared_ptr<JsExecutor> JsExecutor::Named(Napi::Env env, int threads, const std::string& name) {
  std::weak_ptr<JsExecutor>& known = EnvData::Of(env).executors[{threads, name}];
  std::shared_ptr<JsExecutor> executor = known.lock();
  if (executor == nullptr) {
    executor = std::make_shared<JsExecutor>(env, threads);
    known = executor;
    StopWithThread(executor);
  }
  return executor;
}

JsExecutor::JsExecutor(Napi::Env env, int threads) : env_(env) {
  const napi_value name = Napi::String::New(env, "napi-torch.engine");
  NAPI_THROW_IF_FAILED_VOID(env, napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr,
                                                                 this, OnCompleted, &wake_));
  // An idle executor does not keep the process alive.
  napi_unref_threadsafe_function(env, wake_);
  executor_ = std::make_unique<Executor>(
      threads, [wake = wake_] { napi_call_threadsafe_function(wake, nullptr, napi_tsfn_nonblocking); });
  // Hooks run in reverse order, so this one ends the executor before the thread-safe function that it calls is
  // released.
  napi_add_env_cleanup_hook(env, OnCleanup, this);
}

JsExecutor::~JsExecutor() { Close(); }

void JsExecutor::OnCleanup(void* executor) {
  // What is pending may be the last that owns it.
  const std::shared_ptr<JsExecutor> self = static_cast<JsExecutor*>(executor)->shared_from_this();
  self->Close();
}

Napi::Promise JsExecutor::Submit(Napi::Env env, double id, const std::shared_ptr<JobQueue>& queue,
                                 std::shared_ptr<Job> job, std::vector<BorrowedArray> borrowed, Result result) {
  Executor& executor = OpenExecutor(env);
  Pending pending{shared_from_this(), Napi::Promise::Deferred::New(env), queue, job, std::move(borrowed),
                  std::move(result)};
  const Napi::Promise promise = pending.deferred.Promise();
  if (pending_.empty()) napi_ref_threadsafe_function(env, wake_);
  ids_.emplace(job.get(), id);
  pending_.emplace(id, std::move(pending));
  executor.Submit(queue, std::move(job));
  return promise;
}

void JsExecutor::RunNow(Napi::Env env, const std::shared_ptr<JobQueue>& queue, const std::shared_ptr<Job>& job) {
  OpenExecutor(env).RunNow(queue, job);
}

Executor& JsExecutor::OpenExecutor(Napi::Env env) const {
  if (executor_ == nullptr) throw TorchError(env, "TORCH_ENGINE_CLOSED", "The engine is closed");
  return *executor_;
}

void JsExecutor::Cancel(double id) {
  const auto found = pending_.find(id);
  if (found != pending_.end()) executor_->Cancel(found->second.queue, found->second.job);
}

void JsExecutor::OnCompleted(napi_env env, napi_value /*callback*/, void* context, void* /*data*/) {
  if (env == nullptr) return;  // The executor is closed, and may be gone.
  // The last pending job may be the last that owns it.
  const std::shared_ptr<JsExecutor> executor = static_cast<JsExecutor*>(context)->shared_from_this();
  if (executor->executor_ == nullptr) return;
  try {
    executor->Settle(env);
  } catch (const Napi::Error&) {
    // Only where JavaScript cannot run anymore, as in a worker that is being terminated.
  }
}

void JsExecutor::Settle(Napi::Env env) {
  for (const std::shared_ptr<Job>& job : executor_->TakeCompleted()) {
    const auto id = ids_.find(job.get());
    auto node = pending_.extract(id->second);
    ids_.erase(id);
    if (pending_.empty()) napi_unref_threadsafe_function(env, wake_);
    Pending& pending = node.mapped();
    job->warnings.EmitTo(env);
    try {
      if (job->failure != nullptr) std::rethrow_exception(job->failure);
      for (const BorrowedArray& array : pending.borrowed) array.Return(env);
      pending.deferred.Resolve(pending.result(env, *job));
    } catch (const Napi::Error& error) {
      pending.deferred.Reject(error.Value());
    } catch (...) {
      pending.deferred.Reject(CurrentError(env).Value());
    }
  }
}

void JsExecutor::Stop() { executor_.reset(); }

void JsExecutor::Close() {
  if (!is_open_) return;
  is_open_ = false;
  Stop();
  napi_remove_env_cleanup_hook(env_, OnCleanup, this);
  pending_.clear();
  ids_.clear();
  napi_release_threadsafe_function(wake_, napi_tsfn_abort);
}

}  // namespace napi_torch::engine
