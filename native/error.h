// The one place where a C++ exception becomes a JavaScript one.
#pragma once

#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>
#include <napi.h>

#include <string>

namespace napi_torch {

// Makes the JavaScript TorchError of `code`. The first line of `message` is the message; `trace` goes into a property.
Napi::Error TorchError(Napi::Env env, const char* code, const std::string& message, const std::string& trace = "");

// The code of a libtorch error: running out of memory is told from the rest.
const char* CodeOf(const c10::Error& error);

// Runs an entry point. An exception that left it uncaught would end the process.
template <Napi::Value (*Body)(const Napi::CallbackInfo&)>
Napi::Value Guarded(const Napi::CallbackInfo& info) {
  try {
    // Nothing here records gradients; the mode also spares version counters and view tracking.
    const c10::InferenceMode inference_mode;
    return Body(info);
  } catch (const Napi::Error&) {
    throw;  // Already JavaScript's: a reader refused an argument, or a callback of the user threw.
  } catch (const c10::Error& error) {
    throw TorchError(info.Env(), CodeOf(error), error.what_without_backtrace(), error.what());
  } catch (const std::bad_alloc&) {
    throw TorchError(info.Env(), "TORCH_OUT_OF_MEMORY", "The system refused the memory");
  } catch (const std::exception& error) {
    throw TorchError(info.Env(), "TORCH_INTERNAL", error.what());
  } catch (...) {
    throw TorchError(info.Env(), "TORCH_INTERNAL", "Unknown native exception");
  }
}

// Enters a guarded function under `name` into the exports.
template <Napi::Value (*Body)(const Napi::CallbackInfo&)>
void Export(Napi::Env env, Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<Guarded<Body>>(env, name));
}

}  // namespace napi_torch
