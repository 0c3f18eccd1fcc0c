#include "env.h"

#include <utility>

namespace napi_torch {
namespace {

// Tells the garbage collector about memory that it cannot see, so that it collects dropped tensors in time. Calls the C
// function, as the wrapper throws and finalizers, which also end up here, have no catch around them.
void AdjustExternalMemory(Napi::Env env, const c10::StorageImpl* storage, int64_t change) {
  int64_t total = 0;
  if (storage->device_type() == c10::DeviceType::CPU) napi_adjust_external_memory(env, change, &total);
}

}  // namespace

void Ledger::Acquire(Napi::Env env, const c10::StorageImpl* storage) {
  ++tensors_;
  Entry& entry = storages_[storage];
  if (entry.handles++ > 0) return;

  entry.bytes = static_cast<int64_t>(storage->nbytes());
  bytes_ += entry.bytes;
  AdjustExternalMemory(env, storage, entry.bytes);
}

void Ledger::Release(Napi::Env env, const c10::StorageImpl* storage) {
  --tensors_;
  const auto found = storages_.find(storage);
  if (found == storages_.end() || --found->second.handles > 0) return;

  bytes_ -= found->second.bytes;
  AdjustExternalMemory(env, storage, -found->second.bytes);
  storages_.erase(found);
}

void Ledger::Retire(napi_ref reference) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!closed_) retired_.push_back(reference);
}

void Ledger::DeleteRetired(Napi::Env env) {
  std::vector<napi_ref> retired;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    retired.swap(retired_);
  }
  for (const napi_ref reference : retired) napi_delete_reference(env, reference);
}

void Ledger::Close() {
  const std::lock_guard<std::mutex> lock(mutex_);
  closed_ = true;
  retired_.clear();
}

}  // namespace napi_torch
