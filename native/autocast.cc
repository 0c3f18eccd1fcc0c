#include "autocast.h"

#include <ATen/autocast_mode.h>

#include "convert.h"
#include "env.h"
#include "error.h"

namespace napi_torch {
namespace {

std::optional<c10::ScalarType> DTypeOn(c10::DeviceType device) {
  if (!at::autocast::is_autocast_enabled(device)) return std::nullopt;
  return at::autocast::get_autocast_dtype(device);
}

// The dtype of a device for which it is off stays what it is: nothing reads it.
void Apply(c10::DeviceType device, const std::optional<c10::ScalarType>& dtype) {
  at::autocast::set_autocast_enabled(device, dtype.has_value());
  if (dtype) at::autocast::set_autocast_dtype(device, *dtype);
}

void Apply(const Autocast& state) {
  Apply(at::kCPU, state.cpu);
  Apply(at::kCUDA, state.cuda);
  at::autocast::set_autocast_cache_enabled(state.cache);
}

std::optional<c10::ScalarType> HalfDType(const Arguments& args, size_t index, const char* name) {
  const std::optional<c10::ScalarType> dtype = args.OptionalDType(index, name);
  if (dtype && *dtype != c10::kBFloat16 && *dtype != c10::kHalf) {
    throw Expected(args.Env(), "'bfloat16', 'float16' or null", name);
  }
  return dtype;
}

// setAutocast(cpu, cuda, cache): for all calls of this environment from here on. A dtype, or null where it is off.
Napi::Value SetAutocast(const Napi::CallbackInfo& info) {
  const Arguments args(info, "setAutocast");
  Autocast state;
  state.cpu = HalfDType(args, 0, "cpu");
  state.cuda = HalfDType(args, 1, "cuda");
  state.cache = args.Boolean(2, "cache");
  EnvData::Of(info.Env()).autocast = state;
  return info.Env().Undefined();
}

// clearAutocastCache(): forgets the weights that have been converted, which may have changed since.
Napi::Value ClearAutocastCache(const Napi::CallbackInfo& info) {
  at::autocast::clear_cache();
  return info.Env().Undefined();
}

}  // namespace

const Autocast& AutocastOf(Napi::Env env) { return EnvData::Of(env).autocast; }

AutocastGuard::AutocastGuard(const Autocast& state)
    : outer_{DTypeOn(at::kCPU), DTypeOn(at::kCUDA), at::autocast::is_autocast_cache_enabled()} {
  Apply(state);
}

AutocastGuard::~AutocastGuard() { Apply(outer_); }

void InitAutocast(Napi::Env env, Napi::Object exports) {
  Export<SetAutocast>(env, exports, "setAutocast");
  Export<ClearAutocastCache>(env, exports, "clearAutocastCache");
}

}  // namespace napi_torch
