// State of one JavaScript environment (the main thread or a worker). It belongs to the environment and is destroyed
// with it: the addon has no mutable globals, as several environments and several copies of the package are normal.
#pragma once

#include <c10/core/StorageImpl.h>
#include <napi.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "autocast.h"
#include "grad_mode.h"

namespace napi_torch {

namespace engine {
class JsExecutor;
}

// Counts the tensors and the memory that the handles of one environment keep alive. Shared with handles and deleters,
// which may outlive the environment for a moment.
class Ledger {
 public:
  // Called when a handle of `storage` is created or ends, only on the JavaScript thread.
  void Acquire(Napi::Env env, const c10::StorageImpl* storage);
  void Release(Napi::Env env, const c10::StorageImpl* storage);

  // Takes over a reference to a JavaScript object that native memory no longer needs. Any thread may call it. Only the
  // JavaScript thread may delete references, which it does in DeleteRetired.
  void Retire(napi_ref reference);
  void DeleteRetired(Napi::Env env);
  // The environment is shutting down, which deletes its references.
  void Close();

  int64_t tensors() const { return tensors_; }
  int64_t bytes() const { return bytes_; }

 private:
  struct Entry {
    int64_t handles = 0;
    int64_t bytes = 0;
  };

  int64_t tensors_ = 0;
  int64_t bytes_ = 0;
  std::unordered_map<const c10::StorageImpl*, Entry> storages_;

  std::mutex mutex_;
  bool closed_ = false;
  std::vector<napi_ref> retired_;
};

struct EnvData {
  Napi::FunctionReference error_class;
  // The global object of the realm that uses the addon, which need not be that of the environment: Jest makes others.
  Napi::ObjectReference globals;
  std::shared_ptr<Ledger> ledger = std::make_shared<Ledger>();
  // By the number of their threads, and their device or use. Engines own them.
  std::map<std::pair<int, std::string>, std::weak_ptr<engine::JsExecutor>> executors;
  GradMode grad_mode = GradMode::kEnabled;
  Autocast autocast;
  // Computes gradients off the JavaScript thread, from when that is first asked for.
  std::shared_ptr<engine::JsExecutor> backward_executor;

  static EnvData& Of(Napi::Env env) { return *env.GetInstanceData<EnvData>(); }
};

}  // namespace napi_torch
