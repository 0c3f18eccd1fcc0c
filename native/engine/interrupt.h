#pragma once

#include <atomic>

namespace napi_torch::engine {

// Tells a run that it is to end early: nobody wants the result any more, or the environment ends.
struct Interrupt {
  const std::atomic<bool>& cancelled;
  const std::atomic<bool>& stopping;

  bool Requested() const {
    return cancelled.load(std::memory_order_relaxed) || stopping.load(std::memory_order_relaxed);
  }
};

}  // namespace napi_torch::engine
