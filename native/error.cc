#include "error.h"

#include "env.h"

namespace napi_torch {

Napi::Error TorchError(Napi::Env env, const char* code, const std::string& message, const std::string& trace) {
  const EnvData& data = EnvData::Of(env);
  if (data.error_class.IsEmpty()) return Napi::Error::New(env, message);

  Napi::Object options = Napi::Object::New(env);
  if (!trace.empty()) options.Set("nativeTrace", trace);
  const std::string first_line = message.substr(0, message.find('\n'));
  const Napi::Object error = data.error_class.New(
      {Napi::String::New(env, code), Napi::String::New(env, first_line), options});
  return Napi::Error(env, error);
}

const char* CodeOf(const c10::Error& error) {
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) return "TORCH_OUT_OF_MEMORY";
  // The CPU allocator reports by a plain check whose text is the only mark.
  const std::string text = error.what_without_backtrace();
  const bool cpu_allocator = text.find("DefaultCPUAllocator") != std::string::npos;
  return cpu_allocator ? "TORCH_OUT_OF_MEMORY" : "TORCH_OPERATOR";
}

}  // namespace napi_torch
