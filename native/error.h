// The one place where a C++ exception becomes a JavaScript one.
#pragma once

#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>
#include <napi.h>

#include <exception>
#include <string>
#include <vector>

namespace napi_torch {

// Makes the JavaScript TorchError of `code`. The first line of `message` is the message; `trace` goes into a property.
Napi::Error TorchError(Napi::Env env, const char* code, const std::string& message, const std::string& trace = "");

// The TorchError of the C++ exception that is being handled: call it in a catch block.
Napi::Error CurrentError(Napi::Env env);

// Keeps the warnings of libtorch, which would else print them, and hands them to Node's `process.emitWarning`.
class WarningCollector : public c10::WarningHandler {
 public:
  void process(const c10::Warning& warning) override { texts_.push_back(warning.msg()); }
  void EmitTo(Napi::Env env) const;

 private:
  std::vector<std::string> texts_;
};

// Runs an entry point. An exception that left it uncaught would end the process.
template <Napi::Value (*Body)(const Napi::CallbackInfo&)>
Napi::Value Guarded(const Napi::CallbackInfo& info) {
  try {
    // Nothing here records gradients; the mode also spares version counters and view tracking.
    const c10::InferenceMode inference_mode;
    WarningCollector warnings;
    const Napi::Value result = [&] {
      const c10::WarningUtils::WarningHandlerGuard guard(&warnings);
      return Body(info);
    }();
    warnings.EmitTo(info.Env());
    return result;
  } catch (const Napi::Error&) {
    throw;  // Already JavaScript's: a reader refused an argument, or a callback of the user threw.
  } catch (...) {
    throw CurrentError(info.Env());
  }
}

// Enters a guarded function under `name` into the exports.
template <Napi::Value (*Body)(const Napi::CallbackInfo&)>
void Export(Napi::Env env, Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<Guarded<Body>>(env, name));
}

}  // namespace napi_torch
