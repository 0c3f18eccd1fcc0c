#include "handle.h"

#include <memory>
#include <utility>

#include "allocator.h"
#include "convert.h"
#include "env.h"
#include "error.h"

namespace napi_torch {
namespace {

// Distinguishes our handles from all other objects, including those of a second copy of this addon, which may have
// another version: one half is random, the other is an address, which each loaded copy has for itself.
const napi_type_tag kTensorTag = {0x5d0c1f6f1a7b4e52, reinterpret_cast<uint64_t>(&kTensorTag)};

class Handle {
 public:
  Handle(Napi::Env env, std::shared_ptr<Ledger> ledger, at::Tensor tensor)
      : ledger_(std::move(ledger)), tensor_(std::move(tensor)) {
    ledger_->Acquire(env, Storage());
  }

  void Dispose(Napi::Env env) {
    if (!tensor_.defined()) return;
    ledger_->Release(env, Storage());
    tensor_.reset();
    ledger_->DeleteRetired(env);
  }

  const at::Tensor& tensor() const { return tensor_; }

 private:
  const c10::StorageImpl* Storage() const { return tensor_.storage().unsafeGetStorageImpl(); }

  std::shared_ptr<Ledger> ledger_;
  at::Tensor tensor_;
};

void Finalize(napi_env env, void* data, void* /*hint*/) {
  const std::unique_ptr<Handle> handle(static_cast<Handle*>(data));
  handle->Dispose(env);
}

Handle* HandleOf(Napi::Value value) {
  if (!value.IsObject()) return nullptr;
  bool is_ours = false;
  if (napi_check_object_type_tag(value.Env(), value, &kTensorTag, &is_ours) != napi_ok || !is_ours) return nullptr;
  void* data = nullptr;
  if (napi_unwrap(value.Env(), value, &data) != napi_ok) return nullptr;
  return static_cast<Handle*>(data);
}

// dispose(tensor): releases the memory now. A second call does nothing.
Napi::Value Dispose(const Napi::CallbackInfo& info) {
  Handle* handle = HandleOf(info[0]);
  if (handle == nullptr) throw Expected(info.Env(), "a tensor", "tensor");
  handle->Dispose(info.Env());
  return info.Env().Undefined();
}

Napi::Value IsDisposed(const Napi::CallbackInfo& info) {
  const Handle* handle = HandleOf(info[0]);
  if (handle == nullptr) throw Expected(info.Env(), "a tensor", "tensor");
  return Napi::Boolean::New(info.Env(), !handle->tensor().defined());
}

// alias(tensor): a second handle of the same tensor.
Napi::Value Alias(const Napi::CallbackInfo& info) {
  const at::Tensor tensor = Arguments(info, "alias").Tensor(0, "tensor");
  return WrapTensor(info.Env(), tensor.alias());
}

class ReleaseWorker : public Napi::AsyncWorker {
 public:
  explicit ReleaseWorker(Napi::Env env)
      : Napi::AsyncWorker(env, "napi-torch.releaseFreeMemory"), deferred_(Napi::Promise::Deferred::New(env)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }
  void Execute() override { napi_torch::ReleaseFreeMemory(); }
  void OnOK() override { deferred_.Resolve(Env().Undefined()); }

 private:
  Napi::Promise::Deferred deferred_;
};

// releaseFreeMemory(): Promise<void>, on a pool thread.
Napi::Value ReleaseFreeMemory(const Napi::CallbackInfo& info) {
  auto worker = std::make_unique<ReleaseWorker>(info.Env());
  const Napi::Promise promise = worker->promise();
  worker->Queue();
  worker.release();  // NOLINT(bugprone-unused-return-value): a queued worker deletes itself.
  return promise;
}

Napi::Value Memory(const Napi::CallbackInfo& info) {
  const Ledger& ledger = *EnvData::Of(info.Env()).ledger;
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("tensors", Napi::Number::New(info.Env(), static_cast<double>(ledger.tensors())));
  result.Set("bytes", Napi::Number::New(info.Env(), static_cast<double>(ledger.bytes())));
  return result;
}

}  // namespace

Napi::Value WrapTensor(Napi::Env env, at::Tensor tensor) {
  const std::shared_ptr<Ledger>& ledger = EnvData::Of(env).ledger;
  ledger->DeleteRetired(env);
  Napi::Object object = Napi::Object::New(env);
  auto handle = std::make_unique<Handle>(env, ledger, std::move(tensor));
  if (napi_wrap(env, object, handle.get(), Finalize, nullptr, nullptr) != napi_ok) {
    handle->Dispose(env);
    throw TorchError(env, "TORCH_INTERNAL", "The environment refused a new tensor handle");
  }
  handle.release();  // NOLINT(bugprone-unused-return-value): Finalize owns it from here.
  napi_type_tag_object(env, object, &kTensorTag);
  return object;
}

bool IsTensor(Napi::Value value) { return HandleOf(value) != nullptr; }

const at::Tensor& UnwrapTensor(Napi::Value value, const std::string& name) {
  const Handle* handle = HandleOf(value);
  if (handle == nullptr) throw Expected(value.Env(), "a tensor", name);
  if (!handle->tensor().defined()) {
    throw TorchError(value.Env(), "TORCH_DISPOSED", "Expected a live tensor for " + name + ", received a disposed one");
  }
  return handle->tensor();
}

void InitHandle(Napi::Env env, Napi::Object exports) {
  Export<Dispose>(env, exports, "dispose");
  Export<IsDisposed>(env, exports, "isDisposed");
  Export<Alias>(env, exports, "alias");
  Export<Memory>(env, exports, "memory");
  Export<ReleaseFreeMemory>(env, exports, "releaseFreeMemory");
}

}  // namespace napi_torch
