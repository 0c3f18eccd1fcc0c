#include "js_executor.h"

#include <utility>

#include "../../env.h"

namespace napi_torch::engine {

std::shared_ptr<JsExecutor> JsExecutor::Of(Napi::Env env, int threads, const at::Device& device) {
  std::shared_ptr<JsExecutor>& executor = EnvData::Of(env).executors[{threads, device.str()}];
  if (executor == nullptr) {
    executor = std::make_shared<JsExecutor>(env, threads);
    // A terminated worker calls only the hook. Hooks run in reverse order, so this one ends the executor before the
    // thread-safe function that it calls is released.
    env.AddCleanupHook([executor = executor] { executor->Close(); });
    // process.exit() calls no hook, and destroys state of libtorch that the executor could still use.
    const Napi::Object process = env.Global().Get("process").As<Napi::Object>();
    const auto close =
        Napi::Function::New(env, [executor = executor](const Napi::CallbackInfo&) { executor->Close(); });
    process.Get("once").As<Napi::Function>().Call(process, {Napi::String::New(env, "exit"), close});
  }
  return executor;
}

JsExecutor::JsExecutor(Napi::Env env, int threads) {
  const napi_value name = Napi::String::New(env, "napi-torch.engine");
  NAPI_THROW_IF_FAILED_VOID(env, napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr,
                                                                 this, OnCompleted, &wake_));
  // An idle executor does not keep the process alive.
  napi_unref_threadsafe_function(env, wake_);
  executor_ = std::make_unique<Executor>(
      threads, [wake = wake_] { napi_call_threadsafe_function(wake, nullptr, napi_tsfn_nonblocking); });
}

Napi::Promise JsExecutor::Submit(Napi::Env env, double id, const std::shared_ptr<JobQueue>& queue,
                                 std::shared_ptr<Job> job, const std::vector<Napi::Value>& kept, Result result) {
  Executor& executor = OpenExecutor(env);
  Pending pending{Napi::Promise::Deferred::New(env), queue, job, {}, std::move(result)};
  for (const Napi::Value& value : kept) pending.kept.push_back(Napi::Persistent(value.As<Napi::Object>()));
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
  if (executor_ == nullptr)
    throw TorchError(env, "TORCH_ENGINE_CLOSED", "The engines are closed, because the process is exiting");
  return *executor_;
}

void JsExecutor::Cancel(double id) {
  const auto found = pending_.find(id);
  if (found != pending_.end()) executor_->Cancel(found->second.queue, found->second.job);
}

void JsExecutor::OnCompleted(napi_env env, napi_value /*callback*/, void* context, void* /*data*/) {
  JsExecutor& executor = *static_cast<JsExecutor*>(context);
  if (env == nullptr || executor.executor_ == nullptr) return;  // The environment is shutting down.
  try {
    executor.Settle(env);
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
    if (job->failure == nullptr) {
      pending.deferred.Resolve(pending.result(env, *job));
    } else {
      try {
        std::rethrow_exception(job->failure);
      } catch (...) {
        pending.deferred.Reject(CurrentError(env).Value());
      }
    }
  }
}

void JsExecutor::Close() {
  if (executor_ == nullptr) return;
  executor_.reset();
  pending_.clear();
  ids_.clear();
  napi_release_threadsafe_function(wake_, napi_tsfn_abort);
}

}  // namespace napi_torch::engine
