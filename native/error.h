// Turns C++ exceptions into JavaScript errors, in this one place.
#pragma once

#include <c10/util/Exception.h>
#include <napi.h>

#include <exception>
#include <string>
#include <vector>

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
Napi::Value Guarded(const Napi::CallbackInfo& info, GradMode mode) {
  try {
    const GradModeGuard grad_mode(mode);
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

// Runs an entry point in the grad mode of its environment.
template <Napi::Value (*Body)(const Napi::CallbackInfo&)>
Napi::Value InCurrentMode(const Napi::CallbackInfo& info) {
  return Guarded<Body>(info, GradModeOf(info.Env()));
}

// Runs an entry point that records no gradients, whatever the mode of its environment.
template <Napi::Value (*Body)(const Napi::CallbackInfo&)>
Napi::Value InInferenceMode(const Napi::CallbackInfo& info) {
  return Guarded<Body>(info, GradMode::kInference);
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
