#include "host.h"

#include <utility>

#include "../env.h"

namespace napi_torch::engine {

std::shared_ptr<Host> Host::Of(Napi::Env env, int threads, const at::Device& device) {
  std::shared_ptr<Host>& host = EnvData::Of(env).hosts[{threads, device.str()}];
  if (host == nullptr) {
    host = std::make_shared<Host>(env, threads);
    // A worker that is terminated calls the hook alone. It comes before that of the function that the executor calls,
    // which was added before, so that there is no call after the end of that.
    env.AddCleanupHook([host = host] { host->Close(); });
    // process.exit() calls no hook, and then destroys what libtorch uses, whoever still uses it.
    const Napi::Object process = env.Global().Get("process").As<Napi::Object>();
    const auto close = Napi::Function::New(env, [host = host](const Napi::CallbackInfo&) { host->Close(); });
    process.Get("once").As<Napi::Function>().Call(process, {Napi::String::New(env, "exit"), close});
  }
  return host;
}

Host::Host(Napi::Env env, int threads) {
  const napi_value name = Napi::String::New(env, "napi-torch.engine");
  NAPI_THROW_IF_FAILED_VOID(env, napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr,
                                                                 this, OnCompleted, &wake_));
  // The process need not live for an executor that has nothing to do.
  napi_unref_threadsafe_function(env, wake_);
  executor_ = std::make_unique<Executor>(
      threads, [wake = wake_] { napi_call_threadsafe_function(wake, nullptr, napi_tsfn_nonblocking); });
}

Napi::Promise Host::Submit(Napi::Env env, double id, const std::shared_ptr<Lane>& lane, std::shared_ptr<Job> job,
                           const std::vector<Napi::Value>& kept, Result result) {
  Executor& executor = OpenExecutor(env);
  Pending pending{Napi::Promise::Deferred::New(env), lane, job, {}, std::move(result)};
  for (const Napi::Value& value : kept) pending.kept.push_back(Napi::Persistent(value.As<Napi::Object>()));
  const Napi::Promise promise = pending.deferred.Promise();
  if (pending_.empty()) napi_ref_threadsafe_function(env, wake_);
  ids_.emplace(job.get(), id);
  pending_.emplace(id, std::move(pending));
  executor.Submit(lane, std::move(job));
  return promise;
}

void Host::RunNow(Napi::Env env, const std::shared_ptr<Lane>& lane, const std::shared_ptr<Job>& job) {
  OpenExecutor(env).RunNow(lane, job);
}

Executor& Host::OpenExecutor(Napi::Env env) const {
  if (executor_ == nullptr) throw TorchError(env, "TORCH_ENGINE_CLOSED", "The engines are closed, as the process ends");
  return *executor_;
}

void Host::Cancel(double id) {
  const auto found = pending_.find(id);
  if (found != pending_.end()) executor_->Cancel(found->second.lane, found->second.job);
}

void Host::OnCompleted(napi_env env, napi_value /*callback*/, void* context, void* /*data*/) {
  Host& host = *static_cast<Host*>(context);
  if (env == nullptr || host.executor_ == nullptr) return;  // The environment ends.
  try {
    host.Settle(env);
  } catch (const Napi::Error&) {
    // Only where JavaScript cannot run any more, as in a worker that is being terminated.
  }
}

void Host::Settle(Napi::Env env) {
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

void Host::Close() {
  if (executor_ == nullptr) return;
  executor_.reset();
  pending_.clear();
  ids_.clear();
  napi_release_threadsafe_function(wake_, napi_tsfn_abort);
}

}  // namespace napi_torch::engine
