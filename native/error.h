// Turns C++ exceptions into JavaScript errors, in this one place.
#pragma once

#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>
#include <napi.h>

#include <exception>
#include <string>
#include <vector>

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
Napi::Value Guarded(const Napi::CallbackInfo& info) {
  try {
    // The addon records no gradients. The mode also saves version counters and view tracking.
    const c10::InferenceMode inference_mode;
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

// Exports a guarded function under `name`.
template <Napi::Value (*Body)(const Napi::CallbackInfo&)>
void Export(Napi::Env env, Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<Guarded<Body>>(env, name));
}

}  // namespace napi_torch
