// The grad mode of an environment: whether its operations are recorded for gradients.
#pragma once

#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <napi.h>

#include <optional>

namespace napi_torch {

enum class GradMode {
  kEnabled,    // As PyTorch's default: what follows from tensors that require gradients is recorded.
  kDisabled,   // torch.no_grad.
  kInference,  // torch.inference_mode: also saves version counters and view tracking.
};

// The mode that JavaScript has set last.
GradMode GradModeOf(Napi::Env env);

// Applies a mode to this thread, whose own is kEnabled, until it is destroyed.
class GradModeGuard {
 public:
  explicit GradModeGuard(GradMode mode) {
    if (mode == GradMode::kInference) inference_.emplace(true);
    if (mode == GradMode::kDisabled) disabled_.emplace(false);
  }

 private:
  std::optional<c10::InferenceMode> inference_;
  std::optional<c10::AutoGradMode> disabled_;
};

void InitGradMode(Napi::Env env, Napi::Object exports);

}  // namespace napi_torch
