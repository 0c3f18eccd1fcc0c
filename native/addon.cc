// Entry point of the addon: creates the state of the environment, and lets each topic export its functions.
#include <napi.h>

#include "allocator.h"
#include "autocast.h"
#include "autograd.h"
#include "engine/engine.h"
#include "env.h"
#include "error.h"
#include "grad_mode.h"
#include "handle.h"
#include "image/image.h"
#include "ops/ops.h"
#include "optim.h"
#include "random.h"
#include "runtime.h"
#include "storage.h"
#include "tensor.h"

namespace napi_torch {
namespace {

// initialize(errorClass, globals): sets the class of native errors, and the global object that has the classes of what
// native functions make, by default that of the environment.
Napi::Value Initialize(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) throw Napi::TypeError::New(info.Env(), "Expected the error class");
  EnvData& data = EnvData::Of(info.Env());
  data.error_class = Napi::Persistent(info[0].As<Napi::Function>());
  data.globals = Napi::Persistent(info[1].IsObject() ? info[1].As<Napi::Object>() : info.Env().Global());
  return info.Env().Undefined();
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  auto data = std::make_unique<EnvData>();
  env.AddCleanupHook([ledger = data->ledger] { ledger->Close(); });
  env.SetInstanceData(data.release());  // The environment owns and deletes it.
  InstallAllocator();

  Export<Initialize>(env, exports, "initialize");
  InitHandle(env, exports);
  InitTensor(env, exports);
  InitStorage(env, exports);
  InitRandom(env, exports);
  InitShape(env, exports);
  InitArithmetic(env, exports);
  InitReduce(env, exports);
  InitNn(env, exports);
  InitAten(env, exports);
  InitGradMode(env, exports);
  InitAutocast(env, exports);
  InitAutograd(env, exports);
  InitOptim(env, exports);
  InitImage(env, exports);
  InitDecode(env, exports);
  InitEngine(env, exports);
  InitRuntime(env, exports);
  return exports;
}

}  // namespace
}  // namespace napi_torch

static Napi::Object InitAddon(Napi::Env env, Napi::Object exports) { return napi_torch::Init(env, exports); }

NODE_API_MODULE(napi_torch, InitAddon)
