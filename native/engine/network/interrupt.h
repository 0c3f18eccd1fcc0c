#pragma once

#include <atomic>

namespace napi_torch::engine {

// Asks a run to end early: its job was canceled, or the environment is shutting down.
struct Interrupt {
  const std::atomic<bool>& canceled;
  const std::atomic<bool>& stopping;

  bool Requested() const {
    return canceled.load(std::memory_order_relaxed) || stopping.load(std::memory_order_relaxed);
  }
};

}  // namespace napi_torch::engine
