#include "runtime.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/headeronly/version.h>

#include <atomic>
#include <limits>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "convert.h"
#include "error.h"

namespace napi_torch {
namespace {

// OpenMP ends the process when the system refuses it a thread, so a number that is certainly too large is refused here.
constexpr int64_t kMaxThreads = 1024;

at::Device CudaDevice(const Arguments& args) {
  const int64_t index = args.Integer(0, "index");
  if (index < 0 || index > std::numeric_limits<c10::DeviceIndex>::max()) {
    throw Expected(args.Env(), "a device index from 0 to 127", "index");
  }
  const at::Device device(at::kCUDA, static_cast<c10::DeviceIndex>(index));
  CheckCuda(args.Env(), device);
  return device;
}

// The running libtorch states its version only in the text of its build settings.
std::string RunningVersion(const std::string& config) {
  constexpr std::string_view kSetting = "TORCH_VERSION=";
  const size_t start = config.find(kSetting);
  if (start == std::string::npos) return "";
  const size_t from = start + kSetting.size();
  return config.substr(from, config.find_first_of(", \n", from) - from);
}

Napi::Value Version(const Napi::CallbackInfo& info) {
  const std::string config = at::show_config();
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("libtorch", RunningVersion(config));
  result.Set("builtFor", TORCH_VERSION);
  result.Set("config", config);
  result.Set("cpuCapability", at::get_cpu_capability());
  return result;
}

Napi::Value SetNumThreads(const Napi::CallbackInfo& info) {
  const int64_t count = Arguments(info, "setNumThreads").Integer(0, "count");
  if (count < 1 || count > kMaxThreads) throw Expected(info.Env(), "an integer from 1 to 1024", "count");

  at::set_num_threads(static_cast<int>(count));
  // Applies it to this thread now: its first operation would otherwise take the number that any thread has set last.
  at::get_num_threads();
  return info.Env().Undefined();
}

Napi::Value GetNumThreads(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), at::get_num_threads());
}

// startableThreads(count): how many of so many threads the system lets this process have now, this one included.
Napi::Value StartableThreads(const Napi::CallbackInfo& info) {
  const int64_t count = Arguments(info, "startableThreads").Integer(0, "count");
  if (count < 1 || count > kMaxThreads) throw Expected(info.Env(), "an integer from 1 to 1024", "count");

  std::atomic<bool> may_end{false};
  std::vector<std::thread> threads;
  try {
    while (static_cast<int64_t>(threads.size()) < count - 1) threads.emplace_back([&may_end] { may_end.wait(false); });
  } catch (const std::system_error&) {
    // The system refuses more.
  }
  may_end = true;
  may_end.notify_all();
  for (std::thread& thread : threads) thread.join();
  return Napi::Number::New(info.Env(), static_cast<double>(threads.size() + 1));
}

// setDeterministic(mode): 'on', 'warn' or 'off', for all threads of the process.
Napi::Value SetDeterministic(const Napi::CallbackInfo& info) {
  const std::string mode = Arguments(info, "setDeterministic").String(0, "mode");
  if (mode != "on" && mode != "warn" && mode != "off") throw Expected(info.Env(), "'on', 'warn' or 'off'", "mode");

  at::globalContext().setDeterministicAlgorithms(mode != "off", mode == "warn");
  return info.Env().Undefined();
}

Napi::Value Deterministic(const Napi::CallbackInfo& info) {
  const at::Context& context = at::globalContext();
  if (!context.deterministicAlgorithms()) return Napi::String::New(info.Env(), "off");
  return Napi::String::New(info.Env(), context.deterministicAlgorithmsWarnOnly() ? "warn" : "on");
}

Napi::Value CudaIsAvailable(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), at::globalContext().hasCUDA());
}

// cudaUnavailableReason(): string | null
Napi::Value CudaUnavailableReason(const Napi::CallbackInfo& info) {
  const std::optional<std::string> reason = CudaUnavailable();
  return reason ? Napi::String::New(info.Env(), *reason) : info.Env().Null();
}

Napi::Value CudaDeviceCount(const Napi::CallbackInfo& info) {
  const bool available = at::globalContext().hasCUDA();
  return Napi::Number::New(info.Env(), available ? at::detail::getCUDAHooks().deviceCount() : 0);
}

// cudaMemoryAllocated(index): bytes of live tensors, as torch.cuda.memory_allocated.
Napi::Value CudaMemoryAllocated(const Napi::CallbackInfo& info) {
  const at::Device device = CudaDevice(Arguments(info, "cudaMemoryAllocated"));
  at::DeviceAllocator* allocator = at::getDeviceAllocator(at::kCUDA);
  if (!allocator->initialized()) return Napi::Number::New(info.Env(), 0);

  constexpr auto kAggregate = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  const auto stats = allocator->getDeviceStats(device.index());
  return Napi::Number::New(info.Env(), static_cast<double>(stats.allocated_bytes[kAggregate].current));
}

Napi::Value CudaSynchronize(const Napi::CallbackInfo& info) {
  const at::Device device = CudaDevice(Arguments(info, "cudaSynchronize"));
  c10::impl::VirtualGuardImpl(at::kCUDA).synchronizeDevice(device.index());
  return info.Env().Undefined();
}

}  // namespace

void InitRuntime(Napi::Env env, Napi::Object exports) {
  // libtorch asks for NNPACK before a convolution of one image on one thread, although it gives it only batches of 16
  // and more, which oneDNN takes. On a CPU that NNPACK does not know, each thread that asks prints a warning.
  at::globalContext().setUserEnabledNNPACK(false);
  Export<Version>(env, exports, "version");
  Export<SetNumThreads>(env, exports, "setNumThreads");
  Export<GetNumThreads>(env, exports, "getNumThreads");
  Export<StartableThreads>(env, exports, "startableThreads");
  Export<SetDeterministic>(env, exports, "setDeterministic");
  Export<Deterministic>(env, exports, "deterministic");
  Export<CudaIsAvailable>(env, exports, "cudaIsAvailable");
  Export<CudaUnavailableReason>(env, exports, "cudaUnavailableReason");
  Export<CudaDeviceCount>(env, exports, "cudaDeviceCount");
  Export<CudaMemoryAllocated>(env, exports, "cudaMemoryAllocated");
  Export<CudaSynchronize>(env, exports, "cudaSynchronize");
}

}  // namespace napi_torch
