#include "grad_mode.h"

#include "convert.h"
#include "env.h"
#include "error.h"

namespace napi_torch {
namespace {

// setGradMode(mode): for all calls of this environment from here on.
Napi::Value SetGradMode(const Napi::CallbackInfo& info) {
  const std::string mode = Arguments(info, "setGradMode").String(0, "mode");
  GradMode& current = EnvData::Of(info.Env()).grad_mode;
  if (mode == "enabled") {
    current = GradMode::kEnabled;
  } else if (mode == "disabled") {
    current = GradMode::kDisabled;
  } else if (mode == "inference") {
    current = GradMode::kInference;
  } else {
    throw Expected(info.Env(), "'enabled', 'disabled' or 'inference'", "mode");
  }
  return info.Env().Undefined();
}

}  // namespace

GradMode GradModeOf(Napi::Env env) { return EnvData::Of(env).grad_mode; }

void InitGradMode(Napi::Env env, Napi::Object exports) { Export<SetGradMode>(env, exports, "setGradMode"); }

}  // namespace napi_torch
