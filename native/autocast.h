// The autocast state of an environment: in which dtype its operations compute what may be less precise.
#pragma once

#include <c10/core/ScalarType.h>
#include <napi.h>

#include <optional>

namespace napi_torch {

// As torch.autocast sets it, by the kind of device: a dtype where it is on.
struct Autocast {
  std::optional<c10::ScalarType> cpu;
  std::optional<c10::ScalarType> cuda;
  // Whether weights that require gradients are converted once for all operations.
  bool cache = true;

  bool IsOn() const { return cpu.has_value() || cuda.has_value(); }
};

// What JavaScript has set last.
const Autocast& AutocastOf(Napi::Env env);

// Applies a state to this thread until it is destroyed.
class AutocastGuard {
 public:
  explicit AutocastGuard(const Autocast& state);
  ~AutocastGuard();

  AutocastGuard(const AutocastGuard&) = delete;
  AutocastGuard& operator=(const AutocastGuard&) = delete;

 private:
  Autocast outer_;
};

void InitAutocast(Napi::Env env, Napi::Object exports);

}  // namespace napi_torch
