// The JavaScript side of an executor: gives it jobs, and settles their promises when they are done.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "executor.h"

namespace napi_torch::engine {

class Host {
 public:
  // What a promise is resolved with.
  using Result = std::function<Napi::Value(Napi::Env, const Job&)>;

  // The host of this environment for that many threads and engines on that device, made when it is first asked for: who
  // waits for a device lets no work of the processor wait. It lives as long as the environment: an idle executor
  // sleeps.
  static std::shared_ptr<Host> Of(Napi::Env env, int threads, const at::Device& device);

  Host(Napi::Env env, int threads);

  // `id` names the job for Cancel; `kept` are objects whose memory it uses.
  Napi::Promise Submit(Napi::Env env, double id, const std::shared_ptr<Lane>& lane, std::shared_ptr<Job> job,
                       const std::vector<Napi::Value>& kept, Result result);
  bool IsPending(double id) const { return pending_.contains(id); }
  // As Submit, but waits.
  void RunNow(Napi::Env env, const std::shared_ptr<Lane>& lane, const std::shared_ptr<Job>& job);
  // Does nothing if there is no such job.
  void Cancel(double id);

 private:
  struct Pending {
    Napi::Promise::Deferred deferred;
    std::shared_ptr<Lane> lane;
    std::shared_ptr<Job> job;
    std::vector<Napi::ObjectReference> kept;
    Result result;
  };

  static void OnCompleted(napi_env env, napi_value callback, void* context, void* data);

  void Settle(Napi::Env env);
  Executor& OpenExecutor(Napi::Env env) const;
  // Ends the executor's thread, whatever it is at.
  void Close();

  std::unordered_map<double, Pending> pending_;
  std::unordered_map<const Job*, double> ids_;
  napi_threadsafe_function wake_ = nullptr;
  std::unique_ptr<Executor> executor_;
};

}  // namespace napi_torch::engine
