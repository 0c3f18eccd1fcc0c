// Turns C++ exceptions into JavaScript errors, in this one place.
#pragma once

#include <c10/util/Exception.h>
#include <napi.h>

#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "autocast.h"
#include "grad_mode.h"

namespace napi_torch {

// A JavaScript TorchError with `code`. Its message is the first line of `message`; `trace` becomes a property.
Napi::Error TorchError(Napi::Env env, const char* code, const std::string& message, const std::string& trace = "");

// The TorchError of the C++ exception that is being handled. Call it in a catch block.
Napi::Error CurrentError(Napi::Env env);

// Collects the warnings of libtorch, which would otherwise be printed, and passes them to `process.emitWarning`.
class WarningCollector : public c10::WarningHandler {
 public:
  void process(const c10::Warning& warning) override { texts_.push_back(warning.msg()); }
  void EmitTo(Napi::Env env) const;

 private:
  std::vector<std::string> texts_;
};

// Runs an entry point, and converts its exceptions: an uncaught one would end the process.
template <Napi::Value (*Body)(const Napi::CallbackInfo&)>
Napi::Value Guarded(const Napi::CallbackInfo& info, GradMode mode, const Autocast& autocast) {
  try {
    const GradModeGuard grad_mode(mode);
    std::optional<AutocastGuard> autocast_guard;
    if (autocast.IsOn()) autocast_guard.emplace(autocast);
    WarningCollector warnings;
    const Napi::Value result = [&] {
      const c10::WarningUtils::WarningHandlerGuard guard(&warnings);
      return Body(info);
    }();
    warnings.EmitTo(info.Env());
    return result;
  } catch (const Napi::Error&) {
    throw;  // Already a JavaScript error: a reader refused an argument, or a callback of the user threw.
  } catch (...) {
    throw CurrentError(info.Env());
  }
}

// Runs an entry point in the modes of its environment.
template <Napi::Value (*Body)(const Napi::CallbackInfo&)>
Napi::Value InCurrentMode(const Napi::CallbackInfo& info) {
  // A copy: the entry point may set another.
  const Autocast autocast = AutocastOf(info.Env());
  return Guarded<Body>(info, GradModeOf(info.Env()), autocast);
}

// Runs an entry point that records no gradients and casts nothing, whatever the modes of its environment.
template <Napi::Value (*Body)(const Napi::CallbackInfo&)>
Napi::Value InInferenceMode(const Napi::CallbackInfo& info) {
  return Guarded<Body>(info, GradMode::kInference, Autocast{});
}

// Exports a guarded function under `name`.
template <Napi::Value (*Body)(const Napi::CallbackInfo&)>
void Export(Napi::Env env, Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<InCurrentMode<Body>>(env, name));
}

// As Export, for a function that belongs to engines: nothing of what they compute has gradients.
template <Napi::Value (*Body)(const Napi::CallbackInfo&)>
void ExportForInference(Napi::Env env, Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<InInferenceMode<Body>>(env, name));
}

}  // namespace napi_torch
