#include "borrowed.h"

#ifndef _WIN32
#include <dlfcn.h>
#endif

#include <algorithm>
#include <cstring>
#include <utility>

#include "error.h"

namespace v8 {
class BackingStore;
}

namespace napi_torch {
namespace {

using Store = std::shared_ptr<v8::BackingStore>;

// Node-API has no function that keeps memory when its ArrayBuffer is transferred; V8 has, under these names since
// Node 14. A handle of Node-API is one of V8 there (js_native_api_v8.h), and a member function takes its object as the
// first argument on all systems but Windows, where the memory is copied instead.
struct Engine {
  Store (*backing_store)(napi_value buffer);
  bool (*is_resizable)(const v8::BackingStore* store);
  bool (*is_detachable)(napi_value buffer);
};

Engine EngineOfProcess() {
#ifdef _WIN32
  return {};
#else
  // Other runtimes may have some of V8's names, but their own handles.
  if (dlsym(RTLD_DEFAULT, "_ZN4node5StartEiPPc") == nullptr) return {};
  return {
      reinterpret_cast<decltype(Engine::backing_store)>(dlsym(RTLD_DEFAULT, "_ZN2v811ArrayBuffer15GetBackingStoreEv")),
      reinterpret_cast<decltype(Engine::is_resizable)>(
          dlsym(RTLD_DEFAULT, "_ZNK2v812BackingStore27IsResizableByUserJavaScriptEv")),
      reinterpret_cast<decltype(Engine::is_detachable)>(dlsym(RTLD_DEFAULT, "_ZNK2v811ArrayBuffer12IsDetachableEv")),
  };
#endif
}

// Whether `transfer(length)` moves memory to another place although others hold it, as in Node 21 to 23: older ones
// have no such method, newer ones copy.
bool MovesMemory([[maybe_unused]] Napi::Env env) {
#ifdef _WIN32
  return true;
#else
  constexpr char kMove[] = "_ZN2v812BackingStore10ReallocateEPNS_7IsolateESt10unique_ptrIS0_St14default_deleteIS0_EEm";
  const napi_node_version* version = nullptr;
  napi_get_node_version(env, &version);
  return version != nullptr && version->major > 20 && dlsym(RTLD_DEFAULT, kMove) != nullptr;
#endif
}

}  // namespace

bool MayBeDetached(Napi::Env env, const Bytes& bytes) {
  bool is_array_buffer = false;
  napi_is_arraybuffer(env, bytes.buffer, &is_array_buffer);
  const auto is_detachable = EngineOfProcess().is_detachable;
  return !is_array_buffer || is_detachable == nullptr || is_detachable(bytes.buffer);
}

std::shared_ptr<void> HoldMemory(Napi::Env env, const Bytes& bytes) {
  bool is_array_buffer = false;
  napi_is_arraybuffer(env, bytes.buffer, &is_array_buffer);
  if (!is_array_buffer || bytes.length == 0) return nullptr;
  const Engine engine = EngineOfProcess();
  if (engine.backing_store == nullptr || engine.is_resizable == nullptr) return nullptr;
  Store store = engine.backing_store(bytes.buffer);
  return store == nullptr || engine.is_resizable(store.get()) ? nullptr : store;
}

BorrowedArray::BorrowedArray(Napi::Env env, const Bytes& bytes, std::string name, Use use, size_t offset, size_t length)
    : view_(Napi::Persistent(bytes.view)),
      name_(std::move(name)),
      use_(use),
      address_(bytes.data),
      bytes_(bytes.length),
      offset_(std::min(offset, bytes.length)),
      length_(std::min(length, bytes.length - offset_)),
      memory_(MovesMemory(env) ? nullptr : HoldMemory(env, bytes)),
      data_(bytes.data + offset_) {
  bool is_array_buffer = false;
  napi_is_arraybuffer(env, bytes.buffer, &is_array_buffer);
  if (memory_ != nullptr || !is_array_buffer || length_ == 0) return;
  // Aligned as the array itself is, for the dtypes of tensors.
  constexpr size_t kAlignment = 64;
  const std::shared_ptr<uint8_t[]> copy(new uint8_t[length_ + kAlignment]);
  const auto shift = (kAlignment - reinterpret_cast<uintptr_t>(copy.get()) % kAlignment) % kAlignment;
  memory_ = copy;
  is_copy_ = true;
  data_ = copy.get() + shift;
  if (use_ == Use::kRead) std::memcpy(data_, bytes.data + offset_, length_);
}

void BorrowedArray::Return(Napi::Env env) const {
  const Bytes now = ToBytes(view_.Value(), name_);
  if (now.length != bytes_ || (bytes_ > 0 && now.data != address_)) {
    throw TorchError(env, "TORCH_INVALID_ARGUMENT",
                     "The memory of " + name_ + " was transferred or resized while it was in use: leave it as it is " +
                         "until the promise settles");
  }
  if (is_copy_ && use_ == Use::kWrite) std::memcpy(now.data + offset_, data_, length_);
}

}  // namespace napi_torch
