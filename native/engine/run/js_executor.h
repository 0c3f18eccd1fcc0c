// The JavaScript side of an executor: submits jobs, and settles their promises when they are done.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "../../borrowed.h"
#include "executor.h"

namespace napi_torch::engine {

class JsExecutor : public std::enable_shared_from_this<JsExecutor> {
 public:
  // Makes the value with which the promise of a job is resolved.
  using Result = std::function<Napi::Value(Napi::Env, const Job&)>;

  // The executor of this environment for that number of threads and that device, created when it is first needed. Each
  // device has one of its own, so that waiting for a GPU does not delay work on the CPU. It ends its threads when no
  // engine has it anymore, at the latest with the environment or the process; an idle executor sleeps.
  static std::shared_ptr<JsExecutor> Of(Napi::Env env, int threads, const at::Device& device);

  // The executor that computes gradients in this environment. It belongs to no engine, as a pass over a large graph
  // would keep requests waiting, and ends with the environment, or where another number of threads is asked for.
  static std::shared_ptr<JsExecutor> ForBackward(Napi::Env env, int threads);

  JsExecutor(Napi::Env env, int threads);
  ~JsExecutor();
  JsExecutor(const JsExecutor&) = delete;
  JsExecutor& operator=(const JsExecutor&) = delete;

  // `id` names the job for Cancel. `borrowed` is the memory that the job uses.
  Napi::Promise Submit(Napi::Env env, double id, const std::shared_ptr<JobQueue>& queue, std::shared_ptr<Job> job,
                       std::vector<BorrowedArray> borrowed, Result result);
  bool IsPending(double id) const { return pending_.contains(id); }
  // As Submit, but blocks until the job is done.
  void RunNow(Napi::Env env, const std::shared_ptr<JobQueue>& queue, const std::shared_ptr<Job>& job);
  // Does nothing if no pending job has that id.
  void Cancel(double id);
  // Ends the executor's threads after the step that runs, and uses no function of Node-API.
  void Stop();

 private:
  struct Pending {
    std::shared_ptr<JsExecutor> executor;
    Napi::Promise::Deferred deferred;
    std::shared_ptr<JobQueue> queue;
    std::shared_ptr<Job> job;
    std::vector<BorrowedArray> borrowed;
    Result result;
  };

  static std::shared_ptr<JsExecutor> Named(Napi::Env env, int threads, const std::string& name);
  static void OnCompleted(napi_env env, napi_value callback, void* context, void* data);

  void Settle(Napi::Env env);
  Executor& OpenExecutor(Napi::Env env) const;
  static void OnCleanup(void* executor);
  // Stops, and drops what is pending.
  void Close();

  std::unordered_map<double, Pending> pending_;
  std::unordered_map<const Job*, double> ids_;
  napi_env env_;
  bool is_open_ = true;
  napi_threadsafe_function wake_ = nullptr;
  std::unique_ptr<Executor> executor_;
};

}  // namespace napi_torch::engine
