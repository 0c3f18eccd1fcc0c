// The JavaScript side of an executor: submits jobs, and settles their promises when they are done.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "executor.h"

namespace napi_torch::engine {

class JsExecutor {
 public:
  // Makes the value with which the promise of a job is resolved.
  using Result = std::function<Napi::Value(Napi::Env, const Job&)>;

  // The executor of this environment for that number of threads and that device, created when it is first needed. Each
  // device has one of its own, so that waiting for a GPU does not delay work on the CPU. It lives as long as the
  // environment; an idle executor sleeps.
  static std::shared_ptr<JsExecutor> Of(Napi::Env env, int threads, const at::Device& device);

  JsExecutor(Napi::Env env, int threads);

  // `id` names the job for Cancel. `kept` are objects whose memory the job uses: they are not collected before it ends.
  Napi::Promise Submit(Napi::Env env, double id, const std::shared_ptr<JobQueue>& queue, std::shared_ptr<Job> job,
                       const std::vector<Napi::Value>& kept, Result result);
  bool IsPending(double id) const { return pending_.contains(id); }
  // As Submit, but blocks until the job is done.
  void RunNow(Napi::Env env, const std::shared_ptr<JobQueue>& queue, const std::shared_ptr<Job>& job);
  // Does nothing if no pending job has that id.
  void Cancel(double id);

 private:
  struct Pending {
    Napi::Promise::Deferred deferred;
    std::shared_ptr<JobQueue> queue;
    std::shared_ptr<Job> job;
    std::vector<Napi::ObjectReference> kept;
    Result result;
  };

  static void OnCompleted(napi_env env, napi_value callback, void* context, void* data);

  void Settle(Napi::Env env);
  Executor& OpenExecutor(Napi::Env env) const;
  // Ends the executor's thread after the step that runs.
  void Close();

  std::unordered_map<double, Pending> pending_;
  std::unordered_map<const Job*, double> ids_;
  napi_threadsafe_function wake_ = nullptr;
  std::unique_ptr<Executor> executor_;
};

}  // namespace napi_torch::engine
