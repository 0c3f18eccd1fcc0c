#include "error.h"

#include <c10/util/Exception.h>

#include <array>
#include <new>
#include <string_view>
#include <system_error>

#include "env.h"
#include "file_error.h"

namespace napi_torch {
namespace {

struct Mark {
  std::string_view text;
  const char* code;
};

// Errors that libtorch reports by a plain check: only a piece of their text distinguishes them.
constexpr std::array<Mark, 4> kMarks = {{
    {"DefaultCPUAllocator", "TORCH_OUT_OF_MEMORY"},
    {"Storage size calculation overflowed", "TORCH_INVALID_ARGUMENT"},
    {"integer multiplication overflow", "TORCH_INVALID_ARGUMENT"},
    {"cannot be converted to type", "TORCH_INVALID_ARGUMENT"},
}};

constexpr int64_t kManyTensors = 1000;

const char* CodeOf(std::string_view message, const char* otherwise) {
  for (const Mark& mark : kMarks) {
    if (message.find(mark.text) != std::string_view::npos) return mark.code;
  }
  return otherwise;
}

// The first non-empty line, without the `[enforce fail at file:line] condition. ` of some checks.
std::string FirstLine(std::string_view message) {
  constexpr std::string_view kEnforce = "[enforce fail at ";
  if (message.starts_with(kEnforce)) {
    const size_t end = message.find(". ", message.find("] "));
    if (end != std::string_view::npos) message.remove_prefix(end + 2);
  }
  const size_t start = message.find_first_not_of(" \n");
  if (start == std::string_view::npos) return "libtorch gave no message";
  message.remove_prefix(start);
  return std::string(message.substr(0, message.find('\n')));
}

}  // namespace

namespace {

// Names what the caller may have forgotten.
Napi::Error OutOfMemory(Napi::Env env, const std::string& message, const std::string& trace) {
  const Ledger& ledger = *EnvData::Of(env).ledger;
  if (ledger.tensors() < kManyTensors) return TorchError(env, "TORCH_OUT_OF_MEMORY", message, trace);
  const std::string hint =
      "; " + std::to_string(ledger.tensors()) + " live tensors hold " + std::to_string(ledger.bytes() >> 20) +
      " MiB: dispose() them or use scope(), as JavaScript frees none before a loop awaits something";
  return TorchError(env, "TORCH_OUT_OF_MEMORY", FirstLine(message) + hint, trace);
}

}  // namespace

Napi::Error TorchError(Napi::Env env, const char* code, const std::string& message, const std::string& trace) {
  const EnvData& data = EnvData::Of(env);
  if (data.error_class.IsEmpty()) return Napi::Error::New(env, message);

  Napi::Object options = Napi::Object::New(env);
  if (!trace.empty()) options.Set("nativeTrace", trace);
  const Napi::Object error =
      data.error_class.New({Napi::String::New(env, code), Napi::String::New(env, FirstLine(message)), options});
  return Napi::Error(env, error);
}

Napi::Error CurrentError(Napi::Env env) {
  try {
    throw;
  } catch (const c10::OutOfMemoryError& error) {
    return OutOfMemory(env, error.what_without_backtrace(), error.what());
  } catch (const c10::Error& error) {
    const std::string message = error.what_without_backtrace();
    const std::string_view code = CodeOf(message, "TORCH_OPERATOR");
    if (code == "TORCH_OUT_OF_MEMORY") return OutOfMemory(env, message, error.what());
    return TorchError(env, code.data(), message, error.what());
  } catch (const FileError& error) {
    return TorchError(env, "TORCH_FILE", error.what());
  } catch (const std::bad_alloc&) {
    return OutOfMemory(env, "The system refused the memory", "");
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::resource_unavailable_try_again) {
      return TorchError(env, "TORCH_INTERNAL", error.what());
    }
    return TorchError(
        env, "TORCH_PLATFORM",
        "The system refused a thread: raise the limit of the user or the container (ulimit -u, pids.max), "
        "or ask for fewer threads: compile(model, { threads: 1 })");
  } catch (const std::exception& error) {
    return TorchError(env, CodeOf(error.what(), "TORCH_INTERNAL"), error.what());
  } catch (...) {
    return TorchError(env, "TORCH_INTERNAL", "Unknown native exception");
  }
}

void WarningCollector::EmitTo(Napi::Env env) const {
  if (texts_.empty()) return;
  const Napi::Object process = env.Global().Get("process").As<Napi::Object>();
  const Napi::Function emit = process.Get("emitWarning").As<Napi::Function>();
  for (const std::string& text : texts_)
    emit.Call(process, {Napi::String::New(env, text), Napi::String::New(env, "TorchWarning")});
}

}  // namespace napi_torch
